# SPDX-License-Identifier: MIT
"""What a table of measurements is made of. The tables themselves are in bench/tables.py."""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Optional, Tuple


@dataclass(frozen=True)
class Ours:
    """A program of BUILD/bench, or one way to start it."""
    name: str
    program: str
    args: Tuple[str, ...] = ()
    env: Dict[str, str] = field(default_factory=dict)
    row: str = ""               # which it is asked for, where that is not the table's


@dataclass(frozen=True)
class Theirs:
    """A peer's program, asked for another row than the table's: a peer may have several ways."""
    name: str
    peer: str
    row: str


@dataclass(frozen=True)
class Contestant:
    """What is measured against others: a program that is there, ready to be started."""
    name: str
    command: Tuple[str, ...]
    env: Dict[str, str] = field(default_factory=dict)
    ours: bool = False
    version: str = ""
    rows: Tuple[str, ...] = ()
    row: str = ""


@dataclass
class Sample:
    """One run: what the program printed, and what was seen from outside."""
    n: int
    printed: Dict[str, float]
    cpu_s: float                # user and system, of the whole process
    elapsed_s: float
    base_n: int = 0             # the small run whose CPU time is subtracted
    base_cpu_s: float = 0.0

    @property
    def net_cpu_s(self):
        return self.cpu_s - self.base_cpu_s


# ---- how large a run is ----------------------------------------------------------------------

@dataclass(frozen=True)
class Calibrated:
    """As large as takes a certain CPU time, found for each program by itself.

    base is the size whose CPU time is subtracted: 0, the start-up, or as many operations as it
    takes to set the work up, so that a figure is what one more of them costs."""
    start: int = 1000
    multiple: int = 1
    base: int = 0
    target_s: float = 1.0
    target_quick_s: float = 0.1


@dataclass(frozen=True)
class Fixed:
    """The same for all. quick is None for what is left out when it has to be quick; base is None
    where no CPU time is shown, so that none has to be subtracted."""
    full: int
    quick: Optional[int] = None
    base: Optional[int] = 0


@dataclass(frozen=True)
class Rounds:
    """How often each program is run."""
    ours: int
    peers: int
    ours_quick: int = 2
    peers_quick: int = 1

    def of(self, ours, quick):
        if quick:
            return self.ours_quick if ours else self.peers_quick
        return self.ours if ours else self.peers


# ---- what is shown ---------------------------------------------------------------------------

@dataclass(frozen=True)
class Column:
    """A figure of each run."""
    key: str
    title: str
    unit: str
    of: Callable[[Sample], float]
    chart: bool = False         # drawn, and compared with ours
    keep: str = "median"        # of the rounds: median, or max where one bad round is one too many
    more_is_better: bool = False


def printed(key, title, unit, scale=1.0, **how):
    """A figure that the program prints itself."""
    return Column(key, title, unit, lambda sample: sample.printed[key] * scale, **how)


def cpu_each(title, unit="ns", scale=1e9, key="cpu", **how):
    """The CPU time of one operation."""
    return Column(key, title, unit,
                  lambda sample: sample.net_cpu_s / (sample.n - sample.base_n) * scale, **how)


@dataclass(frozen=True)
class Goal:
    """What a figure should be. Compared is the better one of ours, or each of them, or one by its
    name. A must is a promise: not to keep it is an error."""
    column: str
    at_most: Optional[float] = None
    at_least: Optional[float] = None
    ratio: Optional[float] = None       # at least so many times ours, of the peer in than
    than: str = "best peer"
    of: str = "best"                    # best, each, or the name of one of ours
    must: bool = False
    quick: bool = True                  # holds for small numbers, too


@dataclass(frozen=True)
class Table:
    """A row of the contract between the runner and the programs, and how it is shown."""
    name: str
    title: str
    about: str
    size: Any                           # Calibrated or Fixed
    ours: Tuple[Ours, ...]
    columns: Tuple[Column, ...] = ()    # none: all that the program prints, by its names
    row: str = ""                       # what the programs call it, when that is not the name
    peers: Any = True                   # True: all, False: none, or some: names or Theirs
    peers_quick: bool = True
    rounds: Rounds = Rounds(ours=5, peers=5)
    counts: str = ""                    # what must have been printed as N
    load: bool = False                  # while every core is busy with something else
    together_quick: bool = False        # all programs at once, where they mostly wait
    timeout_s: float = 300.0
    goals: Tuple[Goal, ...] = ()
    take: Any = None                    # how a sample is taken; None: process.run_alone

    def asked(self, contestant):
        """Which row a program is asked for."""
        return contestant.row or self.row or self.name
