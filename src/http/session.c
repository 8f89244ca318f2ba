// SPDX-License-Identifier: MIT
/* session.c: opening and closing sessions; their options. */
#include "http/session.h"

#include "base/alloc.h"
#include "core/beside.h"
#include "http/field.h"

#include <math.h>
#include <string.h>

static void set_default(double *seconds, double usual)
{
	if (*seconds == 0)
		*seconds = usual;
}

static bool is_time(double seconds)
{
	return seconds >= 0;
}

static bool are_valid(const bide_http_options *options)
{
	for (const char *const *it = options->headers; it != NULL && *it != NULL; it++)
		if (!bide__http_is_header(*it))
			return false;
	if (options->user_agent != NULL && !bide__http_is_value(options->user_agent))
		return false;
	if (options->proxy != NULL && options->unix_path != NULL)
		return false;
	if (options->cookies != NULL && options->no_cookies)
		return false;
	if (!bide__http_retry_is_valid(options->retry))
		return false;
	return options->limit >= 0 && options->limit_per_host >= 0 && options->redirects >= -1 &&
	       is_time(options->keep_alive) && is_time(options->timeout) &&
	       is_time(options->timeout_pool) && is_time(options->timeout_connect) &&
	       is_time(options->timeout_tls) && is_time(options->timeout_write) &&
	       is_time(options->timeout_continue) && is_time(options->timeout_read);
}

static void set_defaults(bide_http_options *options)
{
	enum { LIMIT = 100, REDIRECTS = 10, BODY_LIMIT = 256 << 20 };
	if (options->limit == 0)
		options->limit = LIMIT;
	if (options->redirects == 0)
		options->redirects = REDIRECTS;
	if (options->body_limit == 0)
		options->body_limit = BODY_LIMIT;
	set_default(&options->keep_alive, 15);
	set_default(&options->timeout, 300);
	set_default(&options->timeout_pool, (double)INFINITY);
	set_default(&options->timeout_connect, 30);
	set_default(&options->timeout_tls, 30);
	set_default(&options->timeout_write, (double)INFINITY);
	set_default(&options->timeout_continue, 1);
	set_default(&options->timeout_read, 60);
}

/* ---- strings ------------------------------------------------------------------------------ */

static size_t count(const char *const *headers)
{
	size_t n = 0;
	while (headers != NULL && headers[n] != NULL)
		n++;
	return n;
}

static void put_or_nothing(struct bide__string *all, const char *text)
{
	if (text != NULL)
		bide__string_add(all, text, strlen(text) + 1);
}

/* Has an option point to its copy, which is next. */
static void take_or_nothing(const char **option, char **at)
{
	if (*option == NULL)
		return;
	*option = *at;
	*at += strlen(*at) + 1;
}

/* Copies what the options point to into one block. 0 or -ENOMEM. */
static int copy_strings(bide_http_session *session)
{
	bide_http_options *options = &session->options;
	const size_t n = count(options->headers);
	struct bide__string all = { NULL, 0, 0, false };
	for (size_t i = 0; i < n; i++)
		bide__string_add(&all, options->headers[i], strlen(options->headers[i]) + 1);
	const char *agent = options->user_agent;
	if (agent == NULL) {
		bide__string_put(&all, "bide/");
		agent = bide_version();
	}
	bide__string_add(&all, agent, strlen(agent) + 1);
	put_or_nothing(&all, options->unix_path);
	put_or_nothing(&all, options->local);
	session->headers = bide__calloc(n + 1, sizeof(char *));
	if (bide__string_end(&all) < 0)
		return -ENOMEM;
	session->strings = all.data;
	if (session->headers == NULL)
		return -ENOMEM;
	char *at = all.data;
	for (size_t i = 0; i < n; i++, at += strlen(at) + 1)
		session->headers[i] = at;
	options->headers = (const char *const *)session->headers;
	options->user_agent = at;
	at += strlen(at) + 1;
	take_or_nothing(&options->unix_path, &at);
	take_or_nothing(&options->local, &at);
	return 0;
}

/* ---- numbers ------------------------------------------------------------------------------ */

static size_t count_numbers(const int *list)
{
	size_t n = 0;
	while (list != NULL && list[n] != 0)
		n++;
	return list != NULL ? n + 1 : 0;
}

