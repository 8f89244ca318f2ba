# SPDX-License-Identifier: MIT
"""A site for the examples that are clients of HTTP, by Python's own server: pages, a search, notes in
JSON, a login, an upload; and a proxy, which knows all other hosts."""

import contextlib
import email.parser
import gzip
import http.server
import json
import threading
import urllib.parse

PHOTO = bytes(range(256)) * 4000
LINKS = ('<p><a href="/page/1">one</a>, <a href="/page/2">two</a>, <a href="/lost">lost</a>, '
         '<a href="/login">for members</a>, <a href="#top">up</a></p>')


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *arguments):
        pass

    def handle(self):
        with contextlib.suppress(ConnectionError):  # clients may go when they like
            super().handle()

    def answer(self, status, body, **fields):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def body(self):
        if self.headers['Transfer-Encoding'] != 'chunked':
            return self.rfile.read(int(self.headers['Content-Length']))
        body, size = b'', 1
        while size:
            size = int(self.rfile.readline(), 16)
            body += self.rfile.read(size)
            self.rfile.readline()
        return body

    # ---- what is asked for ----

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.netloc:
            return self.answer(200, '%s of %s' % (url.path[1:], url.netloc))
        page = getattr(self, 'get_' + url.path[1:].split('.')[0].split('/')[0], None)
        return page(url) if page else self.answer(404, 'there is no %s' % url.path)

    do_HEAD = do_GET

    def do_POST(self):
        getattr(self, 'post_' + self.path[1:])(self.body())

    def get_page(self, url):
        self.answer(200, 'This is page %s.' % url.path.rsplit('/', 1)[1])

    def get_search(self, url):
        query = dict(urllib.parse.parse_qsl(url.query))
        self.answer(200, 'page %s of what there is of %s, in %s, as %s' % (
            query['page'], query['q'], self.headers['Accept-Language'], self.headers['Accept']))

    def get_hello(self, url):
        self.answer(200, 'hello, %s' % (self.headers['Cookie'] or '=nobody').split('=')[1])

    def get_login(self, url):
        self.answer(403, 'not by GET')

    def get_photo(self, url):
        self.answer(200, PHOTO, Content_Type='image/jpeg')

    def get_log(self, url):
        self.answer(200, gzip.compress(b'a line of a log\n' * 5000), Content_Encoding='gzip')

    def get_links(self, url):
        self.answer(200, LINKS, Content_Type='text/html')

    def get_slow(self, url):
        self.server.closing.wait()
        self.close_connection = True

    def get_busy(self, url):
        self.server.asked += 1
        self.answer(503 if self.server.asked % 3 else 200, 'asked %d times' % self.server.asked)

    def post_notes(self, body):
        note = json.loads(body)
        urgent = 'at once' if note['urgent'] is True else 'some time'
        self.answer(201, 'noted: %s, %s' % (note['text'], urgent))

    def post_login(self, body):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        if form['password'] != 'secret':
            return self.answer(403, 'no')
        return self.answer(303, '', Location='/hello', Set_Cookie='user=%s; Path=/' % form['user'])

    def post_upload(self, body):
        head = 'Content-Type: %s\n\n' % self.headers['Content-Type']
        title, photo = email.parser.BytesParser().parsebytes(head.encode() + body).get_payload()
        whole = 'whole' if photo.get_payload(decode=True) == PHOTO else 'broken'
        self.answer(200, '%s: %s, %s, %s' % (title.get_payload(), photo.get_filename(),
                                             photo.get_content_type(), whole))


@contextlib.contextmanager
def serving():
    """The URL of the site, as long as it is there."""
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    server.closing = threading.Event()
    server.asked = 0
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield 'http://localhost:%d' % server.server_port
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
