// SPDX-License-Identifier: MIT
/* trace.c: what happens to a request: its times, and the hook that is told. */
#include "http/session.h"

#include <math.h>
#include <string.h>

const char *bide_http_phase_name(enum bide_http_phase phase)
{
	static const char *const names[] = {
#define NAME(name, text) [BIDE_HTTP_##name] = (text),
		BIDE_HTTP_PHASES(NAME)
#undef NAME
	};
	return (unsigned)phase < BIDE_HTTP_N_PHASES ? names[phase] : "unknown";
}

static const bide_http_times never = { .at = { [0 ... BIDE_HTTP_N_PHASES - 1] = (double)NAN } };

void bide__http_trace_begin(struct bide__http_trace *trace, bide_http_session *session,
                            void *context)
{
	*trace = (struct bide__http_trace){
		.session = session, .id = ++session->n_requests, .context = context, .times = never
	};
}

void bide__http_trace_again(struct bide__http_trace *trace)
{
	enum { N = BIDE_HTTP_END - BIDE_HTTP_QUEUED + 1 };
	memcpy(&trace->times.at[BIDE_HTTP_QUEUED], never.at, N * sizeof(never.at[0]));
	trace->times.received = 0;
	trace->times.attempts++;
	trace->peer = NULL;
	trace->status = 0;
}

void bide__http_trace_add(struct bide__http_trace *trace, const struct bide__http_trace *met)
{
	trace->status = met->status;
	trace->times.received = met->times.received;
	for (int i = BIDE_HTTP_FIRST; i <= BIDE_HTTP_BODY; i++) {
		const bool new = isnan(trace->times.at[i]) && !isnan(met->times.at[i]);
		trace->times.at[i] = met->times.at[i];
		if (new && trace->session->options.hook != NULL)
			bide__http_tell(trace, (enum bide_http_phase)i, 0);
	}
}

void bide__http_tell(struct bide__http_trace *trace, enum bide_http_phase phase, int error)
{
	const bide_http_options *options = &trace->session->options;
	const bide_http_event event = {
		.phase = phase,
		.id = trace->id,
		.context = trace->context,
		.method = trace->method,
		.url = trace->url,
		.error = error,
		.delay = phase == BIDE_HTTP_RETRY ? trace->delay : 0,
		.status = trace->status,
		.times = &trace->times,
		.peer = trace->peer,
	};
	BIDE_NO_SUSPEND
		options->hook(options->hook_arg, &event);
}
