// SPDX-License-Identifier: MIT
/* measure.c: see measure.h. */
#include "measure.h"

#include <bide.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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
	enum { USAGE_ERROR = 2 };
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= least && value <= most)) {
		fprintf(stderr, "%s: not a number from %.12g to %.12g: %s\n", program, least, most,
		        text);
		exit(USAGE_ERROR);
	}
	return value;
}
