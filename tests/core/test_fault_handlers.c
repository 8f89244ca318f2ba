// SPDX-License-Identifier: MIT
/* Faults that are not a stack's, and what the library leaves as it found it: handlers of SIGSEGV
 * and SIGBUS and the alternate signal stack. */
#include "core/child_kit.h"
#include "core/overflow_kit.h"

#include <bide.h>
#include <errno.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

static volatile char *page;  /* Not to be touched, until the handler allows it. */
static volatile int handled; /* Calls of the handler. */
static int memory = -1;      /* What a page that gives SIGBUS is mapped from. */

static volatile char *forbidden_page(void)
{
	return mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void allow(void)
{
	handled++;
	if (memory >= 0)
		EXPECT_INT(ftruncate(memory, PAGE), 0);
	EXPECT_INT(mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE), 0);
}

static void on_plain(int signal)
{
	EXPECT(signal == SIGSEGV || signal == SIGBUS);
	allow();
}

static void on_siginfo(int signal, siginfo_t *info, void *context)
{
	EXPECT(signal == SIGSEGV || signal == SIGBUS);
	EXPECT(info->si_signo == signal && context != NULL);
	if (info->si_code > 0)
		EXPECT_PTR(info->si_addr, (void *)&page[100]);
	else
		EXPECT_INT(info->si_pid, getpid());
	allow();
}

static void handle(int signal, bool siginfo)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	if (siginfo) {
		action.sa_sigaction = on_siginfo;
		action.sa_flags = SA_SIGINFO;
	} else {
		action.sa_handler = on_plain;
	}
	sigaction(signal, &action, NULL);
}

BIDE_ASYNC(int, touch, int);
int touch(int value)
{
	bide_yield();
	page[100] = (char)value;
	return page[100];
}

BIDE_ASYNC_LIGHT(int, touch_light, int);
int touch_light(int value)
{
	return touch(value);
}

TEST(fault_of_no_stack_goes_to_the_handler_that_was_there)
{
	for (int siginfo = 0; siginfo < 2; siginfo++) {
		page = forbidden_page();
		handled = 0;
		handle(SIGSEGV, siginfo);
		EXPECT_INT(bide_run(touch, 5), 5);
		EXPECT_INT(handled, 1);
		page = forbidden_page();
		EXPECT_INT(bide_run(touch_light, 6), 6);
		EXPECT_INT(handled, 2);
	}
}

TEST(fault_beyond_a_file_goes_to_the_handler_of_sigbus)
{
	memory = memfd_create("short", 0);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	for (int siginfo = 0; siginfo < 2; siginfo++) {
		CHECK_INT(ftruncate(memory, 0), 0);
		handled = 0;
		handle(SIGBUS, siginfo);
		EXPECT_INT(bide_run(touch, 7), 7);
		EXPECT_INT(handled, 1);
	}
}

BIDE_ASYNC(int, send_itself, int);
int send_itself(int signal)
{
	return raise(signal);
}

TEST(fault_that_was_sent_goes_to_the_handler_and_the_program_goes_on)
{
	for (int siginfo = 0; siginfo < 2; siginfo++) {
		page = forbidden_page();
		handled = 0;
		handle(SIGSEGV, siginfo);
		EXPECT_INT(bide_run(send_itself, SIGSEGV), 0);
		EXPECT_INT(handled, 1);
	}
}

TEST(fault_that_was_sent_is_ignored_where_it_was_before)
{
	signal(SIGSEGV, SIG_IGN);
	EXPECT_INT(bide_run(send_itself, SIGSEGV), 0);
}

/* ---- without one -------------------------------------------------------------------------- */

static void touch_unhandled(void)
{
	page = forbidden_page();
	bide_run(touch, 1);
}

static void touch_ignored(void)
{
	page = forbidden_page();
	signal(SIGSEGV, SIG_IGN);
	bide_run(touch, 1);
}

static void send_unhandled(void)
{
	bide_run(send_itself, SIGSEGV);
}

