// SPDX-License-Identifier: MIT
/* fetch_job.c: one URL: asked for, again if need be, and its body put where it belongs. */
#include "fetch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUFFER = 16384,       /* bytes of a body at once */
	REFUSED_MOST = 65536, /* bytes that are read of a body that nobody wants */
	ANEW = 1              /* what there is of the body is of no use: it is asked for whole */
};

struct fetch_job *fetch_job_new(struct fetch_run *run)
{
	struct fetch_job *job = calloc(1, sizeof(*job));
	if (job != NULL)
		job->run = run;
	return job;
}

void fetch_job_free(struct fetch_job *job)
{
	text_free(&job->url);
	text_free(&job->place.key);
	text_free(&job->place.validator);
	free(job->result.final_url);
	free(job);
}

/* ---- bodies ------------------------------------------------------------------------------- */

/* Errors of the place where bodies go, after which no other body would come there either. */
static bool is_the_end(int error)
{
	return error == -ENOSPC || error == -EDQUOT || error == -EROFS || error == -EIO ||
	       error == -EPIPE || error == -ENOMEM;
}

static int local_error_of(struct fetch_job *job, const char *where, int error)
{
	if (error < 0 && error != bide_cancelled() && is_the_end(error))
		fetch_stop(job->run, where, error);
	return error;
}

static int local_error(struct fetch_job *job, int error)
{
	return local_error_of(job, job->run->store.where, error);
}

/* What was written is whole, and comes where it was to go. */
static int finish(struct fetch_job *job, const char *validator)
{
	struct fetch_store *store = &job->run->store;
	const bool files = store->kind == FETCH_FILES;
	return local_error_of(job, files ? store->where : "standard output",
	                      fetch_store_finish(store, &job->place, validator));
}

/* Reads the body to its end, or so many bytes of one that is not wanted. */
static int read_through(struct fetch_job *job, bide_http_response *response, char *buffer,
                        bool wanted)
{
	uint64_t *bytes = &job->result.bytes;
	for (;;) {
		ssize_t n = bide_http_read(response, buffer, BUFFER);
		if (n <= 0)
			return (int)n;
		*bytes += (uint64_t)n;
		job->result.received += (uint64_t)n;
		int rc = wanted ? fetch_store_put(&job->place, buffer, (size_t)n) : 0;
		if (rc < 0)
			return local_error(job, rc);
		if (!wanted && *bytes >= REFUSED_MOST)
			return 0;
	}
}

static int read_body(struct fetch_job *job, bide_http_response *response, bool wanted)
{
	char *buffer = malloc(BUFFER);
	int rc = buffer != NULL ? read_through(job, response, buffer, wanted) : -ENOMEM;
	free(buffer);
	return rc;
}

/* What tells this version of the body from others; not where it is another text than it came as. */
static const char *validator_of(const bide_http_response *response)
{
	return bide_http_header(response, "Content-Encoding", NULL) == NULL
	               ? bide_http_validator(response)
	               : NULL;
}

/* Puts a body, or the rest of one, into its place. */
static int store(struct fetch_job *job, bide_http_response *response, bool go_on)
{
	struct fetch_store *store = &job->run->store;
	const char *validator = validator_of(response);
	int rc = local_error(job, fetch_store_begin(store, &job->place, go_on, validator));
	if (rc < 0)
		return rc;
	job->result.bytes = job->place.size;
	rc = read_body(job, response, true);
	if (rc < 0)
		return rc;
	job->result.times = *bide_http_times_of(response);
	rc = finish(job, validator);
	job->result.stored = rc == 0 && store->kind == FETCH_FILES;
	return rc;
}

/* Whether a response to a request for the rest is that, all of it: ANEW if it is not. A server that
 * has no more of it, and the same version, says that it is whole. */
