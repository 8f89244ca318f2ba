/* SPDX-License-Identifier: MIT */
/* bide/http_events.h: what happens to an HTTP request, and when: for timelines, logs, measurements;
 * what aiohttp's TraceConfig is.
 *
 *     static void show(void *arg, const bide_http_event *event)
 *     {
 *             (void)arg;
 *             printf("%.6f %llu %s\n", event->times->at[event->phase], event->id,
 *                    bide_http_phase_name(event->phase));
 *     }
 *     …
 *     const bide_http_options options = { .hook = show };
 *
 * Included by <bide/http.h>. */
#ifndef BIDE_HTTP_EVENTS_H
#define BIDE_HTTP_EVENTS_H

#include <bide/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What can happen to a request, in the order in which it does, each with its name. Those that are
 *  not needed are left out: a connection that is used again is not made. A request that is made
 *  once more, or is sent elsewhere, begins again with QUEUED. */
#define BIDE_HTTP_PHASES(X) \
	X(START, "start")           /* the call was made */ \
	X(QUEUED, "queued")         /* it waits for its turn, and for a connection */ \
	X(TURN, "turn")             /* it has its turn */ \
	X(RESOLVING, "resolving")   /* the host's name is looked up, or the proxy's */ \
	X(RESOLVED, "resolved")     /* its addresses are known */ \
	X(CONNECTING, "connecting") /* they are connected to */ \
	X(CONNECTED, "connected")   /* there is a connection */ \
	X(TUNNELING, "tunneling")   /* a proxy is asked for a connection to the host */ \
	X(TUNNELED, "tunneled")     /* it has made one */ \
	X(SECURING, "securing")     /* TLS's handshake with the host begins */ \
	X(SECURED, "secured")       /* it has ended */ \
	X(SENDING, "sending")       /* the request is sent */ \
	X(SENT, "sent")             /* the last byte of it has gone to the system */ \
	X(FIRST, "first")           /* the first bytes of the response have come */ \
	X(HEAD, "head")             /* its head is complete */ \
	X(BODY, "body")             /* a piece of its body has come; the time is the last one's */ \
	X(END, "end")               /* its body is complete */ \
	X(REDIRECT, "redirect")     /* it led elsewhere: the next events are with another URL */ \
	X(RETRY, "retry")           /* it is made once more, because of `error` or `status` */ \
	X(FAILED, "failed")         /* the call, or reading the body, fails with `error` */ \
	X(CLOSED, "closed")         /* the response is closed */

enum bide_http_phase {
#define BIDE__PHASE(name, text) BIDE_HTTP_##name,
	BIDE_HTTP_PHASES(BIDE__PHASE)
#undef BIDE__PHASE
		BIDE_HTTP_N_PHASES /**< how many there are */
};

/** Returns a phase's name, as "resolving"; "unknown" for a number that is none. [threadsafe] */
BIDE_API const char *bide_http_phase_name(enum bide_http_phase phase) BIDE__NOTHROW;

/** When each phase of a request happened, and what else is counted. */
typedef struct bide_http_times {
	/** Seconds on the loop's clock: of a session that has a hook as of bide_time(), else as of
	 *  bide_now(), which reads the clock once a turn. NaN for what has not happened. From
	 *  QUEUED to END they are those of the last attempt. */
	double at[BIDE_HTTP_N_PHASES];
	unsigned long long received; /**< bytes of its body, as they came, not yet expanded */
	int attempts; /**< how often a connection was asked for, for redirects and repeats, too */
	bool reused;  /**< the connection had served a request before */
} bide_http_times;

/** Something that happens to a request. All is lent until the hook returns. */
typedef struct bide_http_event {
	enum bide_http_phase phase;   /**< what; the time is times->at[phase] */
	unsigned long long id;        /**< of the request, the same in all its events; counted in
	                                   the session, from 1 */
	void *context;                /**< as in the request */
	const char *method;           /**< as it is sent, or would be; NULL once the call has
	                                   returned: while the response is read and closed */
	const char *url;              /**< without user and password; NULL if it was none */
	int error;                    /**< negative; of RETRY and FAILED; else 0 */
	double delay;                 /**< seconds until it is made once more; of RETRY; else 0 */
	int status;                   /**< of the response, from HEAD on, or of a proxy that
	                                   refuses to connect; else 0 */
	const bide_http_times *times; /**< so far */
	const bide_address *peer;     /**< who is connected to, the proxy if there is one; or
	                                   NULL */
} bide_http_event;

/** A session's hook: called in the task that makes the request or reads its response, at each
 *  phase. The last event of a request is FAILED if its call fails, and else CLOSED. It must not
 *  suspend, which aborts, nor make requests in the session or close it. What takes long holds up
 *  the loop.
 *  @param arg the session's hook_arg. */
typedef void bide_http_hook(void *arg, const bide_http_event *event);

#ifdef __cplusplus
}
#endif
#endif
