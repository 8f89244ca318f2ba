// SPDX-License-Identifier: MIT
/* serve.c: bide serve: the files of a directory, by HTTP, until a signal ends it. */
#include "tools.h"

#include <bide.h>
#include <bide/http_server.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* What the arguments say. */
struct settings {
	const char *root;
	const char *bind, *port; /* where to listen, */
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
		return 0;
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
	if (optind < argc)
		settings->root = argv[optind];
	return 0;
}

/* ---- the log ------------------------------------------------------------------------------ */

/* Writes what the other side has sent so that it is one word, whatever it is; what is long is cut
 * off. Returns the end. */
static char *put_escaped(char *out, const char *end, const char *text)
{
	for (; *text != '\0' && end - out > 4; text++) {
		const unsigned char c = (unsigned char)*text;
		if (c > 0x20 && c < 0x7f && c != '"' && c != '\\')
			*out++ = (char)c;
		else
			out += sprintf(out, "\\x%02x", c);
	}
	*out = '\0';
	return out;
}

/* The address alone: "192.0.2.1", "2001:db8::1", or the name that a local socket has given itself,
 * which may be anything. Puts it into BIDE_ADDRESS_MAX bytes, and returns where it begins. */
static const char *host_of(const bide_address *address, char *text)
{
	bide_address_format(address, text);
	char *colon = strrchr(text, ':');
	if (strncmp(text, "unix:", 5) == 0 || colon == NULL)
		return text;
	*colon = '\0';
	char *bracket = strchr(text, ']');
	if (bracket != NULL)
		*bracket = '\0';
	return text[0] == '[' ? text + 1 : text;
}

/* The Common Log Format, with the time that the request took behind it. */
static void log_request(void *arg, const bide_http_access *access)
{
	char line[4096], target[3072], date[64], peer[BIDE_ADDRESS_MAX], host[4 * BIDE_ADDRESS_MAX];
	const time_t now = time(NULL);
	struct tm tm;
	(void)arg;
	(void)gmtime_r(&now, &tm);
	(void)strftime(date, sizeof(date), "%d/%b/%Y:%H:%M:%S +0000", &tm);
	put_escaped(host, host + sizeof(host), host_of(access->peer, peer));
	put_escaped(target, target + sizeof(target), access->target);
	const int size = snprintf(line, sizeof(line), "%s - - [%s] \"%s %s %s\" %d %llu %.6f\n",
	                          host, date, access->method, target, access->protocol,
	                          access->status, access->sent, access->seconds);
	/* That nobody reads the log is no reason not to serve. */
	(void)bide_write(STDERR_FILENO, line, (size_t)size);
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

static int serve(const struct settings *settings)
{
	bide_signals *signals;
	int rc = tool_signals_open(&signals);
	return rc < 0 ? fail("signals", rc) : serve_until_signal(settings, signals);
}

/* Each connection takes a descriptor, and its file another one. */
static void allow_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int tool_serve(int argc, char **argv)
{
	struct settings settings = { .root = ".", .bind = "127.0.0.1", .port = "8000", .grace = 5 };
	settings.options.server.listen.limit = 1000;
	int rc = read_arguments(argc, argv, &settings);
	if (rc < 0) {
		usage(stdout);
		return fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED;
	}
	if (rc > 0)
		return rc;
	if (!settings.quiet)
		settings.options.server.log = log_request;
	allow_descriptors();
	return bide_run(serve, &settings) < 0 ? TOOL_FAILED : TOOL_OK;
}
