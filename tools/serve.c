// SPDX-License-Identifier: MIT
/* serve.c: bide serve: the files of a directory, by HTTP, until a signal ends it. */
#include "serve_log.h"
#include "tools.h"

#include <bide.h>
#include <bide/http_server.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the arguments say. */
struct settings {
	const char *root;
	const char *bind, *port; /* where to listen; NULL: the usual place, */
	const char *unix_path;   /* or the socket, if it is one of this system */
	double grace;            /* seconds that connections have at the end */
	bool quiet;
	bide_http_files_options options;
};

static void usage(FILE *out)
{
	fputs("usage: bide serve [OPTION…] [DIR]\n\n"
	      "Serves the files of DIR, or of the current directory, by HTTP/1.1, until it is\n"
	      "sent SIGINT or SIGTERM.\n\n"
	      "  -b, --bind ADDRESS   where to listen; 127.0.0.1. \"::\": everywhere\n"
	      "  -p, --port N         the port; 8000. 0: one that is free\n"
	      "  -u, --unix PATH      listens at this socket instead\n"
	      "  -n, --no-listing     no lists of directories without an index.html\n"
	      "  -a, --hidden         serves what begins with a dot, too\n"
	      "  -l, --limit N        connections at once; 1000\n"
	      "  -g, --grace SECONDS  that they have to end when it is stopped; 5\n"
	      "  -q, --quiet          no log of the requests on the standard error\n"
	      "  -h, --help           tells this\n",
	      out);
}

/* ---- arguments ---------------------------------------------------------------------------- */

static int complain(const char *what, const char *value)
{
	fprintf(stderr, "bide serve: %s: %s\n", what, value);
	return TOOL_USAGE;
}

static int fail(const char *what, int error)
{
	fprintf(stderr, "bide serve: %s: %s\n", what, bide_strerror(error));
	return error;
}

/* A number from @p least to @p most, all of the text; -1 else. */
static double number(const char *text, double least, double most, bool whole)
{
	char *end;
	const size_t digits = strspn(text, whole ? "0123456789" : "0123456789.");
	const double value = strtod(text, &end);
	return digits > 0 && text[digits] == '\0' && *end == '\0' && value >= least && value <= most
	               ? value
	               : -1;
}

/* Takes an option. 0 or an exit status. */
static int take(struct settings *settings, int option, char *value)
{
	bide_server_options *listen = &settings->options.server.listen;
	switch (option) {
	case 'b':
		settings->bind = value;
		return *value == '\0' ? complain("no address", value) : 0;
	case 'p':
		settings->port = value;
		return number(value, 0, 65535, true) < 0 ? complain("no port", value) : 0;
	case 'u':
		settings->unix_path = value;
		return 0;
	case 'n':
		settings->options.no_listing = true;
		return 0;
	case 'a':
		settings->options.hidden = true;
		return 0;
	case 'l': {
		const double limit = number(value, 1, 1e6, true);
		listen->limit = limit > 0 ? (size_t)limit : 0;
		return limit < 0 ? complain("no number of connections", value) : 0;
	}
	case 'g':
		settings->grace = number(value, 0, 1e9, false);
		return settings->grace < 0 ? complain("no number of seconds", value) : 0;
	case 'q':
		settings->quiet = true;
		return 0;
	default:
		fputs("Try `bide serve --help`.\n", stderr);
		return TOOL_USAGE;
	}
}

