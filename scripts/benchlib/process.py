# SPDX-License-Identifier: MIT
"""One run of a program: its output, its CPU time, and that it ends.

Each child has a session of its own, so that an interrupt from the terminal reaches the runner alone
and everything a child started can be ended with it."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time

from .model import Sample

CANNOT = 3          # the status by which a program says that it cannot do this size

# Spins until the process that started it has gone, however that ended.
BUSY = ("import os, sys\n"
        "while os.getppid() == int(sys.argv[1]):\n"
        "    for _ in range(100000): pass\n")


live = set()        # children that have not been waited for


class Failed(Exception):
    """A program did not do what it was asked to."""


class Cannot(Exception):
    """A program says that this is too much for it."""


@contextlib.contextmanager
def _bound_to(cpus):
    """What is started meanwhile runs on these processors, with all its threads."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Child:
    """A program that runs."""

    def __init__(self, command, env=None, cpus=None, stdin=subprocess.DEVNULL):
        self.name = os.path.basename(command[0])
        self.output = tempfile.TemporaryFile()
        self.errors = tempfile.TemporaryFile()
        self.late = False
        self.started = time.monotonic()
        try:
            with _bound_to(cpus):
                self.process = subprocess.Popen(
                    command, env=dict(os.environ, **(env or {})), stdin=stdin,
                    stdout=self.output, stderr=self.errors, start_new_session=True)
        except OSError as error:
            raise Failed("does not run: %s" % error)
        live.add(self)

    def kill(self):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _too_late(self, *_):
        self.late = True
        self.kill()

    def wait(self, seconds):
        """Waits for its end, and ends it after so many seconds. Sets status, cpu_s, elapsed_s."""
        before = signal.signal(signal.SIGALRM, self._too_late)
        signal.setitimer(signal.ITIMER_REAL, max(0.001, self.started + seconds - time.monotonic()))
        try:
            _, status, usage = os.wait4(self.process.pid, 0)
        except BaseException:
            self.kill()
            self.process.wait()
            raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        self.elapsed_s = time.monotonic() - self.started
        self.cpu_s = usage.ru_utime + usage.ru_stime
        self.status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        # It has been waited for, which subprocess does not know.
        self.process.returncode = self.status
        self.kill()
        if self.late:
            raise Failed("took longer than %g s" % seconds)

    def end(self):
        """Ends it, if that has not happened."""
        if self.process.returncode is None:
            self.kill()
            self.process.wait()
        live.discard(self)
        self.output.close()
        self.errors.close()

    def text(self):
        return _read(self.output)

    def complaint(self):
        """The last line of what it had to say for itself."""
        lines = _read(self.errors).strip().splitlines() or [""]
        return lines[-1].strip()[:200]


def end_all():
    """Ends whatever still runs, as an interrupt may have come at any moment."""
    for child in list(live):
        child.end()


def _read(stream):
    stream.seek(0)
    return stream.read().decode(errors="replace")


def judge(child):
    """Raises if the program did not end well."""
    complaint = child.complaint()
    if child.status == CANNOT:
        raise Cannot(complaint or "gives no reason")
    if child.status < 0:
        raise Failed("ended by signal %d%s" % (-child.status, complaint and ": " + complaint))
    if child.status:
        raise Failed("exit status %d%s" % (child.status, complaint and ": " + complaint))


def ask(command, env=None, seconds=60):
    """What a program prints."""
    child = Child(command, env)
    try:
        child.wait(seconds)
        judge(child)
        return child.text()
    finally:
        child.end()


def parse(text):
    """Lines "name value"; others are no concern of the runner's."""
    printed = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2:
            with contextlib.suppress(ValueError):
                printed[words[0]] = float(words[1])
    return printed


def start(contestant, row, n):
    """Starts one run of a row. This and finish() together are how a sample is taken; a table whose
    work needs more than one process has a function of its own in place of run_alone()."""
    return Child(contestant.command + (row, str(n)), contestant.env)


def finish(child, n, seconds):
    try:
        child.wait(seconds)
        judge(child)
        return Sample(n, parse(child.text()), child.cpu_s, child.elapsed_s)
    finally:
        child.end()


def run_alone(contestant, table, n):
    return finish(start(contestant, table.asked(contestant), n), n, table.timeout_s)


@contextlib.contextmanager
def busy_cores(how_many):
    """Keeps so many cores busy meanwhile."""
    command = [sys.executable, "-S", "-E", "-c", BUSY, str(os.getpid())]
    children = []
    try:
        for _ in range(how_many):
            children.append(Child(command))
        yield
        dead = [child for child in children if child.process.poll() is not None]
        if dead:
            raise Failed("a process that was to keep a core busy ended: " + dead[0].complaint())
    finally:
        for child in children:
            child.end()


def cores():
    return len(os.sched_getaffinity(0))
