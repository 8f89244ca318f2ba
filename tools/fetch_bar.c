// SPDX-License-Identifier: MIT
/* fetch_bar.c: see fetch_bar.h. */
#include "fetch_bar.h"

#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* https://no-color.org: a terminal that is to be without colours still moves its cursor. */
void fetch_bar_open(struct fetch_bar *bar)
{
	const char *terminal = getenv("TERM"), *plain = getenv("NO_COLOR");
	const bool able = terminal != NULL && *terminal != '\0' && strcmp(terminal, "dumb") != 0;
	*bar = (struct fetch_bar){ .fd = able && isatty(STDERR_FILENO) ? STDERR_FILENO : -1,
		                   .colour = plain == NULL || *plain == '\0' };
}

/* Who cannot be told of the progress does not hold it up, as a terminal that has been stopped does
 * whoever writes to it: what it does not take now is dropped. Whether it was shown. */
static bool show(struct fetch_bar *bar)
{
	struct pollfd terminal = { .fd = bar->fd, .events = POLLOUT };
	const bool ready = poll(&terminal, 1, 0) == 1;
	ssize_t n = 1;
	size_t done = 0;
	while (ready && n > 0 && done < bar->text.size) {
		n = write(bar->fd, bar->text.data + done, bar->text.size - done);
		done += n > 0 ? (size_t)n : 0;
	}
	text_clear(&bar->text);
	return ready;
}

static int columns(const struct fetch_bar *bar)
{
	enum { USUAL = 80 };
	struct winsize size;
	return ioctl(bar->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : USUAL;
}

/* ---- the line ----------------------------------------------------------------------------- */

static void put_time(struct text *text, double seconds)
{
	const long whole = lround(seconds);
	if (whole < 60)
		text_format(text, "%ld s left", whole);
	else if (whole < 3600)
		text_format(text, "%ld:%02ld left", whole / 60, whole % 60);
	else
		text_format(text, "%ld:%02ld:%02ld left", whole / 3600, whole / 60 % 60,
		            whole % 60);
}

/* What stands behind the bar, in words. */
static void put_words(struct text *words, const struct fetch_progress *progress)
{
	text_format(words, "%llu done", (unsigned long long)progress->done);
	if (progress->failed > 0)
		text_format(words, ", %llu failed", (unsigned long long)progress->failed);
	text_format(words, ", %.*f/s, ", progress->rate < 9.95 ? 1 : 0, progress->rate);
	text_put_size(words, progress->bytes);
	text_put(words, "/s");
	if (!isnan(progress->left)) {
		text_put(words, ", ");
		put_time(words, progress->left);
	}
}

/* How much of the words fits: whole ones, as far as they go, or else as much as there is room. */
static size_t fitting(const struct text *words, int columns)
{
	const size_t room = columns > 0 ? (size_t)columns : 0;
	if (words->size <= room)
		return words->size;
	for (size_t size = room; size > 0; size--)
		if (words->data[size] == ',')
			return size;
	return room;
}

void fetch_bar_put(struct text *text, const struct fetch_progress *progress, int columns,
                   bool colour)
{
	enum { LEAST = 10, MOST = 40 }; /* columns of the bar itself */
	struct text words = TEXT_NONE;
	put_words(&words, progress);
	int room = columns - (int)words.size - 3;
	if (!isnan(progress->fraction) && room >= LEAST) {
		room = room < MOST ? room : MOST;
		const int full = (int)(progress->fraction * room);
		text_put(text, colour ? "[\033[32m" : "[");
		for (int i = 0; i < room; i++) {
			if (i == full)
				text_put(text, colour ? "\033[2m" : "");
			text_put(text, i < full ? "#" : "-");
		}
		text_put(text, colour ? "\033[0m] " : "] ");
	}
	if (!words.failed)
		text_add(text, words.data, fitting(&words, columns));
	text_free(&words);
}

/* ---- on the terminal ---------------------------------------------------------------------- */

void fetch_bar_draw(struct fetch_bar *bar, const struct fetch_progress *progress)
{
	if (bar->fd < 0)
		return;
	text_put(&bar->text, "\r");
	/* The last column is left alone: some terminals go to the next line behind it. */
	fetch_bar_put(&bar->text, progress, columns(bar) - 1, bar->colour);
	text_put(&bar->text, "\033[K");
	bar->drawn |= show(bar);
}

void fetch_bar_clear(struct fetch_bar *bar)
{
	if (!bar->drawn)
		return;
	text_put(&bar->text, "\r\033[K");
	bar->drawn = !show(bar);
}

void fetch_bar_close(struct fetch_bar *bar)
{
	fetch_bar_clear(bar);
	text_free(&bar->text);
}
