/* SPDX-License-Identifier: MIT */
/* For tests of a session against two servers, A and B, that have the pages which the test sets.
 * What they are asked for is in `log_text`, a line for each request, with the fields that matter
 * here:
 *
 *     A GET /path cookie=… authorization=… type=… body=… */
#ifndef PAGES_KIT_H
#define PAGES_KIT_H

#include "base/alloc.h"
#include "core/kinds_kit.h"

#include <bide/http.h>
#include <bide/serve.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct page {
	const char *path;   /* with the letter of its server before it */
	const char *status; /* "302 Found" */
	const char *to;     /* the field Location; a letter before '/' becomes the server's URL */
	const char *fields; /* others, each with its line's end */
};

static const struct page *pages; /* the last has no path */
static char log_text[16384];
static char origins[2][64]; /* "http://127.0.0.1:port", and of 127.0.0.2 */
static bide_server *server;
static bide_http_session *session;
static bide_http_options options;

/* ---- the servers -------------------------------------------------------------------------- */

static void log_put(const char *before, const char *text, size_t size)
{
	const size_t used = strlen(log_text);
	snprintf(log_text + used, sizeof log_text - used, "%s%.*s", before, (int)size, text);
}

static void log_field(const char *head, const char *field, const char *before)
{
	const char *at = strcasestr(head, field);
	if (at != NULL)
		log_put(before, at + strlen(field), strcspn(at + strlen(field), "\r"));
}

static const char *host_of(const char *head)
{
	const char *at = strstr(head, "\r\nHost: ");
	return at == NULL                                                    ? "?"
	       : strncmp(at + 8, origins[0] + 7, strcspn(at + 8, "\r")) == 0 ? "A"
	       : strncmp(at + 8, origins[1] + 7, strcspn(at + 8, "\r")) == 0 ? "B"
	                                                                     : "other";
}

static void log_request(const char *head, const char *body)
{
	log_put("", host_of(head), 10);
	log_put(" ", head, strcspn(head, " "));
	log_put(" ", strchr(head, ' ') + 1, strcspn(strchr(head, ' ') + 1, " "));
	log_field(head, "\r\nCookie: ", " cookie=");
	log_field(head, "\r\nAuthorization: ", " authorization=");
	log_field(head, "\r\nContent-Type: ", " type=");
	log_field(head, "\r\nReferer: ", " referer=");
	if (body[0] != '\0')
		log_put(" body=", body, strlen(body));
	log_put("\n", "", 0);
}

/* A URL with its origin in place of a letter; good until the fourth call from here. */
static const char *full(const char *url)
{
	static char texts[4][256];
	static unsigned n;
	if ((url[0] != 'A' && url[0] != 'B') || url[1] != '/')
		return url;
	char *text = texts[n++ % 4];
	snprintf(text, sizeof texts[0], "%s%s", origins[url[0] - 'A'], url + 1);
	return text;
}

static ssize_t answer(bide_stream *stream, const char *head)
{
	char text[8192], path[128];
	snprintf(path, sizeof path, "%s%.*s", host_of(head),
	         (int)strcspn(strchr(head, ' ') + 1, " ?"), strchr(head, ' ') + 1);
	const struct page *page = pages;
	while (page->path != NULL && strcmp(page->path, path) != 0)
		page++;
	const bool there = page->path != NULL;
	int n = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: 0\r\n%s%s%s%s\r\n",
	                 there && page->status != NULL ? page->status : "200 OK",
	                 there && page->to != NULL ? "Location: " : "",
	                 there && page->to != NULL ? full(page->to) : "",
	                 there && page->to != NULL ? "\r\n" : "",
	                 there && page->fields != NULL ? page->fields : "");
	return bide_stream_write(stream, text, (size_t)n);
}

static BIDE_ASYNC(int, serve, bide_stream *);
static int serve(bide_stream *stream)
{
	static const bide_bytes end = { "\r\n\r\n", 4 };
	const void *found;
	ssize_t n;
	while ((n = bide_stream_read_until(stream, &end, 1, &found)) > 0) {
		char head[8192], body[256] = "";
		snprintf(head, sizeof head, "%.*s", (int)n, (const char *)found);
		const char *length = strcasestr(head, "\r\nContent-Length: ");
		const size_t size = length != NULL ? (size_t)atoi(length + 18) : 0;
		if (size >= sizeof body ||
		    (size > 0 && bide_stream_read_exactly(stream, body, size) < (ssize_t)size))
			break;
		log_request(head, body);
		if (answer(stream, head) < 0)
			break;
	}
	return 0;
}

/* ---- the kit ------------------------------------------------------------------------------ */

static void start(void)
{
	static const struct page none = { .path = NULL };
	bide_address address;
	char text[BIDE_ADDRESS_MAX];
	pages = &none;
	log_text[0] = '\0';
	EXPECT_INT(bide_start_server("127.0.0.1,127.0.0.2", "0", NULL, &server, serve), 0);
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(bide_server_address(server, (size_t)i, &address), 0);
		snprintf(origins[i], sizeof origins[i], "http://%s",
		         bide_address_format(&address, text));
	}
	EXPECT_INT(bide_http_session_open(&options, &session), 0);
}

static void stop(void)
{
	bide_http_session_close(session);
	bide_server_close(server);
}

#define PAGES_TEST(name) STACKS_TEST(name, start(), stop())

/* Sets the only page. The servers' tasks read it, so it is not on the stack of the test's. */
static inline void set_page(struct page page)
{
	static struct page only[2];
	only[0] = page;
	pages = only;
}

/* Makes a request, and gives what the servers saw of it; or the error. */
static const char *journey(const bide_http_request *request)
{
	bide_http_response *response;
	log_text[0] = '\0';
	int rc = bide_http_send(session, request, &response);
	if (rc < 0)
		return bide_strerror(rc);
	bide_http_response_close(response);
	return log_text;
}

static inline const char *visit(const char *url)
{
	const bide_http_request request = { .url = full(url) };
	return journey(&request);
}

#endif
