/* SPDX-License-Identifier: MIT */
/* measure.h: what the programs of bench/ measure with. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

/* Bytes of this process: what it has in memory, and the page tables for that. */
double memory_bytes(void);

/* CPU time of this process, and of this thread, in seconds. */
double process_cpu(void);
double thread_cpu(void);

/* The whole text as a number in a range; with any other the program says so and ends, status 2. */
double number_in(const char *program, const char *text, double least, double most);

/* A random number from 0 to i, both possible, to shuffle with: for up to 2^50. */
long random_up_to(long i);

#endif