static int check_rest(const struct fetch_job *job, const bide_http_response *response)
{
	const char *validator = validator_of(response);
	int64_t first, last, total;
	const int rc = bide_http_content_range(response, &first, &last, &total);
	const bool same = validator == NULL || strcmp(validator, job->place.validator.data) == 0;
	if (rc < 0 || !same)
		return ANEW;
	if (bide_http_status(response) == 416)
		return validator != NULL && total == (int64_t)job->place.size ? 0 : ANEW;
	return first == (int64_t)job->place.size && last + 1 == total ? 0 : ANEW;
}

/* There is no more of it than the part, if that is still what it was when it was asked for. */
static int take_whole(struct fetch_job *job)
{
	if (fetch_store_begin(&job->run->store, &job->place, true, NULL) < 0)
		return ANEW;
	job->result.status = 206;
	return finish(job, job->place.validator.data);
}

static int take_rest(struct fetch_job *job, bide_http_response *response)
{
	int rc = check_rest(job, response);
	if (rc == 0 && bide_http_status(response) == 206)
		return store(job, response, true);
	if (rc == 0)
		rc = take_whole(job);
	if (rc == ANEW)
		job->place.size = 0;
	return rc;
}

/* ---- attempts ----------------------------------------------------------------------------- */

static bool is_good(int status)
{
	return status >= 200 && status <= 299;
}

/* Whether a file would be made of a part, which was sent without being asked for, or because the
 * user's own header did. */
static bool is_mere_part(const struct fetch_job *job, const bide_http_response *response)
{
	int64_t first, last, total;
	if (job->result.status != 206 || job->run->store.kind != FETCH_FILES)
		return false;
	return bide_http_content_range(response, &first, &last, &total) < 0 || first != 0 ||
	       last + 1 != total;
}

static int take(struct fetch_job *job, bide_http_response *response, bool rest)
{
	struct fetch_result *result = &job->result;
	result->status = bide_http_status(response);
	free(result->final_url);
	result->final_url = strdup(bide_http_url(response));
	result->bytes = 0;
	if (rest && (result->status == 206 || result->status == 416))
		return take_rest(job, response);
	if (is_mere_part(job, response))
		return -BIDE_EHTTP_RANGE;
	if (is_good(result->status))
		return store(job, response, false);
	return read_body(job, response, false);
}

/* Makes one request. 0, ANEW, or an error. */
static int attempt(struct fetch_job *job)
{
	static const char *const plain[] = { "Accept-Encoding: identity", NULL };
	const struct fetch_options *options = &job->run->options;
	const bool rest = job->place.size > 0 && job->place.validator.size > 0 &&
	                  strcmp(options->method, "GET") == 0;
	const bide_http_retry retry = { .attempts = options->retries + 2 - job->result.attempts };
	bide_http_response *response = NULL;
	bide_http_request request = {
		.method = options->method,
		.url = job->url.data,
		.headers = options->resume || rest ? plain : NULL,
		.body = options->data,
		.body_size = options->data != NULL ? strlen(options->data) : 0,
		.type = options->type,
		.retry = &retry,
		.context = job,
	};
	if (rest) {
		request.range_from = (int64_t)job->place.size;
		request.if_range = job->place.validator.data;
	}
	int rc = bide_http_send(job->run->session, &request, &response);
	if (rc < 0)
		return rc;
	rc = take(job, response, rest);
	job->result.times = *bide_http_times_of(response);
	job->result.ended = bide_time();
	bide_http_response_close(response);
	return rc;
}

/* ---- all attempts ------------------------------------------------------------------------- */

/* A request is made that was to be made then: the next one may be so much later. */
static void take_turn(struct fetch_run *run, double wanted)
{
	run->next = fmax(run->next, wanted) + 1 / run->options.rate;
}

/* Waits until a request may be made, of so many a second. One waits for its time, which may be put
 * off meanwhile, and the others for that one. */
