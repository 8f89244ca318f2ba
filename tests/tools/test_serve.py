#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`bide serve`, as somebody at a terminal has it: what it prints, how it ends, what curl gets from
it. What it makes of requests is the matter of tests/http. Reports in TAP."""

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, 'tests', 'harness'))

import tap  # noqa: E402

BUILD = os.environ.get('BIDE_BUILD', os.path.join(TOP, 'build'))
BIDE = os.path.join(BUILD, 'tools', 'bide')
TIMEOUT = 60
LARGE = 64 << 20


class Wrong(Exception):
    """Something is not as it should be."""


def expect(got, wanted):
    if got != wanted:
        raise Wrong('it is %r, not %r' % (got, wanted))


class Server:
    """bide serve with some arguments, at a free port, in a directory of its own. It may be run by
    another program, as `before`."""

    def __init__(self, directory, *arguments, before=()):
        self.directory = directory
        place = [] if '--unix' in arguments else ['--port', '0']
        self.process = subprocess.Popen(
            [*before, BIDE, 'serve', *place, *arguments, directory], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, universal_newlines=True)
        self.line = self.process.stdout.readline()
        found = re.match(r'listening on http://(.*):(\d+)/\n$', self.line)
        if found:
            self.host, self.port = found.group(1).strip('[]'), int(found.group(2))

    def url(self, path):
        return 'http://%s:%d%s' % (self.host, self.port, path)

    def connect(self):
        return socket.create_connection((self.host, self.port), timeout=TIMEOUT)

    def get(self, path, method='GET', **headers):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT)
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, body

    def end(self, number=signal.SIGTERM):
        """Ends it by a signal: its exit status, the rest that it printed, and its log."""
        self.process.send_signal(number)
        out, log = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, out, log


@contextlib.contextmanager
def served(*arguments, before=()):
    """A server of a few files."""
    with tempfile.TemporaryDirectory() as directory:
        for name, text in (('file.txt', 'hello\n'), ('<odd> & "name"', 'odd')):
            with open(os.path.join(directory, name), 'w', encoding='utf-8') as file:
                file.write(text)
        with open(os.path.join(directory, 'large'), 'wb') as file:
            file.truncate(LARGE)
        server = Server(directory, *arguments, before=before)
        try:
            yield server
        finally:
            server.process.kill()
            server.process.communicate()


def ended(*arguments):
    """Runs it with arguments that it ends by itself with: status, output and errors."""
    done = subprocess.run([BIDE, 'serve', *arguments], stdout=subprocess.PIPE, timeout=TIMEOUT,
                          stderr=subprocess.PIPE, universal_newlines=True)
    return done.returncode, done.stdout, done.stderr


# ---- what it prints --------------------------------------------------------------------------

def it_tells_where_it_listens():
    with served() as server:
        expect(server.host, '127.0.0.1')
        expect(server.get('/file.txt'), (200, b'hello\n'))


def it_listens_where_it_is_told():
    with served('--bind', '127.0.0.2') as server:
        expect(server.host, '127.0.0.2')
        expect(server.get('/file.txt'), (200, b'hello\n'))


def it_listens_at_several_addresses():
    with served('--bind', '127.0.0.1,127.0.0.2') as server:
        second = server.process.stdout.readline()
        expect(server.host, '127.0.0.1')
        expect(bool(re.match(r'listening on http://127\.0\.0\.2:\d+/\n$', second)), True)


def it_listens_at_a_local_socket():
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, 'socket')
        with served('--unix', path) as server:
            expect(server.line, 'listening on unix:%s\n' % path)
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(path)
                peer.sendall(b'GET /file.txt HTTP/1.0\r\n\r\n')
                answer = b''.join(iter(lambda: peer.recv(4096), b''))
            expect(answer.endswith(b'\r\n\r\nhello\n'), True)
            status, _, log = server.end()
            expect(status, 0)
            expect(log.startswith('- - - ['), True)
        expect(os.path.exists(path), False)


def requests_are_logged():
    with served() as server:
        server.get('/file.txt?a')
        server.get('/none', 'HEAD')
        with server.connect() as peer:
            peer.sendall(b'GET /\\x"y HTTP/1.1\r\nHost: a\r\nAuthorization: Basic c2VjcmV0\r\n'
                         b'Connection: close\r\n\r\n')
            peer.recv(4096)
        _, _, log = server.end()
        lines = [re.sub(r' \[.*?\]| [\d.]+$', '', line) for line in log.splitlines()]
        expect(lines, ['127.0.0.1 - - "GET /file.txt?a HTTP/1.1" 200 6',
                       '127.0.0.1 - - "HEAD /none HTTP/1.1" 404 0',
                       '127.0.0.1 - - "GET /\\x5cx\\x22y HTTP/1.1" 404 14'])


def a_peer_s_name_is_logged_as_one_word():
    """A local socket has the name that it has given itself."""
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, 'socket')
        with served('--unix', path) as server, socket.socket(socket.AF_UNIX) as peer:
            peer.bind(b'\0a b\n\x1b[2J"' + b'\xff' * 90)
            peer.connect(path)
            peer.sendall(b'GET /file.txt HTTP/1.0\r\n\r\n')
            expect(b''.join(iter(lambda: peer.recv(4096), b''))[-6:], b'hello\n')
            _, _, log = server.end()
        name, _, rest = log.partition(' ')
        expect(name, 'unix:@a\\x20b\\x0a\\x1b[2J\\x22' + '\\xff' * 90)
        expect(rest[:5], '- - [')


def who_does_not_read_the_log_holds_nobody_up():
    with served() as server, server.connect() as peer:
        for _ in range(4000):
            peer.sendall(b'HEAD /file.txt HTTP/1.1\r\nHost: a\r\n\r\n')
            expect(peer.recv(4096).startswith(b'HTTP/1.1 200'), True)
        status, _, log = server.end()
    found = re.search(r'^bide serve: (\d+) requests are missing here\n', log, re.M)
    expect((status, bool(found)), (0, True))
    expect(log.count('HEAD /file.txt') + int(found.group(1)), 4000)


def there_are_no_more_connections_than_open_files():
    limited = ('sh', '-c', 'ulimit -n 64; exec "$@"', 'sh')
    with served(before=limited) as server:
        peers = [server.connect() for _ in range(20)]
        for peer in peers:
            peer.sendall(b'GET /file.txt HTTP/1.1\r\nHost: a\r\n\r\n')
        expect(peers[15].recv(4096)[:12], b'HTTP/1.1 200')
        for peer in peers[:-1]:
            peer.close()
        expect(peers[-1].recv(4096)[:12], b'HTTP/1.1 200')
        peers[-1].close()
        _, _, log = server.end()
    expect(log.splitlines()[0], 'bide serve: 16 connections at once, not 1000: there may be no '
                                'more open files')
    expect('" 503 ' in log, False)


def it_can_be_quiet():
    with served('--quiet') as server:
        server.get('/file.txt')
        expect(server.end(), (0, '', ''))


def help_is_printed():
    status, out, errors = ended('--help')
    expect((status, errors), (0, ''))
    expect(out.startswith('usage: bide serve '), True)


# ---- options ---------------------------------------------------------------------------------

def lists_can_be_forbidden():
    with served() as server:
        status, body = server.get('/')
        expect(status, 200)
        expect(b'&lt;odd&gt; &amp; &quot;name&quot;' in body, True)
    with served('--no-listing') as server:
        expect(server.get('/')[0], 403)


def hidden_files_are_served_on_request():
    for arguments, status in (((), 404), (('--hidden',), 200)):
        with served(*arguments) as server:
            with open(os.path.join(server.directory, '.env'), 'w', encoding='utf-8') as file:
                file.write('secret')
            expect(server.get('/.env')[0], status)


def arguments_that_make_no_sense_are_refused():
    for arguments in (['--port', '65536'], ['--port', 'http'], ['--port', '-1'], ['--port', ''],
                      ['--limit', '0'], ['--grace', 'x'], ['--nonsense'], ['a', 'b'], ['--bind'],
                      ['--bind', ''],
                      ['--unix', 'socket', '--port', '80'], ['--bind', '::1', '-u', 'socket']):
        status, out, errors = ended(*arguments)
        expect((arguments, status, out), (arguments, 2, ''))
        expect(errors.startswith('bide serve: '), True)


def what_cannot_be_served_is_told():
    status, out, errors = ended('--port', '0', '/no/such/directory')
    expect((status, out), (1, ''))
    expect(errors, 'bide serve: /no/such/directory: No such file or directory\n')
    with served() as server:
        status, out, errors = ended('--port', str(server.port), server.directory)
        expect((status, out), (1, ''))
        expect(errors, 'bide serve: 127.0.0.1, port %d: Address already in use\n' % server.port)
    with open('/dev/full', 'w', encoding='utf-8') as full:
        done = subprocess.run([BIDE, 'serve', '--port', '0'], stdout=full, timeout=TIMEOUT,
                              stderr=subprocess.PIPE, universal_newlines=True)
    expect(done.returncode, 1)
    expect(done.stderr, 'bide serve: standard output: No space left on device\n')


# ---- its end ---------------------------------------------------------------------------------

def signals_end_it():
    for number in (signal.SIGINT, signal.SIGTERM):
        with served() as server, server.connect() as idle:
            server.get('/file.txt')
            status, out, _ = server.end(number)
            expect((status, out), (0, ''))
            expect(idle.recv(1), b'')


def a_signal_that_is_ignored_does_not_end_it():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with served() as server:
            server.process.send_signal(signal.SIGINT)
            expect(server.get('/file.txt'), (200, b'hello\n'))
            expect(server.end()[0], 0)
    finally:
        signal.signal(signal.SIGINT, before)


def what_is_being_sent_is_sent_to_its_end():
    with served() as server, server.connect() as peer:
        peer.sendall(b'GET /large HTTP/1.1\r\nHost: a\r\n\r\n')
        data = peer.recv(65536)
        head, _, rest = data.partition(b'\r\n\r\n')
        expect(head.startswith(b'HTTP/1.1 200 OK'), True)
        server.process.send_signal(signal.SIGTERM)
        size = len(rest)
        while True:
            data = peer.recv(1 << 20)
            if not data:
                break
            size += len(data)
        expect(size, LARGE)
        expect(server.process.wait(TIMEOUT), 0)


def who_does_not_read_is_not_waited_for():
    with served('--grace', '0.05') as server, server.connect() as peer:
        peer.sendall(b'GET /large HTTP/1.1\r\nHost: a\r\n\r\n')
        peer.recv(100)
        expect(server.end()[0], 0)


# ---- curl ------------------------------------------------------------------------------------

def curl(server, path, *arguments):
    if not shutil.which('curl'):
        raise tap.Skip('there is no curl here')
    done = subprocess.run(['curl', '-sS', '--noproxy', '*', '-m', str(TIMEOUT), *arguments,
                           server.url(path)], stdout=subprocess.PIPE, timeout=2 * TIMEOUT)
    return done.returncode, done.stdout


def curl_gets_files():
    with served() as server:
        expect(curl(server, '/file.txt'), (0, b'hello\n'))
        expect(curl(server, '/file.txt', '--http1.0'), (0, b'hello\n'))
        expect(curl(server, '/file.txt', '--http2'), (0, b'hello\n'))
        expect(curl(server, '/file.txt', '-r', '1-2'), (0, b'el'))
        expect(curl(server, '/%3Codd%3E%20%26%20%22name%22'), (0, b'odd'))
        expect(curl(server, '/none', '-o', '/dev/null', '-w', '%{http_code}'), (0, b'404'))
        expect(curl(server, '/large', '-o', '/dev/null', '-w', '%{size_download}'),
               (0, b'%d' % LARGE))


def curl_goes_on_where_it_was():
    with served() as server:
        part = os.path.join(server.directory, 'part')
        with open(part, 'wb') as file:
            file.truncate(LARGE - 5)
        expect(curl(server, '/large', '-C', '-', '-o', part)[0], 0)
        expect(os.path.getsize(part), LARGE)


def curl_cannot_put():
    with served() as server:
        large = os.path.join(server.directory, 'large')
        expect(curl(server, '/file.txt', '-T', large, '-o', '/dev/null', '-w', '%{http_code}'),
               (0, b'413'))
        expect(curl(server, '/file.txt', '-d', 'x', '-w', '%{http_code}', '-o', '/dev/null'),
               (0, b'405'))
        expect(server.get('/file.txt'), (200, b'hello\n'))


TESTS = [it_tells_where_it_listens, it_listens_where_it_is_told, it_listens_at_several_addresses,
         it_listens_at_a_local_socket, requests_are_logged,
         a_peer_s_name_is_logged_as_one_word,
         who_does_not_read_the_log_holds_nobody_up, there_are_no_more_connections_than_open_files,
         it_can_be_quiet, help_is_printed,
         lists_can_be_forbidden, hidden_files_are_served_on_request,
         arguments_that_make_no_sense_are_refused, what_cannot_be_served_is_told, signals_end_it,
         a_signal_that_is_ignored_does_not_end_it,
         what_is_being_sent_is_sent_to_its_end, who_does_not_read_is_not_waited_for,
         curl_gets_files, curl_goes_on_where_it_was, curl_cannot_put]


def run(test):
    if not os.path.exists(BIDE):
        raise tap.Skip('libbide-http was not built')
    test()


if __name__ == '__main__':
    sys.exit(tap.run_functions(TESTS, run))
