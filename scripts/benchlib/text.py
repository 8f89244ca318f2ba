# SPDX-License-Identifier: MIT
"""What is printed of a result, for a terminal or a log."""

import textwrap

from .figures import number, ratio, spread

WIDTH = 100


def grid(rows, left=1):
    """Lines of aligned cells: the first so many columns to the left, the others to the right. A row
    that is shorter ends with a sentence, which may be as long as it likes."""
    full = max((len(row) for row in rows), default=0)
    widths = [max((len(row[i]) for row in rows if len(row) == full), default=0)
              for i in range(full)]
    for row in rows:
        for i in range(min(left, len(row) - (len(row) < full))):
            widths[i] = max(widths[i], len(row[i]))
    lines = []
    for row in rows:
        cells = []
        for i, cell in enumerate(row):
            last = i == len(row) - 1 and len(row) < full
            cells.append(cell if last else
                         cell.ljust(widths[i]) if i < left else cell.rjust(widths[i]))
        lines.append("  " + "   ".join(cells).rstrip())
    return lines


def in_order(result, column=None):
    """Ours as they are listed, then the peers from the best, then those without figures. The best
    in a column, by itself in the first that is drawn."""
    if column is None:
        column = next((one for one in result.columns if one.chart), None)

    def rank(item):
        position, entry = item
        if not entry.figures:
            return (2, position)
        if entry.contestant.ours or column is None or column.key not in entry.figures:
            return (0 if entry.contestant.ours else 1, position)
        value = entry.figures[column.key].value
        return (1, -value if column.more_is_better else value)

    return [entry for _, entry in sorted(enumerate(result.entries), key=rank)]


def excuse(entry):
    """Why a program has no figures."""
    if entry.state == "failed" and entry.samples:
        return "FAILED in %d of %d rounds: %s" % (
            entry.failures, entry.failures + len(entry.samples), entry.why)
    return {"ok": "not measured", "absent": "has no such row", "cannot": "cannot: " + entry.why,
            "failed": "FAILED: " + entry.why}[entry.state]


def times(result, entry, column):
    """How many times the best of ours a peer's figure is."""
    best = result.best_of_ours
    if best is None or entry is best or column.key not in entry.figures \
            or column.key not in best.figures:
        return None
    return ratio(best.figures[column.key].value, entry.figures[column.key].value, column)


def _heading_of(column):
    return column.title + (column.unit and " [%s]" % column.unit)


def _parts(result, column):
    """What is told of a column, with what stands above it and how it is told of an entry."""
    parts = [(_heading_of(column), lambda entry, figure: number(figure.value))]
    if column.chart and any(spread(e.figures.get(column.key)) for e in result.entries):
        parts.append(("from … to", lambda entry, figure: spread(figure)))
    if column.chart and any(times(result, e, column) for e in result.entries):
        parts.append(("÷ ours", lambda entry, figure: _times(times(result, entry, column))))
    return parts


def _times(share):
    return "%s×" % number(share) if share else ""


def _heading(result):
    titles = [title for column in result.columns for title, _ in _parts(result, column)]
    return ["program"] + titles + ["N", "rounds"]


def _line(result, entry):
    if not entry.figures:
        return [entry.contestant.name, excuse(entry)]
    cells = [entry.contestant.name]
    for column in result.columns:
        figure = entry.figures.get(column.key)
        cells += [tell(entry, figure) if figure else "–" for _, tell in _parts(result, column)]
    return cells + ["{:,}".format(entry.n), str(len(entry.samples))]


def _by_program(result):
    entries = [entry for entry in in_order(result) if entry.state != "absent"]
    absent = [entry.contestant.name for entry in result.entries if entry.state == "absent"]
    rows = [_line(result, entry) for entry in entries]
    lines = grid([_heading(result)] + rows) if rows else []
    return lines + (["  have no such row: " + ", ".join(absent)] if absent else [])


def _by_value(result):
    """A line for each value, for tables whose programs print what they like."""
    entries = [entry for entry in result.entries if entry.figures]
    rows = [["value"] + [entry.contestant.name for entry in entries]]
    for column in result.columns:
        rows.append([column.title] + [
            number(entry.figures[column.key].value) if column.key in entry.figures else "–"
            for entry in entries])
    rows.append(["N"] + ["{:,}".format(entry.n) for entry in entries])
    excuses = [[entry.contestant.name, excuse(entry)] for entry in result.entries
               if not entry.figures and entry.state != "absent"]
    return (grid(rows) if entries else []) + grid(excuses)


def _compared_with(result):
    best = result.best_of_ours
    compared = any(times(result, entry, column) for entry in result.entries
                   for column in result.columns if column.chart)
    return ["  ours: " + best.contestant.name] if best and compared else []


def goal_lines(result):
    words = {True: "met", False: "MISSED", None: "open"}
    return ["  goal  %s: %s, %s" % (verdict.wish, words[verdict.met], verdict.said)
            for verdict in result.verdicts]


def table(result, quick=False):
    """The lines of one table."""
    spec = result.table
    lines = ["", "%s: %s" % (spec.name, spec.title)]
    lines += textwrap.wrap(spec.about, WIDTH, initial_indent="  ", subsequent_indent="  ")
    if quick and spec.together_quick:
        lines.append("  All programs at once, as it has to be quick.")
    lines.append("")
    if spec.columns:
        lines += _by_program(result)
        lines += _compared_with(result)
    else:
        lines += _by_value(result)
    lines += goal_lines(result)
    if not result.complete:
        lines.append("  interrupted: not all rounds were run")
    return lines


def markdown(results, machine):
    """What it ran on and a table of Markdown: a line for each program, all tables beside each other,
    as a document needs it."""
    entries = [entry for result in results for entry in result.entries if entry.figures]
    versions = dict.fromkeys(entry.contestant.version for entry in entries)
    columns = [(result, column) for result in results for column in result.columns]
    lines = [[""] + ["%s: %s" % (result.table.name, _heading_of(column))
                     for result, column in columns],
             ["---"] + ["---:"] * len(columns)]
    for name in dict.fromkeys(entry.contestant.name for entry in entries):
        lines.append([name] + [_cell(result, column, name) for result, column in columns])
    return [machine + "; " + "; ".join(versions) + ".", ""] + [
        "| %s |" % " | ".join(cells) for cells in lines]


def _cell(result, column, name):
    """The figure of the program of that name."""
    return next((number(entry.figures[column.key].value) for entry in result.entries
                 if entry.contestant.name == name and column.key in entry.figures), "")


def _summary_row(result):
    """The table in one line, or None if there is nothing to compare."""
    charts = [column for column in result.columns if column.chart]
    best = result.best_of_ours
    if not charts or best is None:
        return None
    key = charts[0].key
    peers = [entry for entry in in_order(result)
             if not entry.contestant.ours and key in entry.figures]
    nearest = peers[0] if peers else None
    share = nearest and times(result, nearest, charts[0])
    goals = [verdict.met for verdict in result.verdicts if verdict.met is not None]
    if not peers and not goals:
        return None
    return [result.table.name, best.contestant.name, number(best.figures[key].value),
            "%s %s" % (charts[0].unit, charts[0].title),
            nearest.contestant.name if nearest else "–",
            number(nearest.figures[key].value) if nearest else "–",
            _times(share) or "–",
            "%d of %d" % (goals.count(True), len(goals)) if goals else "–"]


def summary(results):
    rows = list(filter(None, (_summary_row(result) for result in results)))
    if not rows:
        return []
    heading = ["row", "best of ours", "", "", "best peer", "", "÷ ours", "goals met"]
    return ["", "In short"] + [""] + grid([heading] + rows)
