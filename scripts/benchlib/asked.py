# SPDX-License-Identifier: MIT
"""Samples of programs that ask a server for pages of 1 KiB: nginx, which has a core of its own, or
one of ours that looks at the program's memory. A program is started as `PROGRAM ROW N PORT`, with
the name of the file of a certificate more where it is to use TLS. It may ask any address of the
loopback, and the name localhost over TLS. Programs that are given their URLs get a file of them.

nginx is one process without a log, in a temporary directory. It serves as many requests on a
connection as are asked for."""

import contextlib
import os
import selectors
import socket
import subprocess
import tempfile
import threading
import urllib.request

from . import process, servers
from .model import Sample

PAGE = "0123456789abcdef" * 64

CONFIGURATION = """
daemon off;
master_process off;
pid %(directory)s/pid;
error_log stderr error;
worker_rlimit_nofile %(descriptors)d;
events { worker_connections %(descriptors)d; multi_accept on; }
http {
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path %(directory)s;
    proxy_temp_path %(directory)s;
    fastcgi_temp_path %(directory)s;
    uwsgi_temp_path %(directory)s;
    scgi_temp_path %(directory)s;
    server {
        listen %(port)d backlog=4096%(tls)s;
        default_type text/plain;
        location / { return 200 %(page)s; }
        location = /served { stub_status; }
    }
}
"""

TLS = """ ssl;
        ssl_protocols TLSv1.3;
        ssl_certificate %(directory)s/certificate;
        ssl_certificate_key %(directory)s/key"""


def _make_certificate(directory):
    """For localhost, signed by itself; returns its file."""
    certificate = os.path.join(directory, "certificate")
    command = [servers.program("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
               "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost",
               "-addext", "subjectAltName=DNS:localhost",
               "-keyout", os.path.join(directory, "key"), "-out", certificate]
    if subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode:
        raise process.Failed("openssl makes no certificate")
    return certificate


@contextlib.contextmanager
def nginx(tls=False, cpus=None):
    """Runs nginx meanwhile; gives the words that tell a program where."""
    path = servers.program("nginx", "nginx-light")
    with tempfile.TemporaryDirectory() as directory:
        words = [str(servers.free_port())]
        known = {"directory": directory, "port": int(words[0]), "page": PAGE,
                 "descriptors": min(servers.allow_descriptors(), 10000) - servers.SPARE, "tls": ""}
        if tls:
            words.append(_make_certificate(directory))
            known["tls"] = TLS % known
        configuration = os.path.join(directory, "configuration")
        with open(configuration, "w", encoding="ascii") as stream:
            stream.write(CONFIGURATION % known)
        server = process.Child((path, "-p", directory, "-c", configuration), cpus=cpus)
        try:
            where = "127.0.0.1", known["port"]
            servers.wait_for(server, lambda: socket.create_connection(where).close())
            yield words
        finally:
            server.end()


def requests(tls=False):
    """How a sample is taken of N requests."""
    def take(contestant, table, n):
        cpus = sorted(os.sched_getaffinity(0))
        with nginx(tls, cpus[:1]) as words:
            command = contestant.command + (table.asked(contestant), str(n), *words)
            child = process.Child(command, contestant.env, cpus=cpus[-1:])
            return process.finish(child, n, table.timeout_s)
    return take


# ---- files of URLs ---------------------------------------------------------------------------

def _served(port):
    """How many requests there were before this one."""
    with urllib.request.urlopen("http://127.0.0.1:%s/served" % port) as answer:
        return int(answer.read().split()[9]) - 1


def fetches(contestant, table, n):
    """A sample of N URLs, all different, that a program reads from a file, a line each: it is
    started as `PROGRAM ROW N FILE`. Whether it has asked for all of them, the server knows."""
    cpus = sorted(os.sched_getaffinity(0))
    with nginx(cpus=cpus[:1]) as (port,), tempfile.NamedTemporaryFile("w") as urls:
        urls.writelines("http://127.0.0.1:%s/%d\n" % (port, i) for i in range(n))
        urls.flush()
        before = _served(port)
        command = contestant.command + (table.asked(contestant), str(n), urls.name)
        child = process.Child(command, contestant.env, cpus=cpus[-1:])
        sample = process.finish(child, n, table.timeout_s)
        sample.printed["ops"] = _served(port) - before - 1
        return sample


# ---- memory ----------------------------------------------------------------------------------

class Watcher(threading.Thread):
    """A server that looks at the memory of who asks, when it is asked for /begin, and for /idle,
    and when so many have asked for /held, whom it answers then."""

    def __init__(self, hosts):
        super().__init__(daemon=True)
        self.hosts = hosts
        self.client = None          # the process
        self.seen = {}              # bytes, by what was asked for
        self.held = []
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("0.0.0.0", 0), backlog=4096)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.ending, self.end = socket.socketpair()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(self.ending, selectors.EVENT_READ)

    def look(self, what):
        with open("/proc/%d/status" % self.client, encoding="ascii") as status:
            lines = [line.split() for line in status if line.startswith("RssAnon:")]
        self.seen[what] = int(lines[0][1]) * 1024

    @staticmethod
    def answer(connection):
        connection.sendall(("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                            "Content-Length: %d\r\n\r\n%s" % (len(PAGE), PAGE)).encode())

    def hold(self, connection):
        self.held.append(connection)
        if len(self.held) == self.hosts:
            self.look("held")
            for one in self.held:
                self.answer(one)

    def asked(self, connection):
        """Requests without a body fit into what is received at once."""
        words = connection.recv(65536).split()
        if not words:
            self.selector.unregister(connection)
            connection.close()
            return
        path = words[1].decode().lstrip("/")
        if path == "held":
            self.hold(connection)
            return
        if path:
            self.look(path)
        self.answer(connection)

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.ending:
                    return
                if key.fileobj is self.listener:
                    connection, _ = self.listener.accept()
                    self.selector.register(connection, selectors.EVENT_READ)
                else:
                    self.asked(key.fileobj)

    def close(self):
        self.end.send(b"x")
        self.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.end.close()
        self.selector.close()


def memory(contestant, table, n):
    """A sample of N connections that are idle, and of as many requests that wait for an answer."""
    servers.allow_descriptors(n)
    watcher = Watcher(n)
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(watcher.close)
        child = process.Child(
            contestant.command + (table.asked(contestant), str(n), str(watcher.port)),
            contestant.env)
        cleanup.callback(child.end)
        watcher.client = child.process.pid
        watcher.start()
        child.wait(table.timeout_s)
        process.judge(child)
        printed = process.parse(child.text())
        with contextlib.suppress(KeyError):
            begin = watcher.seen["begin"]
            printed["idle_bytes"] = (watcher.seen["idle"] - begin) / n
            printed["held_bytes"] = (watcher.seen["held"] - begin) / n
        return Sample(n, printed, child.cpu_s, child.elapsed_s)
