// SPDX-License-Identifier: MIT
/* fetch.c: bide fetch: the run, from the first URL to the exit status. */
#include "fetch.h"

#include "fetch_report.h"
#include "tools.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static BIDE_ASYNC(int, fetch, struct fetch_run *);
static BIDE_ASYNC_LIGHT(int, work, struct fetch_run *);
static BIDE_ASYNC_LIGHT(int, tick, struct fetch_run *);
static BIDE_ASYNC_LIGHT(int, watch, struct fetch_run *, bide_signals *);

static const char standard_output[] = "standard output";

enum {
	AHEAD = 4 /* so many tasks for each request that may be made at once take URLs from the
	             list: when those of one host wait for their turns there are others */
};

void fetch_stop(struct fetch_run *run, const char *where, int error)
{
	if (run->error == 0) {
		run->where = where;
		run->error = error;
	}
	if (run->workers != NULL)
		bide_group_cancel(run->workers);
}

/* ---- tasks -------------------------------------------------------------------------------- */

/* Fetches the next URL. 1; 0 when there is none; or an error. */
static int fetch_next(struct fetch_run *run, struct fetch_job *job)
{
	const int line = fetch_list_next(&run->list, &job->url, &job->result.list_size);
	if (line <= 0) {
		if (line < 0 && line != bide_cancelled())
			fetch_stop(run, run->options.list, line);
		return line;
	}
	int rc = line == FETCH_LINE_URL ? fetch_job_do(job) : fetch_job_refuse(job);
	if (rc < 0)
		return rc;
	rc = fetch_report_add(run->report, &job->result);
	if (rc < 0 && rc != bide_cancelled())
		fetch_stop(run, standard_output, rc);
	return rc < 0 ? rc : 1;
}

static int work(struct fetch_run *run)
{
	struct fetch_job *job = fetch_job_new(run);
	if (job == NULL) {
		fetch_stop(run, "memory", -ENOMEM);
		return 0;
	}
	while (fetch_next(run, job) > 0)
		;
	fetch_job_free(job);
	return 0;
}

/* Shows how far it is, ten times a second. */
static int tick(struct fetch_run *run)
{
	int rc = 0;
	while (rc == 0) {
		rc = bide_sleep(0.1);
		if (rc == 0)
			rc = fetch_report_tick(run->report);
	}
	if (rc != bide_cancelled())
		fetch_stop(run, standard_output, rc);
	return 0;
}

/* Stops the run when a signal asks for it; the next one ends the process at once. */
static int watch(struct fetch_run *run, bide_signals *signals)
{
	const int signal_number = bide_signals_next(signals, NULL);
	tool_signals_close(signals);
	if (signal_number <= 0)
		return 0;
	run->signal = signal_number;
	bide_group_cancel(run->workers);
	return 0;
}

/* ---- the run ------------------------------------------------------------------------------ */

static size_t workers_of(const struct fetch_options *options)
{
	const size_t most = (size_t)options->concurrency * AHEAD;
	size_t n = 0;
	while (options->list == NULL && options->urls[n] != NULL && n < most)
		n++;
	return options->list == NULL ? n : most;
}

static int run_workers(struct fetch_run *run)
{
	int rc;
	BIDE_GROUP(group, rc) {
		run->workers = group;
		for (size_t i = workers_of(&run->options); i > 0; i--)
			(void)bide_group_spawn(group, work, run);
	}
	run->workers = NULL;
	return rc;
}

static int run_all(struct fetch_run *run)
{
	bide_signals *signals;
	int rc = tool_signals_open(&signals), group_rc;
	if (rc < 0)
		return rc;
	BIDE_GROUP(helpers, group_rc) {
		(void)bide_group_spawn(helpers, tick, run);
		if (signals != NULL)
			(void)bide_group_spawn(helpers, watch, run, signals);
		rc = run_workers(run);
		bide_group_cancel(helpers);
	}
	return rc < 0 ? rc : group_rc;
}

/* ---- what it needs ------------------------------------------------------------------------ */

static int complain(const char *where, int error)
{
	fprintf(stderr, "bide fetch: %s: %s\n", where, bide_strerror(error));
	return error;
}

/* Connections take descriptors, and so do files; of those that wait for their turns on the standard
 * output there are more. */
static void limit_concurrency(struct fetch_options *options)
{
	const bool in_order = options->output != NULL && strcmp(options->output, "-") == 0;
	const size_t files = options->output == NULL ? 0 : in_order ? AHEAD : 1;
	const int wanted = options->concurrency;
	options->concurrency = (int)tool_descriptors((size_t)wanted, 1 + files);
	if (options->concurrency < wanted && options->telling != FETCH_QUIET)
		fprintf(stderr,
		        "bide fetch: %d requests at once, not %d: there may be no more open "
		        "files\n",
		        options->concurrency, wanted);
}

