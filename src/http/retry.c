// SPDX-License-Identifier: MIT
/* retry.c: whether a request is made again: at once when a connection that was idle turns out to be
 * closed, or after a while, as the session or the request says. */
#include "http/session.h"

#include "http/date.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool bide_http_is_idempotent(const char *method)
{
	static const char *const known[] = { "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE" };
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(method, known[i]) == 0)
			return true;
	return false;
}

static bool is_listed(const int *list, int value)
{
	for (; *list != 0; list++)
		if (*list == value)
			return true;
	return false;
}

/* Whether a server that closed an idle connection may have done so before it saw the request. */
static bool is_lost(const struct bide__http_errand *errand, int rc)
{
	const bide_http_times *times = &errand->trace.times;
	return times->reused && isnan(times->at[BIDE_HTTP_FIRST]) &&
	       bide_http_is_idempotent(errand->method) && errand->body.error == 0 &&
	       (rc == -ECONNRESET || rc == -EPIPE || rc == -BIDE_EINCOMPLETE ||
	        rc == -BIDE_ETRUNCATED);
}

/* A server that knows of no leave to send a body says so: then none is asked for. */
static bool knows_no_leave(struct bide__http_errand *errand, const bide_http_response *response)
{
	if (!errand->expect || response == NULL || response->status != 417)
		return false;
	errand->expect = false;
	return true;
}

static bool is_reason(const bide_http_retry *retry, int rc, const bide_http_response *response)
{
	static const int statuses[] = { 429, 502, 503, 504, 0 };
	static const int errors[] = {
		-ECONNREFUSED,
		-ECONNRESET,
		-ECONNABORTED,
		-EPIPE,
		-EHOSTUNREACH,
		-ENETUNREACH,
		-ETIMEDOUT,
		-BIDE_EINCOMPLETE,
		-BIDE_ETRUNCATED,
		-BIDE_ENOANSWER,
		-BIDE_ENOSERVER,
		-BIDE_ESERVFAIL,
		-BIDE_EHTTP_TIMEOUT_CONNECT,
		-BIDE_EHTTP_TIMEOUT_TLS,
		-BIDE_EHTTP_TIMEOUT_WRITE,
		-BIDE_EHTTP_TIMEOUT_READ,
		0,
	};
	if (rc < 0)
		return is_listed(retry->errors != NULL ? retry->errors : errors, rc);
	return is_listed(retry->statuses != NULL ? retry->statuses : statuses, response->status);
}

/* Whether to make it twice does no harm, or what the user wants. */
static bool may_be_made_again(const struct bide__http_errand *errand, const bide_http_retry *retry)
{
	return retry->any_method || bide_http_is_idempotent(errand->method) ||
	       isnan(errand->trace.times.at[BIDE_HTTP_SENDING]);
}

/* The seconds that a server asks for, as a number or by a date: RFC 9110, 10.2.3. < 0: none. */
static double asked_for(const bide_http_response *response)
{
	time_t date;
	char *end;
	const char *text =
		response != NULL ? bide_http_header(response, "Retry-After", NULL) : NULL;
	if (text == NULL)
		return -1;
	if (bide__http_date_parse(text, &date) == 0)
		return date > time(NULL) ? difftime(date, time(NULL)) : 0;
	if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
		return -1;
	return (double)strtoull(text, &end, 10);
}

static double or_usual(double value, double usual)
{
	return value != 0 ? value : usual;
}

static double least_of(double a, double b)
{
	return a < b ? a : b;
}

static double delay_of(const struct bide__http_errand *errand, const bide_http_retry *retry,
                       const bide_http_response *response)
{
	const double most = or_usual(retry->most, 30), jitter = or_usual(retry->jitter, 0.5);
	const double asked = asked_for(response);
	if (asked >= 0)
		return least_of(asked, most);
	double delay = or_usual(retry->delay, 0.1);
	for (int i = 0; i < errand->repeats && delay < most; i++)
		delay *= or_usual(retry->factor, 2);
	delay = least_of(delay, most);
	return jitter > 0 ? delay * bide_uniform(1 - jitter, 1) : delay;
}

bool bide__http_repeats(struct bide__http_errand *errand, int rc,
                        const bide_http_response *response, double *ret_delay)
{
	const bide_http_retry *retry = errand->request->retry;
	if (retry == NULL)
		retry = &errand->session->retry;
	if ((rc < 0 && rc == bide_cancelled()) || errand->body.begun)
		return false;
	if ((rc < 0 && is_lost(errand, rc)) || knows_no_leave(errand, response)) {
		errand->fresh = true;
		*ret_delay = 0;
		return true;
	}
	if (errand->repeats + 1 >= retry->attempts || (rc < 0 && errand->body.error < 0) ||
	    !is_reason(retry, rc, response) || !may_be_made_again(errand, retry))
		return false;
	const double delay = delay_of(errand, retry, response);
	if (bide_now() + delay >= bide_deadline())
		return false;
	errand->repeats++;
	*ret_delay = delay;
	return true;
}

bool bide__http_retry_is_valid(const bide_http_retry *retry)
{
	return retry == NULL ||
	       (retry->attempts >= 0 && retry->delay >= 0 && retry->factor >= 0 &&
	        retry->most >= 0 &&
	        (retry->jitter == -1 || (retry->jitter >= 0 && retry->jitter <= 1)));
}
