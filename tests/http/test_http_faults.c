// SPDX-License-Identifier: MIT
/* The client over a bad network: requests of each kind, plainly and with TLS, through a proxy that
 * splits, delays, ends, closes, resets, stalls or loses what is said, at one point after the other.
 * What comes is what was sent, or an error that the fault explains; and the session is sound
 * afterwards: its one turn is free, and the next request, over a good connection, succeeds. */
#include "core/kinds_kit.h"
#include "fault/proxy.h"
#include "http/responder.h"
#include "http/session.h"
#include "tls/trust.h"

#include <arpa/inet.h>
#include <bide/http.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct responder responder;

/* ---- requests ----------------------------------------------------------------------------- */

static const struct the_case {
	const char *name, *method, *path;
	bool body;        /* RESPONDER_BODY bytes are sent */
	size_t size;      /* of what comes, all of the pattern */
	const char *text; /* or what comes is this */
	bool open_end;    /* an end in its midst is no error, but with TLS */
} cases[] = {
	{ "a body of a length", "GET", "/length", false, RESPONDER_BODY, NULL, false },
	{ "a body in chunks", "GET", "/chunks", false, RESPONDER_BODY, NULL, false },
	{ "a body up to the end", "GET", "/end", false, RESPONDER_BODY, NULL, true },
	{ "a head alone", "HEAD", "/length", false, 0, NULL, false },
	{ "a body that is sent", "POST", "/echo", true, RESPONDER_BODY, NULL, false },
	{ "a redirect", "GET", "/to", false, RESPONDER_BODY, NULL, false },
	{ "a packed body", "GET", "/packed", false, 5, "hello", false },
};

enum { CASES = sizeof cases / sizeof *cases };

/* What came of a request. */
struct outcome {
	int rc;      /* 0, or an error, of the request or of its body */
	size_t size; /* bytes of the body that have come; none of them was wrong */
};

