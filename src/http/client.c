// SPDX-License-Identifier: MIT
/* client.c: requests from the first to the last: turns, retries, redirects. */
#include "http/session.h"

#include "base/alloc.h"

#include <bide/task.h>

#include <string.h>
#include <time.h>

/* ---- responses ---------------------------------------------------------------------------- */

/* Does what the response says in Set-Cookie; what is ignored is no error. 0 or -ENOMEM. */
static int take_cookies(const struct bide__http_errand *errand, const struct bide__string *head)
{
	bide_http_cookies *cookies = errand->session->cookies;
	const char *value = cookies != NULL ? bide__http_field(head, "Set-Cookie", NULL) : NULL;
	if (value == NULL)
		return 0;
	const bool secure = bide__cookie_is_secure(&errand->url, errand->route.proxy == NULL);
	const int64_t now = time(NULL);
	for (; value != NULL; value = bide__http_field(head, "Set-Cookie", value))
		if (bide__cookies_take(cookies, &errand->url, secure, value, now) == -ENOMEM)
			return -ENOMEM;
	return 0;
}

/* Makes a response of what has come on a connection, which is the response's then, or closed. */
static int make_response(struct bide__http_errand *errand, struct bide__http_connection *connection,
                         bide_http_response **ret_response)
{
	const size_t size = strlen(errand->url.text) + 1;
	bide_http_response *response = bide__malloc(sizeof(*response) + size);
	int rc = response != NULL ? take_cookies(errand, &connection->parser.head) : -ENOMEM;
	errand->trace.peer = NULL;
	if (rc < 0) {
		bide__http_release(errand->session, connection, false);
		bide__free(response);
		return rc;
	}
	*response = (bide_http_response){ .session = errand->session,
		                          .connection = connection,
		                          .head = connection->parser.head,
		                          .status = connection->parser.llhttp.status_code,
		                          .trace = errand->trace,
		                          .peer = connection->peer };
	memcpy(response->url, errand->url.text, size);
	connection->parser.head = (struct bide__string){ NULL, 0, 0, false };
	connection->trace = &response->trace;
	response->trace.url = response->url;
	response->trace.peer = &response->peer;
	errand->session->users++;
	*ret_response = response;
	return 0;
}

static void response_free(bide_http_response *response)
{
	bide__http_let_go(response);
	response->session->users--;
	bide__http_finish_body(response);
	bide__string_free(&response->head);
	bide__http_hops_free(&response->hops);
	bide__free(response);
}

void bide_http_response_close(bide_http_response *response)
{
	if (response == NULL)
		return;
	bide__http_let_go(response);
	bide__http_note(&response->trace, BIDE_HTTP_CLOSED, 0);
	response_free(response);
}

/* Closes a response that nobody is to see. */
static void drop(bide_http_response *response)
{
	bide__http_skip(response);
	response_free(response);
}

/* ---- once, and once more ------------------------------------------------------------------ */

static int go_once(struct bide__http_errand *errand, bide_http_response **ret_response)
{
	struct bide__http_connection *connection = NULL;
	int rc = bide__http_find_route(errand);
	if (rc < 0)
		return rc;
	bide__http_trace_again(&errand->trace);
	rc = bide__http_acquire(errand, &connection);
	if (rc < 0)
		return rc;
	rc = bide__http_exchange(errand, connection);
	if (rc == 0)
		return make_response(errand, connection, ret_response);
	errand->trace.peer = NULL;
	bide__http_release(errand->session, connection, false);
	return rc;
}

/* Gives what is answered in the end. */
static int go_to_here(struct bide__http_errand *errand, bide_http_response **ret_response)
{
	errand->fresh = false;
	for (;;) {
		bide_http_response *response = NULL;
		double delay;
		int rc = go_once(errand, &response);
		if (!bide__http_repeats(errand, rc, response, &delay)) {
			if (rc == 0)
				*ret_response = response;
			return rc;
		}
		if (rc == 0)
			drop(response);
		errand->trace.delay = delay;
		bide__http_note(&errand->trace, BIDE_HTTP_RETRY, rc);
		rc = delay > 0 ? bide_sleep(delay) : 0;
		if (rc < 0)
			return rc;
	}
}

/* ---- redirects ---------------------------------------------------------------------------- */

/* RFC 9110, 15.4: what was to be sent has been, and its result is to be got. */
static bool becomes_get(const char *method, int status)
{
	const bool moved = status == 301 || status == 302;
	return (status == 303 && strcmp(method, "HEAD") != 0) ||
	       (moved && strcmp(method, "POST") == 0);
}

static const char *redirected_to(const struct bide__http_errand *errand,
                                 const bide_http_response *response)
{
	switch (response->status) {
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		break;
	default:
		return NULL;
	}
	if (errand->request->no_redirects || errand->session->options.redirects < 0)
		return NULL;
	if (errand->body.begun && !becomes_get(errand->method, response->status))
		return NULL;
	return bide_http_header(response, "Location", NULL);
}

