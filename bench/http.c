// SPDX-License-Identifier: MIT
/* http.c: `http [--light] ROW N PORT [CA]`: what a request of the client's costs, at a server that
 * listens on all addresses of the loopback, or over TLS with a certificate that this file is to
 * verify. Each answer is of 1 KiB. scripts/benchlib/asked.py has the servers.
 *
 * What is told is the CPU time of this process between two moments at which all connections are
 * busy. How much memory it has, the server looks at, which knows how far things have come. */
#include "measure.h"

#include <bide/http.h>

#include <bide.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FEW = 100,   /* requests at once */
	MANY = 3000, /* the same, each to a host of its own */
	SIZE = 1024  /* bytes of an answer */
};

static struct {
	long n; /* requests that count; of memory, hosts */
	int port;
	const char *authority; /* a file's name, or NULL: without TLS */
	bool light;
	int hosts;
	int (*measure)(void); /* within the session */
	bide_http_session *session;
	long asked, answered; /* requests */
	long first, last;     /* between which the CPU time is taken */
	double before, after; /* it, then */
} load;

/* ---- requests ----------------------------------------------------------------------------- */

/* Each host is an address of the loopback's. */
static void url_of(int host, const char *path, char *ret_url, size_t size)
{
	if (load.authority != NULL)
		snprintf(ret_url, size, "https://localhost:%d%s", load.port, path);
	else
		snprintf(ret_url, size, "http://127.0.%d.%d:%d%s", host / 250, host % 250 + 1,
		         load.port, path);
}

/* 0, or an error. */
static int get(const char *url)
{
	bide_http_response *response;
	void *data;
	int rc = bide_http_get(load.session, url, &response);
	if (rc < 0)
		return rc;
	ssize_t size = bide_http_bytes(response, &data);
	if (size >= 0 && (size != SIZE || bide_http_status(response) != 200))
		size = -EBADMSG;
	bide_http_response_close(response);
	return size < 0 ? (int)size : 0;
}

static int get_from(int host, const char *path)
{
	char url[64];
	url_of(host, path, url, sizeof(url));
	return get(url);
}

/* ---- tasks -------------------------------------------------------------------------------- */

BIDE_ASYNC(int, ask, int);
BIDE_ASYNC_LIGHT(int, ask_light, int);
BIDE_ASYNC(int, visit, int);
BIDE_ASYNC_LIGHT(int, visit_light, int);
BIDE_ASYNC(int, hold, int);
BIDE_ASYNC_LIGHT(int, hold_light, int);
BIDE_ASYNC(int, in_session, int);

static void count_answer(void)
{
	load.answered++;
	if (load.answered == load.first)
		load.before = process_cpu();
	if (load.answered == load.last)
		load.after = process_cpu();
}

/* Asks until so many have been asked that all are busy to the end. */
int ask(int number)
{
	char url[64];
	int rc = 0;
	url_of(number % load.hosts, "/", url, sizeof(url));
	while (rc == 0 && load.asked < load.last + load.first) {
		load.asked++;
		rc = get(url);
		count_answer();
	}
	return rc;
}

int ask_light(int number)
{
	return ask(number);
}

/* Goes to every so-manieth host, and leaves a connection there. */
int visit(int number)
{
	int rc = 0;
	for (int host = number; rc == 0 && host < load.hosts; host += FEW)
		rc = get_from(host, "/");
	return rc;
}

int visit_light(int number)
{
	return visit(number);
}

/* The server answers when all have asked. */
int hold(int number)
{
	return get_from(number, "/held");
}

int hold_light(int number)
{
	return hold(number);
}

/* As many tasks as that, each with its number. 0, or the first error. */
#define RUN_ALL(fn, how_many) \
	({ \
		int all_rc; \
		BIDE_GROUP(group, all_rc) { \
			for (int i = 0; i < (how_many); i++) \
				if (load.light) \
					bide_group_spawn(group, fn##_light, i); \
				else \
					bide_group_spawn(group, fn, i); \
		} \
		all_rc; \
	})

static int measure_time(void)
{
	const int at_once = load.hosts > FEW ? load.hosts : FEW;
	load.first = load.n / 10 + 2L * at_once;
	load.last = load.first + load.n;
	int rc = RUN_ALL(ask, at_once);
	if (rc == 0)
		printf("cpu_us %.3f\n", (load.after - load.before) * 1e6 / (double)load.n);
	return rc;
}

static int measure_memory(void)
{
	int rc = get_from(0, "/begin");
	if (rc == 0)
		rc = RUN_ALL(visit, FEW);
	if (rc == 0)
		rc = get_from(0, "/idle");
	return rc == 0 ? RUN_ALL(hold, load.hosts) : rc;
}

/* As many requests at once, and connections that are kept, as there are hosts. */
static int open_session(int limit)
{
	bide_http_options options = { .limit = limit, .keep_alive = (double)INFINITY };
	int rc = 0;
	if (load.authority != NULL)
		rc = bide_tls_open(&(bide_tls_options){ .ca_file = load.authority }, &options.tls);
	if (rc == 0)
		rc = bide_http_session_open(&options, &load.session);
	bide_tls_unref(options.tls);
	return rc;
}

int in_session(int hosts)
{
	load.hosts = hosts;
	int rc = open_session(hosts > FEW ? hosts : FEW);
	if (rc == 0)
		rc = load.measure();
	bide_http_session_close(load.session);
	return rc;
}

/* ---- the program -------------------------------------------------------------------------- */

static const struct row {
	const char *name;
	int hosts; /* 0: N */
	int (*measure)(void);
} rows[] = {
	{ "http", 1, measure_time },
	{ "http_tls", 1, measure_time },
	{ "http_hosts", MANY, measure_time },
	{ "http_memory", 0, measure_memory },
};
static const struct row_names names = ROW_NAMES("http [--light] ROW N PORT [CA]", rows);

static int run(const struct row *row)
{
	load.measure = row->measure;
	int rc = bide_run(in_session, row->hosts > 0 ? row->hosts : (int)load.n);
	if (rc < 0)
		fprintf(stderr, "http: %s\n", bide_strerror(rc));
	else
		printf("ops %ld\n", load.n);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	load.light = argc > 1 && strcmp(argv[1], "--light") == 0;
	argc -= load.light;
	argv += load.light;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("bide %s, 1 thread\n", bide_version()) < 0;
	const struct row *row = argc == 4 || argc == 5 ? row_named(&names, argv[1]) : NULL;
	if (row == NULL)
		return tell_rows(&names, argc, argv);
	load.n = (long)number_in("http", argv[2], 1, 1e9);
	load.port = (int)number_in("http", argv[3], 1, 65535);
	load.authority = argc == 5 ? argv[4] : NULL;
	return run(row);
}
