// SPDX-License-Identifier: MIT
/* request.c: heads of requests. What would make two of one message is refused: RFC 9112, 11.2. */
#include "http/session.h"

#include "http/decoder.h"
#include "http/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* ---- headers ------------------------------------------------------------------------------ */

static bool is_named(const char *header, const char *name)
{
	const size_t size = bide__http_token_size(header);
	return size == strlen(name) && strncasecmp(header, name, size) == 0;
}

/* How long a message is, is said here and nowhere else; and who the user is to a proxy, which no
 * host is to see, by the proxy's URL. */
bool bide__http_is_header(const char *header)
{
	const size_t name = bide__http_token_size(header);
	return name > 0 && header[name] == ':' && bide__http_is_value(header + name + 1) &&
	       !is_named(header, "Content-Length") && !is_named(header, "Transfer-Encoding") &&
	       !is_named(header, "Proxy-Authorization");
}

static bool are_headers(const char *const *headers)
{
	for (; headers != NULL && *headers != NULL; headers++)
		if (!bide__http_is_header(*headers))
			return false;
	return true;
}

static bool has(const char *const *headers, const char *name)
{
	for (; headers != NULL && *headers != NULL; headers++)
		if (is_named(*headers, name))
			return true;
	return false;
}

/* Whether one of the fields Connection among some headers has an option "close". */
static bool have_close(const char *const *headers)
{
	static const char name[] = "Connection", between[] = " \t,";
	for (; headers != NULL && *headers != NULL; headers++) {
		if (!is_named(*headers, name))
			continue;
		for (const char *at = *headers + sizeof(name); *at != '\0';) {
			at += strspn(at, between);
			const size_t size = strcspn(at, between);
			if (size == 5 && strncasecmp(at, "close", size) == 0)
				return true;
			at += size;
		}
	}
	return false;
}

bool bide__http_is_last(const struct bide__http_errand *errand)
{
	const char *const *mine = errand->request->headers;
	return have_close(has(mine, "Connection") ? mine : errand->session->options.headers);
}

/* What only the origin that was asked for is to see, or can make sense of. */
static bool is_private(const char *header)
{
	return is_named(header, "Authorization") || is_named(header, "Cookie") ||
	       is_named(header, "Host");
}

/* What has no meaning without a body: RFC 9110, 10.1.1 and 15.4. */
static bool is_of_body(const char *header)
{
	static const char prefix[] = "Content-";
	return strncasecmp(header, prefix, strlen(prefix)) == 0 || is_named(header, "Expect");
}

/* What is not for where the errand has come. */
static bool is_left(const struct bide__http_errand *errand, const char *header)
{
	return (errand->foreign && is_private(header)) || (errand->bodiless && is_of_body(header));
}

static bool wants_range(const bide_http_request *request)
{
	return request->range_from != 0 || request->range_size != 0;
}

/* What the request says by a header of its own, or in another way, goes before the session's. To
 * what range a validator belongs is said beside it. */
static bool is_overridden(const struct bide__http_errand *errand, const char *header)
{
	const bide_http_request *request = errand->request;
	const size_t name = bide__http_token_size(header);
	for (const char *const *it = request->headers; it != NULL && *it != NULL; it++)
		if (bide__http_token_size(*it) == name && strncasecmp(*it, header, name) == 0)
			return true;
	if (is_named(header, "Content-Type"))
		return errand->body.content_type != NULL;
	if (is_named(header, "Expect"))
		return errand->expect;
	if (is_named(header, "Range") || is_named(header, "If-Range"))
		return wants_range(request) || has(request->headers, "Range");
	return is_named(header, "Authorization") &&
	       (request->bearer != NULL || request->user != NULL || errand->url.user != NULL);
}

/* Those of the request, or @p ours, the session's. @p cookies: Cookie is put by put_cookies(). */
static void put_headers(struct bide__string *head, const struct bide__http_errand *errand,
                        bool ours, bool cookies)
{
	const char *const *headers =
		ours ? errand->session->options.headers : errand->request->headers;
	for (; headers != NULL && *headers != NULL; headers++) {
		if (is_left(errand, *headers) || (ours && is_overridden(errand, *headers)) ||
		    (cookies && is_named(*headers, "Cookie")))
			continue;
		bide__string_put(head, *headers);
		bide__string_put(head, "\r\n");
	}
}

