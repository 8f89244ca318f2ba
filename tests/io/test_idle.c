// SPDX-License-Identifier: MIT
/* What a loop asks of the kernel: nothing while its tasks take turns, one call for each time that
 * it waits, and no descriptor before a descriptor is waited for. */
#include "core/proc_kit.h"
#include "harness/test.h"

#include <bide.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- counting system calls ---------------------------------------------------------------- */

enum { CALLS = 512 };

struct counts {
	int of[CALLS]; /* system calls by number, between two marks */
	int all;
};

/* What no program makes otherwise. */
static void mark(void)
{
	(void)syscall(SYS_getpgid, -12345);
}

static bool is_mark(const struct __ptrace_syscall_info *info)
{
	return info->entry.nr == SYS_getpgid && (int)info->entry.args[0] == -12345;
}

/* Reading a clock takes none where the system can help it, so it does not count; nor does what
 * ucontext makes at every switch. */
static bool is_counted(long call)
{
#ifdef BIDE_CONTEXT_UCONTEXT
	if (call == SYS_rt_sigprocmask)
		return false;
#endif
	return call != SYS_clock_gettime;
}

/* Lets the process run to its next system call; false when it has ended. */
static bool next_call(pid_t pid, struct __ptrace_syscall_info *ret_info)
{
	int status;
	int signal = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, signal) < 0 ||
		    waitpid(pid, &status, 0) != pid)
			return false;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			EXPECT_INT(status, 0);
			return false;
		}
		signal = WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
		if (signal != 0)
			continue;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof *ret_info, ret_info) < 0)
			return false;
		if (ret_info->op == PTRACE_SYSCALL_INFO_ENTRY)
			return true;
	}
}

/* Runs the body in a process and counts its system calls between its two marks. False when this
 * system lets no process watch another. */
static bool count_calls(void (*body)(void), struct counts *ret_counts)
{
	struct __ptrace_syscall_info info;
	int marks = 0;
	int status;
	pid_t pid;

	memset(ret_counts, 0, sizeof *ret_counts);
	pid = fork();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		raise(SIGSTOP);
		body();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return false;
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	while (next_call(pid, &info)) {
		if (is_mark(&info)) {
			marks++;
		} else if (marks == 1 && is_counted((long)info.entry.nr)) {
			ret_counts->all++;
			if (info.entry.nr < CALLS)
				ret_counts->of[info.entry.nr]++;
		}
	}
	EXPECT_INT(marks, 2);
	return true;
}

#define NOT_WATCHED "this system lets no process watch another"

/* ---- taking turns ------------------------------------------------------------------------- */

BIDE_ASYNC(int, yield_often, int);
int yield_often(int times)
{
	for (int i = 0; i < times; i++)
		bide_yield();
	return 0;
}

BIDE_ASYNC(int, yield_marked, int);
int yield_marked(int times)
{
	bide_task *other = bide_spawn(yield_often, 2 * times);

	yield_often(10);
	mark();
	yield_often(times);
	mark();
	return bide_join(other);
}

static void take_turns(void)
{
	bide_run(yield_marked, 3000);
}

TEST(idle_tasks_that_take_turns_make_no_system_calls)
{
	struct counts counts;

	if (!count_calls(take_turns, &counts))
		SKIP(NOT_WATCHED);
	EXPECT_INT(counts.all, 0);
}

/* ---- sleeping ----------------------------------------------------------------------------- */

enum { SLEEPS = 20 };

BIDE_ASYNC(int, sleep_marked, int);
int sleep_marked(int times)
{
	bide_sleep(0.001);
	mark();
	for (int i = 0; i < times; i++)
		bide_sleep(0.001);
	mark();
	return 0;
}

static void sleep_often(void)
{
	unsetenv("BIDE_BACKEND");
	bide_run(sleep_marked, SLEEPS);
}

TEST(idle_sleeps_are_one_system_call_each)
{
	struct counts counts;

	if (!count_calls(sleep_often, &counts))
		SKIP(NOT_WATCHED);
	/* A wait may end a little early, and is begun again; reading a thread's CPU time is a call
	 * on its own after a preemption. */
	EXPECT_INT(counts.of[SYS_futex], counts.all);
	EXPECT(counts.all >= SLEEPS / 2 && counts.all <= 3 * SLEEPS);
}

BIDE_ASYNC(int, wait_for, int);
int wait_for(int fd)
{
	return bide_wait_fd(fd, BIDE_READABLE);
}

