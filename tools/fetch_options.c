// SPDX-License-Identifier: MIT
/* fetch_options.c: the arguments of bide fetch. */
#include "fetch.h"

#include "tools.h"

#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char help[] =
	"usage: bide fetch [OPTION…] [URL…]\n"
	"\n"
	"Fetches URLs, many at once, and tells of each: status, bytes, seconds, URL.\n"
	"\n"
	"which:\n"
	"  -i, --input FILE      more URLs, one a line; - is the standard input\n"
	"  -c, --concurrency N   requests at once (50)\n"
	"      --per-host N      the same for each host (6)\n"
	"      --rate N[/s|/m|/h]  requests a second, a minute, an hour, at most\n"
	"\n"
	"where to:\n"
	"  -o, --output DIR      files in a directory, which is made; those that are there,\n"
	"                        whole, are left; - is the standard output, in the order given\n"
	"      --resume          keeps what there is of a file, and goes on with it the next time\n"
	"\n"
	"how:\n"
	"      --retries N       further attempts at what may get better (2)\n"
	"      --timeout S       seconds in which nothing comes forward (30)\n"
	"  -H, --header 'N: V'   a header of each request; may be given several times\n"
	"  -A, --user-agent NAME\n"
	"  -X, --method METHOD\n"
	"  -d, --data TEXT       the body of each request\n"
	"      --proxy URL       goes through a proxy of http or https; without it, through the\n"
	"                        one that the environment names (http_proxy and the like)\n"
	"      --unix PATH       connects to this socket, whatever the host\n"
	"      --cacert FILE     trusts the issuers in it, and no others\n"
	"      --insecure        accepts any certificate\n"
	"\n"
	"what is told:\n"
	"      --json            an object a line, and one for all at the end\n"
	"      --timeline FILE   draws who waited for what, as SVG\n"
	"  -v, --verbose         a line for each result, also where there is a progress bar\n"
	"  -b, --brief           a line for each failure\n"
	"  -q, --quiet           the same, and neither a progress bar nor a summary\n"
	"\n"
	"Exit status: 0 all is well; 1 something failed, as by a status that is not 2xx; 2 usage.\n"
	"bide-fetch(1) tells more.\n";

enum {
	PER_HOST = 256,
	RATE,
	RESUME,
	RETRIES,
	TIMEOUT,
	PROXY,
	UNIX,
	CACERT,
	INSECURE,
	JSON,
	TIMELINE
};

static const struct option longer[] = {
	{ "input", required_argument, NULL, 'i' },
	{ "concurrency", required_argument, NULL, 'c' },
	{ "per-host", required_argument, NULL, PER_HOST },
	{ "rate", required_argument, NULL, RATE },
	{ "output", required_argument, NULL, 'o' },
	{ "resume", no_argument, NULL, RESUME },
	{ "retries", required_argument, NULL, RETRIES },
	{ "timeout", required_argument, NULL, TIMEOUT },
	{ "header", required_argument, NULL, 'H' },
	{ "user-agent", required_argument, NULL, 'A' },
	{ "method", required_argument, NULL, 'X' },
	{ "data", required_argument, NULL, 'd' },
	{ "proxy", required_argument, NULL, PROXY },
	{ "unix", required_argument, NULL, UNIX },
	{ "cacert", required_argument, NULL, CACERT },
	{ "insecure", no_argument, NULL, INSECURE },
	{ "json", no_argument, NULL, JSON },
	{ "timeline", required_argument, NULL, TIMELINE },
	{ "verbose", no_argument, NULL, 'v' },
	{ "brief", no_argument, NULL, 'b' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* ---- numbers ------------------------------------------------------------------------------ */

static int complain(const char *what, const char *text)
{
	fprintf(stderr, "bide fetch: %s: %s; see bide fetch --help\n", text, what);
	return TOOL_USAGE;
}

/* Says what is wrong with the value of an option, by the option's longer name. */
static int refuse(int option, const char *value, const char *what)
{
	const struct option *known = longer;
	while (known->val != option)
		known++;
	fprintf(stderr, "bide fetch: --%s '%s': %s; see bide fetch --help\n", known->name, value,
	        what);
	return TOOL_USAGE;
}

/* An exit status, or -1: it is one. */
static int read_number(int option, const char *text, long least, int *ret_number)
{
	char *end;
	const long number = strtol(text, &end, 10);
	if (end == text || *end != '\0' || number < least || number > 1000000)
		return refuse(option, text,
		              least > 0 ? "no number from 1 to 1000000"
		                        : "no number from 0 to 1000000");
	*ret_number = (int)number;
	return -1;
}

static bool read_seconds(const char *text, char **end, double *ret_seconds)
{
	*ret_seconds = strtod(text, end);
	return *end != text && *ret_seconds > 0 && !isnan(*ret_seconds);
}

static int read_timeout(const char *text, double *ret_seconds)
{
	char *end;
	if (!read_seconds(text, &end, ret_seconds) || *end != '\0')
		return refuse(TIMEOUT, text, "no number of seconds");
	return -1;
}

static int read_rate(const char *text, double *ret_rate)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "", 1 }, { "/s", 1 }, { "/m", 60 }, { "/h", 3600 } };
	char *end;
	double number;
	if (read_seconds(text, &end, &number))
		for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
			if (strcmp(end, units[i].unit) == 0) {
				*ret_rate = number / units[i].seconds;
				return -1;
			}
	return refuse(RATE, text, "no rate, such as 100/s or 30/m");
}

/* ---- options ------------------------------------------------------------------------------ */

