// SPDX-License-Identifier: MIT
/* server_request.c: reading a request, and what must hold of it: RFC 9110 and 9112. What is broken
 * is refused with a status, and nothing that follows on its connection is read as a request. */
#include "http/server.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* ---- bytes -------------------------------------------------------------------------------- */

/* Goes on with what is there. An event; bytes of a body are dropped, and counted. */
static int meet(struct bide__http_served *served, size_t *read)
{
	const void *data = "";
	size_t used;
	ssize_t n = bide_stream_peek(served->stream, 0, &data);
	if (n < 0)
		return (int)n;
	int event = bide__http_parse(&served->parser, data, (size_t)n, &used);
	if (event >= 0 && used > 0)
		bide_stream_consume(served->stream, used);
	*read += used;
	return event;
}

/* The same, waiting for what has not come; -BIDE_ECLOSED when nothing will. */
static int meet_next(struct bide__http_served *served, size_t *read)
{
	for (;;) {
		const void *data;
		int event = meet(served, read);
		if (event != BIDE__HTTP_MORE)
			return event;
		ssize_t n = bide_stream_peek(served->stream, 1, &data);
		if (n <= 0)
			return n < 0 ? (int)n : -BIDE_ECLOSED;
	}
}

/* ---- what is wrong ------------------------------------------------------------------------ */

/* Whether a line begins with what could be a method, and a target: RFC 9110, 15.6.2. */
static bool has_method(const char *line, size_t size)
{
	size_t i = 0;
	while (i < size && i < 32 && line[i] >= 'A' && line[i] <= 'Z')
		i++;
	return i > 0 && i + 1 < size && line[i] == ' ' && line[i + 1] == '/';
}

/* With what status to refuse what is no request. */
static int status_of(const struct bide__http_served *served, int error)
{
	const void *data;
	const llhttp_t *llhttp = &served->parser.llhttp;
	if (error == -BIDE_EHTTP_HEAD)
		return served->parser.too_long ? 414 : 431;
	switch (llhttp_get_errno(llhttp)) {
	case HPE_INVALID_VERSION: /* or what comes behind a good one */
		return llhttp->http_major == 1 && llhttp->http_minor < 2 ? 400 : 505;
	case HPE_PAUSED_H2_UPGRADE:
		return 505;
	case HPE_INVALID_METHOD: {
		ssize_t n = bide_stream_peek(served->stream, 0, &data);
		return n > 0 && has_method(data, (size_t)n) ? 501 : 400;
	}
	default:
		return 400;
	}
}

static int refusal(const struct bide__http_served *served, int error)
{
	if (error == -ETIMEDOUT)
		return 408;
	return error == -BIDE_EHTTP || error == -BIDE_EHTTP_HEAD ? status_of(served, error) : error;
}

/* ---- the head ----------------------------------------------------------------------------- */

/* In the order of enum bide__http_known. */
static const struct {
	const char *name;
	size_t size;
} known[] = {
	{ "Content-Length", 14 },
	{ "Expect", 6 },
	{ "Host", 4 },
	{ "If-Match", 8 },
	{ "If-Modified-Since", 17 },
	{ "If-None-Match", 13 },
	{ "If-Range", 8 },
	{ "If-Unmodified-Since", 19 },
	{ "Range", 5 },
	{ "Transfer-Encoding", 17 },
};

static void note_field(struct bide__http_served *served, const char *name, size_t size,
                       const char *value)
{
	for (unsigned i = 0; i < BIDE__HTTP_KNOWN; i++) {
		if (known[i].size != size || strcasecmp(known[i].name, name) != 0)
			continue;
		if (served->known[i] != NULL)
			served->repeated |= 1u << i;
		else
			served->known[i] = value;
		return;
	}
}

static void note_fields(struct bide__http_served *served)
{
	const struct bide__string *head = &served->parser.head;
	const char *value = NULL;
	memset(served->known, 0, sizeof(served->known));
	served->repeated = 0;
	for (const char *name; (name = bide__http_next_name(head, value)) != NULL;) {
		const size_t size = strlen(name);
		value = name + size + 1;
		note_field(served, name, size, value);
	}
}

static bool is_repeated(const struct bide__http_served *served, enum bide__http_known field)
{
	return (served->repeated & 1u << field) != 0;
}

/* A host, perhaps with a port: RFC 3986, 3.2.2. None is told where the target has none. */
static bool is_host(const char *text)
{
	const size_t name = text[0] == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":");
	const size_t good = text[0] == '['
	                            ? 1 + strspn(text + 1, "0123456789abcdefABCDEF:.") + 1
	                            : strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz"
	                                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~!$&'()*+,;=%");
	if (good != name || name > strlen(text))
		return false;
	text += name;
	return *text == '\0' || (*text == ':' && text[1 + strspn(text + 1, "0123456789")] == '\0');
}

static bool has_sound_host(const struct bide__http_served *served)
{
	const char *host = served->known[BIDE__HTTP_HOST];
	if (is_repeated(served, BIDE__HTTP_HOST))
		return false;
	return host != NULL ? is_host(host) : served->is_old;
}

