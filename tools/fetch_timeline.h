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
	uint64_t seen;      /* requests */
	uint64_t stride;    /* of which every so many are there; 0 is 1 */
	bool failed;        /* there was no memory */
	struct text path;   /* of the file */
	struct text beside; /* its name until it is whole; empty: it is no file, and written to */
	int fd;
};

/* Opens the file of a picture. It has its name when it is whole; what is there and no file, as a
 * device, stays that. 0 or an error. */
int fetch_timeline_open(struct fetch_timeline *timeline, const char *path);

void fetch_timeline_add(struct fetch_timeline *timeline, const struct fetch_result *result);

/* Puts the picture, SVG in one piece; sorts the rows. */
void fetch_timeline_put(struct fetch_timeline *timeline, struct text *text);

/* Writes it. 0 or an error. */
int fetch_timeline_write(struct fetch_timeline *timeline);

void fetch_timeline_close(struct fetch_timeline *timeline);

#endif
