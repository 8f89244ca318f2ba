// SPDX-License-Identifier: MIT
/* Requests struck at each point: the k-th allocation fails, the k-th system call, or something is
 * cancelled at the k-th suspension, in connecting, in the handshake of TLS, in sending, within a
 * head and within a body. They end with what was asked for or with the error that the strike
 * explains; the session has all its turns then, no connection but those that are kept, and nothing
 * is left when it has been closed. */
#include "http/responder.h"
#include "http/session.h"
#include "sweep/calls.h"
#include "sweep/strike.h"
#include "sweep/tasks.h"
#include "tls/certs.h"

#include <arpa/inet.h>
#include <bide/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 2 };

static struct responder responder;

/* By samples only some of the cancellations. */
void sweep_scenario(const struct scenario *scenario)
{
	static const enum strike_kind kinds[] = { STRIKE_ALLOC,  STRIKE_TASK, STRIKE_DEADLINES,
		                                  STRIKE_SCOPES, STRIKE_MAIN, STRIKE_ALL,
		                                  STRIKE_STORM };
	const bool all = test_everything();
	responder_start(&responder);
	for (size_t i = 0; i < (all ? sizeof kinds / sizeof *kinds : 3); i++)
		strike_sweep(scenario, kinds[i]);
	if (!calls_watch())
		SKIP("this system has no filters for system calls");
	if (all || !(scenario->flags & SWEEP_LIGHT_MAIN))
		strike_sweep(scenario, STRIKE_CALL);
	responder_end(&responder);
}

/* ---- sessions ----------------------------------------------------------------------------- */

static int open_session(bide_http_session **ret_session)
{
	bide_http_options options = { .limit = LIMIT,
		                      .limit_per_host = LIMIT,
		                      .timeout_read = 0.25 };
	const bide_tls_options tls = { .ca = cert_authority()->pem };
	int rc = bide_tls_open(&tls, &options.tls);
	if (rc < 0)
		return rc;
	rc = bide_http_session_open(&options, ret_session);
	bide_tls_unref(options.tls);
	return rc;
}

/* Looks whether a session that nobody uses is as it should be. */
static void look_at(const bide_http_session *session)
{
	unsigned idle = 0, of_hosts = 0;
	HOLDS(session->users == 0);
	HOLDS(session->turn.value == LIMIT);
	for (const struct bide__http_connection *c = session->idle.first; c != NULL;
	     c = c->of_session.next)
		idle++;
	for (size_t i = 0; i < session->buckets; i++)
		for (const struct bide__http_host *host = session->hosts[i]; host != NULL;
		     host = host->next) {
			unsigned n = 0;
			for (const struct bide__http_connection *c = host->idle.first; c != NULL;
			     c = c->of_host.next)
				n++;
			HOLDS(host->turn.value == LIMIT);
			HOLDS(host->users == n && n > 0);
			of_hosts += n;
		}
	HOLDS(idle == session->n_idle && idle == of_hosts && idle <= LIMIT);
}

/* ---- requests ----------------------------------------------------------------------------- */

static const char *url_of(const char *path, bool secure, char url[60])
{
	snprintf(url, 60, "http%s://127.0.0.1:%d%s", secure ? "s" : "",
	         ntohs(secure ? responder.secure.sin_port : responder.plain.sin_port), path);
	return url;
}

