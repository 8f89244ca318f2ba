// SPDX-License-Identifier: MIT
/* fetch_timeline.c: see fetch_timeline.h. */
#include "fetch_timeline.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- rows --------------------------------------------------------------------------------- */

/* Drops every second row. */
static void thin_out(struct fetch_timeline *timeline)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < timeline->n; i++)
		if (i % 2 == 0)
			timeline->rows[kept++] = timeline->rows[i];
		else
			free(timeline->rows[i].url);
	timeline->n = kept;
	timeline->stride *= 2;
}

void fetch_timeline_add(struct fetch_timeline *timeline, const struct fetch_result *result)
{
	struct text url = TEXT_NONE;
	if (timeline->stride == 0)
		timeline->stride = 1;
	if (timeline->n == FETCH_ROWS)
		thin_out(timeline);
	if (timeline->seen++ % timeline->stride != 0)
		return;
	fetch_put_url(&url, result->url);
	if (url.failed || url.data == NULL) {
		text_free(&url);
		timeline->failed = true;
		return;
	}
	struct fetch_row *row = &timeline->rows[timeline->n++];
	*row = (struct fetch_row){ .url = url.data,
		                   .status = result->status,
		                   .error = result->error,
		                   .attempts = result->attempts,
		                   .began = result->began,
		                   .ended = result->ended };
	fetch_phases_of(&result->times, result->ended, row->spans);
}

static int by_beginning(const void *a, const void *b)
{
	const struct fetch_row *one = a, *other = b;
	const double p = one->spans[FETCH_PHASE_QUEUE].to, q = other->spans[FETCH_PHASE_QUEUE].to;
	if (one->began != other->began)
		return one->began < other->began ? -1 : 1;
	return p < q ? -1 : p > q;
}

/* ---- the picture -------------------------------------------------------------------------- */

enum { WIDTH = 1200, LEFT = 340, RIGHT = 20, TOP = 92, ROW = 16, LABEL = 48 };

static const char *const words[] = {
#define WORDS(id, name, words, colour) (words),
	FETCH_PHASES(WORDS)
#undef WORDS
};

static const char *const colours[] = {
#define COLOUR(id, name, words, colour) (colour),
	FETCH_PHASES(COLOUR)
#undef COLOUR
};

/* How times become places. */
struct scale {
	double from, to; /* seconds */
};

static double place(const struct scale *scale, double time)
{
	const double share = (time - scale->from) / (scale->to - scale->from);
	return LEFT + share * (WIDTH - LEFT - RIGHT);
}

static struct scale scale_of(const struct fetch_timeline *timeline)
{
	struct scale scale = { INFINITY, -INFINITY };
	for (unsigned i = 0; i < timeline->n; i++) {
		scale.from = fmin(scale.from, timeline->rows[i].began);
		scale.to = fmax(scale.to, timeline->rows[i].ended);
	}
	if (timeline->n == 0)
		scale = (struct scale){ 0, 1 };
	scale.to = fmax(scale.to, scale.from + 1e-6);
	return scale;
}

static void put_seconds(struct text *text, double seconds)
{
	if (seconds < 0.9995e-3)
		text_format(text, "%.0f µs", seconds * 1e6);
	else if (seconds < 0.9995)
		text_format(text, "%.*f ms", seconds < 0.00995 ? 1 : 0, seconds * 1e3);
	else
		text_format(text, "%.*f s", seconds < 9.95 ? 2 : 1, seconds);
}

/* A step of 1, 2 or 5 times a power of ten, of which ten at most are in the picture. */
static double step_of(double seconds)
{
	const double power = pow(10, floor(log10(seconds / 10)));
	const double steps[] = { 1, 2, 5, 10 };
	for (size_t i = 0; i < 3; i++)
		if (seconds / (steps[i] * power) <= 10)
			return steps[i] * power;
	return 10 * power;
}

static void put_axis(struct text *text, const struct scale *scale, int bottom)
{
	const double seconds = scale->to - scale->from, step = step_of(seconds);
	for (int i = 0; i * step <= seconds * (1 + 1e-9); i++) {
		const double x = place(scale, scale->from + i * step);
		text_format(text,
		            "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#ddd\"/>\n"
		            "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">",
		            x, TOP, x, bottom, x, TOP - 6);
		put_seconds(text, i * step);
		text_put(text, "</text>\n");
	}
}

static void put_legend(struct text *text)
{
	for (int i = 0, x = 16; i < FETCH_N_PHASES; x += 40 + 7 * (int)strlen(words[i]), i++)
		text_format(text,
		            "<rect x=\"%d\" y=\"44\" width=\"12\" height=\"12\" fill=\"%s\"/>"
		            "<text x=\"%d\" y=\"54\">%s</text>\n",
		            x, colours[i], x + 17, words[i]);
}

static void put_title(struct text *text, const struct fetch_row *row)
{
	text_put(text, "<title>");
	text_put_xml(text, row->url);
	text_put(text, "\n");
	if (row->error < 0)
		text_put_xml(text, fetch_strerror(row->error));
	else
		text_format(text, "status %d", row->status);
	if (row->attempts > 1)
		text_format(text, ", %d attempts, the last one is shown", row->attempts);
	for (int i = 0; i < FETCH_N_PHASES; i++)
		if (row->spans[i].to > row->spans[i].from) {
			text_format(text, "\n%s: ", words[i]);
			put_seconds(text, row->spans[i].to - row->spans[i].from);
		}
	text_put(text, "</title>");
}