/* Bytes from the beginning that may be in the name of a method or a header: RFC 9110, 5.6.2. */
static size_t name_size(const char *text)
{
	return strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
	                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/* Whether it may be the value of a header: there are no control characters. */
static bool is_value(const char *text)
{
	for (; *text != '\0'; text++)
		if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
			return false;
	return true;
}

static bool is_named(const char *header, const char *name)
{
	const size_t size = name_size(header);
	return size == strlen(name) && strncasecmp(header, name, size) == 0;
}

static int add_header(struct fetch_options *options, const char *header)
{
	const size_t name = name_size(header);
	size_t n = 0;
	if (name == 0 || header[name] != ':' || !is_value(header + name))
		return refuse('H', header, "not of the form 'Name: value'");
	if (is_named(header, "Content-Length") || is_named(header, "Transfer-Encoding"))
		return refuse('H', header, "is told by itself, of the body");
	if (is_named(header, "Proxy-Authorization"))
		return refuse('H', header, "is told by the URL of --proxy");
	while (options->headers[n] != NULL)
		n++;
	options->headers[n] = header;
	/* The session's goes behind that of a body. */
	if (is_named(header, "Content-Type"))
		options->type = header + name + 1 + strspn(header + name + 1, " \t");
	return -1;
}

/* Those that say how. */
static int set_way(struct fetch_options *options, int option, const char *value)
{
	switch (option) {
	case 'H':
		return add_header(options, value);
	case 'A':
		options->user_agent = value;
		return is_value(value) ? -1 : refuse(option, value, "not of one line");
	case 'X':
		options->method = value;
		if (strcmp(value, "CONNECT") == 0)
			return refuse(option, value, "is for proxies");
		return name_size(value) > 0 && value[name_size(value)] == '\0'
		               ? -1
		               : refuse(option, value, "no method");
	case 'd':
		options->data = value;
		return -1;
	case PROXY:
		options->proxy = value;
		return -1;
	case UNIX:
		options->unix_path = value;
		return -1;
	case CACERT:
		options->ca_file = value;
		return -1;
	case INSECURE:
		options->insecure = true;
		return -1;
	default:
		return TOOL_USAGE;
	}
}

/* An exit status, or -1: go on. */
static int set(struct fetch_options *options, int option, const char *value)
{
	switch (option) {
	case 'i':
		if (options->list != NULL)
			return refuse(option, value, "one list, not more");
		options->list = value;
		return -1;
	case 'c':
		return read_number(option, value, 1, &options->concurrency);
	case PER_HOST:
		return read_number(option, value, 1, &options->per_host);
	case RATE:
		return read_rate(value, &options->rate);
	case 'o':
		options->output = value;
		return *value != '\0' ? -1 : refuse(option, value, "needs a name");
	case RESUME:
		options->resume = true;
		return -1;
	case RETRIES:
		return read_number(option, value, 0, &options->retries);
	case TIMEOUT:
		return read_timeout(value, &options->timeout);
	case JSON:
		options->json = true;
		return -1;
	case TIMELINE:
		options->timeline = value;
		return strcmp(value, "-") != 0 ? -1
		                               : refuse(option, value, "needs the name of a file");
	case 'q':
		options->telling = FETCH_QUIET;
		return -1;
	case 'b':
		options->telling = FETCH_BRIEF;
		return -1;
	case 'v':
		options->telling = FETCH_VERBOSE;
		return -1;
	case 'h':
		fputs(help, stdout);
		return fflush(stdout) == 0 ? TOOL_OK : TOOL_FAILED;
	default:
		return set_way(options, option, value);
	}
}

static int check(const struct fetch_options *options)
{
	const bool to_directory = options->output != NULL && strcmp(options->output, "-") != 0;
	if (*options->urls == NULL && options->list == NULL) {
		fputs("bide fetch: no URL; see bide fetch --help\n", stderr);
		return TOOL_USAGE;
	}
	if (options->resume && !to_directory)
		return complain("needs a directory, by -o", "--resume");
	if (options->proxy != NULL && options->unix_path != NULL)
		return complain("not with a proxy", "--unix");
	if (options->ca_file != NULL && options->insecure)
		return complain("not with --insecure, which trusts all", "--cacert");
	if (strcmp(options->method, "HEAD") == 0 && to_directory)
		return complain("has no bodies for -o", "-X HEAD");
	return -1;
}

/* Says which option getopt_long() does not take: a letter may stand among others. */
static int refuse_option(char **argv)
{
	const char letter[] = { '-', (char)optopt, '\0' };
	for (const struct option *known = longer; known->name != NULL; known++)
		if (known->val == optopt)
			return complain("takes no value", argv[optind - 1]);
	return complain("no such option", optopt != 0 ? letter : argv[optind - 1]);
}

int fetch_options_read(struct fetch_options *options, int argc, char **argv)
{
	*options = (struct fetch_options){ .concurrency = 50,
		                           .per_host = 6,
		                           .retries = 2,
		                           .timeout = 30,
		                           .rate = INFINITY,
		                           .type = "application/x-www-form-urlencoded",
		                           .headers = calloc((size_t)argc + 1, sizeof(char *)) };
	int status = -1, option;
	if (options->headers == NULL) {
		perror("bide fetch");
		return TOOL_FAILED;
	}
	optind = 1;
	opterr = 0;
	while (status < 0 &&
	       (option = getopt_long(argc, argv, ":i:c:o:H:A:X:d:vbqh", longer, NULL)) != -1)
		if (option == '?')
			status = refuse_option(argv);
		else if (option == ':')
			status = complain("needs a value", argv[optind - 1]);
		else
			status = set(options, option, optarg);
	options->urls = argv + optind;
	if (options->method == NULL)
		options->method = options->data != NULL ? "POST" : "GET";
	return status < 0 ? check(options) : status;
}

void fetch_options_free(struct fetch_options *options)
{
	free(options->headers);
}
