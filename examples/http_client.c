// SPDX-License-Identifier: MIT
/* http_client.c SITE DIRECTORY NOBODY: what programs do with HTTP, one thing after another: pages,
 * forms, JSON, files in both directions, time-outs, retries, a proxy, errors. SITE is the URL of a
 * server that has what is asked for here, and is a proxy, too; files go into DIRECTORY; at the URL
 * NOBODY there is none. docs/howto/aiohttp.md shows it beside the same in Python. */
#include <bide.h>
#include <bide/http.h>
#include <errno.h>
#include <stdio.h>

enum { PAGES = 20, PATH_SIZE = 512 };

/* Writes a path of a site to a buffer, which it returns. */
static const char *join(char buf[PATH_SIZE], const char *site, const char *path)
{
	snprintf(buf, PATH_SIZE, "%s%s", site, path);
	return buf;
}

/* ---- one page ----------------------------------------------------------------------------- */

static BIDE_ASYNC(int, show, bide_http_session *, const bide_http_request *);

static int show(bide_http_session *session, const bide_http_request *request)
{
	bide_http_response *response;
	char *text;
	int rc = bide_http_send(session, request, &response);
	if (rc < 0)
		return rc;
	ssize_t size = bide_http_text(response, &text);
	if (size >= 0)
		printf("%d %s\n", bide_http_status(response), text);
	bide_http_response_close(response); /* and with it the text */
	return size < 0 ? (int)size : 0;
}

/* ---- many pages --------------------------------------------------------------------------- */

static BIDE_ASYNC(long, page_size, bide_http_session *, const char *, int);

static long page_size(bide_http_session *session, const char *site, int number)
{
	bide_http_response *response;
	char url[PATH_SIZE];
	void *data;
	snprintf(url, sizeof(url), "%s/page/%d", site, number);
	int rc = bide_http_get(session, url, &response);
	if (rc < 0)
		return rc;
	long size = (long)bide_http_bytes(response, &data);
	bide_http_response_close(response);
	return size;
}

static int many_pages(bide_http_session *session, const char *site)
{
	bide_task *tasks[PAGES];
	long sizes[PAGES], sum = 0;
	for (int i = 0; i < PAGES; i++)
		tasks[i] = bide_spawn(page_size, session, site, i);
	int rc = bide_gather(tasks, PAGES, sizes);
	if (rc < 0)
		return rc; /* of the first that failed; the others have been cancelled */
	for (int i = 0; i < PAGES; i++)
		sum += sizes[i];
	printf("%d pages: %ld bytes\n", PAGES, sum);
	return 0;
}

/* ---- what is sent ------------------------------------------------------------------------- */

static int search(bide_http_session *session, const char *site)
{
	char url[PATH_SIZE];
	const bide_http_request request = {
		.url = join(url, site, "/search"),
		.params = (const char *const[]){ "q", "salt & pepper", "page", "2", NULL },
		.headers = (const char *const[]){ "Accept: text/plain", NULL },
	};
	return show(session, &request);
}

static int add_note(bide_http_session *session, const char *site)
{
	char url[PATH_SIZE];
	const bide_http_request request = {
		.url = join(url, site, "/notes"),
		.json = "{\"text\": \"buy salt\", \"urgent\": true}",
	};
	return show(session, &request);
}

static int log_in(bide_http_session *session, const char *site)
{
	char url[PATH_SIZE], user[BIDE_HTTP_COOKIE_MAX];
	const bide_http_request request = {
		.url = join(url, site, "/login"),
		.form = (const char *const[]){ "user", "ada", "password", "secret", NULL },
	};
	int rc = show(session, &request); /* which is redirected, with the cookie that it got */
	if (rc < 0)
		return rc;
	ssize_t size = bide_http_cookies_get(bide_http_session_cookies(session), site, "user", user,
	                                     sizeof(user));
	if (size >= 0)
		printf("the cookie is %s\n", user);
	return size < 0 ? (int)size : 0;
}

static int upload(bide_http_session *session, const char *site, const char *path)
{
	char url[PATH_SIZE];
	const bide_http_part parts[] = {
		{ .name = "title", .text = "Holidays" },
		{ .name = "photo", .source = bide_http_from_file(path), .type = "image/jpeg" },
		{ .name = NULL },
	};
	const bide_http_request request = {
		.url = join(url, site, "/upload"),
		.source = bide_http_from_parts(parts),
	};
	return show(session, &request);
}

/* ---- what is too large for memory --------------------------------------------------------- */

static int download(bide_http_session *session, const char *site, const char *path)
{
	bide_http_response *response;
	char url[PATH_SIZE];
	int rc = bide_http_get(session, join(url, site, "/photo.jpg"), &response);
	if (rc < 0)
		return rc;
	int64_t size = bide_http_status(response) == 200 ? bide_http_save(response, path, NULL)
	                                                 : -EREMOTEIO;
	bide_http_response_close(response);
	if (size >= 0)
		printf("%lld bytes saved\n", (long long)size);
	return size < 0 ? (int)size : 0;
}

