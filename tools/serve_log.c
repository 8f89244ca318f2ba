// SPDX-License-Identifier: MIT
/* serve_log.c: see serve_log.h. */
#include "serve_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 262144 }; /* bytes that wait to be written */

/* ---- lines -------------------------------------------------------------------------------- */

/* Writes what the other side has sent so that it is one word, whatever it is; what is long is cut
 * off. Returns the end. */
static char *put_escaped(char *out, const char *end, const char *text)
{
	for (; *text != '\0' && end - out > 4; text++) {
		const unsigned char c = (unsigned char)*text;
		if (c > 0x20 && c < 0x7f && c != '"' && c != '\\')
			*out++ = (char)c;
		else
			out += sprintf(out, "\\x%02x", c);
	}
	*out = '\0';
	return out;
}

/* The address alone: "192.0.2.1", "2001:db8::1", or the name that a local socket has given itself,
 * which may be anything. Puts it into BIDE_ADDRESS_MAX bytes, and returns where it begins. */
static const char *host_of(const bide_address *address, char *text)
{
	bide_address_format(address, text);
	char *colon = strrchr(text, ':');
	if (strncmp(text, "unix:", 5) == 0 || colon == NULL)
		return text;
	*colon = '\0';
	char *bracket = strchr(text, ']');
	if (bracket != NULL)
		*bracket = '\0';
	return text[0] == '[' ? text + 1 : text;
}

/* The Common Log Format, with the time that the request took behind it. */
static void put_line(struct text *lines, const bide_http_access *access)
{
	char target[3072], date[64], peer[BIDE_ADDRESS_MAX], host[4 * BIDE_ADDRESS_MAX];
	const time_t now = time(NULL);
	struct tm tm;
	(void)gmtime_r(&now, &tm);
	(void)strftime(date, sizeof(date), "%d/%b/%Y:%H:%M:%S +0000", &tm);
	put_escaped(host, host + sizeof(host), host_of(access->peer, peer));
	put_escaped(target, target + sizeof(target), access->target);
	text_format(lines, "%s - - [%s] \"%s %s %s\" %d %llu %.6f\n", host, date, access->method,
	            target, access->protocol, access->status, access->sent, access->seconds);
}

void serve_log_request(void *arg, const bide_http_access *access)
{
	struct serve_log *log = arg;
	const size_t before = log->lines.size;
	if (before < ROOM)
		put_line(&log->lines, access);
	if (log->lines.size == before)
		log->missing++;
	bide_event_set(&log->some);
}

/* ---- writing ------------------------------------------------------------------------------ */

static BIDE_ASYNC(int, write_lines, struct serve_log *);

/* That nobody reads the log is no reason not to serve: an error counts for these lines only. */
static void write_all(const struct text *lines)
{
	ssize_t n = 1;
	size_t done = 0;
	while (n > 0 && done < lines->size) {
		n = bide_write(STDERR_FILENO, lines->data + done, lines->size - done);
		done += n > 0 ? (size_t)n : 0;
	}
}

static int write_lines(struct serve_log *log)
{
	struct text spare = TEXT_NONE;
	while (bide_event_wait(&log->some) == 0 && (log->lines.size > 0 || !log->ended)) {
		struct text lines = log->lines;
		log->lines = spare;
		if (!log->ended)
			bide_event_clear(&log->some);
		if (log->missing > 0)
			text_format(&log->lines,
			            "bide serve: %" PRIu64 " requests are missing here\n",
			            log->missing);
		log->missing = 0;
		write_all(&lines);
		text_clear(&lines);
		spare = lines;
	}
	text_free(&spare);
	return 0;
}

/* ---- beginning and end -------------------------------------------------------------------- */

int serve_log_open(struct serve_log *log)
{
	*log = (struct serve_log){ .lines = TEXT_NONE };
	bide_event_init(&log->some);
	log->writing = bide_spawn(write_lines, log);
	return log->writing != NULL ? 0 : -ENOMEM;
}

void serve_log_close(struct serve_log *log)
{
	int ret;
	log->ended = true;
	bide_event_set(&log->some);
	(void)bide_wait_for(log->writing, 1, &ret);
	text_free(&log->lines);
}
