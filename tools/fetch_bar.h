/* SPDX-License-Identifier: MIT */
/* fetch_bar.h: the progress bar: the last line of a terminal, drawn anew in its place. */
#ifndef TOOLS_FETCH_BAR_H
#define TOOLS_FETCH_BAR_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>

struct fetch_bar {
	int fd; /* -1: there is none */
	bool colour;
	bool drawn;
	struct text text;
};

/* What it shows. */
struct fetch_progress {
	uint64_t done, failed; /* of URLs; the failed ones are not among those done */
	double fraction;       /* of the list, from 0 to 1; NaN: nobody knows */
	double rate;           /* requests a second */
	double left;           /* seconds; NaN: nobody knows */
	double bytes;          /* a second */
};

/* A bar on the standard error output, if that is a terminal that can draw one. */
void fetch_bar_open(struct fetch_bar *bar);
void fetch_bar_draw(struct fetch_bar *bar, const struct fetch_progress *progress);

/* Takes it off the terminal, until it is drawn again. */
void fetch_bar_clear(struct fetch_bar *bar);
void fetch_bar_close(struct fetch_bar *bar);

/* Puts the bar as a line of at most so many columns: for fetch_bar_draw() and its tests. */
void fetch_bar_put(struct text *text, const struct fetch_progress *progress, int columns,
                   bool colour);

#endif