/* Who knows a URL's user knows that of another one of its origin. That URL stays until the end. */
static void lend_user(struct bide__url *url, const struct bide__url *from)
{
	if (url->user != NULL || !bide__url_same_origin(url, from))
		return;
	url->user = from->user;
	url->password = from->password;
}

/* Goes to another URL, which is the errand's then. Whoever has led it away from its origin could
 * choose what it asks for when it comes back: it has no credentials any more. */
static int go_to(struct bide__http_errand *errand, const struct bide__url *url)
{
	const bool down = errand->url.secure && !url->secure;
	if (errand->first.host == NULL)
		errand->first = errand->url;
	else
		bide__url_finish(&errand->url);
	errand->url = *url;
	if (!bide__url_same_origin(&errand->first, url))
		errand->foreign = true;
	if (!errand->foreign)
		lend_user(&errand->url, &errand->first);
	return down && !errand->session->options.allow_downgrade ? -BIDE_EHTTP_DOWNGRADE : 0;
}

/* Finds where a response leads. A user whom no field can tell is the location's mistake: RFC 7617,
 * 2. */
static int locate(const struct bide__http_errand *errand, const char *location,
                  struct bide__url *ret_url)
{
	int rc = bide__url_resolve(&errand->url, location, ret_url);
	if (rc == 0 && ret_url->user != NULL && strchr(ret_url->user, ':') != NULL) {
		bide__url_finish(ret_url);
		rc = -BIDE_EHTTP_URL;
	}
	return rc == -BIDE_EHTTP_URL ? -BIDE_EHTTP_LOCATION : rc;
}

/* Turns the errand to where a response leads: RFC 9110, 15.4. */
static int turn_to(struct bide__http_errand *errand, int status, const char *location)
{
	struct bide__url url;
	if (errand->hops.n > errand->session->options.redirects)
		return -BIDE_EHTTP_REDIRECTS;
	int rc = locate(errand, location, &url);
	if (rc == 0)
		rc = go_to(errand, &url);
	if (rc < 0)
		return rc;
	if (becomes_get(errand->method, status)) {
		errand->method = "GET";
		errand->expect = false;
		bide__http_body_close(&errand->body);
		errand->bodiless = true;
	}
	return 0;
}

/* What the hook is told of where the errand has come. */
static void name_errand(struct bide__http_errand *errand)
{
	errand->trace.url = errand->url.text;
	errand->trace.method = errand->method;
}

static int go(struct bide__http_errand *errand, bide_http_response **ret_response)
{
	for (;;) {
		bide_http_response *response = NULL;
		int rc = go_to_here(errand, &response);
		if (rc < 0)
			return rc;
		const char *location = redirected_to(errand, response);
		if (location == NULL) {
			rc = bide__http_begin_body(response);
			response->hops = bide__http_hops_take(&errand->hops);
			if (rc == 0)
				*ret_response = response;
			else
				response_free(response);
			return rc;
		}
		rc = bide__http_hops_add(&errand->hops, response->status, response->url);
		if (rc == 0) {
			errand->trace.url = errand->hops.at[errand->hops.n - 1].url;
			rc = turn_to(errand, response->status, location);
		}
		drop(response);
		if (rc < 0)
			return rc;
		bide__http_note(&errand->trace, BIDE_HTTP_REDIRECT, 0);
		name_errand(errand);
	}
}

/* ---- the calls ---------------------------------------------------------------------------- */

/* Ways that exclude each other are refused. */
static int parse_proxy(struct bide__http_errand *errand)
{
	const char *proxy = errand->request->proxy;
	if (proxy != NULL && errand->request->unix_path != NULL)
		return -EINVAL;
	return proxy != NULL && proxy[0] != '\0' ? bide__proxy_parse(proxy, &errand->proxy) : 0;
}

/* The URL that a text means: where it is relative, to the request's base or the session's. */
static int resolve_url(struct bide__http_errand *errand, const char *text)
{
	const struct bide__url *base = &errand->session->base;
	int rc = 0;
	if (errand->request->base_url != NULL) {
		rc = bide__url_parse(errand->request->base_url, &errand->base);
		base = &errand->base;
	}
	if (rc < 0 || base->text == NULL)
		return rc < 0 ? rc : bide__url_parse(text, &errand->url);
	rc = bide__url_resolve(base, text, &errand->url);
	if (rc == 0)
		lend_user(&errand->url, base);
	return rc;
}

/* The URL with the parameters in its query. */
static int parse_url(struct bide__http_errand *errand)
{
	const bide_http_request *request = errand->request;
	struct bide__string text = { NULL, 0, 0, false };
	const size_t size = strcspn(request->url, "#");
	if (request->params == NULL || request->params[0] == NULL)
		return resolve_url(errand, request->url);
	bide__string_add(&text, request->url, size);
	bide__string_put_char(&text, memchr(request->url, '?', size) != NULL ? '&' : '?');
	int rc = bide__http_put_form(&text, request->params);
	if (rc == 0)
		rc = bide__string_end(&text);
	if (rc == 0)
		rc = resolve_url(errand, text.data);
	bide__string_free(&text);
	return rc;
}

