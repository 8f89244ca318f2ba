// SPDX-License-Identifier: MIT
/* rows_checks.c: what the library's checks cost, seen from outside: calls that do little but check,
 * and pairs of rows that differ in one check. Counted in instructions, the difference is exact.
 *
 *     check_thread                              does this thread run a loop, and which task?
 *     check_handle                              that, and is the handle a task's of this loop?
 *     check_result_with    … _without           is the result of the type that is asked for?
 *     check_pointer_with   … _without           does an argument point into a light task's stack?
 */
#include "core.h"

#include <errno.h>

/* Of n operations so many went right. */
static int check_count(long right, long n)
{
	if (right != n)
		return wrong("operations that went right", (double)right, (double)n);
	print_figure("ops", (double)right);
	return 0;
}

/* ---- calls that do little but check ------------------------------------------------------- */

static BIDE_ASYNC(int, ask_thread, long);
static BIDE_ASYNC(int, ask_handle, long);

static int ask_thread(long n)
{
	long right = 0;

	for (long i = 0; i < n; i++)
		right += bide_cancelled() == 0;
	return check_count(right, n);
}

static int ask_handle(long n)
{
	bide_task *self = bide_current_task();
	long right = 0;

	for (long i = 0; i < n; i++)
		right += !bide_task_done(self);
	return check_count(right, n);
}

static int check_thread(const struct request *request)
{
	return RUN_ROW(ask_thread, request, request->n);
}

static int check_handle(const struct request *request)
{
	return RUN_ROW(ask_handle, request, request->n);
}

/* ---- the type of a result ----------------------------------------------------------------- */

static BIDE_ASYNC(int, succeed, int);
static BIDE_ASYNC_LIGHT(int, succeed_light, int);
static BIDE_ASYNC(int, await_results, const struct request *);
static BIDE_ASYNC(int, join_results, const struct request *);

static int succeed(int result)
{
	return result;
}

static int succeed_light(int result)
{
	return result;
}

static inline bide_task *start_succeed(bool light)
{
	return light ? bide_spawn(succeed_light, 0) : bide_spawn(succeed, 0);
}

static int await_results(const struct request *request)
{
	long right = 0;

	for (long i = 0; i < request->n; i++)
		right += bide_await(int, start_succeed(request->light)) == 0;
	return check_count(right, request->n);
}

static int join_results(const struct request *request)
{
	long right = 0;

	for (long i = 0; i < request->n; i++)
		right += bide_join(start_succeed(request->light)) == 0;
	return check_count(right, request->n);
}

static int check_result_with(const struct request *request)
{
	return RUN_ROW(await_results, request, request);
}

static int check_result_without(const struct request *request)
{
	return RUN_ROW(join_results, request, request);
}

/* ---- pointers into a light task's stack --------------------------------------------------- */

static BIDE_ASYNC(int, take_pointer, const long *);
static BIDE_ASYNC_LIGHT(int, take_pointer_light, const long *);
static BIDE_ASYNC(int, take_number, uintptr_t);
static BIDE_ASYNC_LIGHT(int, take_number_light, uintptr_t);
static BIDE_ASYNC_LIGHT(int, give_pointers, bool, long);
static BIDE_ASYNC_LIGHT(int, give_numbers, bool, long);

static const long pointed_at = 0; /* is on nobody's stack */

static int take_pointer(const long *pointer)
{
	return pointer == &pointed_at ? 0 : -EINVAL;
}

static int take_pointer_light(const long *pointer)
{
	return take_pointer(pointer);
}

static int take_number(uintptr_t number)
{
	return number == (uintptr_t)&pointed_at ? 0 : -EINVAL;
}

static int take_number_light(uintptr_t number)
{
	return take_number(number);
}

static int give_pointers(bool light, long n)
{
	long right = 0;

	for (long i = 0; i < n; i++)
		right += bide_join(light ? bide_spawn(take_pointer_light, &pointed_at)
		                         : bide_spawn(take_pointer, &pointed_at)) == 0;
	return check_count(right, n);
}

static int give_numbers(bool light, long n)
{
	long right = 0;

	for (long i = 0; i < n; i++)
		right += bide_join(light ? bide_spawn(take_number_light, (uintptr_t)&pointed_at)
		                         : bide_spawn(take_number, (uintptr_t)&pointed_at)) == 0;
	return check_count(right, n);
}

static int check_pointer_with(const struct request *request)
{
	return RUN_ROW(give_pointers, request, request->light, request->n);
}

static int check_pointer_without(const struct request *request)
{
	return RUN_ROW(give_numbers, request, request->light, request->n);
}

const struct row rows_checks[] = {
	{ "check_thread", check_thread, "calls of bide_cancelled()" },
	{ "check_handle", check_handle, "calls of bide_task_done()" },
	{ "check_result_with", check_result_with, "times: spawn and await" },
	{ "check_result_without", check_result_without, "times: spawn and join" },
	{ "check_pointer_with", check_pointer_with,
	  "times: a light task spawns with a pointer, and joins" },
	{ "check_pointer_without", check_pointer_without,
	  "times: a light task spawns with a number, and joins" },
	{ NULL, NULL, NULL },
};
