# SPDX-License-Identifier: MIT
"""The command: what it is asked to do, the tables one after the other, and what is left behind."""

import argparse
import dataclasses
import datetime
import fnmatch
import json
import os
import random
import signal
import sys

from . import machine, process, programs, svg, text
from .measure import Bench, Entry, Result
from .model import Theirs

USAGE_ERROR = 2


class Stopped(KeyboardInterrupt):
    """A signal asked for the end."""

    def __init__(self, number):
        super().__init__()
        self.number = number


def _names(words):
    return [word for word in words.split(",") if word]


def _count(word):
    value = int(word)
    if value < 1:
        raise ValueError
    return value


def parser(tables):
    rows = "\n".join("  %-18s %s" % (table.name, table.title) for table in tables)
    made = argparse.ArgumentParser(
        prog="scripts/bench", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures the library and its peers on the same work; see bench/README.md.",
        epilog="rows:\n" + rows)
    made.add_argument("build", metavar="BUILD", help="the build directory")
    made.add_argument("--quick", action="store_true", help="small numbers, in under two minutes")
    made.add_argument("--rows", type=_names, metavar="A,B",
                      help="only these rows; may have wildcards")
    peers = made.add_mutually_exclusive_group()
    peers.add_argument("--peers", type=_names, metavar="X,Y", help="only these peers")
    peers.add_argument("--no-peers", action="store_true", help="only ours")
    made.add_argument("--rounds", type=_count, metavar="N",
                      help="how often each program is run, in place of each table's own")
    made.add_argument("--json", metavar="FILE",
                      help="where the results go (BUILD/bench/results.json)")
    made.add_argument("--svg", metavar="DIR", help="where the drawings go (BUILD/bench)")
    made.add_argument("--markdown", action="store_true",
                      help="at the end all figures once more, as one table of Markdown")
    made.add_argument("--seed", type=int, metavar="N",
                      help="of the order of the programs; printed when chosen here")
    return made


def _select(made, wanted, there, what):
    """Those of the names that are wanted; an unknown one ends the program."""
    if wanted is None:
        return list(there)
    for pattern in wanted:
        if not fnmatch.filter(there, pattern):
            made.error("there is no %s %s: %s" % (what, pattern, ", ".join(there)))
    return [name for name in there if any(fnmatch.fnmatch(name, p) for p in wanted)]