static const struct option options[] = {
	{ "bind", required_argument, NULL, 'b' },  { "port", required_argument, NULL, 'p' },
	{ "unix", required_argument, NULL, 'u' },  { "no-listing", no_argument, NULL, 'n' },
	{ "hidden", no_argument, NULL, 'a' },      { "limit", required_argument, NULL, 'l' },
	{ "grace", required_argument, NULL, 'g' }, { "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },        { NULL, 0, NULL, 0 },
};

/* Reads the arguments. 0; -1 when help was asked for; or an exit status. */
static int read_arguments(int argc, char **argv, struct settings *settings)
{
	/* What getopt says begins with it. */
	static char name[] = "bide serve";
	int option, rc = 0;
	argv[0] = name;
	while (rc == 0 && (option = getopt_long(argc, argv, "b:p:u:nal:g:qh", options, NULL)) != -1)
		rc = option == 'h' ? -1 : take(settings, option, optarg);
	if (rc != 0)
		return rc;
	if (argc - optind > 1)
		return complain("one directory, not more", argv[optind + 1]);
	if (settings->unix_path != NULL && (settings->bind != NULL || settings->port != NULL))
		return complain("not with an address or a port", "--unix");
	if (optind < argc)
		settings->root = argv[optind];
	return 0;
}

/* ---- serving ------------------------------------------------------------------------------ */

static int tell_addresses(bide_server *server)
{
	bide_address address;
	char text[BIDE_ADDRESS_MAX];
	for (size_t i = 0; bide_server_address(server, i, &address) == 0; i++) {
		const char *name = bide_address_format(&address, text);
		const bool local = strncmp(name, "unix:", 5) == 0;
		printf("listening on %s%s%s\n", local ? "" : "http://", name, local ? "" : "/");
	}
	return fflush(stdout) == 0 ? 0 : -errno;
}

/* Where it is to listen, for people. */
static void put_place(const struct settings *settings, char *place, size_t size)
{
	if (settings->unix_path != NULL)
		snprintf(place, size, "%s", settings->unix_path);
	else
		snprintf(place, size, "%s, port %s", settings->bind, settings->port);
}

static int listen_there(const struct settings *settings, bide_server **ret_server)
{
	char host[BIDE_ADDRESS_MAX];
	const char *unix_path = settings->unix_path;
	if (unix_path == NULL)
		return bide_http_start_files(settings->root, settings->bind, settings->port,
		                             &settings->options, ret_server);
	if (snprintf(host, sizeof(host), "unix:%s", unix_path) >= (int)sizeof(host))
		return -ENAMETOOLONG;
	return bide_http_start_files(settings->root, host, NULL, &settings->options, ret_server);
}

/* The directory is opened first, so that what fails later is said of the place. */
static int start(const struct settings *settings, bide_server **ret_server)
{
	char place[512];
	const int fd = open(settings->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(settings->root, -errno);
	close(fd);
	int rc = listen_there(settings, ret_server);
	put_place(settings, place, sizeof(place));
	return rc < 0 ? fail(place, rc) : 0;
}

/* Waits for a signal. After it each has its usual effect again, so that a second one ends what does
 * not end by the first. */
static int wait_for_end(bide_server *server, bide_signals *signals)
{
	int rc = signals != NULL ? bide_signals_next(signals, NULL) : bide_server_wait(server);
	tool_signals_close(signals);
	return rc;
}

static int serve_until_signal(const struct settings *settings, bide_signals *signals)
{
	bide_server *server;
	int rc = start(settings, &server);
	if (rc < 0) {
		bide_signals_close(signals);
		return rc;
	}
	rc = tell_addresses(server);
	if (rc < 0) {
		bide_signals_close(signals);
		fail("standard output", rc);
	} else {
		rc = wait_for_end(server, signals);
	}
	if (rc > 0)
		(void)bide_server_stop(server, settings->grace);
	bide_server_close(server);
	return rc > 0 ? 0 : rc;
}

static BIDE_ASYNC(int, serve, const struct settings *);

static int serve_anyhow(const struct settings *settings)
{
	bide_signals *signals;
	int rc = tool_signals_open(&signals);
	return rc < 0 ? fail("signals", rc) : serve_until_signal(settings, signals);
}

static int serve(const struct settings *settings)
{
	struct serve_log *log = settings->options.server.log_arg;
	int rc = log != NULL ? serve_log_open(log) : 0;
	if (rc < 0)
		return fail("log", rc);
	rc = serve_anyhow(settings);
	if (log != NULL)
		serve_log_close(log);
	return rc;
}

/* Each connection takes a descriptor, and its file another one. */
static void allow_descriptors(struct settings *settings)
{
	size_t *limit = &settings->options.server.listen.limit;
	const size_t wanted = *limit;
	*limit = tool_descriptors(wanted, 2);
	if (*limit < wanted && !settings->quiet)
		fprintf(stderr,
		        "bide serve: %zu connections at once, not %zu: there may be no more "
		        "open files\n",
		        *limit, wanted);
}

int tool_serve(int argc, char **argv)
{
	struct settings settings = { .root = ".", .grace = 5 };
	static struct serve_log log;
	settings.options.server.listen.limit = 1000;
	int rc = read_arguments(argc, argv, &settings);
	if (rc < 0) {
		usage(stdout);
		return fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED;
	}
	if (rc > 0)
		return rc;
	if (!settings.quiet) {
		settings.options.server.log = serve_log_request;
		settings.options.server.log_arg = &log;
	}
	settings.bind = settings.bind != NULL ? settings.bind : "127.0.0.1";
	settings.port = settings.port != NULL ? settings.port : "8000";
	allow_descriptors(&settings);
	return bide_run(serve, &settings) < 0 ? TOOL_FAILED : TOOL_OK;
}
