// SPDX-License-Identifier: MIT
/* fetch_report.c: see fetch_report.h. */
#include "fetch_report.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES_MOST = 32768 }; /* bytes that wait to be written */

static const char standard_output[] = "standard output";

static int open_timeline(struct fetch_report *report)
{
	const char *path = report->options->timeline;
	if (path == NULL)
		return 0;
	report->timeline = calloc(1, sizeof(*report->timeline));
	if (report->timeline == NULL)
		return -ENOMEM;
	report->where = path;
	return fetch_timeline_open(report->timeline, path);
}

static int open_output(struct fetch_report *report, bool bodies)
{
	report->where = standard_output;
	int fd = fcntl(bodies ? STDERR_FILENO : STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	report->interactive = isatty(fd) == 1;
	int rc = bide_stream_open(-1, fd, &report->out);
	if (rc < 0)
		close(fd);
	return rc;
}

int fetch_report_open(struct fetch_report *report, const struct fetch_run *run)
{
	const enum fetch_telling telling = run->options.telling;
	*report = (struct fetch_report){ .options = &run->options,
		                         .list = &run->list,
		                         .bar.fd = -1,
		                         .began = bide_time(),
		                         .where = standard_output };
	bide_mutex_init(&report->writing);
	int rc = open_timeline(report);
	if (rc == 0)
		rc = open_output(report, run->store.kind == FETCH_OUTPUT);
	if (rc == 0 && telling != FETCH_QUIET)
		fetch_bar_open(&report->bar);
	report->brief = telling >= FETCH_BRIEF || (telling == FETCH_USUAL && !run->options.json &&
	                                           report->interactive && report->bar.fd >= 0);
	return rc;
}

void fetch_report_close(struct fetch_report *report)
{
	fetch_bar_close(&report->bar);
	if (report->timeline != NULL)
		fetch_timeline_close(report->timeline);
	free(report->timeline);
	if (report->out != NULL)
		bide_stream_abort(report->out);
	text_free(&report->lines);
	text_free(&report->spare);
	fetch_table_free(&report->kinds);
}

/* ---- lines -------------------------------------------------------------------------------- */

/* Lines are written whole, whatever is cancelled meanwhile: with one that is torn the output would
 * end, and what is handed over is lost by who does not wait. */
static int write_lines(struct fetch_report *report)
{
	struct text lines = report->lines;
	ssize_t n = 0;
	if (lines.failed)
		return -ENOMEM;
	if (lines.size == 0)
		return 0;
	report->lines = report->spare;
	report->spare = (struct text)TEXT_NONE;
	if (report->interactive)
		fetch_bar_clear(&report->bar);
	BIDE_SHIELD {
		n = bide_stream_write(report->out, lines.data, lines.size);
	}
	const bool torn = n >= 0 && (size_t)n < lines.size;
	text_clear(&lines);
	report->spare = lines;
	return torn ? -EIO : n < 0 ? (int)n : 0;
}

/* Who waits for the output to take lines waits here, in the order in which he came. */
static int flush(struct fetch_report *report)
{
	int rc = bide_mutex_lock(&report->writing);
	if (rc < 0)
		return rc;
	rc = write_lines(report);
	bide_mutex_unlock(&report->writing);
	return rc;
}

/* ---- results ------------------------------------------------------------------------------ */

uint64_t fetch_kind_of(const struct fetch_result *result)
{
	return result->error < 0 ? (uint64_t)(FETCH_KIND_ERROR - result->error)
	                         : (uint64_t)result->status;
}

static int count(struct fetch_report *report, const struct fetch_result *result)
{
	report->counts[result->outcome]++;
	report->list_size += result->list_size;
	if (result->outcome == FETCH_PRESENT || result->outcome == FETCH_REPEATED)
		return 0;
	report->bytes += result->received;
	if (result->status > 0)
		fetch_times_add(&report->latencies,
		                fetch_latency_of(&result->times, result->ended));
	if (report->timeline != NULL)
		fetch_timeline_add(report->timeline, result);
	if (result->outcome == FETCH_DONE)
		return 0;
	uint64_t *kind = fetch_table_at(&report->kinds, fetch_kind_of(result));
	if (kind == NULL)
		return -ENOMEM;
	++*kind;
	return 0;
}

int fetch_report_add(struct fetch_report *report, const struct fetch_result *result)
{
	int rc = count(report, result);
	if (rc < 0)
		return rc;
	if (!report->brief || result->outcome == FETCH_FAILED)
		(report->options->json ? fetch_put_json : fetch_put_line)(&report->lines, result);
	return report->lines.size >= LINES_MOST ? flush(report) : 0;
}

/* ---- progress ----------------------------------------------------------------------------- */

static void draw(struct fetch_report *report)
{
	const double seconds = fmax(bide_time() - report->began, 1e-3);
	const double size = (double)report->list->size;
	const uint64_t fetched = report->counts[FETCH_DONE] + report->counts[FETCH_FAILED];
	struct fetch_progress progress = {
		.done = fetched - report->counts[FETCH_FAILED] + report->counts[FETCH_PRESENT] +
		        report->counts[FETCH_REPEATED],
		.failed = report->counts[FETCH_FAILED],
		.fraction = size > 0 ? fmin((double)report->list_size / size, 1) : (double)NAN,
		.rate = (double)fetched / seconds,
		.left = (double)NAN,
		.bytes = (double)report->bytes / seconds,
	};
	if (progress.fraction > 0)
		progress.left = seconds * (1 - progress.fraction) / progress.fraction;
	fetch_bar_draw(&report->bar, &progress);
}

int fetch_report_tick(struct fetch_report *report)
{
	int rc = flush(report);
	if (rc == 0)
		draw(report);
	return rc;
}

/* ---- the end ------------------------------------------------------------------------------ */

static int write_timeline(struct fetch_report *report)
{
	return report->timeline != NULL ? fetch_timeline_write(report->timeline) : 0;
}

int fetch_report_end(struct fetch_report *report)
{
	const double seconds = bide_time() - report->began;
	struct text summary = TEXT_NONE;
	fetch_bar_clear(&report->bar);
	if (report->options->json && report->options->telling != FETCH_QUIET)
		fetch_put_json_summary(&report->lines, report, seconds);
	int rc = flush(report);
	const int picture_rc = write_timeline(report);
	if (rc == 0 && picture_rc < 0) {
		rc = picture_rc;
		report->where = report->options->timeline;
	}
	if (!report->options->json && report->options->telling != FETCH_QUIET) {
		fetch_put_summary(&summary, report, seconds);
		if (!summary.failed)
			fputs(summary.data, stderr);
	}
	text_free(&summary);
	return rc;
}
