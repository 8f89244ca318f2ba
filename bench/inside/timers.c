// SPDX-License-Identifier: MIT
/* timers.c: `timers timers N`: what a timer costs by itself, without the task that waits for it.
 *
 * N timers with random deadlines are set, half of them cancelled in random order, and the others
 * popped as they would fall due. They lie in records of tasks, since what that costs depends on
 * where its timers are in memory. This program looks into the library: there is no such call. */
#include "../measure.h"

#include "base/timers.h"
#include "core/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE_ERROR = 2, CACHE_LINE = 64 };

static const double DEADLINE_MIN = 1e9, DEADLINE_MAX = 1e12; /* from 1 to 1,000 s, in ns */

static struct bide__timers armed;

/* ---- the three phases --------------------------------------------------------------------- */

/* Each a function of its own, so that the instructions of one can be counted alone. */

__attribute__((noinline)) static void set_timers(struct bide__task *records,
                                                 const uint64_t *deadlines, long n)
{
	for (long i = 0; i < n; i++)
		if (bide__timers_reserve(&armed, 0) == 0)
			bide__timers_arm(&armed, &records[i].timer, deadlines[i]);
}

__attribute__((noinline)) static void cancel_timers(struct bide__task *const *order, long n)
{
	for (long i = 0; i < n; i++)
		bide__timers_disarm(&armed, &order[i]->timer);
}

/* @return how many timers there were before the first one that came too early. */
__attribute__((noinline)) static long pop_timers(void)
{
	uint64_t before = 0, due;
	long popped = 0;

	while ((due = bide__timers_deadline(&armed)) != UINT64_MAX && due >= before) {
		(void)bide__timers_pop(&armed, due);
		before = due;
		popped++;
	}
	return popped;
}

/* ---- the row ------------------------------------------------------------------------------ */

/* What the phases work on. */
struct work {
	struct bide__task *records;
	uint64_t *deadlines;
	struct bide__task **order; /* in which they are cancelled */
};

static void shuffle(struct bide__task **order, long n)
{
	for (long i = n - 1; i > 0; i--) {
		long j = random_up_to(i);
		struct bide__task *other = order[j];

		order[j] = order[i];
		order[i] = other;
	}
}

/* In memory before anything is timed, as a task's record is before its task sleeps. */
static bool prepare(struct work *work, long n)
{
	size_t size = (size_t)n * sizeof(*work->records);

	work->records = aligned_alloc(CACHE_LINE, size);
	work->deadlines = malloc((size_t)n * sizeof(*work->deadlines));
	work->order = malloc((size_t)n * sizeof(*work->order));
	if (work->records == NULL || work->deadlines == NULL || work->order == NULL)
		return false;
	memset(work->records, 0, size);
	for (long i = 0; i < n; i++) {
		work->records[i].timer.kind = BIDE__TIMER_FINE;
		work->deadlines[i] = (uint64_t)bide_uniform(DEADLINE_MIN, DEADLINE_MAX);
		work->order[i] = &work->records[i];
	}
	shuffle(work->order, n);
	return true;
}

static double seconds_of_set(const struct work *work, long n)
{
	double start = thread_cpu();

	set_timers(work->records, work->deadlines, n);
	return thread_cpu() - start;
}

static double seconds_of_cancel(const struct work *work, long n)
{
	double start = thread_cpu();

	cancel_timers(work->order, n);
	return thread_cpu() - start;
}

static int time_phases(const struct work *work, long n)
{
	double set = seconds_of_set(work, n), cancel = seconds_of_cancel(work, n / 2);
	double start = thread_cpu(), pop;
	long left = n - n / 2, popped = pop_timers();

	pop = thread_cpu() - start;
	if (popped != left || bide__timers_count(&armed) != 0) {
		fprintf(stderr, "timers: %ld timers came in order, of %ld\n", popped, left);
		return EXIT_FAILURE;
	}
	printf("set_ns %.6f\n", set * 1e9 / (double)n);
	if (n > 1)
		printf("cancel_ns %.6f\n", cancel * 1e9 / (double)(n / 2));
	printf("pop_ns %.6f\n", pop * 1e9 / (double)left);
	return EXIT_SUCCESS;
}

static int timers(long n)
{
	struct work work = { NULL, NULL, NULL };
	int status = EXIT_FAILURE;

	bide__timers_init(&armed);
	if (prepare(&work, n))
		status = time_phases(&work, n);
	else
		fprintf(stderr, "timers: no memory for %ld timers\n", n);
	bide__timers_finish(&armed);
	free(work.records);
	free(work.deadlines);
	free(work.order);
	return status;
}

/* ---- the program -------------------------------------------------------------------------- */

static const char USAGE[] = "usage: timers timers N | --rows | --version\n";

int main(int argc, char **argv)
{
	char *end;
	long n;

	if (argc == 2 && strcmp(argv[1], "--rows") == 0)
		return puts("timers") < 0;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("bide %s, timers, 1 thread\n", bide_version()) < 0;
	if (argc != 3 || strcmp(argv[1], "timers") != 0) {
		fputs(USAGE, stderr);
		return USAGE_ERROR;
	}
	n = strtol(argv[2], &end, 10);
	if (*end != '\0' || n < 0 || n > BIDE__HEAP_MAX) {
		fputs(USAGE, stderr);
		return USAGE_ERROR;
	}
	bide_seed(1); /* the same deadlines in each run, so that runs can be compared */
	return n == 0 ? EXIT_SUCCESS : timers(n);
}