/* The user's cookies and the jar's go into one field: RFC 6265bis, 5.8.1. */
static void put_cookies(struct bide__string *head, const struct bide__http_errand *errand)
{
	const char *const *mine = errand->request->headers;
	const char *const *own = has(mine, "Cookie") ? mine : errand->session->options.headers;
	struct bide__string line = { NULL, 0, 0, false };
	for (; !errand->foreign && own != NULL && *own != NULL; own++) {
		if (!is_named(*own, "Cookie"))
			continue;
		const char *value = strchr(*own, ':') + 1;
		bide__string_put(&line, line.size > 0 ? "; " : "");
		bide__string_put(&line, value + strspn(value, " \t"));
	}
	if ((line.size > 0 || line.failed) && bide__string_end(&line) < 0)
		head->failed = true;
	const bool secure = bide__cookie_is_secure(&errand->url, errand->route.proxy == NULL);
	bide__cookies_write(errand->session->cookies, &errand->url, secure, line.data, time(NULL),
	                    head);
	bide__string_free(&line);
}

/* ---- what is sent by itself --------------------------------------------------------------- */

static inline void put_field(struct bide__string *head, const char *name, const char *value)
{
	bide__string_put(head, name);
	bide__string_put(head, ": ");
	bide__string_put(head, value);
	bide__string_put(head, "\r\n");
}

void bide__http_put_authority(struct bide__string *head, const struct bide__url *url, bool port)
{
	const char *authority = url->text + strlen(url->secure ? "https://" : "http://");
	bide__string_add(head, authority, (size_t)(url->target - authority));
	if (port && url->port == (url->secure ? 443 : 80))
		bide__string_put(head, url->secure ? ":443" : ":80");
}

static void put_host(struct bide__string *head, const struct bide__url *url)
{
	bide__string_put(head, "Host: ");
	bide__http_put_authority(head, url, false);
	bide__string_put(head, "\r\n");
}

/* Who passes it on is told where to. */
static void put_target(struct bide__string *head, const struct bide__url *url, bool whole)
{
	bide__string_put(head, whole ? url->text : url->target);
}

/* RFC 4648. */
static void put_base64(struct bide__string *head, const unsigned char *data, size_t size)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	for (size_t i = 0; i < size; i += 3) {
		const size_t left = size - i;
		const unsigned bits = (unsigned)data[i] << 16 |
		                      (left > 1 ? (unsigned)data[i + 1] << 8 : 0) |
		                      (left > 2 ? data[i + 2] : 0);
		bide__string_put_char(head, digits[bits >> 18]);
		bide__string_put_char(head, digits[bits >> 12 & 63]);
		bide__string_put_char(head, left > 1 ? digits[bits >> 6 & 63] : '=');
		bide__string_put_char(head, left > 2 ? digits[bits & 63] : '=');
	}
}

int bide__http_put_basic(struct bide__string *head, const char *name, const char *user,
                         const char *password)
{
	struct bide__string both = { NULL, 0, 0, false };
	if (strchr(user, ':') != NULL)
		return -EINVAL;
	bide__string_put(&both, user);
	bide__string_put_char(&both, ':');
	bide__string_put(&both, password != NULL ? password : "");
	int rc = bide__string_end(&both);
	if (rc < 0)
		return rc;
	bide__string_put(head, name);
	bide__string_put(head, ": Basic ");
	put_base64(head, (const unsigned char *)both.data, both.size);
	bide__string_put(head, "\r\n");
	bide__string_free(&both);
	return 0;
}

