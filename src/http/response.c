// SPDX-License-Identifier: MIT
/* response.c: responses of a server: their heads, short texts, and sending. */
#include "http/server.h"

#include "http/date.h"

#include <bide/io.h>

#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

static const char *reason_of(int status)
{
	switch (status) {
	case 200:
		return "200 OK";
	case 204:
		return "204 No Content";
	case 206:
		return "206 Partial Content";
	case 301:
		return "301 Moved Permanently";
	case 304:
		return "304 Not Modified";
	case 400:
		return "400 Bad Request";
	case 403:
		return "403 Forbidden";
	case 404:
		return "404 Not Found";
	case 405:
		return "405 Method Not Allowed";
	case 408:
		return "408 Request Timeout";
	case 412:
		return "412 Precondition Failed";
	case 413:
		return "413 Content Too Large";
	case 414:
		return "414 URI Too Long";
	case 416:
		return "416 Range Not Satisfiable";
	case 417:
		return "417 Expectation Failed";
	case 431:
		return "431 Request Header Fields Too Large";
	case 501:
		return "501 Not Implemented";
	case 503:
		return "503 Service Unavailable";
	case 505:
		return "505 HTTP Version Not Supported";
	default:
		return "500 Internal Server Error";
	}
}

/* It is written once a second. */
static const char *date_now(struct bide__http_server *server)
{
	struct timespec now = { 0, 0 };
	(void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec != server->second) {
		bide__http_date_format(now.tv_sec, server->date);
		server->second = now.tv_sec;
	}
	return server->date;
}

void bide__http_put(struct bide__http_served *served, const char *name, const char *value)
{
	bide__string_put(&served->out, name);
	bide__string_add(&served->out, ": ", 2);
	bide__string_put(&served->out, value);
	bide__string_add(&served->out, "\r\n", 2);
}

void bide__http_begin(struct bide__http_served *served, int status)
{
	served->status = status;
	served->out.size = 0;
	bide__string_put(&served->out, "HTTP/1.1 ");
	bide__string_put(&served->out, reason_of(status));
	bide__string_add(&served->out, "\r\n", 2);
	bide__http_put(served, "Date", date_now(served->server));
}

void bide__http_end_head(struct bide__http_served *served, int64_t length)
{
	/* Whoever has begun to stop means this one to be the last, too. */
	served->keep &= !served->server->shut;
	if (length >= 0) {
		bide__string_put(&served->out, "Content-Length: ");
		bide__string_put_number(&served->out, (unsigned long long)length);
		bide__string_add(&served->out, "\r\n", 2);
	}
	if (!served->keep)
		bide__http_put(served, "Connection", "close");
	else if (served->is_old)
		bide__http_put(served, "Connection", "keep-alive");
	bide__string_add(&served->out, "\r\n", 2);
	served->head = served->out.size;
}

void bide__http_put_body(struct bide__http_served *served, const void *data, size_t size)
{
	bide__string_add(&served->out, data, size);
}

/* Whether the other side has taken something of what the system holds for it since this was asked
 * the last time, with what it held then in *held. */
static bool is_taken(const struct bide__http_served *served, int *held)
{
	int now = 0;
	if (ioctl(bide_stream_fd(served->stream), SIOCOUTQ, &now) < 0)
		return false;
	const bool taken = now < *held;
	*held = now;
	return taken;
}

double bide__http_patience(const struct bide__http_served *served, int held)
{
	const double seconds = served->server->options.timeout_write;
	return held == INT_MAX ? seconds / 8 : seconds;
}

ssize_t bide__http_progress(const struct bide__http_served *served, ssize_t n, size_t size,
                            int fired, int *held)
{
	if (n > 0) {
		if ((size_t)n < size)
			(void)is_taken(served, held);
		return n;
	}
	if (fired == -ETIMEDOUT && is_taken(served, held))
		return 0;
	return fired < 0 ? fired : n < 0 ? n : -EIO;
}

/* Writes some bytes, which the other side must make room for in time. As bide__http_progress(). */
static ssize_t write_some(struct bide__http_served *served, const char *data, size_t size,
                          int *held)
{
	int fired;
	ssize_t n = 0;
	BIDE_TIMEOUT(bide__http_patience(served, *held), fired)
		n = bide_send(bide_stream_fd(served->stream), data, size, 0);
	return bide__http_progress(served, n, size, fired, held);
}

/* Past the stream, which tells nothing of a write before all of it has gone. */
int bide__http_flush(struct bide__http_served *served)
{
	struct bide__string *out = &served->out;
	int rc = out->failed ? -ENOMEM : 0, held = INT_MAX;
	size_t done = 0;
	while (rc == 0 && done < out->size) {
		const ssize_t n = write_some(served, out->data + done, out->size - done, &held);
		rc = n < 0 ? (int)n : 0;
		done += n > 0 ? (size_t)n : 0;
	}
	served->sent += done > served->head ? done - served->head : 0;
	served->head = out->size = 0;
	return rc;
}

int bide__http_finish_text(struct bide__http_served *served)
{
	const char *text = reason_of(served->status);
	const size_t size = strlen(text);
	bide__http_put(served, "Content-Type", "text/plain; charset=utf-8");
	bide__http_end_head(served, (int64_t)size + 1);
	if (!served->is_head) {
		bide__http_put_body(served, text, size);
		bide__http_put_body(served, "\n", 1);
	}
	return bide__http_flush(served);
}

int bide__http_answer(struct bide__http_served *served, int status)
{
	bide__http_begin(served, status);
	return bide__http_finish_text(served);
}
