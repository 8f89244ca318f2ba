// SPDX-License-Identifier: MIT
/* bide_dump(): the tasks of this thread's loop, a line each, with what they wait for. */
#include "harness/test.h"

#include <bide.h>

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

static char text[16384];

/* Leaves the dump in `text`, without the numbers of tasks. */
static void dump(void)
{
	int file = memfd_create("dump", 0);
	char *to = text;

	bide_dump(file);
	memset(text, 0, sizeof text);
	EXPECT(pread(file, text, sizeof text - 1, 0) >= 0);
	close(file);
	for (const char *from = text; *from != '\0'; from++) {
		*to++ = *from;
		if (*from == '#')
			while (isdigit((unsigned char)from[1]))
				from++;
	}
	*to = '\0';
}

static void expect_line(const char *line)
{
	if (strstr(text, line) == NULL)
		FAIL("no line \"%s\" in:\n%s", line, text);
}

static int count_lines(void)
{
	int lines = 0;

	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	return lines;
}

/* ---- the program -------------------------------------------------------------------------- */

BIDE_ASYNC(int, sleeper, double);
int sleeper(double seconds)
{
	return bide_sleep(seconds);
}

BIDE_ASYNC_LIGHT(int, light_sleeper, double);
int light_sleeper(double seconds)
{
	return bide_sleep(seconds);
}

BIDE_ASYNC(int, awaiter, bide_task *);
int awaiter(bide_task *task)
{
	return bide_await(int, task);
}

BIDE_ASYNC(int, grouper, int);
int grouper(int n)
{
	int rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, light_sleeper, 1000.0);
	}
	return rc;
}

BIDE_ASYNC(int, shielder, double);
int shielder(double seconds)
{
	int rc = 0;

	BIDE_SHIELD {
		rc = bide_sleep(seconds);
	}
	return rc;
}

BIDE_ASYNC(int, ender, int);
int ender(int result)
{
	return result;
}

static void end_all(bide_task *const *tasks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bide_cancel(tasks[i]);
	for (size_t i = 0; i < n; i++)
		bide_join(tasks[i]);
}

BIDE_ASYNC(int, program, int);
int program(int unused)
{
	const bide_task_options named = { .name = "Rip van Winkle" };
	bide_task *rip = bide_spawn_with(&named, sleeper, 100.0);
	bide_task *others[] = { bide_spawn(awaiter, rip),      bide_spawn(grouper, 3),
		                bide_spawn(sleeper, INFINITY), bide_spawn(ender, 0),
		                bide_spawn(shielder, 200.0),   NULL };

	bide_sleep(0.5);
	bide_cancel(others[4]);
	others[5] = bide_spawn(ender, 1);
	dump();
	EXPECT_INT(count_lines(), 11);
	expect_line("bide: task 'program' (#) running\n");
	expect_line("bide: task 'Rip van Winkle' (#) waiting in bide_sleep for 99500 ms more\n");
	expect_line("bide: task 'awaiter' (#) waiting in bide_await for 'Rip van Winkle' (#)\n");
	expect_line(
		"bide: task 'grouper' (#) waiting in bide_group_close for 3 tasks of its group\n");
	expect_line("bide: task 'sleeper' (#) waiting in bide_sleep\n");
	expect_line("bide: task 'light_sleeper' (#) waiting in bide_sleep for 999500 ms more\n");
	expect_line("bide: task 'ender' (#) done\n");
	expect_line("bide: task 'ender' (#) ready\n");
	expect_line("bide: task 'shielder' (#) waiting in bide_sleep for 199500 ms more\n");
	end_all(others, 6);
	return 0 * unused;
}

TEST(debug_dump_shows_each_task_and_what_it_waits_for)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };

	EXPECT_INT(bide_try_run(&options, NULL, program, 0), 0);
}

BIDE_ASYNC(int, ignorer, double);
int ignorer(double seconds)
{
	bide_sleep(seconds);
	return bide_yield();
}

BIDE_ASYNC(int, cancels, int);
int cancels(int unused)
{
	bide_task *t = bide_spawn(ignorer, 100.0);

	bide_yield();
	bide_cancel(t);
	dump();
	expect_line("bide: task 'ignorer' (#) ready, cancelled\n");
	EXPECT_INT(bide_join(t), -ECANCELED);
	return 0 * unused;
}

TEST(debug_dump_shows_who_is_cancelled)
{
	EXPECT_INT(bide_run(cancels, 0), 0);
}

TEST(debug_dump_without_a_loop_is_empty)
{
	bide_loop *loop = NULL;

	dump();
	EXPECT_STR(text, "");
	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	dump();
	EXPECT_STR(text, "");
	bide_loop_close(loop);
}

/* ---- from a signal handler ---------------------------------------------------------------- */

static void on_alarm(int signal)
{
	(void)signal;
	dump();
}

BIDE_ASYNC(int, wait_for_descriptor, int);
int wait_for_descriptor(int fd)
{
	return bide_wait_fd(fd, BIDE_READABLE);
}

BIDE_ASYNC(int, interrupted, int);
int interrupted(int fd)
{
	bide_task *t = bide_spawn(wait_for_descriptor, fd);

	bide_yield();
	EXPECT_INT(raise(SIGALRM), 0);
	expect_line("bide: task 'interrupted' (#) running\n");
	expect_line("bide: task 'wait_for_descriptor' (#) waiting in bide_wait_fd\n");
	bide_cancel(t);
	bide_join(t);
	return 0;
}

TEST(debug_dump_from_a_signal_handler)
{
	signal(SIGALRM, on_alarm);
	EXPECT_INT(bide_run(interrupted, eventfd(0, 0)), 0);
}

BIDE_ASYNC(int, select_of_many, int);
int select_of_many(int unused)
{
	enum { ARMS = 50 };
	bide_arm arms[ARMS];

	for (int i = 0; i < ARMS; i++)
		arms[i] = bide_arm_sleep(1 + i + unused);
	return bide_select(arms, ARMS);
}

BIDE_ASYNC(int, dump_select, void);
int dump_select(void)
{
	bide_task *tasks[] = { bide_spawn(select_of_many, 0), bide_spawn(sleeper, 100.0) };

	bide_yield();
	dump();
	EXPECT_INT(count_lines(), 3);
	expect_line("bide: task 'select_of_many' (#) waiting in bide_select for the first of 50: "
	            "bide_sleep, ");
	expect_line("\nbide: task 'sleeper' (#) waiting in bide_sleep for 100000 ms more\n");
	end_all(tasks, 2);
	return 0;
}

TEST(dump_keeps_a_line_to_a_task_however_much_it_waits_for)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };

	CHECK_INT(bide_try_run(&options, NULL, dump_select), 0);
}
