/* SPDX-License-Identifier: MIT */
/* session.h: sessions, their connections and their responses in memory.
 *
 * A connection is either used, by one request and its response, or idle; then it is on two lists,
 * that of its host and that of the session, both from the one that was idle first to the last. A
 * host lasts as long as there is a request for it or a connection to it. */
#ifndef BIDE_HTTP_SESSION_H
#define BIDE_HTTP_SESSION_H

#include "http/cookies.h"
#include "http/parser.h"
#include "http/proxy.h"
#include "http/source.h"
#include "http/url.h"

#include <bide/http.h>
#include <bide/scope.h>
#include <bide/sync.h>

#include <errno.h>
#include <sys/uio.h>

struct bide__http_host;

/* A place in a list of connections. */
struct bide__http_link {
	struct bide__http_connection *next, *prev;
};

struct bide__http_list {
	struct bide__http_connection *first, *last;
};

/* What is known of a request's way: in its errand at first, and then in its response. */
struct bide__http_trace {
	bide_http_session *session;
	unsigned long long id;
	void *context;
	const char *method;       /* NULL when the call has returned */
	const char *url;          /* NULL: it is none */
	const bide_address *peer; /* NULL: not connected */
	int status;               /* 0: there is no head */
	double delay;             /* seconds until it is made again */
	double deadline;          /* when all of it must be over, by bide_now() */
	bool quiet;               /* the hook is told later */
	bide_http_times times;
};

struct bide__http_connection {
	struct bide__http_host *host;
	bide_stream *stream;
	bide_address peer;
	struct bide__http_trace *trace; /* of who uses it */
	struct bide__http_parser parser;
	size_t pending;  /* bytes of the body that have come, at the front of the stream's buffer */
	bool again;      /* it has served a request before */
	bool answered;   /* something of the present response has come */
	bool headed;     /* the head of the response that is not of 1xx */
	bool continued;  /* one of 100 */
	bool cut;        /* its request has not been sent to the end */
	bool last;       /* its request says that it is the last one here */
	double patience; /* seconds between two pieces of the response */
	struct bide__string ahead; /* of the body, read while the request was being sent */
	size_t ahead_at;           /* what of that has been read from there */
	bool ended;                /* with that the response came to its end */
	int error;                 /* what reading has failed with meanwhile */
	double idle_since;
	struct bide__http_link of_host, of_session; /* while it is idle */
};

struct bide__http_host {
	struct bide__http_host *next; /* in its bucket */
	bide_tls *tls;                /* of the key, held so that no other one has its address */
	unsigned users;               /* requests and connections */
	bide_semaphore turn;          /* of requests */
	struct bide__http_list idle;
	char key[]; /* what its connections have in common: route.c */
};

struct bide_http_session {
	bide_loop *loop;           /* on which it was opened */
	bide_http_options options; /* with the defaults in place; the strings are in `strings` */
	char *strings;
	char **headers;               /* options.headers, copied */
	bide_http_cookies *cookies;   /* NULL: none are kept */
	bide_tls *tls;                /* made when it is first needed, if it was not given */
	bide_tls *proxy_tls;          /* the same, for proxies */
	bide_http_retry retry;        /* options.retry, copied */
	int *numbers;                 /* what the latter points to */
	struct bide__url base;        /* what URLs are relative to, or none */
	struct bide__proxies proxies; /* options.proxy, or the environment's */
	struct bide__string key;      /* where keys are written that are looked for */
	bide_semaphore turn;
	struct bide__http_host **hosts; /* by the hash of their keys */
	size_t buckets, n_hosts;
	struct bide__http_list idle;
	unsigned n_idle;
	bool sweeping;                 /* a task closes those that grow old */
	bool closed;                   /* or is being closed */
	bide_event ended;              /* that it is, for which that task waits meanwhile */
	unsigned holders;              /* its user, and that task: the last one frees it */
	unsigned users;                /* requests being made, and open responses */
	unsigned long long n_requests; /* that were made so far */
};

enum { BIDE__HTTP_LAYERS = 3 }; /* codings, one upon the other */

/* A place that redirected. */
struct bide__http_hop {
	int status;
	char *url;
};

struct bide__http_hops {
	struct bide__http_hop *at; /* `room` of them */
	int n, room;
};

