# SPDX-License-Identifier: MIT
"""Which programs there are: ours in BUILD/bench, and the peers', which are built into
BUILD/bench/peers and built again when their sources have changed."""

import os

from . import process
from .model import Contestant

NOT_INSTALLED = 77
BUILD_SECONDS = 900


class NotInstalled(Exception):
    """A peer's runtime is not there; the text says what it needs."""


def introduce(name, command, env=None, ours=False, row=""):
    """Asks a program for its version and its rows. Raises process.Failed."""
    command = tuple(command)
    version = process.ask(command + ("--version",), env).strip().splitlines()
    rows = process.ask(command + ("--rows",), env).split()
    if not version or not rows:
        raise process.Failed("tells no version or no rows")
    return Contestant(name, command, dict(env or {}), ours, version[0], tuple(rows),
                      row)


def ours(build, kind):
    path = os.path.abspath(os.path.join(build, "bench", kind.program))
    return introduce(kind.name, (path,) + kind.args, kind.env, True, kind.row)


# ---- the peers -------------------------------------------------------------------------------

def peer_names(builder):
    return process.ask([builder, "--list"]).split()


def _newest(directory):
    times = [0.0]
    for where, _, names in os.walk(directory):
        times += [os.path.getmtime(os.path.join(where, name)) for name in names]
    return max(times)


def _build(builder, name, directory):
    child = process.Child([builder, name, directory])
    try:
        child.wait(BUILD_SECONDS)
        said = (child.text() + child.complaint()).strip().splitlines() or [""]
        if child.status == NOT_INSTALLED:
            raise NotInstalled(said[0])
        if child.status:
            raise process.Failed("does not build: " + said[-1])
    finally:
        child.end()


def peer(builder, name, directory):
    """The peer's program, built if need be. Raises NotInstalled or process.Failed."""
    path = os.path.abspath(os.path.join(directory, name))
    stamp = path + ".built"
    if os.path.exists(stamp) and os.path.getmtime(stamp) >= _newest(os.path.dirname(builder)):
        try:
            return introduce(name, (path,))
        except process.Failed:
            pass    # Perhaps its runtime has been removed since; the builder can tell.
    _build(builder, name, directory)
    with open(stamp, "w", encoding="utf-8"):
        pass
    return introduce(name, (path,))
