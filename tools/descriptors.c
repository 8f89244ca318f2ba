// SPDX-License-Identifier: MIT
/* descriptors.c: how many things at once the limit of descriptors allows for. */
#include "tools.h"

#include <sys/resource.h>

enum {
	BESIDE = 32, /* descriptors for what else there is */
	SPARE = 256  /* more of them, where they can be had */
};

size_t tool_descriptors(size_t n, size_t each)
{
	struct rlimit limit;
	const rlim_t wanted = (rlim_t)n * each + SPARE;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return n;
	const rlim_t most = limit.rlim_cur;
	if (limit.rlim_cur < wanted)
		limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		limit.rlim_cur = most;
	const rlim_t some = limit.rlim_cur > BESIDE ? (limit.rlim_cur - BESIDE) / each : 0;
	return some >= n ? n : some > 0 ? (size_t)some : 1;
}
