// SPDX-License-Identifier: MIT
/* In the child of a fork that a task has made, every call that would suspend gives -BIDE_EFORKED,
 * each as the first call there and after all others; what does not suspend does no harm. */
#include "core/fork_kit.h"
#include "core/thread_kit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static BIDE_ASYNC_LIGHT(int, nap_long, void);
static int nap_long(void)
{
	return bide_sleep(1000);
}

/* What there is before the fork. */
static struct {
	bide_mutex mutex, own;
	bide_cond cond;
	bide_event event;
	bide_semaphore semaphore;
	bide_barrier barrier;
	bide_queue *queue, *full;
	bide_future *future;
	bide_channel *channel;
	bide_signals *signals;
	bide_task *sleepers[4]; /* an await ends the handle */
	bide_loop *loop;
	int fds[2];
} had;

static BIDE_ASYNC(int, hold_mutex, void);
static int hold_mutex(void)
{
	int rc = bide_mutex_lock(&had.mutex);
	rc = rc < 0 ? rc : bide_sleep(1000);
	bide_mutex_unlock(&had.mutex);
	return rc;
}

static int call_sleep(void)
{
	return bide_sleep(0);
}

static int call_sleep_until(void)
{
	return bide_sleep_until(bide_now() + 1);
}

static int call_yield(void)
{
	return bide_yield();
}

static int call_wait_fd(void)
{
	return bide_wait_fd(had.fds[1], BIDE_WRITABLE);
}

static int call_read(void)
{
	char byte;
	return (int)bide_read(had.fds[0], &byte, 1);
}

static int call_write(void)
{
	return (int)bide_write(had.fds[1], "x", 1);
}

static int call_copy(void)
{
	return bide_copy_fd(had.fds[1], had.fds[0], 1, NULL);
}

static int call_lock(void)
{
	return bide_mutex_lock(&had.mutex);
}

static int call_cond(void)
{
	return bide_cond_wait(&had.cond, &had.own);
}

static int call_event(void)
{
	return bide_event_wait(&had.event);
}

static int call_semaphore(void)
{
	return bide_semaphore_acquire(&had.semaphore);
}

static int call_barrier(void)
{
	return bide_barrier_wait(&had.barrier);
}

static int call_get(void)
{
	int item;
	return bide_queue_get(had.queue, &item);
}

static int call_put(void)
{
	int item = 0;
	return bide_queue_put(had.full, &item);
}

static int call_future(void)
{
	int value;
	return bide_future_await(had.future, &value);
}

static int call_receive(void)
{
	long item;
	return bide_channel_receive(had.channel, &item);
}

static int call_signals(void)
{
	return bide_signals_next(had.signals, NULL);
}

static int call_signal(void)
{
	return bide_signal_wait(SIGUSR2);
}

static int call_select(void)
{
	bide_arm arms[] = { bide_arm_event(&had.event), bide_arm_sleep(0) };
	return bide_select(arms, 2);
}

static int call_wait(void)
{
	return bide_wait(had.sleepers, 4, BIDE_ALL);
}

static int call_gather(void)
{
	int result;
	return bide_gather(&had.sleepers[0], 1, &result);
}

static int call_await(void)
{
	return bide_await(int, had.sleepers[1]);
}

static int call_join(void)
{
	return bide_join(had.sleepers[2]);
}

static int call_wait_for(void)
{
	int result;
	return bide_wait_for(had.sleepers[3], 0.001, &result);
}

static int call_to_thread(void)
{
	return bide_to_thread(same, 1);
}

static int call_to_loop(void)
{
	return bide_to_loop(had.loop, same, 1);
}

static int call_spawn(void)
{
	bide_task *task = bide_spawn(same, 1);
	return task == NULL ? bide_await(int, task) : 0;
}

static int call_spawn_on(void)
{
	bide_task *task = bide_spawn_on(had.loop, same, 1);
	return task == NULL ? bide_await(int, task) : 0;
}

static int call_group(void)
{
	int rc;
	BIDE_GROUP(group, rc) {
		if (bide_group_spawn(group, same, 1) != NULL)
			return 1;
		if (bide_group_next(group) != NULL)
			return 2;
	}
	return rc;
}

static int call_in_shield(void)
{
	int rc = 0;
	BIDE_SHIELD {
		rc = bide_sleep(0.001);
	}
	return rc < 0 ? bide_yield() : rc;
}

static int call_in_timeout(void)
{
	int rc = 0;
	BIDE_TIMEOUT(0) {
		rc = bide_sleep(0.001);
	}
	return rc < 0 ? bide_yield() : rc;
}

static int call_cancelled(void)
{
	return bide_cancelled();
}

static int call_threadsafe(void)
{
	int rc = bide_call_threadsafe(had.loop, (bide_callback *)abort, NULL);
	return rc == -BIDE_ELOOP ? -BIDE_EFORKED : rc;
}