static void read_body(bide_http_response *response, const struct the_case *it,
                      struct outcome *outcome)
{
	char buf[700];
	ssize_t n;
	while ((n = bide_http_read(response, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < n; i++) {
			const size_t at = outcome->size++;
			const unsigned char right = it->text != NULL && at < strlen(it->text)
			                                    ? (unsigned char)it->text[at]
			                                    : responder_byte(at);
			CHECK(at < it->size && (unsigned char)buf[i] == right);
		}
	outcome->rc = (int)n;
}

static struct outcome request(bide_http_session *session, const char *origin,
                              const struct the_case *it)
{
	static unsigned char body[RESPONDER_BODY];
	char url[100];
	struct outcome outcome = { 0, 0 };
	bide_http_response *response = NULL;
	snprintf(url, sizeof url, "%s%s", origin, it->path);
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = responder_byte(i);
	outcome.rc = bide_http_send(session,
	                            &(bide_http_request){ .method = it->method,
	                                                  .url = url,
	                                                  .body = it->body ? body : NULL,
	                                                  .body_size = it->body ? sizeof body : 0 },
	                            &response);
	if (outcome.rc == 0) {
		EXPECT_INT(bide_http_status(response), 200);
		read_body(response, it, &outcome);
		bide_http_response_close(response);
	}
	return outcome;
}

static bool is_whole(const struct outcome *outcome, const struct the_case *it)
{
	return outcome->rc == 0 && outcome->size == it->size;
}

/* ---- faults ------------------------------------------------------------------------------- */

/* What a fault comes to. */
enum effect { NOTHING, AN_END, A_RESET, A_SILENCE };

static const struct fault {
	const char *name;
	enum effect effect;
	struct proxy_rules rules;
	bool of_request; /* it is met on the way there */
} faults[] = {
	{ "nothing", NOTHING, { { 0 }, { 0 } }, false },
	{ "bytes to the server", NOTHING, { { .piece = 1 }, { 0 } }, false },
	{ "bytes to the client", NOTHING, { { 0 }, { .piece = 1 } }, false },
	{ "pieces with delays",
	  NOTHING,
	  { { .piece = 401, .delay_us = 300 }, { .piece = 401, .delay_us = 300 } },
	  false },
	{ "an end on the way there", AN_END, { { .action = PROXY_END }, { 0 } }, true },
	{ "an end on the way back", AN_END, { { 0 }, { .action = PROXY_END } }, false },
	{ "an end on the way back, bytes",
	  AN_END,
	  { { 0 }, { .piece = 1, .action = PROXY_END } },
	  false },
	{ "a close", AN_END, { { 0 }, { .action = PROXY_CLOSE } }, false },
	{ "a reset on the way there", A_RESET, { { .action = PROXY_RESET }, { 0 } }, true },
	{ "a reset on the way back", A_RESET, { { 0 }, { .action = PROXY_RESET } }, false },
	{ "a stall on the way there", A_SILENCE, { { .action = PROXY_STALL }, { 0 } }, true },
	{ "a stall on the way back", A_SILENCE, { { 0 }, { .action = PROXY_STALL } }, false },
	{ "loss on the way there", A_SILENCE, { { .action = PROXY_DROP }, { 0 } }, true },
	{ "loss on the way back", A_SILENCE, { { 0 }, { .action = PROXY_DROP } }, false },
};

enum { FAULTS = sizeof faults / sizeof *faults };

/* Before anything, within a head or a handshake, within a body. */
static const size_t points[] = { 0, 1, 20, 1000, 4000 };

enum { POINTS = sizeof points / sizeof *points };

static bool explains(enum effect effect, int rc, bool secure)
{
	switch (effect) {
	case NOTHING:
		return false;
	case AN_END:
		return rc == -BIDE_EINCOMPLETE || (secure && rc == -BIDE_ETRUNCATED);
	case A_RESET:
		return rc == -ECONNRESET || rc == -EPIPE;
	case A_SILENCE:
		return rc == -BIDE_EHTTP_TIMEOUT_READ || (secure && rc == -BIDE_EHTTP_TIMEOUT_TLS);
	}
	return false;
}

/* Whether so few bytes pass that the fault must be met. */
static bool must_be_met(const struct fault *fault, const struct the_case *it, size_t after)
{
	const size_t sent = it->body ? RESPONDER_BODY : 0;
	const size_t comes = it->size == RESPONDER_BODY ? RESPONDER_BODY : 0;
	return after < 30 + (fault->of_request ? sent : comes);
}

/* ---- one by one --------------------------------------------------------------------------- */

static struct run {
	const struct the_case *it;
	const struct fault *fault;
	size_t after;
	bool secure;
	char origin[40]; /* of the proxy */
} run;

static void judge(const struct outcome *outcome)
{
	const bool met = run.fault->effect != NOTHING && must_be_met(run.fault, run.it, run.after);
	const bool cut_unseen = run.it->open_end && !run.secure && run.fault->effect == AN_END &&
	                        outcome->rc == 0 && outcome->size < run.it->size;
	if (cut_unseen || (is_whole(outcome, run.it) && !met) ||
	    explains(run.fault->effect, outcome->rc, run.secure))
		return;
	FAIL("%s%s, %s after %zu bytes: %s, with %zu bytes", run.it->name,
	     run.secure ? " with TLS" : "", run.fault->name, run.after, bide_strerror(outcome->rc),
	     outcome->size);
}

/* ---- on a connection that was kept -------------------------------------------------------- */

static const char kept_head[] = "HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n\r\n";

/* What happens so many bytes after the first answer, and what the next request, by this method,
 * comes to: NOTHING, if it is made again. */
static const struct kept {
	enum proxy_action action;
	size_t after;
	const char *method;
	enum effect effect;
} kept[] = {
	{ PROXY_END, 0, "GET", NOTHING },      { PROXY_CLOSE, 0, "HEAD", NOTHING },
	{ PROXY_RESET, 0, "GET", NOTHING },    { PROXY_END, 0, "POST", NOTHING },
	{ PROXY_RESET, 0, "POST", NOTHING },   { PROXY_END, 1, "GET", AN_END },
	{ PROXY_RESET, 1, "GET", A_RESET },    { PROXY_END, 20, "POST", AN_END },
	{ PROXY_END, 1000, "GET", AN_END },    { PROXY_STALL, 0, "GET", A_SILENCE },
	{ PROXY_STALL, 0, "POST", A_SILENCE }, { PROXY_DROP, 20, "GET", A_SILENCE },
};

static const struct kept *kept_now; /* NULL: the fault is met by the first request */

static const struct the_case *kept_case(const char *method)
{
	for (int i = 0;; i++)
		if (strcmp(cases[i].method, method) == 0)
			return &cases[i];
}

/* The proxy is a thread, so it goes on though this one does not. */
static void wait_for_the_end(const bide_http_session *session)
{
	const struct bide__http_connection *idle = session->idle.last;
	CHECK(idle != NULL);
	struct pollfd end = { .fd = bide_stream_fd(idle->stream), .events = POLLIN };
	EXPECT_INT(poll(&end, 1, 10000), 1);
}

/* The first request, and the second one, which meets the fault. */
static void meet_kept(bide_http_session *session)
{
	const struct the_case *it = kept_case(kept_now->method);
	struct outcome outcome = request(session, run.origin, &cases[0]);
	EXPECT_INT(outcome.rc, 0);
	if (kept_now->effect == NOTHING)
		wait_for_the_end(session);
	outcome = request(session, run.origin, it);
	if (kept_now->effect == NOTHING ? !is_whole(&outcome, it)
	                                : !explains(kept_now->effect, outcome.rc, false))
		FAIL("fault %d, %s: %s", (int)(kept_now - kept), it->name,
		     bide_strerror(outcome.rc));
}

/* ---- through the proxy -------------------------------------------------------------------- */

static BIDE_ASYNC(void, meet, void);
static BIDE_ASYNC_LIGHT(void, meet_lightly, void);
static void meet(void)
{
	const enum effect effect = kept_now != NULL ? kept_now->effect : run.fault->effect;
	const bool silent = effect == A_SILENCE;
	bide_tls *tls = tls_of_client();
	bide_http_session *session = NULL;
	bide_http_options options = { .limit = 1,
		                      .tls = tls,
		                      .timeout_pool = 5,
		                      .timeout_read = silent ? 0.15 : 0,
		                      .timeout_tls = silent ? 0.15 : 0 };
	CHECK_INT(bide_http_session_open(&options, &session), 0);
	struct outcome outcome;
	if (kept_now != NULL) {
		meet_kept(session);
	} else {
		outcome = request(session, run.origin, run.it);
		judge(&outcome);
	}
	/* A time-out that is short here may be met where a machine has other things to do. */
	for (int i = 0; i < 5; i++) {
		outcome = request(session, run.origin, run.it);
		if (!silent || outcome.rc == 0)
			break;
	}
	if (!is_whole(&outcome, run.it))
		FAIL("after %s, %s: %s", run.it->name, run.fault->name, bide_strerror(outcome.rc));
	bide_http_session_close(session);
	bide_tls_unref(tls);
}

static void meet_lightly(void)
{
	meet();
}

/* Runs it through a proxy whose first connection has this fault, the others having none. */
static void run_through(const struct proxy_rules *fault, bool light)
{
	enum { CONNECTIONS = 8 };
	const struct proxy_rules rules[CONNECTIONS] = { *fault };
	const struct sockaddr_in *server = run.secure ? &responder.secure : &responder.plain;
	struct proxy *proxy =
		proxy_start((const struct sockaddr *)server, sizeof *server, rules, CONNECTIONS);
	CHECK(proxy != NULL);
	socklen_t size;
	const struct sockaddr_in *address =
		(const struct sockaddr_in *)(const void *)proxy_address(proxy, &size);
	snprintf(run.origin, sizeof run.origin, "http%s://127.0.0.1:%d", run.secure ? "s" : "",
	         ntohs(address->sin_port));
	EXPECT_INT(light ? bide_try_run(NULL, NULL, meet_lightly) : bide_try_run(NULL, NULL, meet),
	           0);
	proxy_stop(proxy, NULL);
}

static void run_once(bool light)
{
	struct proxy_rules rules = run.fault->rules;
	test_goes_on();
	rules.to_server.after = rules.to_client.after = run.after;
	run_through(&rules, light);
}

/* Every fault at every point; or one in so many of these, which changes from run to run. */
static void run_cases(bool secure, bool silent)
{
	enum { ONE_IN = 6 };
	uint64_t number = test_seed() % ONE_IN;
	responder_start(&responder);
	run.secure = secure;
	for (int c = 0; c < CASES; c++)
		for (int f = 0; f < FAULTS; f++)
			for (int p = 0; p < POINTS; p++) {
				run.it = &cases[c];
				run.fault = &faults[f];
				run.after = points[p];
				if ((run.fault->effect == A_SILENCE) != silent ||
				    (run.fault->effect == NOTHING && p > 0) ||
				    (!test_everything() && number++ % ONE_IN != 0))
					continue;
				run_once(false);
				if (test_everything())
					run_once(true);
			}
	responder_end(&responder);
}

TEST(requests_over_a_bad_network)
{
	run_cases(false, false);
}

TEST(requests_over_a_bad_network_with_tls)
{
	run_cases(true, false);
}

TEST(requests_over_a_network_that_falls_silent)
{
	run_cases(false, true);
}

TEST(requests_over_a_network_that_falls_silent_with_tls)
{
	run_cases(true, true);
}

TEST(requests_on_a_connection_that_was_kept_and_fails)
{
	responder_start(&responder);
	run = (struct run){ .it = &cases[0], .fault = &faults[0] };
	for (size_t i = 0; i < 2 * sizeof kept / sizeof *kept; i++) {
		kept_now = &kept[i / 2];
		const struct proxy_rules rules = { { 0 },
			                           { .action = kept_now->action,
			                             .after = strlen(kept_head) + RESPONDER_BODY +
			                                      kept_now->after } };
		run_through(&rules, i % 2 == 1);
	}
	responder_end(&responder);
}
