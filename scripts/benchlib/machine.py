# SPDX-License-Identifier: MIT
"""What the measurements ran on."""

import os
import platform

from . import process


def _lines(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read().splitlines()
    except OSError:
        return []


def _field(lines, *names):
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and name.strip() in names:
            return value.strip()
    return ""


def describe():
    cpuinfo = _lines("/proc/cpuinfo")
    memory = _field(_lines("/proc/meminfo"), "MemTotal").split()
    return {
        "cpu": _field(cpuinfo, "model name", "Model", "cpu model") or platform.machine(),
        "cores": process.cores(),
        "virtual": "hypervisor" in _field(cpuinfo, "flags").split(),
        "memory_gib": round(int(memory[0]) / 1048576, 1) if memory else None,
        "kernel": "%s %s" % (platform.system(), platform.release()),
        "load_before": round(os.getloadavg()[0], 2),
    }


def sentence(machine):
    """All of it in one line."""
    return "%s, %d core%s%s%s, %s" % (
        machine["cpu"], machine["cores"], "" if machine["cores"] == 1 else "s",
        " of a virtual machine" if machine["virtual"] else "",
        ", %g GiB" % machine["memory_gib"] if machine["memory_gib"] else "", machine["kernel"])
