// SPDX-License-Identifier: MIT
/* scan.c HOST FIRST LAST: tells at which ports of a host somebody listens.
 *
 * As many tasks as there are ports, of which so many at a time connect, each for so long at most.
 * */
#include <bide.h>
#include <bide/connect.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { AT_A_TIME = 100 };
static const double longest = 0.5; /* seconds for each */

/* 1 when somebody listens, 0 when nobody does. */
BIDE_ASYNC_LIGHT(int, probe, const char *, int);

int probe(const char *host, int port)
{
	bide_stream *stream;
	char service[8];
	int late, rc = 0;
	snprintf(service, sizeof(service), "%d", port);
	BIDE_TIMEOUT(longest, late) {
		rc = bide_open_connection(host, service, NULL, &stream);
	}
	if (rc == 0)
		bide_stream_close(stream);
	return rc == 0 ? 1 : rc == -ECONNREFUSED || late == -ETIMEDOUT ? 0 : rc;
}

BIDE_ASYNC(int, scan, const char *, int, int);

int scan(const char *host, int first, int last)
{
	const bide_group_options options = { .limit = AT_A_TIME };
	const int n = last - first + 1;
	int rc;
	bide_task **probes = calloc((size_t)n, sizeof(bide_task *));
	if (probes == NULL)
		return -ENOMEM;
	BIDE_GROUP_WITH(&options, group, rc) {
		for (int i = 0; i < n; i++)
			probes[i] = bide_group_spawn(group, probe, host, first + i);
		for (int i = 0; i < n; i++) /* in the order of ports, not of answers */
			if (bide_await(int, probes[i]) == 1)
				printf("%d\n", first + i);
	}
	free(probes);
	return rc;
}

int main(int argc, char **argv)
{
	const int first = argc == 4 ? atoi(argv[2]) : 0, last = argc == 4 ? atoi(argv[3]) : 0;
	if (first < 1 || last < first || last > 65535) {
		fprintf(stderr, "usage: scan HOST FIRST LAST\n");
		return 2;
	}
	int rc = bide_run(scan, argv[1], first, last);
	if (rc < 0)
		fprintf(stderr, "%s: %s\n", argv[1], bide_strerror(rc));
	return rc < 0;
}
