#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""http-wrk ROW N PORT [CA]: the rows of HTTP clients by wrk, which counts what comes and does not
look who it comes from. It asks for some seconds, not for N times: of two runs, which both make
their connections, the one that takes longer has N requests more, at least."""

import re
import resource
import subprocess
import sys

WRONG, USAGE_ERROR = 1, 2
ROWS = ("http", "http_tls")
FEW = 100           # requests at once
AT_LEAST = 20000    # requests a second that wrk makes on any machine


def end(status, sentence):
    print("http-wrk: " + sentence, file=sys.stderr)
    sys.exit(status)


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ask(url, seconds):
    """Returns how many requests there were, and the CPU time that they took."""
    before = cpu_seconds()
    done = subprocess.run(["wrk", "-t1", "-c%d" % FEW, "-d%ds" % seconds, url],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, universal_newlines=True)
    count = re.search(r"(\d+) requests in", done.stdout)
    if done.returncode or not count or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        end(WRONG, " ".join(done.stdout.split())[-200:])
    return int(count.group(1)), cpu_seconds() - before


def main():
    words = sys.argv[1:]
    if words == ["--rows"]:
        print(*ROWS, sep="\n")
    elif words == ["--version"]:
        # It says so with its usage, and with the status of wrong usage.
        said = subprocess.run(["wrk", "--version"], stdout=subprocess.PIPE, universal_newlines=True)
        print(" ".join(said.stdout.split()[:2]) + ", 1 thread")
    elif len(words) in (3, 4) and words[0] in ROWS:
        n = int(words[1])
        url = "http%s://localhost:%d/" % ("s" if len(words) == 4 else "", int(words[2]))
        few, short = ask(url, 1)
        many, long = ask(url, 2 + n // AT_LEAST)
        if many - few < n:
            end(WRONG, "only %d requests" % (many - few))
        print("cpu_us", (long - short) * 1e6 / (many - few))
        print("ops", n)
    else:
        end(USAGE_ERROR, "usage: http-wrk ROW N PORT [CA] | --rows | --version")


main()
