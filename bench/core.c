// SPDX-License-Identifier: MIT
/* core.c: `core ROW N`: does one row's work with size N, once, and prints what only it can know. */
#include "core.h"
#include "measure.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE_ERROR = 2 };

static const struct row *const files[] = { rows_yield,  rows_spawn,  rows_sleep, rows_queue,
	                                   rows_sync,   rows_thread, rows_jobs,  rows_channel,
	                                   rows_checks, rows_echo };
enum { FILES = sizeof(files) / sizeof(files[0]) };

void print_figure(const char *name, double value)
{
	printf("%s %.*f\n", name, value == (double)(long long)value ? 0 : 6, value);
}

int wrong(const char *what, double is, double should_be)
{
	fprintf(stderr, "core: %s: %.17g instead of %.17g\n", what, is, should_be);
	return -1;
}

int run_failed(int rc)
{
	if (rc < -1)
		fprintf(stderr, "core: %s\n", bide_strerror(rc));
	return rc == 0 ? 0 : -1;
}

/* ---- the program -------------------------------------------------------------------------- */

static void usage(FILE *to)
{
	fputs("usage: core [options] ROW N\n"
	      "  --light             with light tasks instead of full ones\n"
	      "  --tasks K           of rows that can be had with any number of tasks\n"
	      "  --stack-size BYTES  of full tasks\n"
	      "  --rows              list the rows\n"
	      "  --version\n"
	      "  --help\n"
	      "N = 0 starts the loop and ends it. The rows:\n",
	      to);
	for (int i = 0; i < FILES; i++)
		for (const struct row *row = files[i]; row->name != NULL; row++)
			fprintf(to, "  %-20s  N %s\n", row->name, row->what);
}

static void list_rows(void)
{
	for (int i = 0; i < FILES; i++)
		for (const struct row *row = files[i]; row->name != NULL; row++)
			puts(row->name);
}

static const struct row *find_row(const char *name)
{
	for (int i = 0; i < FILES; i++)
		for (const struct row *row = files[i]; row->name != NULL; row++)
			if (strcmp(row->name, name) == 0)
				return row;
	fprintf(stderr, "core: no row %s; core --rows lists them\n", name);
	exit(USAGE_ERROR);
}

static void print_version(void)
{
	printf("bide %s, %s %s, 1 thread, optimised\n", bide_version(),
#ifdef __clang__
	       "clang", __clang_version__
#else
	       "gcc", __VERSION__
#endif
	);
}

static const struct option option_list[] = {
	{ "light", no_argument, NULL, 'l' },
	{ "tasks", required_argument, NULL, 't' },
	{ "stack-size", required_argument, NULL, 's' },
	{ "rows", no_argument, NULL, 'r' },
	{ "version", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void take_option(int c, struct request *request)
{
	switch (c) {
	case 'l':
		request->light = true;
		break;
	case 't':
		request->tasks = (long)number_in("core", optarg, 1, 100000000);
		break;
	case 's':
		request->stack_size = (size_t)number_in("core", optarg, 1, 1 << 30);
		break;
	case 'r':
		list_rows();
		exit(EXIT_SUCCESS);
	case 'v':
		print_version();
		exit(EXIT_SUCCESS);
	case 'h':
		usage(stdout);
		exit(EXIT_SUCCESS);
	default:
		usage(stderr);
		exit(USAGE_ERROR);
	}
}

static BIDE_ASYNC(int, nothing, void);

static int nothing(void)
{
	return 0;
}

int main(int argc, char **argv)
{
	struct request request = { 0, false, 0, 0 };
	int c;

	while ((c = getopt_long(argc, argv, "h", option_list, NULL)) != -1)
		take_option(c, &request);
	if (argc - optind != 2)
		take_option('?', &request);
	const struct row *row = find_row(argv[optind]);
	request.n = (long)number_in("core", argv[optind + 1], 0, 1000000000000);
	bide_seed(1); /* the same delays in each run, so that runs can be compared */
	int rc = request.n == 0 ? run_failed(bide_run(nothing)) : row->run(&request);
	return rc != 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
