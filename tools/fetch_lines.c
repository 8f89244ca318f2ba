// SPDX-License-Identifier: MIT
/* fetch_lines.c: results and the summary, in words and in JSON. */
#include "fetch_report.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const outcomes[] = {
	[FETCH_DONE] = "fetched",
	[FETCH_FAILED] = "failed",
	[FETCH_PRESENT] = "present",
	[FETCH_REPEATED] = "repeated",
};

const char *fetch_strerror(int error)
{
	/* As of a proxy only: hosts are of http or https, or their URLs are none. */
	return error == -EPROTONOSUPPORT ? "the proxy is none of http or https"
	                                 : bide_strerror(error);
}

/* ---- in words ----------------------------------------------------------------------------- */

void fetch_put_line(struct text *text, const struct fetch_result *result)
{
	if (result->outcome == FETCH_PRESENT || result->outcome == FETCH_REPEATED)
		text_format(text, "%-8s", outcomes[result->outcome]);
	else if (result->status > 0)
		text_format(text, "%-8d", result->status);
	else
		text_put(text, "-       ");
	text_format(text, " %10" PRIu64 " %9.4f ", result->bytes,
	            fetch_latency_of(&result->times, result->ended));
	fetch_put_url(text, result->url);
	if (result->error < 0)
		text_format(text, ": %s", fetch_strerror(result->error));
	if (result->attempts > 1)
		text_format(text, " (%d attempts)", result->attempts);
	text_put(text, "\n");
}

static int by_number(const void *a, const void *b)
{
	const struct fetch_entry *one = a, *other = b;
	if (one->value != other->value)
		return one->value > other->value ? -1 : 1;
	return one->key < other->key ? -1 : 1;
}

/* The kinds of failures, the most frequent first: an array to be freed. */
static struct fetch_entry *sorted_kinds(const struct fetch_report *report, size_t *ret_n)
{
	struct fetch_entry *kinds = calloc(report->kinds.n + 1, sizeof(*kinds));
	*ret_n = 0;
	if (kinds == NULL)
		return NULL;
	for (size_t i = 0; i < report->kinds.room; i++)
		if (report->kinds.entries[i].value > 0)
			kinds[(*ret_n)++] = report->kinds.entries[i];
	qsort(kinds, *ret_n, sizeof(*kinds), by_number);
	return kinds;
}

static void put_kinds(struct text *text, const struct fetch_report *report)
{
	size_t n;
	struct fetch_entry *kinds = sorted_kinds(report, &n);
	for (size_t i = 0; i < n; i++)
		if (kinds[i].key < FETCH_KIND_ERROR)
			text_format(text, "  %8" PRIu64 "  status %" PRIu64 "\n", kinds[i].value,
			            kinds[i].key);
		else
			text_format(text, "  %8" PRIu64 "  %s\n", kinds[i].value,
			            fetch_strerror(FETCH_KIND_ERROR - (int)kinds[i].key));
	free(kinds);
}

static void put_counts(struct text *text, const struct fetch_report *report, double seconds)
{
	const uint64_t *counts = report->counts;
	const uint64_t requests = counts[FETCH_DONE] + counts[FETCH_FAILED];
	text_format(text, "%" PRIu64 " fetched, %" PRIu64 " failed", counts[FETCH_DONE],
	            counts[FETCH_FAILED]);
	if (counts[FETCH_PRESENT] > 0)
		text_format(text, ", %" PRIu64 " there already", counts[FETCH_PRESENT]);
	if (counts[FETCH_REPEATED] > 0)
		text_format(text, ", %" PRIu64 " given twice", counts[FETCH_REPEATED]);
	text_format(text, " in %.2f s: %.*f requests/s, ", seconds,
	            (double)requests / seconds < 99.5 ? 1 : 0, (double)requests / seconds);
	text_put_size(text, (double)report->bytes);
	text_put(text, ", ");
	text_put_size(text, (double)report->bytes / seconds);
	text_put(text, "/s\n");
}

void fetch_put_summary(struct text *text, const struct fetch_report *report, double seconds)
{
	const struct fetch_times *times = &report->latencies;
	put_counts(text, report, fmax(seconds, 1e-6));
	if (times->n > 0)
		text_format(text, "latency: p50 %.2f ms, p90 %.2f ms, p99 %.2f ms, max %.2f ms\n",
		            1e3 * fetch_times_at(times, 0.5), 1e3 * fetch_times_at(times, 0.9),
		            1e3 * fetch_times_at(times, 0.99), 1e3 * fetch_times_at(times, 1));
	put_kinds(text, report);
}

