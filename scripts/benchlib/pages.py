# SPDX-License-Identifier: MIT
"""Samples of servers of files, which wrk asks for one of 1 KiB for N seconds, over a number of
connections; each of the two has a core of its own. A server is started as `PROGRAM ROW PORT
DIRECTORY`, serves DIRECTORY/files, and is ended when it has been measured."""

import os
import re
import tempfile
import time
import urllib.request

from . import process, servers
from .model import Sample

PAGE = b"0123456789abcdef" * 64
PATIENCE_S = 10     # for a page, and for wrk to end
WARM_S = 1          # asked before anything counts


def _wrk():
    return servers.program("wrk", "wrk")


def _see(url):
    """Raises OSError while the page cannot be had, and process.Failed if it is another one."""
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as page:
        if page.read() != PAGE:
            raise process.Failed("the page is not what is in the file")


def _cpu_s(pid):
    with open("/proc/%d/schedstat" % pid, encoding="ascii") as stat:
        return int(stat.read().split()[0]) / 1e9


def _ask(url, connections, seconds, cpus):
    """What wrk says: requests, the seconds that they took, and how late the slowest hundredth was."""
    child = process.Child((_wrk(), "-t1", "-c%d" % connections, "-d%gs" % seconds, "--latency", url),
                          cpus=cpus)
    try:
        child.wait(seconds + PATIENCE_S)
        process.judge(child)
        text = child.text()
    finally:
        child.end()
    done = re.search(r"(\d+) requests in ([\d.]+)s", text)
    late = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    if not done or not late or "Non-2xx" in text or "Socket errors" in text:
        raise process.Failed("wrk: " + " ".join(text.split())[-200:])
    scale = {"us": 1, "ms": 1e3, "s": 1e6}[late.group(2)]
    return int(done.group(1)), float(done.group(2)), float(late.group(1)) * scale


def _measure(server, url, connections, n, cpus):
    servers.wait_for(server, lambda: _see(url))
    _ask(url, connections, WARM_S, cpus)
    before, begun = _cpu_s(server.process.pid), time.monotonic()
    requests, seconds, late_us = _ask(url, connections, n, cpus)
    cpu_s = _cpu_s(server.process.pid) - before
    printed = {"per_s": requests / seconds, "cpu_us": cpu_s * 1e6 / requests, "late_us": late_us}
    return Sample(n, printed, cpu_s, time.monotonic() - begun)


def seconds(connections):
    """How a sample is taken of N seconds."""
    def take(contestant, table, n):
        cpus = sorted(os.sched_getaffinity(0))
        _wrk()
        with tempfile.TemporaryDirectory() as directory:
            os.mkdir(os.path.join(directory, "files"))
            with open(os.path.join(directory, "files", "page.txt"), "wb") as stream:
                stream.write(PAGE)
            # Who serves may be somebody else than who asks for it.
            os.chmod(directory, 0o755)
            port = servers.free_port()
            server = process.Child(
                contestant.command + (table.asked(contestant), str(port), directory),
                contestant.env, cpus=cpus[-1:])
            try:
                return _measure(server, "http://127.0.0.1:%d/page.txt" % port, connections, n,
                                cpus[:1])
            finally:
                server.end()
    return take
