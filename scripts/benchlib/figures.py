# SPDX-License-Identifier: MIT
"""What the samples say: medians, how many times ours, and whether a goal was met. Computes only."""

import math
import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One column of one program over all rounds."""
    value: float
    least: float
    most: float
    rounds: int


def figure(values, keep="median"):
    pick = max if keep == "max" else statistics.median
    return Figure(pick(values), min(values), max(values), len(values))


def number(value):
    """Three digits that count, whole numbers from a hundred up with their thousands apart."""
    if value is None or math.isnan(value):
        return "–"
    value = float("%.3g" % value) if abs(value) < 1000 else value
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return "{:,.0f}".format(value)
    digits = 2 - math.floor(math.log10(abs(value)))
    return "%.*f" % (digits, value) if digits <= 5 else "%.1e" % value


def spread(figure_):
    """The least and the most of the rounds, or nothing if there was but one."""
    if figure_ is None or figure_.rounds < 2:
        return ""
    least, most = number(figure_.least), number(figure_.most)
    return least if least == most else "%s … %s" % (least, most)


def ratio(ours, theirs, column):
    """How many times as much a peer takes, or how many times as little it does. None where a
    nothing is one of them."""
    if column.more_is_better:
        ours, theirs = theirs, ours
    return theirs / ours if ours > 0 and theirs > 0 else None


def better(entries, column):
    """Of entries with figures the one that is best in a column; None of none."""
    there = [entry for entry in entries if column.key in entry.figures]
    pick = max if column.more_is_better else min
    return pick(there, key=lambda entry: entry.figures[column.key].value) if there else None


# ---- goals -----------------------------------------------------------------------------------

@dataclass(frozen=True)
class Verdict:
    """What became of a goal. met is None where there was nothing to compare."""
    goal: object
    wish: str
    met: object
    said: str

    @property
    def broken(self):
        return self.goal.must and self.met is False


def _column(result, key):
    return next((column for column in result.columns if column.key == key), None)


def _subjects(goal, result, column):
    """Which of ours a goal is about."""
    ours = [entry for entry in result.entries
            if entry.contestant.ours and goal.column in entry.figures]
    if goal.of == "each":
        return ours
    if goal.of == "best":
        return [better(ours, column)] if ours else []
    return [entry for entry in ours if entry.contestant.name == goal.of]


def _others(goal, result):
    """The peers, or whoever the goal names, which may be a way of ours to do without the library."""
    return [entry for entry in result.entries if goal.column in entry.figures
            and (goal.than == entry.contestant.name
                 or goal.than == "best peer" and not entry.contestant.ours)]


def _off(value, bound):
    """By how much a value is not the bound."""
    if bound <= 0 or value < 0 or abs(value / bound - 1) < 0.0005:
        return ""
    if value > 10 * bound:
        return ", %s times as much" % number(value / bound)
    off = abs(value / bound - 1) * 100
    return ", %.*f %% %s" % (off < 10, off, "more" if value > bound else "less")


def _judge(goal, result, column, subjects):
    """Whether all subjects keep within the bound, with the one that is nearest to it or worst."""
    upper = goal.at_most is not None or goal.ratio is not None and not column.more_is_better
    against = ""
    bound = goal.at_most if goal.at_most is not None else goal.at_least
    if goal.ratio is not None:
        peer = better(_others(goal, result), column)
        if peer is None:
            return None, "no peer to compare with"
        theirs = peer.figures[goal.column].value
        bound = theirs / goal.ratio if upper else theirs * goal.ratio
        against = " against %s's %s" % (peer.contestant.name, number(theirs))
    pick = max if upper else min
    worst = pick(subjects, key=lambda entry: entry.figures[goal.column].value)
    value = worst.figures[goal.column].value
    return (value <= bound if upper else value >= bound), "%s's %s%s%s" % (
        worst.contestant.name, number(value), against, _off(value, bound))


def _wish(goal, column):
    who = {"best": "", "each": " of each of ours"}.get(goal.of, " of " + goal.of)
    if goal.ratio is not None:
        how = "no worse than" if goal.ratio == 1 else "%s times better than" % number(goal.ratio)
        if goal.ratio < 1:
            how = ("at least %s times" % number(goal.ratio) if column.more_is_better else
                   "at most %s times" % number(1 / goal.ratio))
        what = "%s %s's" % (how, "the " + goal.than if goal.than == "best peer" else goal.than)
    else:
        upper = goal.at_most is not None
        what = "at %s %s %s" % ("most" if upper else "least",
                                "%g" % (goal.at_most if upper else goal.at_least), column.unit)
    return ("%s%s %s" % (column.title, who, what)).rstrip()


def verdict(goal, result):
    """Whether a table's goal was met, and by how much."""
    column = _column(result, goal.column)
    if column is None:
        return Verdict(goal, goal.column, None, "not measured")
    subjects = _subjects(goal, result, column)
    failed = [entry.contestant.name for entry in result.entries
              if entry.contestant.ours and entry.state == "failed"]
    if goal.of == "each" and failed:
        return Verdict(goal, _wish(goal, column), False, " and ".join(failed) + " failed")
    if not subjects:
        return Verdict(goal, _wish(goal, column), None, "not measured")
    met, said = _judge(goal, result, column, subjects)
    return Verdict(goal, _wish(goal, column), met, said)
