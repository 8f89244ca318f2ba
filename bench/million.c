// SPDX-License-Identifier: MIT
/* million.c: a million tasks asleep at the same time.
 *
 * Light ones each wait a random time: how many bytes they take, how late the last result comes, how
 * much CPU all that takes, and that no result overtakes another. With --full, tasks that each have
 * a stack of their own: what those take, and that below each stack there is a guard. A figure that
 * is merely large is no failure; results out of order, tasks not asleep at once and stacks without
 * a guard are: status 1. */
#include <bide.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	TASKS = 1000000,
	TASKS_QUICK = 20000,
	STACK_SIZE = 64 * 1024, /* of a full task: with its guard as little as can be addressed */
	WRONG = 1,              /* what a run returns that was not as it should be */
	USAGE_ERROR = 2
};

static const double MAX_DELAY = 10;
static const double MAX_DELAY_QUICK = 1;

static long asleep;   /* tasks that are in bide_sleep() now */
static long peak;     /* the most that there were at once */
static char **frames; /* of each full task: an address in its first page */

static bool shows_progress; /* standard error is a terminal */

/* ---- measuring ---------------------------------------------------------------------------- */

/* Bytes of this process: what it has in memory, and the page tables for that. */
static double memory(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[128];
	double kib = 0;
	long value;

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "VmRSS: %ld", &value) == 1 ||
		    sscanf(line, "VmPTE: %ld", &value) == 1)
			kib += (double)value;
	if (status != NULL)
		fclose(status);
	return kib * 1024;
}

static double cpu_seconds(void)
{
	struct timespec used = { 0, 0 };

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

/* Tells who watches how far it is. */
static void progress(long done, long of)
{
	if (shows_progress && (done % (of / 20 + 1) == 0 || done == of))
		fprintf(stderr, "\r%ld of %ld results%s", done, of, done == of ? "\n" : "");
}

/* Sleeps and counts who does. */
static int count_sleep(double seconds)
{
	int rc;

	if (++asleep > peak)
		peak = asleep;
	rc = bide_sleep(seconds);
	asleep--;
	return rc;
}

/* ---- light -------------------------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(double, wait_random, double);
static BIDE_ASYNC(int, light_tasks, long, double);

static double wait_random(double max_delay)
{
	double delay = bide_uniform(0, max_delay);
	int rc = count_sleep(delay);

	if (rc < 0)
		bide_fail(rc);
	return delay;
}

/* Takes the delays as the tasks end. @return how many were shorter than the one before. */
static long take_results(bide_group *group, long n, double *ret_longest)
{
	double before = 0, delay;
	long taken = 0, overtaken = 0;

	for (bide_task *task; (task = bide_group_next(group));) {
		delay = bide_await(double, task);
		overtaken += delay < before;
		before = delay;
		if (delay > *ret_longest)
			*ret_longest = delay;
		progress(++taken, n);
	}
	return overtaken;
}

static int light_tasks(long n, double max_delay)
{
	double before = memory(), start = bide_time(), cpu = cpu_seconds(), longest = 0;
	long overtaken = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (long i = 0; i < n; i++)
			bide_group_spawn(group, wait_random, max_delay);
		bide_yield();
		printf("asleep at once     %ld of %ld, after %.3f s\n", peak, n,
		       bide_time() - start);
		printf("memory a task      %.1f bytes\n", (memory() - before) / (double)n);
		overtaken = take_results(group, n, &longest);
	}
	if (rc < 0)
		return rc;
	printf("longest delay      %.3f s\n", longest);
	printf("last result        %.3f s beyond the longest delay\n",
	       bide_time() - start - longest);
	printf("CPU                %.3f s\n", cpu_seconds() - cpu);
	printf("out of order       %ld\n", overtaken);
	return overtaken == 0 && peak == n ? 0 : WRONG;
}

/* ---- full --------------------------------------------------------------------------------- */

static BIDE_ASYNC(void, rest, long);
static BIDE_ASYNC(int, full_tasks, long);

/* Sleeps until it is cancelled. */
static void rest(long i)
{
	frames[i] = __builtin_frame_address(0);
	(void)count_sleep(INFINITY);
}

/* Has the kernel read a byte one stack's size below each frame, which is in the guard: a write from
 * there must fail with EFAULT. @return how many do. */
static long count_guards(long n)
{
	int ends[2];
	long guarded = 0;

	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
		return 0;
	for (long i = 0; i < n; i++)
		guarded += write(ends[1], frames[i] - STACK_SIZE, 1) < 0 && errno == EFAULT;
	/* The same write from the frame itself goes through, so the test can tell. */
	if (n > 0 && write(ends[1], frames[0], 1) != 1)
		guarded = 0;
	close(ends[0]);
	close(ends[1]);
	return guarded;
}

static int full_tasks(long n)
{
	double before = memory(), start = bide_time(), cpu = cpu_seconds(), bytes, parked;
	long guarded = 0;
	int rc;

	BIDE_GROUP(group, rc) {
		for (long i = 0; i < n; i++)
			bide_group_spawn(group, rest, i);
		bide_yield();
		parked = bide_time() - start;
		bytes = memory() - before;
		printf("asleep at once     %ld of %ld, after %.3f s\n", peak, n, parked);
		printf("memory a task      %.1f bytes\n", bytes / (double)n);
		printf("memory in all      %.3g bytes, page tables included\n", bytes);
		guarded = peak == n ? count_guards(n) : 0;
		printf("stacks guarded     %ld of %ld\n", guarded, n);
		bide_group_cancel(group);
	}
	if (rc < 0)
		return rc;
	printf("created and ended  in %.3f s, %.3f s of CPU\n", bide_time() - start,
	       cpu_seconds() - cpu);
	return guarded == n ? 0 : WRONG;
}

static int run_full(long n)
{
	const bide_options options = { .stack_size = STACK_SIZE };
	int rc, result = 0;

	frames = malloc(((size_t)n + 1) * sizeof(*frames));
	if (frames == NULL)
		return -ENOMEM;
	memset(frames, 1, ((size_t)n + 1) * sizeof(*frames)); /* in memory before it is measured */
	rc = bide_try_run(&options, &result, full_tasks, n);
	free(frames);
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

/* The whole text as a number in a range; any other ends the program. */
static double number(const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= least && value <= most)) {
		fprintf(stderr, "million: not a number from %g to %g: %s\n", least, most, text);
		exit(USAGE_ERROR);
	}
	return value;
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
		request->n = (long)number(optarg, 1, INT_MAX);
		break;
	case 'd':
		request->max_delay = number(optarg, 0, 1e6);
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
		request.n = (long)number(argv[optind++], 1, INT_MAX);
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