/* RFC 9112, 6.1 and 6.3. What is chunked to us must be so to llhttp, which does not trim tabs. */
static int check_length(const struct bide__http_served *served)
{
	const bool chunked = served->parser.llhttp.flags & F_CHUNKED;
	const char *coding = served->known[BIDE__HTTP_TRANSFER_ENCODING];
	const char *length = served->known[BIDE__HTTP_CONTENT_LENGTH];
	if (is_repeated(served, BIDE__HTTP_CONTENT_LENGTH) ||
	    is_repeated(served, BIDE__HTTP_TRANSFER_ENCODING))
		return 400;
	if (coding != NULL && (length != NULL || served->is_old))
		return 400;
	return coding != NULL && (!chunked || strcasecmp(coding, "chunked") != 0) ? 501 : 0;
}

/* The target without scheme and host, if it has them: RFC 9112, 3.2. NULL for what is none. Where
 * the path is empty and a query follows the '/' takes the place of the host's last byte. */
static const char *path_of(char *target)
{
	static const char scheme[] = "http://";
	if (strncasecmp(target, scheme, sizeof(scheme) - 1) != 0)
		return target[0] == '/' || strcmp(target, "*") == 0 ? target : NULL;
	target += sizeof(scheme) - 1;
	char *path = target + strcspn(target, "/?#");
	if (path == target)
		return NULL;
	if (*path == '?')
		*--path = '/';
	return *path == '\0' ? "/" : path;
}

/* Whether what has come is a request that can be answered: 0 or a status. */
static int check(struct bide__http_served *served)
{
	const llhttp_t *llhttp = &served->parser.llhttp;
	served->is_old = llhttp->http_minor == 0;
	served->is_head = llhttp->method == HTTP_HEAD;
	served->keep = llhttp_should_keep_alive(llhttp) && !served->server->shut;
	if (llhttp->http_major != 1)
		return 505;
	note_fields(served);
	served->target = path_of(served->parser.target.data);
	if (served->target == NULL && llhttp->method != HTTP_CONNECT)
		return 400;
	if (!has_sound_host(served))
		return 400;
	return check_length(served);
}

/* Whether a head of which not all can be read is a HEAD's: its answer has no body either. */
static bool is_surely_head(const struct bide__http_served *served)
{
	return served->parser.target.size > 0 && served->parser.llhttp.method == HTTP_HEAD;
}

static int read_head(struct bide__http_served *served)
{
	size_t read = 0;
	int fired, event = meet(served, &read);
	if (event == BIDE__HTTP_MORE) {
		BIDE_TIMEOUT(served->server->options.timeout_head, fired)
			event = meet_next(served, &read);
		if (fired < 0)
			event = fired;
	}
	if (event >= 0)
		return check(served);
	served->is_head = is_surely_head(served);
	return refusal(served, event);
}

/* ---- the body ----------------------------------------------------------------------------- */

static int drop_body(struct bide__http_served *served)
{
	size_t read = 0;
	int event;
	do {
		event = meet_next(served, &read);
		if (read > served->server->options.body_limit)
			return 413;
	} while (event >= 0 && event != BIDE__HTTP_END);
	served->whole = event == BIDE__HTTP_END;
	return event < 0 ? refusal(served, event) : 0;
}

static bool has_body(const struct bide__http_served *served)
{
	return served->known[BIDE__HTTP_TRANSFER_ENCODING] != NULL ||
	       served->parser.llhttp.content_length > 0;
}

/* Who asks first is answered first, and need not send what nobody reads; as it may do so all the
 * same, the connection ends: RFC 9110, 10.1.1. */
static int heed_expectation(struct bide__http_served *served)
{
	const char *expected = served->known[BIDE__HTTP_EXPECT];
	if (expected == NULL || served->is_old)
		return 0;
	if (strcasecmp(expected, "100-continue") != 0)
		return 417;
	if (has_body(served))
		served->keep = false;
	return 0;
}

static int read_body(struct bide__http_served *served)
{
	const bool waits = served->known[BIDE__HTTP_EXPECT] != NULL && !served->is_old;
	size_t read = 0;
	int fired, rc = 0;
	if (!has_body(served)) {
		served->whole = meet(served, &read) == BIDE__HTTP_END;
		return served->whole ? 0 : 400;
	}
	if (served->parser.llhttp.content_length > served->server->options.body_limit)
		return 413;
	if (waits)
		return 0;
	BIDE_TIMEOUT(served->server->options.timeout_body, fired)
		rc = drop_body(served);
	return fired < 0 ? (fired == -ETIMEDOUT ? 408 : fired) : rc;
}

/* ---- the whole ---------------------------------------------------------------------------- */

int bide__http_receive(struct bide__http_served *served)
{
	bide__http_parser_next(&served->parser, false);
	served->target = NULL;
	served->is_head = served->is_old = served->keep = served->whole = false;
	served->status = 0;
	served->sent = 0;
	served->head = served->out.size = 0;
	served->begun = bide_now();
	int rc = read_head(served);
	if (rc == 0)
		rc = heed_expectation(served);
	return rc == 0 ? read_body(served) : rc;
}