static const struct {
	const char *name;
	int (*call)(void);
} calls[] = { { "sleep", call_sleep },
	      { "sleep_until", call_sleep_until },
	      { "yield", call_yield },
	      { "wait_fd", call_wait_fd },
	      { "read", call_read },
	      { "write", call_write },
	      { "copy_fd", call_copy },
	      { "mutex_lock", call_lock },
	      { "cond_wait", call_cond },
	      { "event_wait", call_event },
	      { "semaphore_acquire", call_semaphore },
	      { "barrier_wait", call_barrier },
	      { "queue_get", call_get },
	      { "queue_put", call_put },
	      { "future_await", call_future },
	      { "channel_receive", call_receive },
	      { "signals_next", call_signals },
	      { "signal_wait", call_signal },
	      { "select", call_select },
	      { "wait", call_wait },
	      { "gather", call_gather },
	      { "await", call_await },
	      { "join", call_join },
	      { "wait_for", call_wait_for },
	      { "to_thread", call_to_thread },
	      { "to_loop", call_to_loop },
	      { "spawn", call_spawn },
	      { "spawn_on", call_spawn_on },
	      { "group", call_group },
	      { "in a shield", call_in_shield },
	      { "in a timeout", call_in_timeout },
	      { "cancelled", call_cancelled },
	      { "call_threadsafe", call_threadsafe } };

enum { CALLS = sizeof calls / sizeof calls[0] };

static void get_all(void)
{
	const bide_queue_options one = { .bound = 1 };
	const int signal = SIGUSR1, item = 1;
	bide_mutex_init(&had.mutex);
	bide_mutex_init(&had.own);
	bide_cond_init(&had.cond);
	bide_event_init(&had.event);
	bide_semaphore_init(&had.semaphore, 0);
	bide_barrier_init(&had.barrier, 2);
	EXPECT_INT(bide_queue_open(int, NULL, &had.queue), 0);
	EXPECT_INT(bide_queue_open(int, &one, &had.full), 0);
	EXPECT_INT(bide_queue_put(had.full, &item), 0);
	EXPECT_INT(bide_future_open(int, &had.future), 0);
	EXPECT_INT(bide_channel_open(long, 1, &had.channel), 0);
	EXPECT_INT(bide_signals_open(&signal, 1, &had.signals), 0);
	EXPECT_INT(pipe(had.fds), 0);
	for (int i = 0; i < 4; i++)
		had.sleepers[i] = bide_spawn(nap_long);
	had.loop = bide_loop_ref(bide_current_loop());
	EXPECT_INT(bide_mutex_lock(&had.own), 0);
}

static void cancel_sleepers(void)
{
	for (int i = 0; i < 4; i++) {
		bide_cancel(had.sleepers[i]);
		EXPECT_INT(bide_join(had.sleepers[i]), -ECANCELED);
	}
}

/* What holds something is let go of in the child, too. */
static void let_go_of_all(void)
{
	bide_mutex_unlock(&had.own);
	bide_queue_free(had.queue);
	bide_queue_free(had.full);
	bide_future_unref(had.future);
	bide_channel_unref(had.channel);
	bide_signals_close(had.signals);
	bide_loop_unref(had.loop);
	EXPECT_INT(bide_close(had.fds[0]), 0);
	EXPECT_INT(bide_close(had.fds[1]), 0);
}

static int try_all(void)
{
	int wrong = 0;
	for (size_t i = 0; i < CALLS; i++) {
		int rc = calls[i].call();
		if (!EXPECT_INT(rc, -BIDE_EFORKED)) {
			fprintf(stderr, "%s\n", calls[i].name);
			wrong = 1;
		}
	}
	let_go_of_all();
	return wrong;
}

RUN_TEST(fork_child_gets_an_error_from_every_call_that_would_suspend)
{
	get_all();
	bide_task *holder = bide_spawn(hold_mutex);
	EXPECT_INT(bide_sleep(0.001), 0);
	pid_t child = fork();
	if (child == 0)
		_exit(try_all());
	expect_right(child);
	cancel_sleepers();
	bide_cancel(holder);
	EXPECT_INT(bide_join(holder), -ECANCELED);
	let_go_of_all();
}

/* Each call alone, as the first one after the fork. */
RUN_TEST(fork_child_gets_an_error_from_the_first_call)
{
	for (size_t i = 0; i < CALLS; i++) {
		get_all();
		EXPECT_INT(bide_yield(), 0);
		pid_t child = fork();
		if (child == 0)
			_exit(calls[i].call() == -BIDE_EFORKED ? 0 : 1);
		expect_right(child);
		cancel_sleepers();
		let_go_of_all();
	}
}

static BIDE_ASYNC_LIGHT(int, fork_in_light, int *);
static int fork_in_light(int *rounds)
{
	pid_t child = fork();
	if (child == 0) {
		int rc = bide_sleep(0.001);
		_exit(rc == -BIDE_EFORKED && bide_yield() == rc ? 0 : 1);
	}
	expect_right(child);
	++*rounds;
	return bide_sleep(0);
}

RUN_TEST(fork_in_light_tasks)
{
	static int rounds;
	bide_task *tasks[5];
	rounds = 0;
	for (int i = 0; i < 5; i++)
		tasks[i] = bide_spawn(fork_in_light, &rounds);
	for (int i = 0; i < 5; i++)
		EXPECT_INT(bide_await(int, tasks[i]), 0);
	EXPECT_INT(rounds, 5);
}
