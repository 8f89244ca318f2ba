// SPDX-License-Identifier: MIT
/* Every block left in every way: off its end, by break, goto and return, at each level of
 * optimisation that the build asks for. After each nothing may be left open. */
#include "core/virtual_kit.h"

enum way { END, BREAK, GOTO, RETURN, WAYS };

/* A block of any kind whose body is left in the given way; `after` counts the statement behind it.
 * The volatile keeps the compiler from making four functions of it. */
#define LEAVE(way, ...) \
	volatile enum way how = way; \
	__VA_ARGS__ \
	{ \
		note('<'); \
		if (how == BREAK) \
			break; \
		if (how == GOTO) \
			goto out; \
		if (how == RETURN) \
			return 1; \
		note('>'); \
	} \
	note('.'); \
out: \
	note('!'); \
	return 0;

/* A timer that is not taken away, a scope or a shield left open would show here. */
static void expect_nothing_open(void)
{
	EXPECT_DOUBLE(bide_deadline(), INFINITY);
	EXPECT_INT(bide_cancelled(), 0);
	EXPECT_INT(bide_sleep(100), 0);
}

static void expect_trace(enum way way)
{
	static const char *const expected[] = { "<>.!", "<.!", "<!", "<" };
	EXPECT_STR(trace, expected[way]);
	trace_clear();
}

#define LEAVE_TEST(what, ...) \
	__attribute__((noinline)) static int leave_##what(enum way way){ LEAVE( \
		way, __VA_ARGS__) } VIRTUAL_TEST(scope_leave_##what##_in_every_way) \
	{ \
		for (int way = END; way < WAYS; way++) { \
			EXPECT_INT(leave_##what((enum way)way), way == RETURN); \
			expect_trace((enum way)way); \
			expect_nothing_open(); \
		} \
	}

static int rc;

LEAVE_TEST(timeout, BIDE_TIMEOUT(5))
LEAVE_TEST(timeout_with_rc, BIDE_TIMEOUT(5, rc))
LEAVE_TEST(timeout_at, BIDE_TIMEOUT_AT(bide_now() + 5))
LEAVE_TEST(timeout_at_with_rc, BIDE_TIMEOUT_AT(bide_now() + 5, rc))
LEAVE_TEST(scope, BIDE_SCOPE(scope))
LEAVE_TEST(scope_with_rc, BIDE_SCOPE(scope, rc))
LEAVE_TEST(shield, BIDE_SHIELD)
LEAVE_TEST(no_suspend, BIDE_NO_SUSPEND)
LEAVE_TEST(group, BIDE_GROUP(group))
LEAVE_TEST(group_with_rc, BIDE_GROUP(group, rc))
LEAVE_TEST(nested, BIDE_TIMEOUT(5) BIDE_SHIELD BIDE_SCOPE(scope) BIDE_TIMEOUT(9, rc))

/* A break out of the innermost of several blocks leaves that one only, so nesting is tested with
 * braces between, too. */
__attribute__((noinline)) static int leave_deep(enum way way)
{
	volatile enum way how = way;
	int result = 7;
	for (int i = 0; i < 2; i++) {
		BIDE_TIMEOUT(5, result) {
			BIDE_SHIELD {
				BIDE_TIMEOUT(9) {
					if (how == BREAK)
						break;
					if (how == GOTO)
						goto out;
					if (how == RETURN)
						return result;
					note('a');
				}
				note('b');
			}
			note('c');
		}
		note('d');
		EXPECT_INT(result, 0);
	}
out:
	note('!');
	return result;
}

VIRTUAL_TEST(scope_leave_several_blocks_at_once)
{
	EXPECT_INT(leave_deep(END), 0);
	EXPECT_STR(trace, "abcdabcd!");
	trace_clear();
	EXPECT_INT(leave_deep(BREAK), 0);
	EXPECT_STR(trace, "bcdbcd!");
	trace_clear();
	EXPECT_INT(leave_deep(GOTO), 0);
	EXPECT_STR(trace, "!");
	trace_clear();
	EXPECT_INT(leave_deep(RETURN), 7); /* the rc is written after the value was taken */
	EXPECT_STR(trace, "");
	expect_nothing_open();
}

/* ---- with an rc --------------------------------------------------------------------------- */

static int fired;

__attribute__((noinline)) static int leave_fired(enum way way)
{
	volatile enum way how = way;
	fired = 7;
	BIDE_TIMEOUT(1, fired) {
		EXPECT_INT(bide_sleep(2), -ETIMEDOUT);
		if (how == BREAK)
			break;
		if (how == GOTO)
			goto out;
		if (how == RETURN)
			return 1;
	}
out:
	return 0;
}

VIRTUAL_TEST(scope_leave_a_fired_timeout_in_every_way)
{
	for (int way = END; way < WAYS; way++) {
		(void)leave_fired((enum way)way);
		EXPECT_INT(fired, -ETIMEDOUT);
		expect_nothing_open();
	}
}

__attribute__((noinline)) static int leave_here(enum way way)
{
	volatile enum way how = way;
	for (int i = 0; i < 3; i++) {
		BIDE_TIMEOUT_HERE(1, fired);
		if (how == BREAK)
			break;
		if (how == GOTO)
			goto out;
		if (how == RETURN)
			return 1;
		(void)bide_sleep(2);
	}
out:
	note('!');
	return 0;
}

VIRTUAL_TEST(scope_leave_a_timeout_here_in_every_way)
{
	for (int way = END; way < WAYS; way++) {
		fired = 7;
		EXPECT_INT(leave_here((enum way)way), way == RETURN);
		EXPECT_INT(fired, way == END ? -ETIMEDOUT : 0);
		expect_nothing_open();
	}
	EXPECT_STR(trace, "!!!");
}

/* ---- groups ------------------------------------------------------------------------------- */

__attribute__((noinline)) static int leave_busy_group(enum way way)
{
	volatile enum way how = way;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, tick, 1.0, 'A');
		bide_group_spawn(group, tidy, 2.0, 5.0, 0);
		(void)bide_yield();
		if (how == BREAK)
			break;
		if (how == GOTO)
			goto out;
		if (how == RETURN)
			return 1;
	}
out:
	note('!');
	return 0;
}

