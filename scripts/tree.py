# SPDX-License-Identifier: MIT
"""What the checks know of the tree: which files it has and how to read C, roughly but honestly.

A check prints what is wrong as `file:line: what` and ends with status 1 if it printed anything."""

import json
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SKIPPED = re.compile(r"^(\..*|build.*|__pycache__)$")


def files(*endings, under="."):
    """The paths of the tree's files with these endings, without what was built."""
    found = []
    for directory, subdirectories, names in os.walk(os.path.join(TOP, under)):
        subdirectories[:] = sorted(d for d in subdirectories if not SKIPPED.match(d))
        for name in sorted(names):
            if name.endswith(endings):
                found.append(os.path.relpath(os.path.join(directory, name), TOP))
    return found


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as stream:
        return stream.read()


def code(text):
    """C without comments and the insides of strings; lines keep their numbers."""

    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] + found[0]
        return re.sub(r"[^\n]", " ", found)

    pattern = r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    return re.sub(pattern, blank, text, flags=re.S)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class Findings:
    """Collects what is wrong."""

    def __init__(self):
        self.count = 0

    def add(self, path, line, what):
        self.count += 1
        print("%s:%d: %s" % (path, line, what))

    def exit(self):
        sys.exit(1 if self.count else 0)


def public_headers():
    return files(".h", under="include")


class Library:
    """One of the libraries of the tree: the public headers that are its own (None: all that are no
    other one's), what it exports of that, and how large it may be, stripped."""

    def __init__(self, name, headers, map_file, node, limit):
        self.name, self.headers, self.node, self.limit = name, headers, node, limit
        self.map_file = map_file
        self.path = os.path.join("src", "lib%s.so" % name)

    def built(self, build):
        return os.path.exists(os.path.join(build, self.path))


LIBRARIES = [
    # 100 KiB for the core, what a program takes along that does nothing but run tasks, 84 KiB for
    # queues, futures, selects, synchronisation, threads and several loops, one of which most use,
    # and 40 KiB for what is done with descriptors: streams, copies, signals.
    Library("bide", None, "src/bide.map", "BIDE_0.1", 224 * 1024),
    Library("bide-net",
            ["include/bide/connect.h", "include/bide/net.h", "include/bide/serve.h"],
            "src/net/bide-net.map", "BIDE_NET_0.1", 64 * 1024),
    Library("bide-http", ["include/bide/http.h", "include/bide/http_body.h",
                          "include/bide/http_cookies.h", "include/bide/http_events.h",
                          "include/bide/http_retry.h", "include/bide/http_server.h"],
            "src/http/bide-http.map", "BIDE_HTTP_0.1", 192 * 1024),  # with llhttp
    Library("bide-tls", ["include/bide/tls.h"], "src/tls/bide-tls.map", "BIDE_TLS_0.1",
            48 * 1024),
]
# Names that libbide exports for the other libraries are marked in these; no program sees them.
BESIDE = ["src/base/alloc.h", "src/core/beside.h"]


def headers_of(library):
    """The public headers of a library, with what it has for those beside it."""
    others = [header for other in LIBRARIES for header in other.headers or []]
    if library.headers is None:
        return [header for header in public_headers() if header not in others] + BESIDE
    return library.headers


def declared(path):
    """(name, line) of all that a file marks with BIDE_API."""
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)),
                  code(read(path)), flags=re.M)
    for match in re.finditer(r"\bBIDE_API\b([^;{]*)[;{]", text):
        body = match.group(1)
        name = (re.search(r"\b(\w+)\s*\((?!\()", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", body))
                or re.search(r"\b(\w+)\s*(?:\[[^\]]*\])?\s*(?:=.*)?$", body.strip(), flags=re.S))
        yield name.group(1), line_of(text, match.start())


def fields(path):
    """(struct, name, line) of each field of a file's structs that their users fill in or read."""
    text = code(read(path))
    structs = r"^typedef struct (bide_http_\w+|\w+_options) \{\n(.*?)^\} \1;"
    for struct in re.finditer(structs, text, flags=re.M | re.S):
        for field in re.finditer(r"^\t[^;]*;", struct.group(2), flags=re.M):
            call = re.search(r"\(\*(\w+)\)", field.group())
            names = re.findall(r"(\w+)(?:\[\w+\])?\s*[,;]", field.group())
            for name in [call.group(1)] if call else names:
                yield struct.group(1), name, line_of(text, struct.start(2) + field.start())


def macros(path):
    """(name, line) of all that a file defines, include guards left out."""
    for match in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", code(read(path)), flags=re.M):
        if not match.group(1).endswith("_H"):
            yield match.group(1), line_of(read(path), match.start())


def c_blocks(path):
    """(text, line) of each ```c block of a Markdown file."""
    text = read(path)
    for match in re.finditer(r"^```c\n(.*?)^```", text, flags=re.M | re.S):
        yield match.group(1), line_of(text, match.start(1))


def run(command, source=None):
    """Runs a command at the top of the tree; returns status and output."""
    done = subprocess.run(command, cwd=TOP, input=source, universal_newlines=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def compiler(build):
    """What a build directory's programs were compiled with, as "gcc 12.2"."""
    found = re.search(r", (\w+ \d+\.\d+)",
                      run([os.path.abspath(os.path.join(build, "bench", "core")), "--version"])[1])
    return found.group(1) if found else "unknown"


# Options of a build directory on which its code depends, and their values in an ordinary one.
ORDINARY = {"optimization": "2", "b_sanitize": "none", "b_lto": False, "b_coverage": False,
            "b_ndebug": "if-release", "valgrind": "disabled", "context": "auto", "c_args": []}


def unusual(build):
    """Why a build directory's code is not what users get, or None. Ends the check where there is no
    such code."""
    if not os.path.exists(os.path.join(build, "src", "libbide.so")):
        sys.exit("nothing has been built in %s yet" % build)
    with open(os.path.join(build, "meson-info", "intro-buildoptions.json"),
              encoding="utf-8") as stream:
        options = {option["name"]: option["value"] for option in json.load(stream)}
    for name, value in ORDINARY.items():
        if options.get(name, value) != value:
            return "the build has %s = %s" % (name, options[name])
    return None