class Command:
    """One run of the command."""

    def __init__(self, options, tables, builder):
        self.options = options
        self.tables = tables
        self.builder = builder
        self.shows_progress = sys.stderr.isatty()
        self.bench = Bench(options.quick, options.rounds, options.seed, self.progress)
        self.machine = machine.describe()
        # What may make ours run in another way than by itself.
        self.variables = {name: os.environ[name] for name in os.environ
                          if name.startswith("BIDE_")}
        self.date = datetime.date.today().isoformat()
        self.ours = {}          # by what they are: the contestant, or None if it failed
        self.peers = []
        self.skipped = []       # (name, why)
        self.results = []

    # ---- what is printed while it runs -----------------------------------------------------

    def progress(self, what):
        if self.shows_progress:
            sys.stderr.write("\r\033[K" + what[:100])
            sys.stderr.flush()

    def say(self, *lines):
        self.progress("")
        print("\n".join(lines), flush=True)

    # ---- the programs ----------------------------------------------------------------------

    def find_peers(self, names):
        directory = os.path.join(self.options.build, "bench", "peers")
        for name in names:
            self.progress("building " + name)
            try:
                self.peers.append(programs.peer(self.builder, name, directory))
            except programs.NotInstalled as reason:
                self.skipped.append((name, str(reason)))
            except process.Failed as failure:
                self.bench.errors.append("%s: %s" % (name, failure))

    def find_ours(self, kind):
        key = (kind.name, kind.program, kind.row)
        if key not in self.ours:
            try:
                self.ours[key] = programs.ours(self.options.build, kind)
            except process.Failed as failure:
                self.ours[key] = None
                self.bench.errors.append("%s: %s: %s" % (kind.name, kind.program, failure))
        return self.ours[key]

    def entries(self, table):
        """The programs that take part in a table."""
        found = [self.find_ours(kind) for kind in table.ours]
        if table.peers_quick or not self.options.quick:
            found += self.peers_of(table)
        return [Entry(contestant) for contestant in found if contestant]

    def peers_of(self, table):
        """The peers that take part in a table, by the names that they have there."""
        if isinstance(table.peers, bool):
            return self.peers if table.peers else []
        there = {peer.name: peer for peer in self.peers}
        wanted = [Theirs(one, one, "") if isinstance(one, str) else one for one in table.peers]
        return [dataclasses.replace(there[one.peer], name=one.name, row=one.row)
                for one in wanted if one.peer in there]

    # ---- the run ---------------------------------------------------------------------------

    def introduce(self):
        lines = ["bide's benchmarks%s, %s, seed %d" % (
            ", quick" if self.options.quick else "", self.date, self.options.seed),
                 machine.sentence(self.machine)]
        lines += ["with %s=%s" % pair for pair in sorted(self.variables.items())] + [""]
        versions = dict.fromkeys(one.version for one in self.ours.values() if one)
        lines += text.grid([["ours", version] for version in versions] + [
            [peer.name, peer.version] for peer in self.peers], left=2)
        lines += ["  " + why for _, why in self.skipped]
        if self.machine["load_before"] > 0.5:
            lines += ["", "This machine was not idle when it began (load %g): figures may be too "
                      "high." % self.machine["load_before"]]
        self.say(*lines)

    def run(self):
        for table in self.tables:
            for kind in table.ours:
                self.find_ours(kind)
        self.introduce()
        for table in self.tables:
            if self.options.quick and getattr(table.size, "quick", 1) is None:
                self.say("", "%s: %s" % (table.name, table.title), "  left out when quick")
                continue
            result = Result(table, self.entries(table))
            self.results.append(result)
            try:
                self.bench.measure(result)
            finally:
                self.say(*text.table(result, self.options.quick))

    def conclude(self):
        """Says all in short and writes the files, of what there is."""
        lines = text.summary(self.results)
        if self.options.markdown:
            lines += [""] + text.markdown(self.results, machine.sentence(self.machine))
        if self.bench.errors:
            lines += ["", "Errors"] + ["  " + error for error in self.bench.errors]
        written = self.write()
        if written:
            lines += ["", "written: " + written]
        self.say(*lines)

    # ---- files -----------------------------------------------------------------------------

    def write(self):
        bench = os.path.join(self.options.build, "bench")
        path = self.options.json or os.path.join(bench, "results.json")
        directory = self.options.svg or bench
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        os.makedirs(directory, exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            json.dump(self.as_data(), stream, indent=1, ensure_ascii=False)
            stream.write("\n")
        drawings = 0
        for result in self.results:
            drawing = svg.draw(result, machine.sentence(self.machine), self.date)
            if drawing:
                name = os.path.join(directory, result.table.name + ".svg")
                with open(name, "w", encoding="utf-8") as stream:
                    stream.write(drawing)
                drawings += 1
        return "%s, %d drawings in %s" % (path, drawings, directory)

    def as_data(self):
        contestants = {c.name: c for c in [*self.ours.values(), *self.peers] if c}.values()
        return {
            "format": 1, "date": self.date, "seed": self.options.seed,
            "quick": self.options.quick, "machine": self.machine, "environment": self.variables,
            "programs": [{"name": c.name, "ours": c.ours, "version": c.version}
                         for c in contestants],
            "skipped": [{"name": name, "why": why} for name, why in self.skipped],
            "errors": self.bench.errors,
            "tables": [table_data(result) for result in self.results],
        }


def table_data(result):
    best = result.best_of_ours
    return {
        "name": result.table.name, "title": result.table.title, "complete": result.complete,
        "seconds": round(result.seconds, 1),
        "columns": [{"key": c.key, "title": c.title, "unit": c.unit, "keep": c.keep,
                     "more_is_better": c.more_is_better} for c in result.columns],
        "compared_with": best and best.contestant.name,
        "results": [entry_data(result, entry) for entry in text.in_order(result)],
        "goals": [{"goal": v.wish, "met": v.met, "said": v.said} for v in result.verdicts],
    }


def entry_data(result, entry):
    return {
        "program": entry.contestant.name, "state": entry.state, "why": entry.why, "n": entry.n,
        "base_cpu_s": entry.base_s,
        "figures": {key: {"value": f.value, "least": f.least, "most": f.most, "rounds": f.rounds}
                    for key, f in entry.figures.items()},
        "times_ours": {c.key: text.times(result, entry, c) for c in result.columns if c.chart},
        "samples": [{"cpu_s": s.cpu_s, "elapsed_s": s.elapsed_s, "printed": s.printed}
                    for s in entry.samples],
    }


def _stop(number, _):
    raise Stopped(number)


def main(arguments, tables, builder):
    """Runs the command; returns the status to end with."""
    made = parser(tables)
    options = made.parse_args(arguments)
    by_name = {table.name: table for table in tables}
    chosen = [by_name[name] for name in _select(made, options.rows, by_name, "row")]
    errors, known = [], []
    try:
        known = [] if options.no_peers else programs.peer_names(builder)
    except process.Failed as failure:
        errors.append("the peers: %s" % failure)
    peers = known if errors else _select(made, options.peers, known, "peer")
    if not os.path.isdir(options.build):
        made.error("no build directory: " + options.build)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 31)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    command = Command(options, chosen, builder)
    command.bench.errors += errors
    status = 0
    try:
        command.find_peers(peers)
        command.run()
    except Stopped as stopped:
        status = 128 + stopped.number
    finally:
        # One interrupt is enough; what is left takes no time.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        process.end_all()
    command.conclude()
    return status or (1 if command.bench.errors else 0)