TEST(fault_of_no_stack_kills_in_silence_by_default)
{
	void (*const ways[])(void) = { touch_unhandled, touch_ignored, send_unhandled };
	struct child child;

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		child_run(&child, ways[i]);
		EXPECT(child_died_by(&child, SIGSEGV));
		EXPECT(strstr(child.text, "bide") == NULL);
	}
}

/* ---- what is left as it was --------------------------------------------------------------- */

static void expect_handler(int signal, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction now;

	CHECK_INT(sigaction(signal, NULL, &now), 0);
	EXPECT(now.sa_sigaction == handler);
	EXPECT(now.sa_flags & SA_SIGINFO);
}

TEST(fault_handler_is_put_back_with_the_last_loop)
{
	bide_loop *loop = NULL;
	struct sigaction during;

	handle(SIGSEGV, true);
	handle(SIGBUS, true);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(bide_loop_open(NULL, &loop), 0);
		CHECK_INT(sigaction(SIGSEGV, NULL, &during), 0);
		EXPECT(during.sa_sigaction != on_siginfo);
		EXPECT(during.sa_flags & SA_ONSTACK);
		bide_loop_close(loop);
		expect_handler(SIGSEGV, on_siginfo);
		expect_handler(SIGBUS, on_siginfo);
	}
}

TEST(fault_handler_that_the_program_sets_meanwhile_stays)
{
	bide_loop *loop = NULL;

	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	handle(SIGSEGV, true);
	bide_loop_close(loop);
	expect_handler(SIGSEGV, on_siginfo);
}

static stack_t signal_stack_now(void)
{
	stack_t now = { .ss_size = 0 };

	EXPECT_INT(sigaltstack(NULL, &now), 0);
	return now;
}

TEST(fault_leaves_the_program_its_own_signal_stack)
{
	static char own[65536];
	const stack_t mine = { .ss_sp = own, .ss_size = sizeof own };
	bide_loop *loop = NULL;

	CHECK_INT(sigaltstack(&mine, NULL), 0);
	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	EXPECT_PTR(signal_stack_now().ss_sp, own);
	bide_loop_close(loop);
	EXPECT_PTR(signal_stack_now().ss_sp, own);
}

TEST(fault_signal_stack_is_there_while_the_loop_is)
{
	const stack_t none = { .ss_flags = SS_DISABLE };
	bide_loop *loop = NULL;

	CHECK_INT(sigaltstack(&none, NULL), 0);
	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	EXPECT(!(signal_stack_now().ss_flags & SS_DISABLE));
	EXPECT(signal_stack_now().ss_size >= 16 * 1024);
	bide_loop_close(loop);
	EXPECT(signal_stack_now().ss_flags & SS_DISABLE);
}

TEST(fault_signal_stack_that_the_program_sets_meanwhile_stays)
{
	static char own[65536];
	const stack_t none = { .ss_flags = SS_DISABLE };
	const stack_t mine = { .ss_sp = own, .ss_size = sizeof own };
	bide_loop *loop = NULL;

	CHECK_INT(sigaltstack(&none, NULL), 0);
	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	CHECK_INT(sigaltstack(&mine, NULL), 0);
	bide_loop_close(loop);
	EXPECT_PTR(signal_stack_now().ss_sp, own);
}

static void overflow_on_own_signal_stack(void)
{
	static char own[65536];
	const stack_t mine = { .ss_sp = own, .ss_size = sizeof own };

	sigaltstack(&mine, NULL);
	bide_run(dig, 0);
}

TEST(fault_on_the_programs_own_signal_stack_is_told)
{
	struct child child;

	child_run(&child, overflow_on_own_signal_stack);
	EXPECT(child_died_by(&child, SIGSEGV));
	EXPECT(child_said(&child, "stack overflow in task 'dig' (#"));
}

/* The handler that was there must not be able to swallow an overflow. */
static void overflow_beside_a_handler(void)
{
	page = forbidden_page();
	handle(SIGSEGV, true);
	bide_run(dig, 0);
}

TEST(fault_of_a_stack_is_not_given_to_the_handler_that_was_there)
{
	struct child child;

	child_run(&child, overflow_beside_a_handler);
	EXPECT(child_died_by(&child, SIGSEGV));
	EXPECT(child_said(&child, "stack overflow in task 'dig' (#"));
}