/* Has a list point to its copy, which is next. */
static void copy_numbers(const int **list, int **at)
{
	const size_t n = count_numbers(*list);
	if (n == 0)
		return;
	memcpy(*at, *list, n * sizeof(int));
	*list = *at;
	*at += n;
}

static int copy_retry(bide_http_session *session, const bide_http_retry *retry)
{
	if (retry == NULL)
		return 0;
	session->retry = *retry;
	session->numbers = bide__calloc(
		count_numbers(retry->statuses) + count_numbers(retry->errors) + 1, sizeof(int));
	if (session->numbers == NULL)
		return -ENOMEM;
	int *at = session->numbers;
	copy_numbers(&session->retry.statuses, &at);
	copy_numbers(&session->retry.errors, &at);
	return 0;
}

/* ---- the calls ---------------------------------------------------------------------------- */

static int have_cookies(bide_http_session *session)
{
	if (session->options.no_cookies)
		return 0;
	if (session->options.cookies == NULL)
		return bide_http_cookies_open(&session->cookies);
	session->cookies = bide_http_cookies_ref(session->options.cookies);
	return 0;
}

void bide__http_session_leave(bide_http_session *session)
{
	if (--session->holders > 0)
		return;
	bide_http_cookies_unref(session->cookies);
	bide_tls_unref(session->tls);
	bide_tls_unref(session->proxy_tls);
	bide__proxies_finish(&session->proxies);
	bide__url_finish(&session->base);
	bide__string_free(&session->key);
	bide__free(session->hosts);
	bide__free(session->headers);
	bide__free(session->strings);
	bide__free(session->numbers);
	bide__free(session);
}

static int set_proxies(bide_http_session *session, const bide_http_options *options)
{
	if (options->proxy != NULL)
		return bide__proxies_set(&session->proxies, options->proxy);
	return options->proxy_from_environment ? bide__proxies_read(&session->proxies) : 0;
}

int bide_http_session_open(const bide_http_options *options, bide_http_session **ret_session)
{
	static const bide_http_options defaults = { .limit = 0 };
	if (bide_current_loop() == NULL)
		bide__abort("bide_http_session_open", "no loop on this thread");
	if (options == NULL)
		options = &defaults;
	if (!are_valid(options))
		return -EINVAL;
	bide_http_session *session = bide__calloc(1, sizeof(*session));
	if (session == NULL)
		return -ENOMEM;
	session->holders = 1;
	session->options = *options;
	set_defaults(&session->options);
	session->loop = bide_current_loop();
	bide_event_init(&session->ended);
	bide_semaphore_init(&session->turn, (size_t)session->options.limit);
	int rc = copy_strings(session);
	if (rc == 0 && options->base_url != NULL)
		rc = bide__url_parse(options->base_url, &session->base);
	if (rc == 0)
		rc = set_proxies(session, options);
	if (rc == 0)
		rc = copy_retry(session, options->retry);
	if (rc == 0)
		rc = have_cookies(session);
	if (rc < 0) {
		bide__http_session_leave(session);
		return rc;
	}
	if (options->tls != NULL)
		session->tls = bide_tls_ref(options->tls);
	if (options->proxy_tls != NULL)
		session->proxy_tls = bide_tls_ref(options->proxy_tls);
	*ret_session = session;
	return 0;
}

bide_http_cookies *bide_http_session_cookies(bide_http_session *session)
{
	return session->cookies;
}

void bide__http_check_session(const bide_http_session *session, const char *call)
{
	if (session == NULL)
		bide__abort(call, "there is no session");
	if (session->loop != bide_current_loop())
		bide__abort(call, "the session is not of this thread's loop");
	if (session->closed)
		bide__abort(call, "the session is being closed");
}

void bide_http_session_close(bide_http_session *session)
{
	if (session == NULL)
		return;
	bide__http_check_session(session, "bide_http_session_close");
	if (session->users > 0)
		bide__abort("bide_http_session_close", "%u requests or responses are open",
		            session->users);
	session->closed = true;
	bide_event_set(&session->ended);
	bide__http_close_idle(session);
	bide__http_session_leave(session);
}
