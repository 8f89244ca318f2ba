# SPDX-License-Identifier: MIT
"""A result as a drawing for the documentation: horizontal bars with their values. The drawing has a
ground of its own, so that it can be read on a light page and on a dark one."""

import math
import textwrap
from xml.sax.saxutils import escape

from .figures import number
from .text import excuse, in_order

WIDTH = 760
MARGIN = 24
NAMES = 118             # for the programs' names, left of the bars
VALUES = 132            # for the values, right of the longest bar
BAR, STEP = 18, 26
LOG_FROM = 20           # a range wider than that many times is drawn on a logarithmic scale
SMALL_COLUMNS = 122     # characters of small print in a line

GROUND, FRAME = "#fbfaf8", "#d8d4cc"
INK, FAINT, LINES = "#23211e", "#6d6860", "#e3dfd7"
OURS, PEERS = "#2a6fb0", "#a9a296"
FONT = "system-ui, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif"


def text(x, y, what, size=13, fill=INK, anchor="start", weight="normal"):
    return ('<text x="%.1f" y="%.1f" font-size="%g" fill="%s" text-anchor="%s" font-weight="%s">'
            '%s</text>' % (x, y, size, fill, anchor, weight, escape(what)))


def rectangle(x, y, width, height, fill, more=""):
    return '<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"%s/>' % (
        x, y, width, height, fill, more)


class Scale:
    """From values to lengths."""

    def __init__(self, values, length):
        positive = [value for value in values if value > 0] or [1.0]
        self.length = length
        self.most = max(positive)
        self.log = self.most / min(positive) > LOG_FROM
        # The shortest bar is to be seen, so the scale begins below it.
        self.least = 10.0 ** math.floor(math.log10(min(positive) / 1.5)) if self.log else 0.0

    def __call__(self, value):
        if value <= 0:
            return 0.0
        if not self.log:
            return self.length * value / self.most
        return self.length * math.log(value / self.least) / math.log(self.most / self.least)

    def ticks(self):
        if self.log:
            first, last = round(math.log10(self.least)), math.floor(math.log10(self.most))
            every = max(1, (last - first) // 6)
            return [10.0 ** power for power in range(first, last + 1, every)]
        step = 10.0 ** math.floor(math.log10(self.most))
        step *= next((part for part in (0.2, 0.5, 1) if self.most / (step * part) <= 6), 1)
        return [step * i for i in range(int(self.most / step * (1 + 1e-9)) + 1)]


def _tick_name(value):
    return "{:,.0f}".format(value) if value >= 1 else "%g" % value


def _axis(scale, top, bottom):
    drawn = []
    for value in scale.ticks():
        x = MARGIN + NAMES + (scale(value) if value > 0 else 0)
        drawn.append('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>' % (
            x, top, x, bottom, LINES))
        drawn.append(text(x, bottom + 13, _tick_name(value), 10, FAINT, "middle"))
    return drawn


def _bar(entry, column, scale, y):
    x = MARGIN + NAMES
    ours = entry.contestant.ours
    drawn = [text(x - 10, y + 13, entry.contestant.name, 13, INK, "end",
                  "bold" if ours else "normal")]
    figure = entry.figures.get(column.key)
    if figure is None:
        why = excuse(entry) if not entry.figures else "not printed"
        why = textwrap.shorten(why, 84, placeholder=" …")
        return drawn + [text(x + 4, y + 13, why, 11, FAINT)]
    length = scale(figure.value)
    if length > 0:
        drawn.append(rectangle(x, y, length, BAR, OURS if ours else PEERS, ' rx="2"'))
    return drawn + [text(x + length + 6, y + 13, ("%s %s" % (number(figure.value), column.unit)),
                         12, INK, "start", "bold" if ours else "normal")]


def panel(result, column, top):
    """The bars of one column. Returns what is drawn, and where it ends."""
    entries = [entry for entry in in_order(result, column) if entry.state != "absent"]
    values = [entry.figures[column.key].value for entry in entries if column.key in entry.figures]
    scale = Scale(values, WIDTH - 2 * MARGIN - NAMES - VALUES)
    notes = [column.unit and "in " + column.unit,
             "more is better" if column.more_is_better else "less is better",
             scale.log and "logarithmic scale"]
    drawn = [text(MARGIN, top + 14, column.title, 13, INK, weight="bold"),
             text(WIDTH - MARGIN, top + 14, ", ".join(filter(None, notes)), 11, FAINT, "end")]
    first = top + 28
    bottom = first + STEP * len(entries)
    drawn += _axis(scale, first - 4, bottom)
    for i, entry in enumerate(entries):
        drawn += _bar(entry, column, scale, first + STEP * i)
    return drawn, bottom + 34


def small_print(result, machine, date):
    """Versions and machine, in lines."""
    shown = [entry for entry in in_order(result) if entry.state != "absent"]
    versions = dict.fromkeys(entry.contestant.version for entry in shown)
    absent = [entry.contestant.name for entry in result.entries if entry.state == "absent"]
    sizes = {entry.n for entry in shown if entry.n}
    parts = ["; ".join(versions) + ".", machine + ", " + date + "."]
    if len(sizes) == 1:
        parts.append("N\u00a0=\u00a0{:,}.".format(sizes.pop()))
    if absent:
        parts.append("Have no such row: %s." % ", ".join(absent))
    return textwrap.wrap(" ".join(parts), SMALL_COLUMNS)


def draw(result, machine, date):
    """The drawing of a table as text, or None if it has nothing to be drawn."""
    charts = [column for column in result.columns if column.chart]
    if not charts or not any(entry.figures for entry in result.entries):
        return None
    drawn = [text(MARGIN, 36, result.table.title, 17, INK, weight="bold")]
    y = 44.0
    for line in textwrap.wrap(result.table.about, 105):
        y += 16
        drawn.append(text(MARGIN, y, line, 12, FAINT))
    y += 18
    for column in charts:
        bars, y = panel(result, column, y)
        drawn += bars
    for line in small_print(result, machine, date):
        drawn.append(text(MARGIN, y, line, 10, FAINT))
        y += 14
    height = y + 8
    frame = rectangle(0.5, 0.5, WIDTH - 1, height - 1, GROUND, ' rx="8" stroke="%s"' % FRAME)
    head = ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
            'font-family="%s" role="img">' % (WIDTH, height, WIDTH, height, FONT))
    title = "<title>%s</title>" % escape("%s: %s" % (result.table.name, result.table.title))
    return "\n".join([head, title, frame] + drawn + ["</svg>", ""])
