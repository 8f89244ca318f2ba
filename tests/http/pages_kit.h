/* SPDX-License-Identifier: MIT */
/* For tests of a session against two servers, A and B, that have the pages which the test sets.
 * What they are asked for is in `log_text`, a line for each request, with the fields that matter
 * here:
 *
 *     A GET /path cookie=… authorization=… type=… body=… */
#ifndef PAGES_KIT_H
#define PAGES_KIT_H

#include "base/alloc.h"
#include "http/origin.h"

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
	log_field(head, "\r\nExpect: ", " expect=");
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

static bool answer_page(bide_stream *stream, const char *target)
{
	char path[128], fields[1024];
	log_request(origin.head, origin.body);
	snprintf(path, sizeof path, "%s%.*s", host_of(origin.head), (int)strcspn(target, "?"),
	         target);
	const struct page *page = pages;
	while (page->path != NULL && strcmp(page->path, path) != 0)
		page++;
	if (page->path == NULL)
		return origin_respond(stream, "200 OK", "", "");
	snprintf(fields, sizeof fields, "%s%s%s%s", page->to != NULL ? "Location: " : "",
	         page->to != NULL ? full(page->to) : "", page->to != NULL ? "\r\n" : "",
	         page->fields != NULL ? page->fields : "");
	return origin_respond(stream, page->status != NULL ? page->status : "200 OK", fields, "");
}

/* ---- the kit ------------------------------------------------------------------------------ */

static void start(void)
{
	static const struct page none = { .path = NULL };
	char buf[16];
	pages = &none;
	log_text[0] = '\0';
	origin_start("127.0.0.1,127.0.0.2");
	origin.answer = answer_page;
	for (int i = 0; i < 2; i++)
		snprintf(origins[i], sizeof origins[i], "http://127.0.0.%d:%s", i + 1,
		         port_of(server, (size_t)i, buf));
	open_session(NULL);
}

#define PAGES_TEST(name) STACKS_TEST(name, start(), origin_stop())

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
