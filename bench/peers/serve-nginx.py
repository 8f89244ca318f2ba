#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""serve-nginx ROW PORT DIRECTORY: nginx serves DIRECTORY/files, as one process without a log; in the
row serve_cached it keeps files open, whose names it looks at again after a second. What it writes
is in DIRECTORY, too. It serves until it is ended."""

import os
import shutil
import subprocess
import sys

USAGE_ERROR = 2
ROWS = {"serve": "", "serve_cached": "open_file_cache max=1000; open_file_cache_valid 1s;"}
CONFIGURATION = """
daemon off;
master_process off;
pid %(directory)s/pid;
error_log stderr error;
events { worker_connections 4096; multi_accept on; }
http {
    access_log off;
    sendfile on;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path %(directory)s;
    proxy_temp_path %(directory)s;
    fastcgi_temp_path %(directory)s;
    uwsgi_temp_path %(directory)s;
    scgi_temp_path %(directory)s;
    types { text/plain txt; }
    %(more)s
    server {
        listen 127.0.0.1:%(port)d backlog=4096;
        root %(directory)s/files;
    }
}
"""


def nginx():
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def run(row, port, directory):
    path = os.path.join(directory, "configuration")
    with open(path, "w", encoding="ascii") as stream:
        stream.write(CONFIGURATION % {"directory": directory, "port": int(port), "more": ROWS[row]})
    os.execv(nginx(), ["nginx", "-p", directory, "-c", path])


def main(words):
    if words == ["--rows"]:
        print("\n".join(ROWS))
    elif words == ["--version"]:
        done = subprocess.run([nginx(), "-v"], stderr=subprocess.PIPE, universal_newlines=True)
        print(done.stderr.strip().rpartition(": ")[2].replace("/", " ") + ", 1 thread")
    elif len(words) == 3 and words[0] in ROWS:
        run(*words)
    else:
        print("usage: serve-nginx ROW PORT DIRECTORY | --rows | --version", file=sys.stderr)
        return USAGE_ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
