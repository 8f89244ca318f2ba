// SPDX-License-Identifier: MIT
/* measure.c: see measure.h. */
#include "measure.h"

#include <bide.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { USAGE_ERROR = 2 };

double memory_bytes(void)
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

static double cpu_seconds(clockid_t clock)
{
	struct timespec used = { 0, 0 };

	(void)clock_gettime(clock, &used);
	return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

double process_cpu(void)
{
	return cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

double thread_cpu(void)
{
	return cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
}

long random_up_to(long i)
{
	double drawn = bide_uniform(0, (double)i + 1);

	return drawn < (double)i + 1 ? (long)drawn : i;
}

double number_in(const char *program, const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= least && value <= most)) {
		fprintf(stderr, "%s: not a number from %.12g to %.12g: %s\n", program, least, most,
		        text);
		exit(USAGE_ERROR);
	}
	return value;
}

static const void *row_at(const struct row_names *names, int i)
{
	return (const char *)names->rows + (size_t)i * names->size;
}

static const char *name_of(const void *row)
{
	return *(const char *const *)row;
}

const void *row_named(const struct row_names *names, const char *name)
{
	for (int i = 0; i < names->n; i++)
		if (strcmp(name_of(row_at(names, i)), name) == 0)
			return row_at(names, i);
	return NULL;
}

int tell_rows(const struct row_names *names, int argc, char **argv)
{
	const bool wanted = argc == 2 && strcmp(argv[1], "--rows") == 0;
	if (!wanted)
		fprintf(stderr, "usage: %s | --rows | --version\nThe rows:\n", names->usage);
	for (int i = 0; i < names->n; i++)
		fprintf(wanted ? stdout : stderr, "%s%s\n", wanted ? "" : "  ",
		        name_of(row_at(names, i)));
	return wanted ? EXIT_SUCCESS : USAGE_ERROR;
}
