# SPDX-License-Identifier: MIT
"""What it takes to have a server run meanwhile: its program, a port, descriptors, that it begins."""

import os
import resource
import shutil
import socket
import sys
import time

from . import process

PATIENCE_S = 10     # for a server to begin
SPARE = 100         # descriptors besides connections


def program(name, package):
    """Where a program is, which may be one of those for the administrator. Raises
    process.Cannot."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise process.Cannot("%s is not installed: needs Debian package %s" % (name, package))
    return path


def free_port():
    """One at which nobody listens, on any address of this machine's."""
    with socket.create_server(("0.0.0.0", 0)) as listener:
        return listener.getsockname()[1]


def allow_descriptors(connections=0):
    """As many as the system lets a program have, which is returned. Raises process.Cannot if these
    are too few."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most == resource.RLIM_INFINITY:
        return sys.maxsize
    if connections + SPARE > most:
        raise process.Cannot("the system allows %d descriptors a process" % most)
    return most


def wait_for(server, reach):
    """Until reach() raises no OSError, or the server has ended. Raises process.Failed."""
    last = time.monotonic() + PATIENCE_S
    why = ""
    while server.process.poll() is None and time.monotonic() < last:
        try:
            reach()
            return
        except OSError as error:
            why = str(error)
        time.sleep(0.01)
    raise process.Failed("the server does not begin: " + (server.complaint() or why))
