# SPDX-License-Identifier: MIT
"""Samples of servers: a program that answers and one that asks it, each on a core of its own.

The program is started with a socket that listens as its standard input, and is given the number of
connections, after which it ends. What it took is told by BUILD/bench/load, see there."""

import contextlib
import os
import socket
import time

from . import process, servers
from .model import Sample

PATIENCE_S = 1      # with a server that nobody asks any more


def _load_beside(contestant):
    """The program that asks, which is where ours are."""
    directory = os.path.dirname(contestant.command[0])
    if os.path.basename(directory) == "peers":
        directory = os.path.dirname(directory)
    return os.path.join(directory, "load")


def _listener():
    return socket.create_server(("127.0.0.1", 0), backlog=4096)


def _wait_for_both(server, load, seconds):
    """Raises process.Failed. Who asks fails when the server does, and perhaps the other way round,
    so both are heard."""
    load.wait(seconds)
    if load.status == 0:
        server.wait(seconds)
        process.judge(server)
        return
    with contextlib.suppress(process.Failed):
        server.wait(time.monotonic() - server.started + PATIENCE_S)
    raise process.Failed("; ".join(filter(None, (load.complaint(), server.complaint()))))


def _take(contestant, table, n, connections, size, messages):
    servers.allow_descriptors(connections)
    cpus = sorted(os.sched_getaffinity(0))
    row = table.asked(contestant)
    with contextlib.ExitStack() as cleanup:
        with _listener() as listener:
            port = listener.getsockname()[1]
            server = process.Child(contestant.command + (row, str(connections)), contestant.env,
                                   cpus=cpus[-1:], stdin=listener)
            cleanup.callback(server.end)
        words = (port, server.process.pid, connections, size, messages)
        load = process.Child((_load_beside(contestant), *map(str, words)), cpus=cpus[:1])
        cleanup.callback(load.end)
        _wait_for_both(server, load, table.timeout_s)
        return Sample(n, process.parse(load.text()), server.cpu_s, server.elapsed_s)


def messages(connections, size):
    """How a sample is taken of N messages of so many bytes, over so many connections."""
    return lambda contestant, table, n: _take(contestant, table, n, connections, size, n)


def idle(size):
    """How a sample is taken of N connections, over which one message has gone."""
    return lambda contestant, table, n: _take(contestant, table, n, n, size, 0)
