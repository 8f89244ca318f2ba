/* SPDX-License-Identifier: MIT */
/* core.h: what the rows of bench/core and its main share.
 *
 * A row is one kind of work, done N times in one process. It is timed from outside, by the CPU time
 * of the whole process less that of an empty run, so a row does nothing that does not belong to it;
 * and it sees for itself that the work was done, since a wrong answer is quick to give. */
#ifndef BENCH_CORE_H
#define BENCH_CORE_H

#include <bide.h>

#include <stdbool.h>
#include <stddef.h>

/* What a run is asked to do. */
struct request {
	long n;            /* how often, at least 1 */
	bool light;        /* with light tasks, or with full ones */
	long tasks;        /* of rows that can be had with any number of tasks; 0: the row's own */
	size_t stack_size; /* of full tasks, in bytes; 0: the row's own */
};

/* One thing that can be measured. */
struct row {
	const char *name;
	int (*run)(const struct request *request); /* outside of any loop; 0 when it went right */
	const char *what;                          /* for --help: what N counts */
};

/* Each file's rows, ended by one without a name. */
extern const struct row rows_yield[], rows_spawn[], rows_sleep[], rows_queue[], rows_sync[],
	rows_thread[], rows_jobs[], rows_channel[], rows_checks[], rows_echo[];

/* Prints a figure, as a line "name value". */
void print_figure(const char *name, double value);

/* Says on standard error that a row did not do what it is there for. @return -1. */
int wrong(const char *what, double is, double should_be);

/* Runs on a loop with the options of the request: as bide_try_run(), for rows, whose main task is
 * fn(request, more…) and returns 0 when all went right. */
#define RUN_ROW(fn, request, ...) \
	({ \
		const bide_options run_options = { .stack_size = (request)->stack_size }; \
		int run_result = 0; \
		int run_rc = bide_try_run(&run_options, &run_result, fn, __VA_ARGS__); \
		run_failed(run_rc != 0 ? run_rc : run_result); \
	})

/* Says what a run failed with, if it did. @return 0 or -1. */
int run_failed(int rc);

#endif
