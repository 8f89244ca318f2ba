// SPDX-License-Identifier: MIT
/* rows_yield.c: the switch from one task to the next: tasks that yield in turn, few and many, with
 * little and with much on their stacks. */
#include "core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A frame's live locals: these many bytes, or none. */
enum { PARKED_200 = 200, PARKED_1K = 1024, PARKED_4K = 4096 };

/* ---- what yields -------------------------------------------------------------------------- */

/* @return how often it yielded. */
static inline long yield_times(long times)
{
	long done = 0;

	while (done < times && bide_yield() == 0)
		done++;
	return done;
}

/* Not inlined, so that the compiler cannot know what is in the locals, or that nobody looks. */
__attribute__((noinline)) static void fill(unsigned char *locals, size_t size, long seed)
{
	for (size_t i = 0; i < size; i++)
		locals[i] = (unsigned char)(seed + (long)i * 31);
	__asm__ volatile("" ::"r"(locals) : "memory");
}

__attribute__((noinline)) static bool is_filled(const unsigned char *locals, size_t size, long seed)
{
	for (size_t i = 0; i < size; i++)
		if (locals[i] != (unsigned char)(seed + (long)i * 31))
			return false;
	return true;
}

/* Yields with that much on its stack: written before, looked at after. */
static inline long yield_holding(unsigned char *locals, size_t size, long times)
{
	long done;

	fill(locals, size, times);
	done = yield_times(times);
	return is_filled(locals, size, times) ? done : -EIO;
}

/* Of each kind of frame a full and a light task. */
#define YIELDERS(name, body) \
	static BIDE_ASYNC(long, name, long); \
	static BIDE_ASYNC_LIGHT(long, name##_light, long); \
	static long name(long times) \
	{ \
		body; \
	} \
	static long name##_light(long times) \
	{ \
		body; \
	} \
	static bide_task *start_##name(bool light, long times) \
	{ \
		return light ? bide_spawn(name##_light, times) : bide_spawn(name, times); \
	}

#define HOLDING(size) \
	unsigned char locals[size]; \
	return yield_holding(locals, size, times)

YIELDERS(bare, return yield_times(times))
YIELDERS(holding_200, HOLDING(PARKED_200))
YIELDERS(holding_1k, HOLDING(PARKED_1K))
YIELDERS(holding_4k, HOLDING(PARKED_4K))

typedef bide_task *starter(bool light, long times);

/* ---- the rows ----------------------------------------------------------------------------- */

static BIDE_ASYNC(int, yield_in_turn, const struct request *, long, starter *);

/* So many tasks that yield n times in all: the first ones once more often, if that must be. */
static int yield_in_turn(const struct request *request, long n_tasks, starter *start)
{
	bide_task **tasks = calloc((size_t)n_tasks, sizeof(*tasks));
	long done = 0;

	if (tasks == NULL)
		return -ENOMEM;
	for (long i = 0; i < n_tasks; i++)
		tasks[i] = start(request->light, request->n / n_tasks + (i < request->n % n_tasks));
	for (long i = 0; i < n_tasks; i++)
		done += bide_await(long, tasks[i]);
	free(tasks);
	if (done != request->n)
		return wrong("yields", (double)done, (double)request->n);
	print_figure("ops", (double)done);
	return 0;
}

static int run(const struct request *request, long n_tasks, starter *start)
{
	if (request->tasks != 0)
		n_tasks = request->tasks;
	return RUN_ROW(yield_in_turn, request, request, n_tasks, start);
}

static int yield2(const struct request *request)
{
	return run(request, 2, start_bare);
}

static int yield1k(const struct request *request)
{
	return run(request, 1000, start_bare);
}

static int yield100k(const struct request *request)
{
	return run(request, 100000, start_bare);
}

static int parked_200(const struct request *request)
{
	return run(request, 1000, start_holding_200);
}

static int parked_1k(const struct request *request)
{
	return run(request, 1000, start_holding_1k);
}

static int parked_4k(const struct request *request)
{
	return run(request, 1000, start_holding_4k);
}

const struct row rows_yield[] = {
	{ "yield2", yield2, "yields of 2 tasks (--tasks) in turn" },
	{ "yield1k", yield1k, "yields of 1,000 tasks (--tasks) in turn" },
	{ "yield100k", yield100k, "yields of 100,000 tasks (--tasks) in turn" },
	{ "parked_200", parked_200, "as yield1k, 200 bytes of live locals in each parked frame" },
	{ "parked_1k", parked_1k, "as yield1k, 1,024 bytes of live locals" },
	{ "parked_4k", parked_4k, "as yield1k, 4,096 bytes of live locals" },
	{ NULL, NULL, NULL },
};
