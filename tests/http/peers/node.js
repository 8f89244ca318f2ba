// SPDX-License-Identifier: MIT
// Node's http and https. Arguments: host, port, port with TLS, directory, milliseconds that a
// connection is kept idle, the size of a large field.
'use strict';
const fs = require('fs');
const http = require('http');
const https = require('https');
const path = require('path');
const zlib = require('zlib');

const [host, port, tlsPort, directory, idle, large] = process.argv.slice(2);

function file(request, response, headers) {
  const name = path.join(directory, 'files', path.basename(request.url));
  const stat = fs.statSync(name, { throwIfNoEntry: false });
  if (stat === undefined) return answer(response, 404, 'nothing here');
  const modified = stat.mtime.toUTCString();
  response.setHeader('Last-Modified', modified);
  if (request.headers['if-modified-since'] === modified) return answer(response, 304);
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range || '');
  const start = range ? Number(range[1]) : 0;
  const end = range && range[2] ? Number(range[2]) : stat.size - 1;
  if (range && start >= stat.size) {
    response.setHeader('Content-Range', `bytes */${stat.size}`);
    return answer(response, 416);
  }
  if (range) response.setHeader('Content-Range', `bytes ${start}-${end}/${stat.size}`);
  if (headers.length) response.setHeader('Content-Length', end + 1 - start);
  if (headers.close) response.useChunkedEncodingByDefault = false;
  response.statusCode = range ? 206 : 200;
  if (request.method === 'HEAD' || stat.size === 0) return response.end();
  let from = fs.createReadStream(name, { start, end });
  if (headers.packed) {
    const brotli = /\bbr\b/.test(request.headers['accept-encoding']);
    response.setHeader('Content-Encoding', brotli ? 'br' : 'gzip');
    const options = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } };
    from = from.pipe(brotli ? zlib.createBrotliCompress(options) : zlib.createGzip());
  }
  from.pipe(response);
  response.on('close', () => from.destroy());
}

function answer(response, status, body) {
  response.statusCode = status;
  response.end(body);
}

const places = {
  '/files': (request, response) => file(request, response, { length: true }),
  '/chunked': (request, response) => file(request, response, {}),
  '/close': (request, response) => file(request, response, { close: true }),
  '/packed': (request, response) => file(request, response, { packed: true }),
  '/204': (request, response) => answer(response, 204),
  '/echo': (request, response) => request.pipe(response),
  '/large-head': (request, response) => {
    response.setHeader('X-Large', 'h'.repeat(Number(large)));
    answer(response, 200, 'large');
  },
  '/to': (request, response) => {
    response.setHeader('Location', '../echo');
    answer(response, Number(path.basename(request.url)), 'elsewhere');
  },
  '/slow': () => {},
  '/stall': (request, response) => {
    response.setHeader('Content-Length', 8);
    response.write('half');
  },
  '/cut': (request, response) => {
    response.setHeader('Content-Length', 8);
    response.write('half', () => setImmediate(() => request.socket.destroy()));
  },
  '/cut-chunked': (request, response) => {
    response.write('half', () => setImmediate(() => request.socket.destroy()));
  },
};

function serve(request, response) {
  const place = places[/^\/[^/?]*/.exec(request.url)[0]];
  response.setHeader('X-Connection', request.socket.remotePort);
  response.setHeader('X-Method', request.method);
  if (place) place(request, response);
  else answer(response, 404, 'nothing here');
}

const identity = {
  cert: fs.readFileSync(path.join(directory, 'certificate.pem')),
  key: fs.readFileSync(path.join(directory, 'key.pem')),
};
const servers = [[https.createServer(identity, serve), tlsPort], [http.createServer(serve), port]];
for (const [server, at] of servers) {
  server.keepAliveTimeout = Number(idle);
  server.listen(Number(at), host, 511);
}