static int pace(struct fetch_run *run)
{
	if (isinf(run->options.rate))
		return 0;
	const double wanted = bide_now();
	int rc = bide_mutex_lock(&run->pacing);
	if (rc < 0)
		return rc;
	while (rc == 0 && bide_now() < run->next)
		rc = bide_sleep_until(run->next);
	if (rc == 0)
		take_turn(run, wanted);
	bide_mutex_unlock(&run->pacing);
	return rc;
}

/* Whether what came of the body may come better the next time: it was there, and broke off. */
static bool broke_off(const struct fetch_result *result)
{
	return is_good(result->status) &&
	       (result->error == -BIDE_EINCOMPLETE || result->error == -BIDE_ETRUNCATED ||
	        result->error == -ECONNRESET || result->error == -BIDE_EHTTP_TIMEOUT_READ);
}

/* The session makes requests again that get no good answer. When there is one whose body does not
 * come to its end, it is asked for here, for the rest where that can be. */
static int try_all(struct fetch_job *job)
{
	const struct fetch_options *options = &job->run->options;
	const int retries = bide_http_is_idempotent(options->method) ? options->retries : 0;
	struct fetch_result *result = &job->result;
	int rc;
	while ((rc = pace(job->run)) == 0) {
		result->attempts++;
		result->status = 0;
		result->error = attempt(job);
		if (result->error == -BIDE_EHTTP_URL && job->no_proxy)
			result->error = -EPROTONOSUPPORT;
		result->ended = bide_time();
		rc = bide_cancelled();
		const bool again = result->attempts <= retries && broke_off(result);
		if (rc < 0 || (result->error != ANEW && !again))
			break;
	}
	result->outcome = result->error == 0 && is_good(result->status) ? FETCH_DONE : FETCH_FAILED;
	return rc;
}

void fetch_job_note(void *arg, const bide_http_event *event)
{
	struct fetch_job *job = event->context;
	(void)arg;
	/* What the session asks for by itself puts off those that come. */
	if (event->phase == BIDE_HTTP_RETRY || event->phase == BIDE_HTTP_REDIRECT)
		take_turn(job->run, bide_now());
	/* Without a delay, after an error, it is a connection that had been closed. */
	if (event->phase == BIDE_HTTP_RETRY && (event->delay > 0 || event->error == 0))
		job->result.attempts++;
	if (event->phase == BIDE_HTTP_FAILED) {
		job->result.times = *event->times;
		job->no_proxy = event->error == -BIDE_EHTTP_URL && event->url != NULL;
	}
}

/* ---- the whole ---------------------------------------------------------------------------- */

static void begin(struct fetch_job *job)
{
	struct fetch_result *result = &job->result;
	free(result->final_url);
	*result = (struct fetch_result){ .url = job->url.data,
		                         .file = job->place.name,
		                         .list_size = result->list_size,
		                         .began = bide_time(),
		                         .ended = bide_time() };
	for (int i = 0; i < BIDE_HTTP_N_PHASES; i++)
		result->times.at[i] = (double)NAN;
}

int fetch_job_refuse(struct fetch_job *job)
{
	begin(job);
	job->result.outcome = FETCH_FAILED;
	job->result.error = -BIDE_EHTTP_URL;
	return 0;
}

int fetch_job_do(struct fetch_job *job)
{
	struct fetch_store *store = &job->run->store;
	begin(job);
	int rc = fetch_store_take(store, job->url.data, &job->place);
	if (rc == FETCH_WANTED) {
		rc = try_all(job);
	} else if (rc > 0) {
		job->result.outcome = rc == FETCH_KEPT ? FETCH_PRESENT : FETCH_REPEATED;
		job->result.bytes = rc == FETCH_KEPT ? job->place.size : 0;
		job->result.stored = rc == FETCH_KEPT;
		rc = 0;
	} else {
		job->result.outcome = FETCH_FAILED;
		job->result.error = local_error(job, rc);
		rc = 0;
	}
	fetch_store_leave(store, &job->place);
	return rc;
}