static int open_session(struct fetch_run *run)
{
	const struct fetch_options *options = &run->options;
	const bide_tls_options tls_options = { .insecure = options->insecure,
		                               .ca_file = options->ca_file };
	bide_tls *tls = NULL;
	int rc = 0;
	if (options->insecure || options->ca_file != NULL)
		rc = bide_tls_open(&tls_options, &tls);
	if (rc < 0)
		return complain(options->ca_file != NULL ? options->ca_file : "TLS", rc);
	const bide_http_options session_options = {
		.limit = options->concurrency,
		.limit_per_host = options->per_host,
		.timeout = INFINITY,
		.timeout_connect = options->timeout,
		.timeout_tls = options->timeout,
		.timeout_write = options->timeout,
		.timeout_read = options->timeout,
		.headers = options->headers,
		.user_agent = options->user_agent,
		.unix_path = options->unix_path,
		.no_cookies = true,
		.tls = tls,
		.proxy = options->proxy,
		.proxy_from_environment = options->unix_path == NULL,
		.hook = fetch_job_note,
	};
	rc = bide_http_session_open(&session_options, &run->session);
	bide_tls_unref(tls);
	const bool proxy = rc == -BIDE_EHTTP_URL || rc == -EPROTONOSUPPORT;
	run->senseless = proxy || rc == -EINVAL;
	/* Not which: a password may be in it. */
	if (proxy)
		fputs("bide fetch: --proxy: no URL of a proxy of http or https; "
		      "see bide fetch --help\n",
		      stderr);
	else if (run->senseless)
		fputs("bide fetch: a header makes no sense; see bide fetch --help\n", stderr);
	return rc < 0 && !run->senseless ? complain("session", rc) : rc;
}

static int open_all(struct fetch_run *run)
{
	const struct fetch_options *options = &run->options;
	bide_mutex_init(&run->pacing);
	int rc = fetch_list_open(&run->list, options->urls, options->list);
	if (rc < 0)
		return complain(options->list, rc);
	/* Before there is a store: what makes no sense leaves no directory behind. */
	rc = open_session(run);
	if (rc < 0)
		return rc;
	rc = fetch_store_open(&run->store, options->output, options->resume, options->method,
	                      options->data);
	if (rc == -EBUSY)
		fprintf(stderr, "bide fetch: %s: another bide fetch is at work there\n",
		        options->output);
	else if (rc == -EILSEQ)
		fprintf(stderr, "bide fetch: %s/.bide-fetch: not a journal of bide fetch\n",
		        options->output);
	else if (rc < 0)
		complain(run->store.where, rc);
	if (rc < 0)
		return rc;
	rc = fetch_report_open(run->report, run);
	return rc < 0 ? complain(run->report->where, rc) : rc;
}

/* ---- the end ------------------------------------------------------------------------------ */

/* The exit status of a run that has come to its end, or has been stopped. */
static int end(struct fetch_run *run)
{
	int rc = run->error == -EPIPE ? 0 : fetch_report_end(run->report);
	if (rc < 0 && run->error == 0) {
		run->error = rc;
		run->where = run->report->where;
	}
	if (run->error < 0 && (run->error != -EPIPE || run->pipe_ignored))
		complain(run->where, run->error);
	return run->error < 0 || run->report->counts[FETCH_FAILED] > 0 ? TOOL_FAILED : TOOL_OK;
}

static int fetch(struct fetch_run *run)
{
	int status = TOOL_FAILED;
	int rc = open_all(run);
	if (run->senseless)
		status = TOOL_USAGE;
	if (rc == 0) {
		rc = run_all(run);
		if (rc < 0)
			fetch_stop(run, "run", rc);
		status = end(run);
	}
	bide_http_session_close(run->session);
	fetch_report_close(run->report);
	fetch_store_close(&run->store);
	fetch_list_close(&run->list);
	return status;
}

/* Ends the process as a signal does, so that whoever has started it sees that. */
static void end_by(int signal_number)
{
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

int tool_fetch(int argc, char **argv)
{
	static struct fetch_report report;
	static struct fetch_run run = { .store = FETCH_STORE_NONE };
	run.report = &report;
	int status = fetch_options_read(&run.options, argc, argv);
	if (status < 0) {
		limit_concurrency(&run.options);
		run.pipe_ignored = signal(SIGPIPE, SIG_IGN) == SIG_IGN;
		const int rc = bide_try_run(NULL, &status, fetch, &run);
		if (rc < 0) {
			complain("run", rc);
			status = TOOL_FAILED;
		}
	}
	fetch_options_free(&run.options);
	if (run.signal > 0)
		end_by(run.signal);
	if (run.error == -EPIPE && !run.pipe_ignored)
		end_by(SIGPIPE);
	return status;
}