VIRTUAL_TEST(scope_leave_a_group_with_running_tasks)
{
	double start = bide_now();
	rc = 7;
	EXPECT_INT(leave_busy_group(END), 0); /* waits for them */
	EXPECT_STR(trace, "A!");
	EXPECT_DOUBLE(bide_now(), start + 2);
	EXPECT_INT(rc, 0);
	for (int way = BREAK; way < WAYS; way++) { /* cancels them, and waits for them */
		trace_clear();
		start = bide_now();
		rc = 7;
		EXPECT_INT(leave_busy_group((enum way)way), way == RETURN);
		EXPECT_STR(trace, way == RETURN ? "a" : "a!");
		EXPECT_DOUBLE(bide_now(), start + 5);
		EXPECT_INT(rc, 0);
		EXPECT_UINT(bide_all_tasks(NULL, 0), 1);
	}
	expect_nothing_open();
}

/* ---- as_completed ------------------------------------------------------------------------- */

static bide_task *both[2];

__attribute__((noinline)) static int leave_completion(enum way way)
{
	volatile enum way how = way;
	BIDE_AS_COMPLETED(task, both, 2) {
		(void)bide_join(task);
		if (how == BREAK)
			break;
		if (how == GOTO)
			goto out;
		if (how == RETURN)
			return 1;
	}
	note('.');
out:
	return 0;
}

VIRTUAL_TEST(scope_leave_a_loop_over_tasks_in_every_way)
{
	for (int way = END; way < WAYS; way++) {
		both[0] = bide_spawn(nap, 2.0, 0);
		both[1] = bide_spawn(nap, 1.0, 0);
		EXPECT_INT(leave_completion((enum way)way), way == RETURN);
		if (way != END)
			EXPECT_INT(bide_join(both[0]), 0);
		EXPECT_UINT(bide_all_tasks(NULL, 0), 1);
	}
	EXPECT_STR(trace, "..");
}

/* ---- a shield that lets nothing out ------------------------------------------------------- */

__attribute__((noinline)) static int leave_only_shield(enum way way)
{
	volatile enum way how = way;
	BIDE_SHIELD {
		EXPECT_INT(bide_yield(), 0);
		if (how == BREAK)
			break;
		if (how == GOTO)
			goto out;
		if (how == RETURN)
			return 1;
	}
out:
	return 0;
}

VIRTUAL_TEST(scope_leave_a_shield_and_the_cancellation_bites)
{
	for (int way = END; way < WAYS; way++) {
		int result = 7;
		BIDE_SCOPE(scope, result) {
			bide_scope_cancel(scope);
			EXPECT_INT(leave_only_shield((enum way)way), way == RETURN);
			EXPECT_INT(bide_yield(), -ECANCELED);
		}
		EXPECT_INT(result, -ECANCELED);
	}
}
