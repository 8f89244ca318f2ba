// SPDX-License-Identifier: MIT
/* trace.c: what happens to a request: its times, and the hook that is told. */
#include "http/session.h"

#include <math.h>

const char *bide_http_phase_name(enum bide_http_phase phase)
{
	static const char *const names[] = {
#define NAME(name, text) [BIDE_HTTP_##name] = (text),
		BIDE_HTTP_PHASES(NAME)
#undef NAME
	};
	return (unsigned)phase < BIDE_HTTP_N_PHASES ? names[phase] : "unknown";
}

void bide__http_trace_begin(struct bide__http_trace *trace, bide_http_session *session,
                            void *context)
{
	*trace = (struct bide__http_trace){ .session = session,
		                            .id = ++session->n_requests,
		                            .context = context };
	for (int i = 0; i < BIDE_HTTP_N_PHASES; i++)
		trace->times.at[i] = (double)NAN;
}

void bide__http_trace_again(struct bide__http_trace *trace)
{
	for (int i = BIDE_HTTP_QUEUED; i <= BIDE_HTTP_END; i++)
		trace->times.at[i] = (double)NAN;
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
