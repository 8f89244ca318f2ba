# SPDX-License-Identifier: MIT
"""What the tests of the command bide have in common: a site to be fetched, running the command,
reporting in TAP."""

import contextlib
import http.server
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, 'tests', 'harness'))

from tap import Skip, functions_of, run_functions  # noqa: E402

BUILD = os.environ.get('BIDE_BUILD', os.path.join(TOP, 'build'))
BIDE = os.path.join(BUILD, 'tools', 'bide')
PATIENCE = 60  # seconds


# ---- a site -----------------------------------------------------------------------------------

def content(size, seed=0):
    """Bytes of which no two pieces are alike."""
    words = b''.join(b'%d:%d ' % (seed, i) for i in range(size // 4 + 1))
    return words[:size]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the path says; the site tells what is so for all."""
    protocol_version = 'HTTP/1.1'
    wbufsize = -1  # a head and its body are sent at once

    def log_message(self, *_):
        pass

    def answer(self, status, body=b'', headers=(), sent=None):
        """Sends a response, or the beginning of one."""
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body if sent is None else body[:sent])
        if sent is not None:
            self.wfile.flush()
            self.close_connection = True

    def respond(self):
        site = self.server.site
        length = int(self.headers.get('Content-Length', 0))
        posted = self.rfile.read(length)
        with site.lock:
            site.requests.append((self.command, self.path, dict(self.headers), posted))
            count = site.counts[self.path] = site.counts.get(self.path, 0) + 1
            site.now += 1
            site.at_once = max(site.at_once, site.now)
        path = re.sub('^http://[^/]*', '', self.path)  # of who takes this for a proxy
        kind, _, rest = path[1:].partition('?')[0].partition('/')
        numbers = [int(word) for word in re.findall(r'\d+', rest)]
        try:
            getattr(self, 'do_' + kind, self.do_missing)(numbers, count)
        finally:
            with site.lock:
                site.now -= 1

    do_GET = do_POST = do_HEAD = do_PUT = respond

    def do_missing(self, *_):
        self.answer(404, b'no such page\n')

    def do_page(self, numbers, _):
        self.answer(200, b'page %d\n' % numbers[0])

    def do_size(self, numbers, _):
        self.answer(200, content(numbers[0]))

    def do_status(self, numbers, _):
        self.answer(numbers[0], b'that is all\n')

    def do_flaky(self, numbers, count):
        """Fails so many times first."""
        self.answer(503 if count <= numbers[0] else 200, b'at last\n')

    def do_busy(self, numbers, count):
        """Wants to be left alone for some seconds."""
        headers = [('Retry-After', str(numbers[0]))]
        self.answer(429 if count == 1 else 200, b'now\n', headers if count == 1 else [])

    def do_away(self, numbers, _):
        self.answer(302, b'', [('Location', '/page/%d' % numbers[0])])

    def do_late(self, numbers, _):
        """Takes so many milliseconds."""
        time.sleep(numbers[0] / 1000)
        self.answer(200, b'late\n')

    def do_hang(self, *_):
        self.server.site.released.wait(PATIENCE)
        self.close_connection = True

    def do_file(self, numbers, count):
        """A file of so many bytes, whose version is the site's; ranges are served. The first
        `cuts` answers are cut off after a third of what they have, or stall there; of a range no more
        than `most` bytes are served."""
        site = self.server.site
        whole = content(numbers[0], site.version)
        tag = '"v%d"' % site.version
        first, status, headers = 0, 200, [('ETag', tag)]
        asked = re.match(r'bytes=(\d+)-$', self.headers.get('Range', ''))
        if asked:
            site.before_rest()
        if asked and self.headers.get('If-Range', tag) == tag:
            first, status = int(asked.group(1)), 206
            last = min(first + site.most, len(whole)) - 1
            headers.append(('Content-Range', 'bytes %d-%d/%d' % (first, last, len(whole))))
        if asked and first >= len(whole):
            self.answer(416, b'', [('ETag', tag), ('Content-Range', 'bytes */%d' % len(whole))])
            return
        rest = whole[first:last + 1] if status == 206 else whole
        self.answer(status, rest, headers, len(rest) // 3 if count <= site.cuts else None)
        if count <= site.cuts and site.stalls:
            site.released.wait(PATIENCE)

    def do_part(self, numbers, _):
        """Bytes from the first to the last of so many, whatever was asked for."""
        first, last, size = numbers
        self.answer(206, content(size)[first:last + 1],
                    [('Content-Range', 'bytes %d-%d/%d' % (first, last, size))])

    def do_drip(self, numbers, _):
        """Bytes that come slowly."""
        body = content(numbers[0])
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        for at in range(0, len(body), 1000):
            self.wfile.write(body[at:at + 1000])
            self.wfile.flush()
            time.sleep(0.01)


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256

    def handle_error(self, *_):
        """Who goes away in the midst is no error."""


class UnixServer(Server):
    address_family = socket.AF_UNIX

    def server_bind(self):
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = 'localhost', 80

    def get_request(self):
        connection, _ = self.socket.accept()
        return connection, ('local', 0)


class TlsServer(Server):
    """With the certificate and key of a file."""

    def __init__(self, address, handler, certificate):
        super().__init__(address, handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True,
                                          do_handshake_on_connect=False)


class Site:
    """A server in threads of its own."""

    def __init__(self, path=None, certificate=None):
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.requests, self.counts = [], {}
        self.now = self.at_once = 0  # requests that are being answered, and the most of them
        self.version, self.cuts, self.stalls, self.most = 1, 0, False, 1 << 60
        self.before_rest = lambda: None  # called when the rest of a file is asked for
        address = ('127.0.0.1', 0)
        if certificate:
            self.server = TlsServer(address, Handler, certificate)
        else:
            self.server = UnixServer(path, Handler) if path else Server(address, Handler)
        self.server.site = self
        self.server.daemon_threads = True

    def url(self, path):
        return 'http://127.0.0.1:%d%s' % (self.server.server_address[1], path)


@contextlib.contextmanager
def site(*arguments, **options):
    served = Site(*arguments, **options)
    thread = threading.Thread(target=served.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield served
    finally:
        served.released.set()
        served.server.shutdown()
        thread.join()
        served.server.server_close()


# ---- the command ------------------------------------------------------------------------------

def environment(**more):
    inherited = {name: value for name, value in os.environ.items()
                 if name != 'NO_COLOR' and not name.lower().endswith('_proxy')}
    return dict(inherited, **dict({'TERM': 'xterm'}, **more))


def ready_for_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def start(*arguments, **options):
    variables = {name: options.pop(name) for name in list(options) if name.endswith('_proxy')}
    before = options.pop('before', ())  # a program that runs it
    options.setdefault('stdout', subprocess.PIPE)
    options.setdefault('stderr', subprocess.PIPE)
    options.setdefault('stdin', subprocess.DEVNULL)
    options.setdefault('preexec_fn', ready_for_signals)
    return subprocess.Popen([*before, BIDE, 'fetch', *arguments], env=environment(**variables),
                            **options)


def fetch(*arguments, **options):
    """Runs the command; returns status, output, error output; bytes where `binary` is asked for."""
    text = options.pop('text', '')
    binary = options.pop('binary', False)
    if text:
        options['stdin'] = subprocess.PIPE
    process = start(*arguments, **options)
    out, err = process.communicate(text.encode('latin-1') if text else None, PATIENCE)
    if not binary:
        out = out.decode() if out is not None else None
    return process.returncode, out, err.decode() if err is not None else None


def sanitized():
    """Whether the command was built with AddressSanitizer."""
    with open(BIDE, 'rb') as file:
        return b'__asan_init' in file.read()


def wait_until(holds):
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, 'it does not come to pass'
        time.sleep(0.005)


# ---- reporting --------------------------------------------------------------------------------

def in_directory(test):
    if not os.path.exists(BIDE):
        raise Skip('libbide-http was not built')
    with tempfile.TemporaryDirectory() as directory:
        test(directory)


def main(tests):
    """Runs the functions of a module that are tests, each with a directory of its own."""
    sys.exit(run_functions(functions_of(tests), in_directory))
