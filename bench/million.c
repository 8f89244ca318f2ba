// SPDX-License-Identifier: MIT
/* million.c: a million tasks asleep at the same time.
 *
 * Light ones each wait a random time: how many bytes they take, how late the last result comes, how
 * much CPU all that takes, and that no result overtakes another. With --full, tasks that each have
 * a stack of their own: what those take, and that below each stack there is a guard. A figure that
 * is merely large is no failure; results out of order, tasks not asleep at once and stacks without
 * a guard are: status 1. */
#include "asleep.h"
#include "measure.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	TASKS = 1000000,
	TASKS_QUICK = 20000,
	WRONG = 1, /* what a run returns that was not as it should be */
	USAGE_ERROR = 2
};

static const double MAX_DELAY = 10;
static const double MAX_DELAY_QUICK = 1;

static bool shows_progress; /* standard error is a terminal */

/* Tells who watches how far it is. */
static void progress(long done, long of)
{
	if (shows_progress && (done % (of / 20 + 1) == 0 || done == of))
		fprintf(stderr, "\r%ld of %ld results%s", done, of, done == of ? "\n" : "");
}

static void tell_parked(const struct asleep *found, long n)
{
	printf("asleep at once     %ld of %ld, after %.3f s\n", found->peak, n, found->parked_s);
	printf("memory a task      %.1f bytes\n", found->bytes / (double)n);
}

static const struct onlooker onlooker = { tell_parked, progress };

/* ---- the two kinds ------------------------------------------------------------------------ */

static BIDE_ASYNC(int, light_tasks, long, double);
static BIDE_ASYNC(int, full_tasks, long);

static int light_tasks(long n, double max_delay)
{
	struct asleep found;
	int rc = sleep_and_take(true, n, max_delay, &onlooker, &found);

	if (rc < 0)
		return rc;
	printf("longest delay      %.3f s\n", found.longest);
	printf("last result        %.3f s beyond the longest delay\n",
	       found.wall_s - found.longest);
	printf("CPU                %.3f s\n", found.cpu_s);
	printf("out of order       %ld\n", found.out_of_order);
	return found.out_of_order == 0 && found.peak == n ? 0 : WRONG;
}

static int full_tasks(long n)
{
	struct asleep found;
	int rc = sleep_on_stacks(n, FULL_STACK_SIZE, &onlooker, &found);

	if (rc < 0)
		return rc;
	printf("memory in all      %.3g bytes, page tables included\n", found.bytes);
	printf("stacks guarded     %ld of %ld\n", found.guarded, n);
	printf("created and ended  in %.3f s, %.3f s of CPU\n", found.wall_s, found.cpu_s);
	return found.guarded == n ? 0 : WRONG;
}

static int run_full(long n)
{
	const bide_options options = { .stack_size = FULL_STACK_SIZE };
	int result = 0, rc = bide_try_run(&options, &result, full_tasks, n);

	return rc < 0 ? rc : result;
}

/* ---- the program -------------------------------------------------------------------------- */

static void usage(FILE *to)
{
	fputs("usage: million [options] [tasks]\n"
	      "  --full         tasks with stacks of their own: some 4.5 GB for a million\n"
	      "  --tasks N      how many, also as the last argument (1000000)\n"
	      "  --max-delay S  the longest that a light task sleeps, in seconds (10)\n"
	      "  --quick        20000 tasks and 1 s, to see that it works\n"
	      "  --help\n",
	      to);
}

/* What the program is asked to do. */
struct request {
	bool full;
	long n;
	double max_delay;
};

static const struct option option_list[] = {
	{ "full", no_argument, NULL, 'f' },
	{ "tasks", required_argument, NULL, 'n' },
	{ "max-delay", required_argument, NULL, 'd' },
	{ "quick", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void take_option(int c, struct request *request)
{
	switch (c) {
	case 'f':
		request->full = true;
		break;
	case 'n':
		request->n = (long)number_in("million", optarg, 1, INT_MAX);
		break;
	case 'd':
		request->max_delay = number_in("million", optarg, 0, 1e6);
		break;
	case 'q':
		request->n = TASKS_QUICK;
		request->max_delay = MAX_DELAY_QUICK;
		break;
	case 'h':
		usage(stdout);
		exit(EXIT_SUCCESS);
	default:
		usage(stderr);
		exit(USAGE_ERROR);
	}
}

int main(int argc, char **argv)
{
	struct request request = { false, TASKS, MAX_DELAY };
	int rc, c;

	while ((c = getopt_long(argc, argv, "h", option_list, NULL)) != -1)
		take_option(c, &request);
	if (optind < argc)
		request.n = (long)number_in("million", argv[optind++], 1, INT_MAX);
	if (optind < argc)
		take_option('?', &request);
	shows_progress = isatty(STDERR_FILENO);
	rc = request.full ? run_full(request.n)
	                  : bide_run(light_tasks, request.n, request.max_delay);
	if (rc == -ECANCELED)
		raise(SIGINT); /* by which it was cancelled */
	if (rc != 0)
		fprintf(stderr, "million: %s\n",
		        rc == WRONG ? "that is not as it should be" : bide_strerror(rc));
	return rc != 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
