// SPDX-License-Identifier: MIT
/* signals.c: see signals.h and bide/signal.h.
 *
 * A signal is kept as a bit of the object's watcher, which the handler sets and the loop's thread
 * takes. What is known of it is the process's, and looked up by the task when it runs: so who waits
 * needs no memory. */
#include "core/signals.h"

#include "core/message.h"
#include "core/select.h"
#include "core/typed.h"
#include "core/watch.h"

#include <errno.h>
#include <signal.h>

struct bide_signals {
	struct bide__watcher watcher;
	struct bide__queue waiting; /* parked tasks, in the order of their calls */
	int last;                   /* the signal that was taken last, 0 for none */
	bide_signals *next, **link; /* in the list of the loop's */
};

/* ---- taking ------------------------------------------------------------------------------- */

/* Takes a signal that came: one behind the last that was taken, if there is one, so that none that
 * comes again and again keeps others back. */
static int take(bide_signals *signals)
{
	const uint64_t came = __atomic_load_n(&signals->watcher.came, __ATOMIC_ACQUIRE);
	if (came == 0)
		return -EAGAIN;
	const uint64_t behind = signals->last < 64 ? came >> signals->last << signals->last : 0;
	signals->last = __builtin_ctzll(behind != 0 ? behind : came) + 1;
	(void)__atomic_fetch_and(&signals->watcher.came, ~bide__signal_bit(signals->last),
	                         __ATOMIC_RELAXED);
	return signals->last;
}

static int tell_of(int signal, bide_signal_info *ret_info)
{
	if (signal > 0 && ret_info != NULL)
		bide__signal_info(signal, ret_info);
	return signal;
}

/* ---- waiting ------------------------------------------------------------------------------ */

static void cut(bide_loop *loop, struct bide__task *task)
{
	bide_signals *signals = task->object;
	bide__queue_remove(&signals->waiting, task);
	loop->in_signals--;
}

static const struct bide__wait wait_next = { "bide_signals_next", cut, NULL };
static const struct bide__wait wait_one = { "bide_signal_wait", cut, NULL };

static void enlist(bide_loop *loop, bide_signals *signals, struct bide__task *task)
{
	bide__queue_push(&signals->waiting, task);
	loop->in_signals++;
}

static void wake_first(bide_loop *loop, bide_signals *signals, int result)
{
	struct bide__task *task = bide__queue_pop(&signals->waiting);
	loop->in_signals--;
	bide__wake(loop, task, result);
}

void bide__signals_serve(bide_loop *loop)
{
	int signal;
	for (bide_signals *it = loop->signals; it != NULL; it = it->next)
		while (it->waiting.head != NULL && (signal = take(it)) > 0)
			wake_first(loop, it, signal);
}

/* Signals that come on and on must not starve the other tasks. */
static int wait_in(bide_loop *loop, bide_signals *signals, const struct bide__wait *wait)
{
	int signal = take(signals);
	if (signal > 0) {
		bide__yield(loop);
		return signal;
	}
	enlist(loop, signals, loop->current);
	return bide__park(loop, wait, signals);
}

/* ---- opening and closing ------------------------------------------------------------------ */

/* The bit of a signal that can be watched for, else 0. */
static uint64_t bit_of(int signal)
{
	if (signal < 1 || signal > 64 || signal == SIGKILL || signal == SIGSTOP ||
	    bide__is_fault(signal))
		return 0;
	return bide__signal_bit(signal);
}

static int open_signals(bide_loop *loop, uint64_t bits, bide_signals **ret_signals)
{
	bide_signals *signals = bide__block_new(&loop->pool, sizeof(*signals));
	if (signals == NULL)
		return -ENOMEM;
	*signals = (bide_signals){ .watcher = { .loop = loop, .signals = bits } };
	int rc = bide__watch_begin(&signals->watcher);
	if (rc < 0) {
		bide__block_free(&loop->pool, signals, sizeof(*signals));
		return rc;
	}
	signals->next = loop->signals;
	signals->link = &loop->signals;
	if (signals->next != NULL)
		signals->next->link = &signals->next;
	loop->signals = signals;
	*ret_signals = signals;
	return 0;
}

static void close_signals(bide_loop *loop, bide_signals *signals)
{
	bide__watch_end(&signals->watcher);
	*signals->link = signals->next;
	if (signals->next != NULL)
		signals->next->link = signals->link;
	while (signals->waiting.head != NULL)
		wake_first(loop, signals, -BIDE_ECLOSED);
	bide__block_free(&loop->pool, signals, sizeof(*signals));
}

void bide__signals_finish(bide_loop *loop)
{
	while (loop->signals != NULL)
		close_signals(loop, loop->signals);
}

/* ---- the calls ---------------------------------------------------------------------------- */

int bide_signals_open(const int *signals, size_t n, bide_signals **ret_signals)
{
	bide_loop *loop = bide__loop;
	uint64_t bits = 0;
	if (loop == NULL)
		bide__abort("bide_signals_open", "no loop on this thread");
	if (n == 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		const uint64_t bit = bit_of(signals[i]);
		if (bit == 0)
			return -EINVAL;
		bits |= bit;
	}
	return open_signals(loop, bits, ret_signals);
}

static bide_loop *check(const char *call, const bide_signals *signals)
{
	return bide__check_owner(call, "object that watches for signals", signals->watcher.loop);
}

int bide_signals_next(bide_signals *signals, bide_signal_info *ret_info)
{
	bide_loop *loop = check(wait_next.name, signals);
	const struct bide__task *task = bide__suspending(&wait_next);
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, &wait_next);
	return tell_of(wait_in(loop, signals, &wait_next), ret_info);
}

int bide_signals_try_next(bide_signals *signals, bide_signal_info *ret_info)
{
	(void)check("bide_signals_try_next", signals);
	return tell_of(take(signals), ret_info);
}

void bide_signals_close(bide_signals *signals)
{
	if (signals != NULL)
		close_signals(check("bide_signals_close", signals), signals);
}

int bide_signal_wait(int signal)
{
	const struct bide__task *task = bide__suspending(&wait_one);
	const uint64_t bit = bit_of(signal);
	bide_signals *signals;
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(bide__loop, &wait_one);
	if (bit == 0)
		return -EINVAL;
	int rc = open_signals(bide__loop, bit, &signals);
	if (rc < 0)
		return rc;
	rc = wait_in(bide__loop, signals, &wait_one);
	close_signals(bide__loop, signals);
	return rc < 0 ? rc : 0;
}

/* ---- as an arm of a select ---------------------------------------------------------------- */

static bool signals_ready(bide_loop *loop, bide_arm *arm)
{
	const bide_signals *signals = arm->object;
	(void)loop;
	(void)check(bide__select_call, signals);
	return __atomic_load_n(&signals->watcher.came, __ATOMIC_ACQUIRE) != 0;
}

static int signals_take(bide_loop *loop, const bide_arm *arm)
{
	(void)loop;
	return tell_of(take(arm->object), arm->with.ret);
}

static int signals_wait(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in)
{
	enlist(loop, arm->object, stand_in);
	stand_in->wait = &wait_next;
	stand_in->object = arm->object;
	return -EAGAIN;
}

static int signals_finish(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in,
                          int result)
{
	(void)loop;
	(void)stand_in;
	return tell_of(result, arm->with.ret);
}

const struct bide__arm bide__arm_signals = { signals_ready, signals_take, signals_wait,
	                                     signals_finish };
