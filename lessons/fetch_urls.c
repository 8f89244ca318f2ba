// SPDX-License-Identifier: MIT
/* fetch_urls.c: fetches pages at once within a session, and tells of each in the order given. */
#include "lesson.h"

#include <bide.h>
#include <bide/http.h>

#include <stdio.h>
#include <stdlib.h>

static BIDE_ASYNC(long, fetch, bide_http_session *, const char *);
static BIDE_ASYNC(int, fetch_urls, int, char **);

static long fetch(bide_http_session *session, const char *url)
{
	bide_http_response *response;
	void *content;
	int rc = bide_http_get(session, url, &response);
	if (rc < 0)
		return lesson_failed(url, rc);
	long size = (long)bide_http_bytes(response, &content);
	bide_http_response_close(response);
	return size < 0 ? lesson_failed(url, (int)size) : size;
}

/* Each page's size goes to the place of its URL, whichever comes first. */
static int gather(bide_http_session *session, int n, char **urls, long *sizes)
{
	bide_task **tasks = calloc((size_t)n, sizeof(bide_task *));
	if (tasks == NULL)
		return -ENOMEM;
	for (int i = 0; i < n; i++)
		tasks[i] = bide_spawn(fetch, session, urls[i]);
	int rc = bide_gather(tasks, (size_t)n, sizes);
	free(tasks);
	return rc;
}

static int fetch_urls(int n, char **urls)
{
	bide_http_session *session;
	long *sizes = calloc((size_t)n, sizeof(long));
	int rc = sizes == NULL ? -ENOMEM : bide_http_session_open(NULL, &session);
	if (rc == 0) {
		rc = gather(session, n, urls, sizes);
		bide_http_session_close(session);
	}
	for (int i = 0; i < n && rc == 0; i++)
		rc = lesson_print("Content from %s: %ld bytes\n", urls[i], sizes[i]);
	free(sizes);
	return rc;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s URL…\n", argv[0]);
		return 2;
	}
	return lesson_end(bide_run(fetch_urls, argc - 1, argv + 1));
}
