/* SPDX-License-Identifier: MIT */
/* fetch_phases.h: what the time of a request goes to. */
#ifndef TOOLS_FETCH_PHASES_H
#define TOOLS_FETCH_PHASES_H

#include <bide/http.h>

/* Each with the name that JSON has, what people read, and its colour. */
#define FETCH_PHASES(X) \
	X(QUEUE, "queue", "waits for its turn", "#b8bec7") \
	X(NAME, "name", "name is looked up", "#8e6fc1") \
	X(CONNECT, "connect", "connects", "#e8963b") \
	X(TLS, "tls", "TLS", "#c4528f") \
	X(WAIT, "wait", "waits for the first byte", "#3f9e5f") \
	X(BODY, "body", "body comes", "#3b7dc4")

enum fetch_phase {
#define FETCH__PHASE(id, name, words, colour) FETCH_PHASE_##id,
	FETCH_PHASES(FETCH__PHASE)
#undef FETCH__PHASE
		FETCH_N_PHASES
};

/* From when to when, on the loop's clock; equal when there was none of it. */
struct fetch_span {
	double from, to;
};

/* Reads the phases of what happened up to a time. */
void fetch_phases_of(const bide_http_times *times, double ended,
                     struct fetch_span ret_spans[FETCH_N_PHASES]);

/* How long the request took from its turn on; 0 when its turn never came. */
double fetch_latency_of(const bide_http_times *times, double ended);

#endif
