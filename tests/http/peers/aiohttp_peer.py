# SPDX-License-Identifier: MIT
"""aiohttp's server. Arguments: host, port, port with TLS, directory, milliseconds that a connection is
kept idle, the size of a large field."""

import asyncio
import os
import ssl
import sys

from aiohttp import web

HOST, PORT, TLS_PORT, DIRECTORY, IDLE, LARGE = sys.argv[1:]


def name(request):
    return os.path.join(DIRECTORY, 'files', request.match_info['name'])


async def files(request):
    if not os.path.exists(name(request)):
        raise web.HTTPNotFound()
    return web.FileResponse(name(request))


async def send(request, response):
    await response.prepare(request)
    with open(name(request), 'rb') as file:
        while piece := file.read(65536):
            await response.write(piece)
    await response.write_eof()
    return response


async def chunked(request):
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    return await send(request, response)


async def packed(request):
    response = web.StreamResponse()
    response.enable_compression(web.ContentCoding.gzip)
    return await send(request, response)


async def no_content(_):
    return web.Response(status=204)


async def echo(request):
    return web.Response(body=await request.read())


async def large_head(_):
    return web.Response(text='large', headers={'X-Large': 'h' * int(LARGE)})


async def redirect(request):
    return web.Response(status=int(request.match_info['name']), headers={'Location': '../echo'},
                        text='elsewhere')


async def slow(_):
    await asyncio.sleep(1000)


async def half(request, length):
    response = web.StreamResponse()
    if length:
        response.content_length = length
    else:
        response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(b'half')
    return response


async def stall(request):
    await half(request, 8)
    await asyncio.sleep(1000)


async def cut(request):
    response = await half(request, 8)
    request.transport.close()
    return response


async def cut_chunked(request):
    response = await half(request, None)
    request.transport.close()
    return response


async def tell(request, response):
    if request.transport:
        response.headers['X-Connection'] = str(request.transport.get_extra_info('peername')[1])
    response.headers['X-Method'] = request.method


async def main():
    app = web.Application(client_max_size=1 << 24)
    app.on_response_prepare.append(tell)
    for path, handler in (('/files/{name}', files), ('/chunked/{name}', chunked),
                          ('/packed/{name}', packed), ('/204', no_content), ('/echo', echo),
                          ('/large-head', large_head), ('/to/{name}', redirect), ('/slow', slow),
                          ('/stall', stall), ('/cut', cut), ('/cut-chunked', cut_chunked)):
        app.router.add_route('*', path, handler)
    runner = web.AppRunner(app, keepalive_timeout=int(IDLE) / 1000, access_log=None)
    await runner.setup()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(DIRECTORY, 'certificate.pem'),
                            os.path.join(DIRECTORY, 'key.pem'))
    await web.TCPSite(runner, HOST, int(TLS_PORT), ssl_context=context, backlog=511).start()
    await web.TCPSite(runner, HOST, int(PORT), backlog=511).start()
    await asyncio.Event().wait()


asyncio.run(main())