struct bide_http_response {
	bide_http_session *session;
	struct bide__http_connection *connection; /* NULL: given back */
	struct bide__http_trace trace;
	bide_address peer;
	struct bide__string head;
	int status;
	struct bide__http_hops hops;                        /* those that led here */
	struct bide__http_layer *layers[BIDE__HTTP_LAYERS]; /* the outermost first */
	int n_layers;
	bool undecodable;         /* the body, by a coding that is not known, if there is one */
	int error;                /* what reading has failed with */
	bool ended;               /* the body has been read */
	struct bide__string body; /* of bide_http_bytes() */
	struct bide__string text; /* of bide_http_text(), when it is another */
	char url[];
};

/* What a connection is made by. */
struct bide__http_route {
	const struct bide__url *url;   /* whose scheme, host and port */
	const struct bide__url *proxy; /* NULL: none */
	bide_tls *tls;                 /* NULL: the session's */
	const char *server_name;       /* NULL: the host's */
	const char *unix_path;         /* NULL: by TCP */
	const char *local;             /* NULL: any address of this side */
};

/* A request on its way. */
struct bide__http_errand {
	bide_http_session *session;
	const bide_http_request *request;
	const char *method;
	struct bide__http_body body;
	bool expect;                 /* asks for leave to send it */
	struct bide__url first, url; /* what was asked for, once it has come elsewhere, and where */
	struct bide__url base;       /* the request's own, if it has one */
	struct bide__url proxy;      /* the same */
	struct bide__http_route route;
	bool fresh;    /* no connection will do that has served before */
	int repeats;   /* by the retry policy */
	bool foreign;  /* it has left the origin that was asked for, even if it came back */
	bool bodiless; /* a redirect has taken its body */
	struct bide__http_hops hops;
	struct bide__http_trace trace;
};

/* Whether it has come to another origin than the one that was asked for. */
static inline bool bide__http_is_foreign(const struct bide__http_errand *errand)
{
	return errand->first.host != NULL && !bide__url_same_origin(&errand->first, &errand->url);
}

/* ---- session.c ---------------------------------------------------------------------------- */

/* Aborts, in the name of a call, unless there is a session of this thread's loop that is not being
 * closed. */
void bide__http_check_session(const bide_http_session *session, const char *call);

/* One of those that have the session has it no more. */
void bide__http_session_leave(bide_http_session *session);

/* ---- pool.c ------------------------------------------------------------------------------- */

/* Waits for the turn of a request, and gives the connection, idle or new, that it has then. 0 or an
 * error. */
int bide__http_acquire(struct bide__http_errand *errand,
                       struct bide__http_connection **ret_connection);

/* Gives it back: to be used again, or to be closed. May suspend; always completes. */
void bide__http_release(bide_http_session *session, struct bide__http_connection *connection,
                        bool reusable);

/* Closes all that are idle. */
void bide__http_close_idle(bide_http_session *session);

/* ---- retry.c ------------------------------------------------------------------------------ */

/* Whether an attempt that has failed, or was answered in such a way, is made again, and after how
 * many seconds. */
bool bide__http_repeats(struct bide__http_errand *errand, int rc,
                        const bide_http_response *response, double *ret_delay);

bool bide__http_retry_is_valid(const bide_http_retry *retry);

/* ---- route.c ------------------------------------------------------------------------------ */

/* Sets the route to where the errand has come. 0 or an error. */
int bide__http_find_route(struct bide__http_errand *errand);

/* Writes all of it: the same text for the same, another one for anything else. */
void bide__http_put_key(struct bide__string *key, const struct bide__http_route *route);

/* ---- connect.c ---------------------------------------------------------------------------- */

/* Connects to where a request goes. 0 or an error. */
int bide__http_connect(struct bide__http_errand *errand, bide_stream **ret_stream);

/* ---- tunnel.c ----------------------------------------------------------------------------- */

/* Has a proxy, which the stream leads to, connect to the errand's host. 0 or an error. */
int bide__http_tunnel(struct bide__http_errand *errand, bide_stream *stream);

/* ---- hops.c ------------------------------------------------------------------------------- */

/* Puts a status and a copy of the URL behind the others. 0 or -ENOMEM. */
int bide__http_hops_add(struct bide__http_hops *hops, int status, const char *url);

