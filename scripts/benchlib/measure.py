# SPDX-License-Identifier: MIT
"""Measures a table: how large a run has to be, rounds in which each program has its turn, and what
comes of it. Programs that fail are left out of the rounds that follow; all others go on."""

import random
import statistics
import time
from dataclasses import dataclass, field
from typing import Any, Dict, List

from . import figures, process
from .model import Calibrated, Column, Contestant, Sample

BASE_RUNS = 3               # of the small run that is subtracted; each round has one more
LONG_BASE_S = 0.5           # when it has to be quick, a long small run is not repeated
FAILURES = 3                # after so many a program is not tried again
NEAR = 0.7                  # so much of the time that a run is to take is enough
LARGEST = 1 << 40


@dataclass
class Entry:
    """One program in one table."""
    contestant: Contestant
    state: str = "ok"       # ok, absent: has no such row, cannot: says so, failed
    why: str = ""
    n: int = 0
    bases: List[float] = field(default_factory=list)
    samples: List[Sample] = field(default_factory=list)
    failures: int = 0
    figures: Dict[str, Any] = field(default_factory=dict)

    @property
    def base_s(self):
        return statistics.median(self.bases) if self.bases else 0.0


@dataclass
class Result:
    """A table measured. Filled step by step, so that an interrupt leaves what there is."""
    table: Any
    entries: List[Entry]
    columns: List[Column] = field(default_factory=list)
    verdicts: List[Any] = field(default_factory=list)
    seconds: float = 0.0
    complete: bool = False

    @property
    def best_of_ours(self):
        """Which of ours suits best: the one that the others are compared with."""
        ours = [entry for entry in self.entries if entry.contestant.ours]
        chart = [column for column in self.columns if column.chart] or self.columns
        return figures.better(ours, chart[0]) if chart else None


