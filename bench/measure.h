/* SPDX-License-Identifier: MIT */
/* measure.h: what the programs of bench/ measure with. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stddef.h>

/* Bytes of this process: what it has in memory, and the page tables for that. */
double memory_bytes(void);

/* CPU time of this process, and of this thread, in seconds. */
double process_cpu(void);
double thread_cpu(void);

/* The whole text as a number in a range; with any other the program says so and ends, status 2. */
double number_in(const char *program, const char *text, double least, double most);

/* The rows of a program: what each element of an array begins with is its name. */
struct row_names {
	const char *usage; /* of the program, without what all have */
	const void *rows;
	size_t size; /* of a row */
	int n;
};

#define ROW_NAMES(usage, rows) \
	{ \
		usage, rows, sizeof(*(rows)), (int)(sizeof(rows) / sizeof(*(rows))) \
	}

/* The row of that name, or NULL. */
const void *row_named(const struct row_names *names, const char *name);

/* Lists the rows where the program was asked for just that by --rows, and says how it is used else.
 * Returns the status to end with. */
int tell_rows(const struct row_names *names, int argc, char **argv);

/* A random number from 0 to i, both possible, to shuffle with: for up to 2^50. */
long random_up_to(long i);

#endif
