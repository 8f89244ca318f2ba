/* SPDX-License-Identifier: MIT */
/* fetch_timeline.h: a picture of who waited for what: a row for each request, or, where there are
 * more than a picture can show, for every 2nd, 4th, 8th …, so that the memory it takes is bounded
 * and the rows are of the whole run. */
#ifndef TOOLS_FETCH_TIMELINE_H
#define TOOLS_FETCH_TIMELINE_H

#include "fetch.h"
#include "fetch_phases.h"

enum { FETCH_ROWS = 240 };

struct fetch_row {
	char *url; /* for people */
	int status, error, attempts;
	double began, ended;
	struct fetch_span spans[FETCH_N_PHASES];
};

struct fetch_timeline {
	struct fetch_row rows[FETCH_ROWS];
	unsigned n;
	uint64_t seen;   /* requests */
	uint64_t stride; /* of which every so many are there; 0 is 1 */
	bool failed;     /* there was no memory */
};

void fetch_timeline_add(struct fetch_timeline *timeline, const struct fetch_result *result);

/* Puts the picture, SVG in one piece; sorts the rows. */
void fetch_timeline_put(struct fetch_timeline *timeline, struct text *text);

/* Writes it to a file, which is there when it is whole. 0 or an error. */
int fetch_timeline_write(struct fetch_timeline *timeline, const char *path);

void fetch_timeline_free(struct fetch_timeline *timeline);

#endif