/* Takes them away from where they are. */
struct bide__http_hops bide__http_hops_take(struct bide__http_hops *hops);

void bide__http_hops_free(struct bide__http_hops *hops);

/* ---- exchange.c --------------------------------------------------------------------------- */

/* Who has closed the connection may have said why. */
static inline bool bide__http_is_closed(int rc)
{
	return rc == -EPIPE || rc == -ECONNRESET;
}

/* Expects a response on a connection, whose pieces come so many seconds apart at most. */
void bide__http_expect(struct bide__http_connection *connection, bool no_body, double patience);

/* Waits for the head of a response, from where that was left; those of 1xx come before it. 0 or an
 * error. */
int bide__http_receive_head(struct bide__http_connection *connection);

/* Sends the request, and waits for the head of its response. 0 or an error. */
int bide__http_exchange(struct bide__http_errand *errand, struct bide__http_connection *connection);

/* ---- request.c ---------------------------------------------------------------------------- */

/* Writes the head of a request: to another origin than the one that was asked for without
 * credentials, and to a proxy of http as it is to pass it on. 0, -EINVAL or -ENOMEM. */
int bide__http_write_head(const struct bide__http_errand *errand, struct bide__string *head);

/* Writes a URL's host, with its port if that is not the scheme's own or @p port. */
void bide__http_put_authority(struct bide__string *head, const struct bide__url *url, bool port);

/* Writes a field of basic authentication: RFC 7617. 0, -EINVAL or -ENOMEM. */
int bide__http_put_basic(struct bide__string *head, const char *name, const char *user,
                         const char *password);

/* Whether a request's headers, that can be sent, say that no other one will follow: RFC 9112,
 * 9.6. */
bool bide__http_is_last(const struct bide__http_errand *errand);

/* Whether a header of the user's can be sent. */
bool bide__http_is_header(const char *header);

/* Writes names and values as a form does. 0, or -EINVAL when the last name has no value. */
int bide__http_put_form(struct bide__string *out, const char *const *form);

/* ---- body.c ------------------------------------------------------------------------------- */

/* Goes on with the response until something is met: an enum bide__http_event, or an error. */
int bide__http_next(struct bide__http_connection *connection);

/* Reads on, into memory, while the request is being sent: 0 at the end of the response, or an
 * error. */
int bide__http_read_ahead(struct bide__http_connection *connection, size_t limit);

/* Looks at the head for how the body is encoded. 0 or -ENOMEM. */
int bide__http_begin_body(bide_http_response *response);

/* Reads what is left of a body that nobody wants, if it is little and comes soon, so that the
 * connection can be used again. */
void bide__http_skip(bide_http_response *response);

/* Lets go of the connection: to be used again, if the body, which may be none, has come to its
 * end. */
void bide__http_let_go(bide_http_response *response);

/* Frees what bide__http_begin_body() has made. */
void bide__http_finish_body(bide_http_response *response);

/* ---- trace.c ------------------------------------------------------------------------------ */

void bide__http_trace_begin(struct bide__http_trace *trace, bide_http_session *session,
                            void *context);

/* Another attempt begins. */
void bide__http_trace_again(struct bide__http_trace *trace);

/* Tells the session's hook. */
void bide__http_tell(struct bide__http_trace *trace, enum bide_http_phase phase, int error);

/* Adds to a trace what another one has met of the response. */
void bide__http_trace_add(struct bide__http_trace *trace, const struct bide__http_trace *met);

/* Something has happened, by an error or without. Who looks at each phase gets its very time; to
 * read the clock ten times a request would cost all others a fiftieth. */
static inline void bide__http_note(struct bide__http_trace *trace, enum bide_http_phase phase,
                                   int error)
{
	const bool watched = trace->session->options.hook != NULL;
	trace->times.at[phase] = watched ? bide_time() : bide_now();
	if (watched && !trace->quiet)
		bide__http_tell(trace, phase, error);
}

/* The result of something done in a time-out of the session's, which has an error of its own.
 * Without memory for the time-out it has not been done. */
static inline ssize_t bide__http_timed(int fired, ssize_t rc, int own)
{
	if (fired == -ETIMEDOUT)
		return rc < 0 ? own : rc;
	return fired < 0 ? fired : rc;
}

#endif