BIDE_ASYNC(int, idle_marked, int);
int idle_marked(int fd)
{
	bide_task *t = bide_spawn(wait_for, fd);

	bide_sleep(0.001);
	mark();
	bide_sleep(0.1);
	mark();
	bide_cancel(t);
	bide_join(t);
	return 0;
}

static void be_idle(void)
{
	bide_run(idle_marked, eventfd(0, 0));
}

TEST(idle_loop_that_waits_for_a_descriptor_makes_no_system_calls_meanwhile)
{
	struct counts counts;

	if (!count_calls(be_idle, &counts))
		SKIP(NOT_WATCHED);
	EXPECT(counts.all >= 1 && counts.all <= 4);
}

/* ---- connections -------------------------------------------------------------------------- */

enum { CONNECTIONS = 100 };

BIDE_ASYNC_LIGHT(long, receive_light, int);
long receive_light(int fd)
{
	char byte;
	return bide_recv(fd, &byte, 1, 0);
}

BIDE_ASYNC(long, receive_full, int);
long receive_full(int fd)
{
	char byte;
	return bide_recv(fd, &byte, 1, 0);
}

BIDE_ASYNC(int, hold_marked, int);
int hold_marked(int n)
{
	int ends[2], rc;

	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++) {
			EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
			if (i % 2 == 0)
				bide_group_spawn(group, receive_light, ends[0]);
			else
				bide_group_spawn(group, receive_full, ends[0]);
		}
		bide_sleep(0.001);
		mark();
		bide_sleep(0.1);
		mark();
		bide_group_cancel(group);
	}
	return rc;
}

static void hold_connections(void)
{
	bide_run(hold_marked, CONNECTIONS);
}

TEST(idle_loop_whose_connections_are_silent_makes_no_system_calls_meanwhile)
{
	struct counts counts;

	if (!count_calls(hold_connections, &counts))
		SKIP(NOT_WATCHED);
	EXPECT(counts.all >= 1 && counts.all <= 4);
}

/* ---- descriptors -------------------------------------------------------------------------- */

BIDE_ASYNC(int, count_while_sleeping, int);
int count_while_sleeping(int before)
{
	int rc = 0;

	EXPECT_INT(count_descriptors(), before);
	BIDE_TIMEOUT(0.002, rc) {
		bide_sleep(1000);
	}
	EXPECT_INT(rc, -ETIMEDOUT);
	bide_sleep(0.001);
	EXPECT_INT(count_descriptors(), before);
	return 0;
}

TEST(idle_program_that_only_sleeps_opens_no_descriptor)
{
	const enum bide_backend ways[] = { BIDE_BACKEND_AUTO, BIDE_BACKEND_EPOLL,
		                           BIDE_BACKEND_VIRTUAL };
	int before = count_descriptors();

	unsetenv("BIDE_BACKEND");
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		const bide_options options = { .backend = ways[i] };
		EXPECT_INT(bide_try_run(&options, NULL, count_while_sleeping, before), 0);
		EXPECT_INT(count_descriptors(), before);
	}
}

BIDE_ASYNC(int, count_after_waiting, int);
int count_after_waiting(int fd)
{
	EXPECT_INT(bide_wait_fd(fd, BIDE_WRITABLE), BIDE_WRITABLE);
	return count_descriptors();
}

TEST(idle_descriptors_are_opened_at_need_and_closed_with_the_loop)
{
	int fd = eventfd(0, 0);
	int before = count_descriptors();

	EXPECT(bide_run(count_after_waiting, fd) > before);
	EXPECT_INT(count_descriptors(), before);
}

/* The loop's descriptors do not leak into programs that are started. */
BIDE_ASYNC(int, list_inherited, int);
int list_inherited(int fd)
{
	char line[256];
	int own = 0;

	EXPECT_INT(bide_wait_fd(fd, BIDE_WRITABLE), BIDE_WRITABLE);
	FILE *list = popen("ls -l /proc/self/fd", "r");
	CHECK_RET(list != NULL, -1);
	while (fgets(line, sizeof line, list) != NULL)
		own += strstr(line, "eventpoll") != NULL || strstr(line, "eventfd") != NULL ||
		       strstr(line, "io_uring") != NULL;
	pclose(list);
	return own;
}

TEST(idle_descriptors_are_not_inherited)
{
	EXPECT_INT(bide_run(list_inherited, eventfd(0, EFD_CLOEXEC)), 0);
}
