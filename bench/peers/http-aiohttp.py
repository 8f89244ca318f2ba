#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""http-aiohttp ROW N PORT [CA]: the rows of HTTP clients by aiohttp, with as many connections as
there are requests at once; and http-aiohttp fetch N FILE, of URLs in a file, a line each."""

import asyncio
import os
import platform
import ssl
import sys
import time

import aiohttp

WRONG, USAGE_ERROR = 1, 2
FEW, MANY, SIZE = 100, 3000, 1024


def end(status, sentence):
    print("http-aiohttp: " + sentence, file=sys.stderr)
    # A task's exception would not end the program.
    os._exit(status)


async def fetch_all(urls):
    """Those of a list, a hundred at once."""
    async def fetch():
        for url in urls:
            async with http.get(url) as response:
                response.raise_for_status()
                await response.read()

    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*(fetch() for _ in range(FEW)))


class Load:
    """What is asked, and when the CPU time is taken."""

    def __init__(self, n, port, authority=None):
        self.n, self.port, self.authority = n, port, authority
        self.asked = self.answered = self.first = self.last = 0
        self.before = self.after = 0.0

    def url(self, host, path="/"):
        if self.authority:
            return "https://localhost:%d%s" % (self.port, path)
        return "http://127.0.%d.%d:%d%s" % (host // 250, host % 250 + 1, self.port, path)

    def session(self, limit):
        context = ssl.create_default_context(cafile=self.authority) if self.authority else None
        connector = aiohttp.TCPConnector(limit=limit, keepalive_timeout=3600, ssl=context)
        return aiohttp.ClientSession(connector=connector)

    async def get(self, url):
        async with self.http.get(url) as response:
            body = await response.read()
            if response.status != 200 or len(body) != SIZE:
                end(WRONG, "another answer")

    async def ask(self, url):
        while self.asked < self.last + self.first:
            self.asked += 1
            await self.get(url)
            self.answered += 1
            if self.answered == self.first:
                self.before = time.process_time()
            if self.answered == self.last:
                self.after = time.process_time()

    async def time(self, hosts):
        at_once = max(hosts, FEW)
        self.first = self.n // 10 + 2 * at_once
        self.last = self.first + self.n
        async with self.session(at_once) as self.http:
            await asyncio.gather(*(self.ask(self.url(i % hosts)) for i in range(at_once)))
        print("cpu_us", (self.after - self.before) * 1e6 / self.n)

    async def visit(self, number):
        for host in range(number, self.n, FEW):
            await self.get(self.url(host))

    async def memory(self, _):
        async with self.session(self.n) as self.http:
            await self.get(self.url(0, "/begin"))
            await asyncio.gather(*(self.visit(i) for i in range(FEW)))
            await self.get(self.url(0, "/idle"))
            await asyncio.gather(*(self.get(self.url(i, "/held")) for i in range(self.n)))


ROWS = {"http": (Load.time, 1), "http_tls": (Load.time, 1), "http_hosts": (Load.time, MANY),
        "http_memory": (Load.memory, 0)}


def main():
    if sys.argv[1:] == ["--rows"]:
        print(*ROWS, "fetch", sep="\n")
    elif sys.argv[1:] == ["--version"]:
        print("aiohttp %s, CPython %s, 1 thread" % (
            aiohttp.__version__, platform.python_version()))
    elif len(sys.argv) == 4 and sys.argv[1] == "fetch":
        with open(sys.argv[3], encoding="ascii") as lines:
            asyncio.run(fetch_all(line.strip() for line in lines))
    elif len(sys.argv) in (4, 5) and sys.argv[1] in ROWS:
        load = Load(int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
        measure, hosts = ROWS[sys.argv[1]]
        asyncio.run(measure(load, hosts))
        print("ops", load.n)
    else:
        end(USAGE_ERROR, "usage: http-aiohttp ROW N PORT [CA], or fetch N FILE, or --rows, or --version")


main()