static int count_lines(bide_http_session *session, const char *site)
{
	bide_http_response *response;
	char url[PATH_SIZE], piece[16384];
	ssize_t n;
	long lines = 0;
	int rc = bide_http_get(session, join(url, site, "/log"), &response);
	if (rc < 0)
		return rc;
	while ((n = bide_http_read(response, piece, sizeof(piece))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += piece[i] == '\n';
	bide_http_response_close(response);
	if (n == 0)
		printf("%ld lines\n", lines);
	return (int)n;
}

/* ---- what goes wrong ---------------------------------------------------------------------- */

static int be_impatient(bide_http_session *session, const char *site)
{
	char url[PATH_SIZE];
	const bide_http_request request = { .url = join(url, site, "/slow") };
	int late, rc = 0;
	BIDE_TIMEOUT(0.2, late) {
		rc = show(session, &request);
	}
	if (late == -ETIMEDOUT)
		printf("too slow\n");
	return late == -ETIMEDOUT ? 0 : rc;
}

static int change_your_mind(bide_http_session *session, const char *site)
{
	char url[PATH_SIZE];
	const bide_http_request request = { .url = join(url, site, "/slow") };
	bide_task *task = bide_spawn(show, session, &request);
	int rc = bide_sleep(0.1);
	bide_cancel(task);
	if (bide_join(task) == -ECANCELED)
		printf("given up\n");
	return rc;
}

static int be_stubborn(bide_http_session *session, const char *site)
{
	char url[PATH_SIZE];
	const bide_http_request request = {
		.url = join(url, site, "/busy"),
		.retry = &(const bide_http_retry){ .attempts = 4, .delay = 0.05 },
	};
	return show(session, &request);
}

static int through_proxy(bide_http_session *session, const char *proxy)
{
	const bide_http_request request = {
		.url = "http://elsewhere.example/news",
		.proxy = proxy,
	};
	return show(session, &request);
}

static int must_be_there(bide_http_session *session, const char *url)
{
	bide_http_response *response;
	int rc = bide_http_get(session, url, &response);
	if (rc < 0)
		return rc;
	int status = bide_http_status(response);
	bide_http_response_close(response);
	return status == 404 || status == 410 ? -ENOENT : status >= 400 ? -EREMOTEIO : 0;
}

static void what_is_wrong(bide_http_session *session, const char *url)
{
	int rc = must_be_there(session, url);
	switch (rc) {
	case 0:
		printf("nothing is wrong\n");
		break;
	case -ENOENT:
		printf("there is no such page\n");
		break;
	case -ECONNREFUSED:
		printf("nobody listens\n");
		break;
	case -BIDE_EHTTP_TIMEOUT:
	case -BIDE_EHTTP_TIMEOUT_CONNECT:
	case -BIDE_EHTTP_TIMEOUT_READ:
		printf("it takes too long\n");
		break;
	default:
		printf("%s\n", bide_strerror(rc));
	}
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int use(bide_http_session *session, const char *site, const char *directory)
{
	char url[PATH_SIZE], path[PATH_SIZE];
	const bide_http_request first = { .url = join(url, site, "/page/1") };
	int rc = show(session, &first);
	rc = rc < 0 ? rc : many_pages(session, site);
	rc = rc < 0 ? rc : search(session, site);
	rc = rc < 0 ? rc : add_note(session, site);
	rc = rc < 0 ? rc : log_in(session, site);
	rc = rc < 0 ? rc : download(session, site, join(path, directory, "/photo.jpg"));
	rc = rc < 0 ? rc : upload(session, site, path);
	rc = rc < 0 ? rc : count_lines(session, site);
	rc = rc < 0 ? rc : be_impatient(session, site);
	rc = rc < 0 ? rc : change_your_mind(session, site);
	rc = rc < 0 ? rc : be_stubborn(session, site);
	return rc < 0 ? rc : through_proxy(session, site);
}

static BIDE_ASYNC(int, run, char **);

static int run(char **arguments)
{
	const bide_http_options options = {
		.limit = 50,
		.limit_per_host = 8,
		.timeout = 60,
		.timeout_connect = 5,
		.timeout_read = 10,
		.headers = (const char *const[]){ "Accept-Language: en", NULL },
	};
	char url[PATH_SIZE];
	bide_http_session *session;
	int rc = bide_http_session_open(&options, &session);
	if (rc < 0)
		return rc;
	rc = use(session, arguments[1], arguments[2]);
	if (rc == 0) {
		what_is_wrong(session, join(url, arguments[1], "/no/such/page"));
		what_is_wrong(session, arguments[3]);
	}
	bide_http_session_close(session);
	return rc;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: %s SITE DIRECTORY NOBODY\n", argv[0]);
		return 2;
	}
	int rc = bide_run(run, argv);
	if (rc < 0)
		fprintf(stderr, "%s\n", bide_strerror(rc));
	return rc < 0;
}