def calibrate(size, target_s, take):
    """The size that takes about target_s of CPU time: doubled from a small start until it can be
    told from the base, and then in proportion, until a run has shown that it is so: what a
    runtime does while it warms up is not what it does later. take(n) gives the CPU time less the
    base's."""
    n = max(size.start, size.multiple, size.base + size.multiple)
    n = -(-n // size.multiple) * size.multiple
    while True:
        seconds = take(n)
        if seconds >= target_s * NEAR or n >= LARGEST:
            return n
        larger = 2 * n
        if seconds >= target_s / 4:
            wanted = (n - size.base) * target_s / seconds + size.base
            larger = max(n + size.multiple, _round(int(wanted)))
        n = larger // size.multiple * size.multiple


def _round(n):
    """Two digits and noughts, which read better."""
    unit = 10 ** max(0, len(str(n)) - 2)
    return n // unit * unit


class Bench:
    """Measures tables one after the other."""

    def __init__(self, quick=False, rounds=None, seed=0, progress=None):
        self.quick = quick
        self.rounds = rounds
        self.random = random.Random(seed)
        self.progress = progress or (lambda text: None)
        self.errors = []
        self.startups = {}      # CPU seconds, by program and whether the cores were busy

    # ---- one run ---------------------------------------------------------------------------

    def _take(self, table, entry, n):
        sample = (table.take or process.run_alone)(entry.contestant, table, n)
        self._check(table, sample)
        return sample

    @staticmethod
    def _check(table, sample):
        """Whether it says that it did what it was asked to."""
        if sample.n == 0:
            return
        if table.counts and sample.printed.get(table.counts) != sample.n:
            said = sample.printed.get(table.counts)
            raise process.Failed("wrong result: %s is %s, not %d" % (
                table.counts, "not printed" if said is None else "%.17g" % said, sample.n))
        for column in table.columns:
            try:
                column.of(sample)
            except KeyError as key:
                raise process.Failed("prints no %s" % key)

    def _guarded(self, table, entry, work):
        """Does work for a program. A failure is told once, and counted."""
        try:
            return work()
        except process.Cannot as reason:
            entry.state, entry.why = "cannot", str(reason)
        except process.Failed as failure:
            entry.failures += 1
            if entry.state != "failed":
                entry.state, entry.why = "failed", str(failure)
                self.errors.append("%s: %s: %s" % (table.name, entry.contestant.name, failure))
        return None

    # ---- preparing -------------------------------------------------------------------------

    def _base_run(self, table, entry):
        if table.size.base is not None:
            entry.bases.append(self._take(table, entry, table.size.base).cpu_s)

    def _prepare(self, table, entry):
        if table.size.base == 0:
            # Starting up is the same for all rows.
            entry.bases = self.startups.setdefault((entry.contestant.name, table.load), [])
        while table.size.base is not None and len(entry.bases) < BASE_RUNS \
                and not (self.quick and sum(entry.bases) > LONG_BASE_S):
            self._base_run(table, entry)
        if not isinstance(table.size, Calibrated):
            entry.n = table.size.quick if self.quick else table.size.full
            return
        target = table.size.target_quick_s if self.quick else table.size.target_s
        # What is subtracted varies, too: the rest has to be large beside that.
        varies = max(entry.bases) - min(entry.bases)
        target = max(target, min(5 * varies, 2 * target), entry.base_s / (4 if self.quick else 2))
        entry.n = calibrate(table.size, target,
                            lambda n: self._take(table, entry, n).cpu_s - entry.base_s)

    # ---- rounds ----------------------------------------------------------------------------

    def _rounds_of(self, table, entry):
        return self.rounds or table.rounds.of(entry.contestant.ours, self.quick)

    def _run(self, table, entry):
        if not self.quick:
            self._base_run(table, entry)
        sample = self._take(table, entry, entry.n)
        if isinstance(table.size, Calibrated) and sample.cpu_s <= entry.base_s:
            raise process.Failed("takes no more CPU time than the run that is subtracted")
        entry.samples.append(sample)

    def _rounds(self, table, entries):
        last = max((self._rounds_of(table, entry) for entry in entries), default=0)
        for number in range(last):
            turn = [entry for entry in entries
                    if entry.state in ("ok", "failed") and entry.failures < FAILURES
                    and number < self._rounds_of(table, entry)]
            self.random.shuffle(turn)
            for entry in turn:
                self.progress("%s: round %d of %d: %s" % (
                    table.name, number + 1, last, entry.contestant.name))
                self._guarded(table, entry, lambda e=entry: self._run(table, e))

    def _round_together(self, table, entries):
        """All at once, which is only fit for work that mostly waits."""
        self.random.shuffle(entries)
        self.progress("%s: all programs at once" % table.name)
        started = []
        for entry in entries:
            child = self._guarded(table, entry, lambda e=entry: process.start(
                e.contestant, table.asked(e.contestant), e.n))
            if child:
                started.append((entry, child))
        for entry, child in started:
            self._guarded(table, entry, lambda e=entry, c=child: self._collect(table, e, c))

    def _collect(self, table, entry, child):
        sample = process.finish(child, entry.n, table.timeout_s)
        self._check(table, sample)
        entry.samples.append(sample)

    # ---- the whole table -------------------------------------------------------------------

    def measure(self, result):
        """Fills a result."""
        table = result.table
        start = time.monotonic()
        try:
            if table.load:
                with process.busy_cores(process.cores()):
                    self._measure(table, result)
            else:
                self._measure(table, result)
            result.complete = True
        except process.Failed as failure:
            self.errors.append("%s: %s" % (table.name, failure))
        finally:
            result.seconds = time.monotonic() - start
            self.conclude(result)

    def _measure(self, table, result):
        for entry in result.entries:
            if table.asked(entry.contestant) not in entry.contestant.rows:
                entry.state = "absent"
        there = [entry for entry in result.entries if entry.state == "ok"]
        for entry in there:
            self.progress("%s: how large: %s" % (table.name, entry.contestant.name))
            self._guarded(table, entry, lambda e=entry: self._prepare(table, e))
        there = [entry for entry in there if entry.state == "ok"]
        if self.quick and table.together_quick and len(there) > 1:
            self._round_together(table, there)
        else:
            self._rounds(table, there)

    def conclude(self, result):
        """Turns samples into figures and looks at the goals."""
        result.columns = list(result.table.columns) or printed_columns(result.entries)
        for entry in result.entries:
            for sample in entry.samples:
                sample.base_n, sample.base_cpu_s = result.table.size.base or 0, entry.base_s
            if not entry.samples or entry.state != "ok":
                continue
            entry.figures = {
                column.key: figures.figure([column.of(s) for s in entry.samples], column.keep)
                for column in result.columns if not missing(column, entry.samples)}
        result.verdicts = [figures.verdict(goal, result) for goal in result.table.goals
                           if goal.quick or not self.quick]
        for verdict in result.verdicts:
            if verdict.broken:
                self.errors.append("%s: %s: %s" % (result.table.name, verdict.wish, verdict.said))


def printed_columns(entries):
    """A column for each name that a program printed."""
    names = {}
    for entry in entries:
        for sample in entry.samples:
            names.update(dict.fromkeys(sample.printed))
    return [Column(name, name, "", lambda sample, name=name: sample.printed[name])
            for name in names]


def missing(column, samples):
    """Whether a run did not print what a column is of: with names as programs like, they may."""
    try:
        for sample in samples:
            column.of(sample)
    except KeyError:
        return True
    return False