/* ---- in JSON ------------------------------------------------------------------------------ */

static void put_key_of(struct text *text, const char *name, const char *url)
{
	struct text key = TEXT_NONE;
	fetch_put_key(&key, url);
	text->failed |= key.failed;
	text_format(text, "\"%s\":", name);
	text_put_json(text, key.data != NULL ? key.data : "");
	text_free(&key);
}

static void put_string(struct text *text, const char *name, const char *value)
{
	text_format(text, ",\"%s\":", name);
	if (value != NULL)
		text_put_json(text, value);
	else
		text_put(text, "null");
}

static void put_phases(struct text *text, const struct fetch_result *result)
{
	static const char *const names[] = {
#define NAME(id, name, words, colour) (name),
		FETCH_PHASES(NAME)
#undef NAME
	};
	struct fetch_span spans[FETCH_N_PHASES];
	fetch_phases_of(&result->times, result->ended, spans);
	text_put(text, ",\"phases\":{");
	for (int i = 0; i < FETCH_N_PHASES; i++)
		text_format(text, "%s\"%s\":%.6f", i > 0 ? "," : "", names[i],
		            spans[i].to - spans[i].from);
	text_put(text, "}");
}

void fetch_put_json(struct text *text, const struct fetch_result *result)
{
	text_put(text, "{");
	put_key_of(text, "url", result->url);
	text_put(text, ",");
	if (result->final_url != NULL)
		put_key_of(text, "final_url", result->final_url);
	else
		text_put(text, "\"final_url\":null");
	text_format(text, ",\"outcome\":\"%s\",\"status\":", outcomes[result->outcome]);
	text_format(text, result->status > 0 ? "%d" : "null", result->status);
	put_string(text, "error", result->error < 0 ? fetch_strerror(result->error) : NULL);
	text_format(text, ",\"bytes\":%" PRIu64 ",\"seconds\":%.6f", result->bytes,
	            fetch_latency_of(&result->times, result->ended));
	put_phases(text, result);
	text_format(text, ",\"attempts\":%d", result->attempts);
	put_string(text, "file", result->stored ? result->file : NULL);
	text_put(text, "}\n");
}

static void put_json_kinds(struct text *text, const struct fetch_report *report)
{
	size_t n;
	struct fetch_entry *kinds = sorted_kinds(report, &n);
	text_put(text, ",\"failures\":{");
	for (size_t i = 0; i < n; i++) {
		text_put(text, i > 0 ? "," : "");
		if (kinds[i].key < FETCH_KIND_ERROR)
			text_format(text, "\"status %" PRIu64 "\"", kinds[i].key);
		else
			text_put_json(text, fetch_strerror(FETCH_KIND_ERROR - (int)kinds[i].key));
		text_format(text, ":%" PRIu64, kinds[i].value);
	}
	text_put(text, "}");
	free(kinds);
}

void fetch_put_json_summary(struct text *text, const struct fetch_report *report, double seconds)
{
	const struct fetch_times *times = &report->latencies;
	const uint64_t *counts = report->counts;
	const double fetched = (double)(counts[FETCH_DONE] + counts[FETCH_FAILED]);
	seconds = fmax(seconds, 1e-6);
	text_put(text, "{\"summary\":{");
	for (int i = 0; i <= FETCH_REPEATED; i++)
		text_format(text, "%s\"%s\":%" PRIu64, i > 0 ? "," : "", outcomes[i], counts[i]);
	text_format(text,
	            ",\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"requests_per_second\":%.3f,"
	            "\"bytes_per_second\":%.3f",
	            report->bytes, seconds, fetched / seconds, (double)report->bytes / seconds);
	text_format(text, ",\"latency\":{\"p50\":%.6f,\"p90\":%.6f,\"p99\":%.6f,\"max\":%.6f}",
	            fetch_times_at(times, 0.5), fetch_times_at(times, 0.9),
	            fetch_times_at(times, 0.99), fetch_times_at(times, 1));
	put_json_kinds(text, report);
	text_put(text, "}}\n");
}
