/* SPDX-License-Identifier: MIT */
/* fetch_report.h: what is told of the results: a line for each on the standard output, in words or
 * in JSON; the progress bar; the picture; in the end a summary. Where bodies go to the standard
 * output the lines go to that for errors. */
#ifndef TOOLS_FETCH_REPORT_H
#define TOOLS_FETCH_REPORT_H

#include "fetch.h"
#include "fetch_bar.h"
#include "fetch_percentiles.h"
#include "fetch_phases.h"
#include "fetch_timeline.h"

struct fetch_report {
	const struct fetch_options *options;
	const struct fetch_list *list;
	bide_stream *out;
	bool interactive;  /* somebody watches the lines come */
	bool brief;        /* there are lines for failures only */
	struct text lines; /* that have not been written */
	struct text spare; /* memory for the next ones, while those are */
	bide_mutex writing;
	struct fetch_bar bar;
	struct fetch_timeline *timeline; /* NULL: none is wanted */

	uint64_t counts[FETCH_REPEATED + 1]; /* of results, by their outcomes */
	uint64_t bytes;                      /* of bodies, that were received */
	uint64_t list_size;                  /* of the list that has been done with */
	struct fetch_table kinds;            /* of failures: how many of each */
	struct fetch_times latencies;
	double began;      /* on the loop's clock */
	const char *where; /* what an error is of; for a message */
};

/* 0 or an error. */
int fetch_report_open(struct fetch_report *report, const struct fetch_run *run);

/* Takes a result in. [suspends] 0, what writing fails with, or the cancellation. */
int fetch_report_add(struct fetch_report *report, const struct fetch_result *result);

/* Writes the lines that there are and draws the bar: ten times a second. [suspends] 0 or as
 * fetch_report_add(). */
int fetch_report_tick(struct fetch_report *report);

/* Writes what is left, the picture and the summary. [suspends] 0 or an error. */
int fetch_report_end(struct fetch_report *report);

void fetch_report_close(struct fetch_report *report);

/* ---- fetch_lines.c ------------------------------------------------------------------------ */

/* Put what is told of a result, or of all, with the ends of the lines. */
void fetch_put_line(struct text *text, const struct fetch_result *result);
void fetch_put_json(struct text *text, const struct fetch_result *result);
void fetch_put_summary(struct text *text, const struct fetch_report *report, double seconds);
void fetch_put_json_summary(struct text *text, const struct fetch_report *report, double seconds);

/* The kind of a failure: its status, or from FETCH_KIND_ERROR on an error. */
enum { FETCH_KIND_ERROR = 1000 };

uint64_t fetch_kind_of(const struct fetch_result *result);

#endif