/* Bytes of a body, all of which are right; or an error. */
static int read_body(bide_http_response *response)
{
	unsigned char buf[1500];
	int size = 0;
	ssize_t n;
	while ((n = bide_http_read(response, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < n; i++, size++)
			HOLDS(buf[i] == responder_byte((size_t)size));
	return n < 0 ? (int)n : size;
}

static bool is_time_out(int rc)
{
	return rc == -BIDE_EHTTP_TIMEOUT || rc == -BIDE_EHTTP_TIMEOUT_POOL ||
	       rc == -BIDE_EHTTP_TIMEOUT_CONNECT || rc == -BIDE_EHTTP_TIMEOUT_TLS ||
	       rc == -BIDE_EHTTP_TIMEOUT_WRITE || rc == -BIDE_EHTTP_TIMEOUT_READ;
}

/* In the words of the sweep. Deadlines that expire are the session's, too; and whoever is told that
 * nobody reads what is written looks for the reason, which does not come if that was not so. */
static int explained(int rc)
{
	const struct calls_fault *fault = calls_struck();
	if (sweep_cancels() && is_time_out(rc))
		return -ETIMEDOUT;
	if (rc == -BIDE_EHTTP_TIMEOUT_READ && fault->call != NULL &&
	    (fault->error == EPIPE || fault->error == ECONNRESET))
		return -fault->error;
	return rc;
}

static int fetch(bide_http_session *session, const char *path, bool secure, size_t body_size)
{
	static unsigned char body[RESPONDER_SENT];
	char url[60];
	bide_http_response *response;
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = responder_byte(i);
	int rc = bide_http_send(session,
	                        &(bide_http_request){ .url = url_of(path, secure, url),
	                                              .body = body_size > 0 ? body : NULL,
	                                              .body_size = body_size },
	                        &response);
	if (rc < 0)
		return explained(rc);
	HOLDS(bide_http_status(response) == 200);
	rc = read_body(response);
	bide_http_response_close(response);
	return explained(rc);
}

/* What one path after the other gives, in sum, or the first error. */
static int fetch_all(const char *const *paths, bool secure, size_t body_size)
{
	bide_http_session *session;
	int sum = 0, rc = open_session(&session);
	if (rc < 0)
		return rc;
	for (; *paths != NULL && rc >= 0; paths++) {
		rc = fetch(session, *paths, secure, body_size);
		sum += rc;
	}
	look_at(session);
	bide_http_session_close(session);
	return rc < 0 ? rc : sum;
}

/* ---- scenarios ---------------------------------------------------------------------------- */

static const char *const both[] = { "/chunks", "/length", NULL };
static const char *const echo[] = { "/echo", "/echo", NULL };
static const char *const there[] = { "/to", NULL };
static const char *const stale[] = { "/once", "/length", NULL };

SCENARIO_WITH(requests_on_one_connection, 2 * RESPONDER_BODY, SWEEP_FDS, NULL)
{
	return fetch_all(both, false, 0);
}

SCENARIO_WITH(requests_by_a_light_task, 2 * RESPONDER_BODY, SWEEP_FDS | SWEEP_LIGHT_MAIN, NULL)
{
	return fetch_all(both, false, 0);
}

SCENARIO_WITH(requests_with_bodies, 4000, SWEEP_FDS, NULL)
{
	return fetch_all(echo, false, 2000);
}

/* What comes meanwhile is looked for. */
SCENARIO_WITH(requests_with_bodies_that_are_not_small, 2 * RESPONDER_SENT, SWEEP_FDS, NULL)
{
	return fetch_all(echo, false, RESPONDER_SENT);
}

SCENARIO_WITH(requests_with_such_bodies_and_tls, 2 * RESPONDER_SENT, SWEEP_FDS | SWEEP_LIGHT_MAIN,
              NULL)
{
	return fetch_all(echo, true, RESPONDER_SENT);
}

SCENARIO_WITH(a_request_that_is_redirected, RESPONDER_BODY, SWEEP_FDS, NULL)
{
	return fetch_all(there, false, 0);
}

SCENARIO_WITH(a_request_that_is_made_again, 2 * RESPONDER_BODY, SWEEP_FDS, NULL)
{
	return fetch_all(stale, false, 0);
}

SCENARIO_WITH(requests_with_tls, 2 * RESPONDER_BODY, SWEEP_FDS, NULL)
{
	return fetch_all(both, true, 0);
}

SCENARIO_WITH(requests_with_tls_by_a_light_task, 4000, SWEEP_FDS | SWEEP_LIGHT_MAIN, NULL)
{
	return fetch_all(echo, true, 2000);
}

static BIDE_ASYNC_LIGHT(int, fetch_one, bide_http_session *);
static int fetch_one(bide_http_session *session)
{
	tally.entered++;
	int rc = fetch(session, "/chunks", false, 0);
	tally.left++;
	return rc;
}

/* Two wait for their turns. */
SCENARIO_WITH(requests_at_once, 4 * RESPONDER_BODY, SWEEP_FDS, NULL)
{
	bide_http_session *session;
	struct sum sum = { 0, 0 };
	int left = 4, group_rc, rc = open_session(&session);
	if (rc < 0)
		return rc;
	BIDE_GROUP(group, group_rc) {
		for (int i = 0; i < left; i++)
			bide_group_spawn(group, fetch_one, session);
		for (bide_task *task; (task = bide_group_next(group)) != NULL; left--)
			sum_add(&sum, bide_await(int, task));
	}
	sum_of_group(&sum, group_rc);
	look_at(session);
	bide_http_session_close(session);
	/* A group that is cancelled has no next one. */
	return left > 0 && sum_result(&sum) >= 0 ? -ECANCELED : sum_result(&sum);
}