/* Takes the request apart. The hook is told of its method and its URL whatever else is wrong. */
static int take(struct bide__http_errand *errand)
{
	const bide_http_request *request = errand->request;
	errand->method = request->method;
	if (errand->method == NULL)
		errand->method = bide__http_has_body(request) ? "POST" : "GET";
	int rc = request->url != NULL ? parse_url(errand) : -EINVAL;
	name_errand(errand);
	return rc;
}

static int start(struct bide__http_errand *errand)
{
	const bide_http_request *request = errand->request;
	int rc = take(errand);
	if (rc == 0 && (!(request->timeout >= 0) || !bide__http_retry_is_valid(request->retry)))
		rc = -EINVAL;
	if (rc == 0)
		rc = parse_proxy(errand);
	if (rc == 0)
		rc = bide__http_body_open(request, &errand->body);
	errand->expect = request->expect_continue && errand->body.size != 0;
	return rc;
}

int bide_http_send(bide_http_session *session, const bide_http_request *request,
                   bide_http_response **ret_response)
{
	struct bide__http_errand errand = { .session = session, .request = request };
	int fired = 0;
	bide__http_check_session(session, "bide_http_send");
	session->users++;
	const double timeout = request->timeout != 0 ? request->timeout : session->options.timeout;
	bide__http_trace_begin(&errand.trace, session, request->context);
	errand.trace.deadline = bide_now() + timeout;
	int rc = start(&errand);
	bide__http_note(&errand.trace, BIDE_HTTP_START, 0);
	if (rc == 0) {
		BIDE_TIMEOUT(timeout, fired)
			rc = go(&errand, ret_response);
		rc = (int)bide__http_timed(fired, rc, -BIDE_EHTTP_TIMEOUT);
	}
	if (rc < 0)
		bide__http_note(&errand.trace, BIDE_HTTP_FAILED, rc);
	else
		(*ret_response)->trace.method = NULL;
	session->users--;
	bide__url_finish(&errand.first);
	bide__url_finish(&errand.url);
	bide__url_finish(&errand.base);
	bide__url_finish(&errand.proxy);
	bide__http_hops_free(&errand.hops);
	bide__http_body_close(&errand.body);
	return rc;
}

static int send_plain(bide_http_session *session, const char *method, const char *url,
                      bide_http_response **ret_response)
{
	const bide_http_request request = { .method = method, .url = url };
	return bide_http_send(session, &request, ret_response);
}

int bide_http_get(bide_http_session *session, const char *url, bide_http_response **ret_response)
{
	return send_plain(session, "GET", url, ret_response);
}

int bide_http_head(bide_http_session *session, const char *url, bide_http_response **ret_response)
{
	return send_plain(session, "HEAD", url, ret_response);
}

int bide_http_delete(bide_http_session *session, const char *url, bide_http_response **ret_response)
{
	return send_plain(session, "DELETE", url, ret_response);
}

static int send_typed(bide_http_session *session, const char *method, const char *url,
                      const char *type, bide_bytes body, bide_http_response **ret_response)
{
	const bide_http_request request = { .method = method,
		                            .url = url,
		                            .type = type,
		                            .body = body.data,
		                            .body_size = body.size };
	return bide_http_send(session, &request, ret_response);
}

int bide_http_post(bide_http_session *session, const char *url, const char *type, const void *body,
                   size_t size, bide_http_response **ret_response)
{
	const bide_bytes bytes = { body, size };
	return send_typed(session, "POST", url, type, bytes, ret_response);
}

int bide_http_put(bide_http_session *session, const char *url, const char *type, const void *body,
                  size_t size, bide_http_response **ret_response)
{
	const bide_bytes bytes = { body, size };
	return send_typed(session, "PUT", url, type, bytes, ret_response);
}

int bide_http_patch(bide_http_session *session, const char *url, const char *type, const void *body,
                    size_t size, bide_http_response **ret_response)
{
	const bide_bytes bytes = { body, size };
	return send_typed(session, "PATCH", url, type, bytes, ret_response);
}

int bide_http_post_json(bide_http_session *session, const char *url, const char *json,
                        bide_http_response **ret_response)
{
	const bide_http_request request = { .url = url, .json = json };
	return bide_http_send(session, &request, ret_response);
}

int bide_http_status(const bide_http_response *response)
{
	return response->status;
}

const char *bide_http_url(const bide_http_response *response)
{
	return response->url;
}

const bide_http_times *bide_http_times_of(const bide_http_response *response)
{
	return &response->trace.times;
}

const bide_address *bide_http_peer_address(const bide_http_response *response)
{
	return &response->peer;
}

const char *bide_http_header(const bide_http_response *response, const char *name, const char *last)
{
	return bide__http_field(&response->head, name, last);
}

const char *bide_http_next_header(const bide_http_response *response, const char **value)
{
	const char *name = bide__http_next_name(&response->head, *value);
	if (name != NULL)
		*value = name + strlen(name) + 1;
	return name;
}