/* The end of a URL says more than its beginning. */
static void put_label(struct text *text, const char *url, int y, bool failed)
{
	const size_t size = strlen(url);
	text_format(text, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\"%s>", LEFT - 8, y,
	            failed ? " class=\"bad\"" : "");
	if (size > LABEL)
		text_put(text, "…");
	text_put_xml(text, size > LABEL ? url + size - LABEL : url);
	text_put(text, "</text>");
}

static void put_row(struct text *text, const struct fetch_row *row, const struct scale *scale,
                    int y)
{
	const bool failed = row->error < 0 || row->status < 200 || row->status > 299;
	text_put(text, "<g>");
	put_title(text, row);
	text_format(text, "<rect x=\"0\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#fff\"/>", y,
	            LEFT, ROW);
	put_label(text, row->url, y + ROW - 4, failed);
	for (int i = 0; i < FETCH_N_PHASES; i++) {
		const double from = place(scale, row->spans[i].from);
		const double to = place(scale, row->spans[i].to);
		if (row->spans[i].to > row->spans[i].from)
			text_format(text,
			            "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" "
			            "class=\"p%d\"/>",
			            from, y + 2, fmax(to - from, 0.4), ROW - 4, i);
	}
	if (failed)
		text_format(text,
		            "<text x=\"%.2f\" y=\"%d\" class=\"bad\" "
		            "text-anchor=\"middle\">×</text>",
		            place(scale, row->ended), y + ROW - 4);
	text_put(text, "</g>\n");
}

static void put_head(struct text *text, const struct fetch_timeline *timeline, int height)
{
	text_format(text,
	            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
	            "viewBox=\"0 0 %d %d\" role=\"img\">\n<title>bide fetch: who waited for what"
	            "</title>\n<style>text{font:11px sans-serif;fill:#333}"
	            ".bad{fill:#b3261e}",
	            WIDTH, height, WIDTH, height);
	for (int i = 0; i < FETCH_N_PHASES; i++)
		text_format(text, ".p%d{fill:%s}", i, colours[i]);
	text_format(text,
	            "</style>\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n"
	            "<text x=\"16\" y=\"26\" style=\"font-size:15px\">",
	            WIDTH, height);
	if (timeline->stride > 1)
		text_format(text, "every %lluth of %llu requests",
		            (unsigned long long)timeline->stride,
		            (unsigned long long)timeline->seen);
	else
		text_format(text, "%llu request%s", (unsigned long long)timeline->seen,
		            timeline->seen == 1 ? "" : "s");
	text_put(text, ", in the order in which they were begun</text>\n");
}

void fetch_timeline_put(struct fetch_timeline *timeline, struct text *text)
{
	const int bottom = TOP + ROW * (int)timeline->n;
	const struct scale scale = scale_of(timeline);
	qsort(timeline->rows, timeline->n, sizeof(*timeline->rows), by_beginning);
	put_head(text, timeline, bottom + 16);
	put_legend(text);
	put_axis(text, &scale, bottom);
	for (unsigned i = 0; i < timeline->n; i++)
		put_row(text, &timeline->rows[i], &scale, TOP + ROW * (int)i);
	text_put(text, "</svg>\n");
}

/* ---- the file ----------------------------------------------------------------------------- */

/* Whether there is something that is no file, as a pipe or /dev/null: that is written to. */
static bool is_special(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

/* Opens a file of its own beside, whatever was there by that name. */
static int open_beside(struct fetch_timeline *timeline)
{
	text_format(&timeline->beside, "%s.part", timeline->path.data);
	if (timeline->beside.failed)
		return -ENOMEM;
	(void)unlink(timeline->beside.data);
	timeline->fd = open(timeline->beside.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	return timeline->fd < 0 ? -errno : 0;
}

/* A link stays one: what it leads to is replaced. */
int fetch_timeline_open(struct fetch_timeline *timeline, const char *path)
{
	char *target = realpath(path, NULL);
	*timeline = (struct fetch_timeline){ .fd = -1 };
	text_put(&timeline->path, target != NULL ? target : path);
	free(target);
	if (timeline->path.failed)
		return -ENOMEM;
	if (!is_special(timeline->path.data))
		return open_beside(timeline);
	timeline->fd = open(timeline->path.data, O_WRONLY | O_CLOEXEC);
	return timeline->fd < 0 ? -errno : 0;
}

static int write_all(int fd, const struct text *text)
{
	for (size_t done = 0; done < text->size;) {
		ssize_t n = write(fd, text->data + done, text->size - done);
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* The file gets its name when all is in it. */
static int finish(struct fetch_timeline *timeline)
{
	const int fd = timeline->fd;
	timeline->fd = -1;
	int rc = close(fd) < 0 ? -errno : 0;
	if (timeline->beside.size == 0)
		return rc;
	if (rc == 0 && rename(timeline->beside.data, timeline->path.data) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(timeline->beside.data);
	return rc;
}

int fetch_timeline_write(struct fetch_timeline *timeline)
{
	struct text picture = TEXT_NONE;
	fetch_timeline_put(timeline, &picture);
	int rc = timeline->failed || picture.failed ? -ENOMEM : 0;
	if (rc == 0)
		rc = write_all(timeline->fd, &picture);
	text_free(&picture);
	return rc < 0 ? rc : finish(timeline);
}

void fetch_timeline_close(struct fetch_timeline *timeline)
{
	if (timeline->fd >= 0) {
		close(timeline->fd);
		if (timeline->beside.size > 0)
			unlink(timeline->beside.data);
	}
	for (unsigned i = 0; i < timeline->n; i++)
		free(timeline->rows[i].url);
	text_free(&timeline->path);
	text_free(&timeline->beside);
}
