# SPDX-License-Identifier: MIT
"""The examples that serve, or talk to somebody: each is run with somebody to talk to. A test is given
the directory of the programs, and returns what is wrong, or None."""

import contextlib
import glob
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import http_site

PATIENCE = 30  # seconds
AIOHTTP = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       '..', '..', 'docs', 'howto', 'aiohttp.md')
# What the programs print here, which the tutorial shows.
SHOWN = {
    'echo_client': ['to', 'be', 'or', 'not'],
    'proxy': ['> hello', '< hello'],
    'links': ['/lost: 404', '/login: 403'],
    'http_client': [
        '200 This is page 1.',
        '20 pages: 310 bytes',
        '200 page 2 of what there is of salt & pepper, in en, as text/plain',
        '201 noted: buy salt, at once',
        '200 hello, ada',
        'the cookie is ada',
        '1024000 bytes saved',
        '200 Holidays: photo.jpg, image/jpeg, whole',
        '5000 lines',
        'too slow',
        'given up',
        '200 asked 3 times',
        '200 news of elsewhere.example',
        'there is no such page',
        'nobody listens'],
    'database': ['%d * %d = %d' % (n, n, n * n) for n in range(10)] + [
        'ten queries of half a second took less than five'],
}


class Skipped(Exception):
    """This cannot be tested here."""


def ready_for_interrupts():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def running(directory, name, *arguments):
    """A program that runs until it is interrupted, and is to end with status 0 then."""
    program = subprocess.Popen([os.path.join(directory, name)] + list(arguments),
                               stdout=subprocess.PIPE, universal_newlines=True,
                               preexec_fn=ready_for_interrupts)
    try:
        yield program
        program.send_signal(signal.SIGINT)
        if program.wait(PATIENCE) != 0:
            raise AssertionError('%s ended with status %d' % (name, program.returncode))
    finally:
        program.kill()
        program.wait()
        program.stdout.close()


def program(directory, name, *arguments):
    """What a program prints, in lines."""
    done = subprocess.run([os.path.join(directory, name)] + list(arguments), timeout=PATIENCE,
                          stdout=subprocess.PIPE, universal_newlines=True)
    if done.returncode != 0:
        raise AssertionError('%s ended with status %d' % (name, done.returncode))
    return done.stdout.splitlines()


def connect(address):
    """A connection to who has been started and may not listen yet."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    until = time.monotonic() + PATIENCE
    while True:
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(PATIENCE)
        try:
            connection.connect(address)
            return connection
        except OSError:
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def difference(found, expected):
    return None if found == expected else 'it printed\n%s' % '\n'.join(found)


def echo_port(server):
    return server.stdout.readline().rstrip().rsplit(':', 1)[1]


def echo(directory):
    with running(directory, 'echo_server') as server:
        port = echo_port(server)
        words = SHOWN['echo_client']
        return difference(program(directory, 'echo_client', 'localhost', port, *words), words)


def echo_cores(directory):
    """With a hundred connections, each of the processors has some."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    cores = set()
    with running(directory, 'echo_cores', str(port)):
        for _ in range(100):
            with connect(('127.0.0.1', port)) as client, client.makefile('rw') as lines:
                lines.write('hello\n')
                lines.flush()
                cores.add(lines.readline())
    expected = {'core %d: hello\n' % n for n in range(len(os.sched_getaffinity(0)))}
    return difference(sorted(cores), sorted(expected))


def chat(directory):
    """Two talk, and a third, who is not there to listen, does not hold them up."""
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        path = os.path.join(place, 'socket')
        stack.enter_context(running(directory, 'chat', 'unix:' + path))
        members = {}
        for name in ('ada', 'bob', 'carol'):
            members[name] = stack.enter_context(connect(path)).makefile('rw')
            stack.enter_context(members[name])
            members[name].write(name + '\n')
            members[name].flush()
            for other in members.values() if name != 'carol' else [members['ada'], members['bob']]:
                if other.readline() != name + ': hello\n':
                    return '%s was not greeted' % name
        for number in range(3000):
            line = '%d %s\n' % (number, '.' * 200)
            members['ada'].write(line)
            members['ada'].flush()
            if members['bob'].readline() != 'ada: ' + line:
                return 'bob has missed line %d' % number
            members['ada'].readline()
    return None


def proxy(directory):
    with tempfile.TemporaryDirectory() as place, running(directory, 'echo_server') as server:
        path = os.path.join(place, 'socket')
        with running(directory, 'proxy', 'unix:' + path, 'localhost', echo_port(server)) as middle:
            with connect(path) as client, client.makefile('rw') as lines:
                lines.write('hello\n')
                lines.flush()
                answer = lines.readline()
                client.shutdown(socket.SHUT_WR)
                end = lines.readline()
            shown = [middle.stdout.readline().rstrip('\n') for _ in range(2)]
    if (answer, end) != ('hello\n', ''):
        return 'the answer is %r, and then %r' % (answer, end)
    return difference(shown, SHOWN['proxy'])


