/* SPDX-License-Identifier: MIT */
/* fetch.h: bide fetch: what its parts share. Who knows whom:
 *
 *     fetch.c            the run: workers take URLs from the list, until it ends
 *       fetch_options    the arguments
 *       fetch_list       the URLs, one after the other
 *       fetch_job        one URL, with all its attempts
 *         fetch_store    where the body goes
 *           fetch_journal, fetch_table, fetch_hash, fetch_url
 *       fetch_report     what is told of the results
 *         fetch_bar, fetch_percentiles, fetch_phases, fetch_timeline */
#ifndef TOOLS_FETCH_H
#define TOOLS_FETCH_H

#include "fetch_list.h"
#include "fetch_store.h"

#include <bide.h>
#include <bide/http.h>

struct fetch_report;

/* ---- fetch_options.c ---------------------------------------------------------------------- */

enum fetch_telling {
	FETCH_USUAL,   /* a line for each result, but where there is a bar on the same terminal */
	FETCH_VERBOSE, /* a line for each result */
	FETCH_BRIEF,   /* a line for each failure */
	FETCH_QUIET    /* the same, and no bar and no summary */
};

struct fetch_options {
	char **urls;                /* of the arguments, NULL at the end */
	const char *list;           /* the file of more; "-": the standard input; or NULL */
	const char *output;         /* a directory, "-", or NULL: nowhere */
	bool resume;                /* pieces of files are kept and gone on with */
	int concurrency;            /* requests at once */
	int per_host;               /* the same for each host */
	int retries;                /* attempts after the first */
	double timeout;             /* seconds without anything coming forward */
	double rate;                /* requests a second; INFINITY: as fast as they go */
	const char *method;         /* GET, or POST when there is data, if none is given */
	const char *data;           /* the body of each request, or NULL */
	const char *type;           /* what it is */
	const char **headers;       /* "Name: value", NULL at the end */
	const char *user_agent;     /* NULL: the library's */
	const char *unix_path;      /* NULL: the hosts of the URLs are connected to */
	const char *proxy;          /* NULL: the one that the environment names, or none */
	const char *ca_file;        /* NULL: whom the system trusts */
	bool insecure;              /* any certificate will do */
	bool json;                  /* results are told in JSON */
	enum fetch_telling telling; /* how much */
	const char *timeline;       /* the picture's file, or NULL */
};

/* Reads the arguments. An exit status, or -1: there is something to do. What it points to lives as
 * long as argv, but for what fetch_options_free() frees. */
int fetch_options_read(struct fetch_options *options, int argc, char **argv);
void fetch_options_free(struct fetch_options *options);

/* ---- results ------------------------------------------------------------------------------ */

/* What a result's error is in words. */
const char *fetch_strerror(int error);

enum fetch_outcome {
	FETCH_DONE,     /* fetched, whole */
	FETCH_FAILED,   /* not */
	FETCH_PRESENT,  /* it was there, whole: not fetched again */
	FETCH_REPEATED, /* not fetched again either, being twice in the list */
};

/* What has become of a URL. */
struct fetch_result {
	enum fetch_outcome outcome;
	const char *url;       /* as in the list */
	char *final_url;       /* where redirects led, or NULL */
	int status;            /* of the last response; 0: there was none */
	int error;             /* what it failed with, negative; 0: it did not, or by its status */
	bool stored;           /* a file of that name is there now */
	const char *file;      /* its name */
	uint64_t bytes;        /* of the body */
	uint64_t received;     /* bytes of bodies, in all attempts */
	int attempts;          /* how often it was asked for, redirects left out */
	bide_http_times times; /* of the last attempt */
	double began, ended; /* on the loop's clock; `began` when the URL was taken from the list */
	uint64_t list_size;  /* bytes of the list that it took */
};

/* ---- the run ------------------------------------------------------------------------------ */

struct fetch_run {
	struct fetch_options options;
	struct fetch_list list;
	struct fetch_store store;
	struct fetch_report *report;
	bide_http_session *session;
	bide_group *workers;
	bide_mutex pacing; /* who waits until a request may be made, of --rate, */
	double next;       /* and when that is */
	int error;         /* why the run cannot go on, negative; 0: it can */
	const char *where; /* that is; for a message */
	bool senseless;    /* it cannot begin because of its arguments */
	bool pipe_ignored; /* whoever has started it wants to be told of broken pipes by words */
	int signal;        /* that has asked it to stop; 0: none */
};

/* Stops the run because of an error that is not one URL's own; the first one counts. */
void fetch_stop(struct fetch_run *run, const char *where, int error);

/* ---- fetch_job.c -------------------------------------------------------------------------- */

/* A worker's memory: tasks that wait have no locals of which others know. */
struct fetch_job {
	struct fetch_run *run;
	struct text url;
	struct fetch_place place;
	struct fetch_result result;
	bool no_proxy; /* its request failed as what the environment names as a proxy is none */
};

struct fetch_job *fetch_job_new(struct fetch_run *run);
void fetch_job_free(struct fetch_job *job);

/* Fetches job->url and fills job->result in. [suspends] 0; or the cancellation: there is no
 * result. */
int fetch_job_do(struct fetch_job *job);

/* What is to be done at what happens to its requests: the session's hook. */
void fetch_job_note(void *arg, const bide_http_event *event);

/* The same for what no URL can be like: it has failed. 0. */
int fetch_job_refuse(struct fetch_job *job);

#endif
