// SPDX-License-Identifier: MIT
/* fetch_phases.c: see fetch_phases.h. */
#include "fetch_phases.h"

#include <math.h>

/* What has begun and not ended lasted until the end of all. */
static struct fetch_span span(const bide_http_times *times, enum bide_http_phase from,
                              enum bide_http_phase to, double ended)
{
	const double begin = times->at[from], end = isnan(times->at[to]) ? ended : times->at[to];
	if (isnan(begin) || end < begin)
		return (struct fetch_span){ ended, ended };
	return (struct fetch_span){ begin, end };
}

void fetch_phases_of(const bide_http_times *times, double ended,
                     struct fetch_span ret_spans[FETCH_N_PHASES])
{
	ret_spans[FETCH_PHASE_QUEUE] = span(times, BIDE_HTTP_QUEUED, BIDE_HTTP_TURN, ended);
	ret_spans[FETCH_PHASE_NAME] = span(times, BIDE_HTTP_RESOLVING, BIDE_HTTP_RESOLVED, ended);
	ret_spans[FETCH_PHASE_CONNECT] =
		span(times, BIDE_HTTP_CONNECTING, BIDE_HTTP_CONNECTED, ended);
	ret_spans[FETCH_PHASE_TLS] = span(times, BIDE_HTTP_SECURING, BIDE_HTTP_SECURED, ended);
	ret_spans[FETCH_PHASE_WAIT] = span(times, BIDE_HTTP_SENDING, BIDE_HTTP_FIRST, ended);
	ret_spans[FETCH_PHASE_BODY] = span(times, BIDE_HTTP_FIRST, BIDE_HTTP_END, ended);
}

double fetch_latency_of(const bide_http_times *times, double ended)
{
	const double turn = times->at[BIDE_HTTP_TURN], end = times->at[BIDE_HTTP_END];
	if (isnan(turn))
		return 0;
	return (isnan(end) ? ended : end) - turn;
}