def listens(port, host='127.0.0.1'):
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def scan(directory):
    """At an address of its own; but whoever listens at all of them comes and goes."""
    host = '127.%d.%d.%d' % tuple(random.randrange(1, 255) for _ in range(3))
    with socket.socket() as listener:
        listener.bind((host, 0))
        listener.listen(8)
        port = listener.getsockname()[1]
        ports = range(max(port - 300, 1), min(port + 300, 65535) + 1)
        before = [str(port) for port in ports if listens(port, host)]
        found = program(directory, 'scan', host, str(ports[0]), str(ports[-1]))
        after = [str(port) for port in ports if listens(port, host)]
    certain = [port for port in before if port in after]
    return difference(found, [port for port in map(str, ports) if port in certain or
                              port in found and port in before + after])


# ---- clients of HTTP ----------------------------------------------------------------------------

def links(directory):
    with http_site.serving() as site:
        found = program(directory, 'links', site, '/links')
    return difference(sorted(found), sorted(SHOWN['links']))


@contextlib.contextmanager
def nobody_listens():
    """A URL at which nobody does, as the port is taken and not listened at."""
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        yield 'http://127.0.0.1:%d/' % taken.getsockname()[1]


def http_client(directory):
    with http_site.serving() as site, nobody_listens() as nowhere, tempfile.TemporaryDirectory() as place:
        return difference(program(directory, 'http_client', site, place, nowhere),
                          SHOWN['http_client'])


def python_with_aiohttp():
    """The first Python may not be the one for which it is installed."""
    for python in (sys.executable, '/usr/bin/python3'):
        if subprocess.call([python, '-c', 'import aiohttp, asyncio; asyncio.timeout'],
                           stderr=subprocess.DEVNULL) == 0:
            return python
    raise Skipped('there is no aiohttp here')


def aiohttp(_):
    """The Python that docs/howto/aiohttp.md shows beside the C prints the same."""
    with open(AIOHTTP, encoding='utf-8') as file:
        blocks = re.findall(r'^```python\n(.*?)^```$', file.read(), re.M | re.S)
    python = python_with_aiohttp()
    with http_site.serving() as site, nobody_listens() as nowhere, tempfile.TemporaryDirectory() as place:
        with open(os.path.join(place, 'client.py'), 'w', encoding='utf-8') as file:
            file.write('\n\n'.join(blocks))
        found = program('', python, file.name, site, place, nowhere)
    return difference(found, SHOWN['http_client'])


# ---- a database ---------------------------------------------------------------------------------

def postgres_directory():
    """Where PostgreSQL's programs are."""
    found = sorted(glob.glob('/usr/lib/postgresql/*/bin/initdb')) or [shutil.which('initdb')]
    if found[-1] is None:
        raise Skipped('there is no PostgreSQL here')
    return os.path.dirname(found[-1])


def nobody():
    """PostgreSQL does not run as root: the user to be instead, or None for oneself."""
    return pwd.getpwnam('nobody') if os.geteuid() == 0 else None


def wait_until_ready(command):
    """It listens before it serves."""
    until = time.monotonic() + PATIENCE
    while subprocess.call(command) != 0:
        if time.monotonic() > until:
            raise AssertionError('the server does not begin to serve')
        time.sleep(0.05)


@contextlib.contextmanager
def database_server(place):
    """A server of the test's own, which listens at a Unix socket in the place."""
    programs, user = postgres_directory(), nobody()

    def give_up_root():
        if user:
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)

    if user:
        os.chown(place, user.pw_uid, user.pw_gid)
    quiet = {'cwd': place, 'preexec_fn': give_up_root, 'stdout': subprocess.DEVNULL,
             'stderr': subprocess.DEVNULL}
    data = os.path.join(place, 'data')
    subprocess.run([os.path.join(programs, 'initdb'), '-D', data, '-A', 'trust', '-U', 'bide', '-N'],
                   check=True, **quiet)
    server = subprocess.Popen([os.path.join(programs, 'postgres'), '-D', data, '-k', place,
                               '-c', 'listen_addresses=', '-c', 'fsync=off'], **quiet)
    try:
        wait_until_ready([os.path.join(programs, 'pg_isready'), '-q', '-h', place])
        yield
    finally:
        server.terminate()
        server.wait()


def database(directory):
    if not os.path.exists(os.path.join(directory, 'database')):
        raise Skipped('there is no libpq here')
    with tempfile.TemporaryDirectory() as place, database_server(place):
        return difference(program(directory, 'database', 'host=%s user=bide dbname=postgres' % place),
                          SHOWN['database'])


def guarded(test):
    def run(directory):
        if test in (links, http_client) and not os.path.exists(os.path.join(directory, 'links')):
            raise Skipped('libbide-http was not built')
        if test in (echo, echo_cores, chat, proxy, scan) and not os.path.exists(os.path.join(directory, 'echo_server')):
            raise Skipped('libbide-net was not built')
        try:
            return test(directory)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            return '%s: %s' % (type(error).__name__, error)
    return run


TESTS = [(test.__name__, guarded(test))
         for test in (echo, echo_cores, chat, proxy, scan, links, http_client, aiohttp, database)]