static int put_authorization(struct bide__string *head, const struct bide__http_errand *errand)
{
	const bide_http_request *request = errand->request;
	const struct bide__url *url = &errand->url;
	const bool foreign = errand->foreign;
	if (has(request->headers, "Authorization"))
		return 0;
	if (!foreign && request->bearer != NULL) {
		if (!bide__http_is_value(request->bearer))
			return -EINVAL;
		bide__string_put(head, "Authorization: Bearer ");
		bide__string_put(head, request->bearer);
		bide__string_put(head, "\r\n");
		return 0;
	}
	if (!foreign && request->user != NULL)
		return bide__http_put_basic(head, "Authorization", request->user,
		                            request->password);
	return url->user != NULL
	               ? bide__http_put_basic(head, "Authorization", url->user, url->password)
	               : 0;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static bool has_body_by_nature(const char *method)
{
	return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
	       strcmp(method, "PATCH") == 0;
}

/* RFC 9110, 14.2. */
static int put_range(struct bide__string *head, const bide_http_request *request)
{
	char range[64];
	const int64_t from = request->range_from, size = request->range_size;
	if (request->if_range != NULL && !bide__http_is_value(request->if_range))
		return -EINVAL;
	if (!wants_range(request) || has(request->headers, "Range"))
		return 0;
	if (size != 0 && (size < 0 || from < 0 || from > INT64_MAX - size))
		return -EINVAL;
	if (size != 0)
		snprintf(range, sizeof(range), "bytes=%" PRId64 "-%" PRId64, from, from + size - 1);
	else
		snprintf(range, sizeof(range), from < 0 ? "bytes=%" PRId64 : "bytes=%" PRId64 "-",
		         from);
	put_field(head, "Range", range);
	if (request->if_range != NULL && !has(request->headers, "If-Range"))
		put_field(head, "If-Range", request->if_range);
	return 0;
}

/* What the body is, unless a header says it: of what is not known the session's may. */
static int put_type(struct bide__string *head, const struct bide__http_errand *errand)
{
	static const char name[] = "Content-Type";
	const char *type = errand->body.content_type;
	if (has(errand->request->headers, name) ||
	    (type == NULL && has(errand->session->options.headers, name)))
		return 0;
	if (type != NULL && !bide__http_is_value(type))
		return -EINVAL;
	put_field(head, name, type != NULL ? type : "application/octet-stream");
	return 0;
}

/* What body follows, and how long it is. */
static int put_content(struct bide__string *head, const struct bide__http_errand *errand)
{
	const struct bide__http_body *body = &errand->body;
	int rc = body->exists ? put_type(head, errand) : 0;
	if (rc < 0)
		return rc;
	if (body->size == BIDE_HTTP_UNKNOWN) {
		put_field(head, "Transfer-Encoding", "chunked");
	} else if (body->exists || has_body_by_nature(errand->method)) {
		bide__string_put(head, "Content-Length: ");
		bide__string_put_number(head, (unsigned long long)body->size);
		bide__string_put(head, "\r\n");
	}
	if (errand->expect && !has(errand->request->headers, "Expect"))
		put_field(head, "Expect", "100-continue");
	return 0;
}

/* A part of what has been compressed is of no use. */
static void put_accepted(struct bide__string *head, const struct bide__http_errand *errand)
{
	const char *const *mine = errand->request->headers;
	const char *const *ours = errand->session->options.headers;
	const bool whole =
		!wants_range(errand->request) && !has(mine, "Range") && !has(ours, "Range");
	if (!has(mine, "Accept") && !has(ours, "Accept"))
		put_field(head, "Accept", "*/*");
	if (!errand->session->options.raw && !has(mine, "Accept-Encoding") &&
	    !has(ours, "Accept-Encoding"))
		put_field(head, "Accept-Encoding", whole ? BIDE__HTTP_CODINGS : "identity");
}

int bide__http_write_head(const struct bide__http_errand *errand, struct bide__string *head)
{
	const bide_http_request *request = errand->request;
	const struct bide__url *url = &errand->url;
	const char *const *mine = request->headers, *const *ours = errand->session->options.headers;
	const char *agent = errand->session->options.user_agent;
	const struct bide__url *proxy = url->secure ? NULL : errand->route.proxy;
	const bool cookies = bide__cookies_any(errand->session->cookies);
	if (bide__http_token_size(errand->method) == 0 ||
	    errand->method[bide__http_token_size(errand->method)] != '\0' ||
	    strcmp(errand->method, "CONNECT") == 0 || !are_headers(mine))
		return -EINVAL;
	bide__string_put(head, errand->method);
	bide__string_put_char(head, ' ');
	put_target(head, url, proxy != NULL);
	bide__string_put(head, " HTTP/1.1\r\n");
	if (errand->foreign || (!has(mine, "Host") && !has(ours, "Host")))
		put_host(head, url);
	put_headers(head, errand, false, cookies);
	put_headers(head, errand, true, cookies);
	if (cookies)
		put_cookies(head, errand);
	if (agent[0] != '\0' && !has(mine, "User-Agent") && !has(ours, "User-Agent"))
		put_field(head, "User-Agent", agent);
	put_accepted(head, errand);
	int rc = put_range(head, request);
	if (rc == 0)
		rc = put_content(head, errand);
	if (rc == 0)
		rc = put_authorization(head, errand);
	if (rc == 0 && proxy != NULL && proxy->user != NULL)
		rc = bide__http_put_basic(head, "Proxy-Authorization", proxy->user,
		                          proxy->password);
	bide__string_put(head, "\r\n");
	return rc < 0 ? rc : head->failed ? -ENOMEM : 0;
}

/* application/x-www-form-urlencoded, as of the URL standard of WHATWG. */
int bide__http_put_form(struct bide__string *out, const char *const *form)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t i = 0;
	for (; form[i] != NULL; i++) {
		if (i > 0)
			bide__string_put_char(out, i % 2 == 0 ? '&' : '=');
		for (const unsigned char *at = (const unsigned char *)form[i]; *at != '\0'; at++) {
			const bool plain = (*at | 0x20) >= 'a' ? (*at | 0x20) <= 'z' && *at < 0x80
			                                       : *at >= '0' && *at <= '9';
			if (plain || strchr("*-._", *at) != NULL) {
				bide__string_put_char(out, (char)*at);
			} else if (*at == ' ') {
				bide__string_put_char(out, '+');
			} else {
				bide__string_put_char(out, '%');
				bide__string_put_char(out, digits[*at >> 4]);
				bide__string_put_char(out, digits[*at & 15]);
			}
		}
	}
	return i % 2 == 0 ? 0 : -EINVAL;
}
