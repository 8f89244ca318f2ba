/* SPDX-License-Identifier: MIT */
/* bide/select.h: waiting for the first of several things, of whatever kind: an item of a queue or a
 * channel, room in one, the end of a task, an event, a future, a descriptor, a signal, a time.
 *
 *     int item;
 *     bide_arm arms[] = {
 *         bide_arm_get(queue, &item),
 *         bide_arm_event(&stop),
 *         bide_arm_sleep(1.5),
 *     };
 *     switch (bide_select(arms, 3)) {
 *     case 0:  arms[0].rc is 0 and item has been taken, or -BIDE_ECLOSED
 *     case 1:  stop has been set
 *     case 2:  1.5 seconds have passed
 *     default: the cancellation, or -ENOMEM
 *     }
 *
 * Exactly one ARM is chosen, and what the others would have done is not done: no item is taken or
 * put but by the chosen one. Of several that are ready one is chosen at random, each as likely as
 * any other, so that none can starve the others; of arms that have to be waited for it is the first
 * that becomes ready.
 *
 * An arm may be used once: arms are made again for the next select. One that is all zero, as
 * `bide_arm none = { 0 }`, in C++ `{}`, is never ready, for what is not to be waited for this
 * time. */
#ifndef BIDE_SELECT_H
#define BIDE_SELECT_H

#include <bide/channel.h>
#include <bide/future.h>
#include <bide/queue.h>
#include <bide/signal.h>
#include <bide/sync.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an arm waits for; made by the functions below. */
enum bide__arm_kind {
	BIDE__ARM_NEVER,
	BIDE__ARM_GET,
	BIDE__ARM_PUT,
	BIDE__ARM_TASK,
	BIDE__ARM_EVENT,
	BIDE__ARM_FUTURE,
	BIDE__ARM_FD,
	BIDE__ARM_SLEEP,
	BIDE__ARM_UNTIL,
	BIDE__ARM_SEND,
	BIDE__ARM_RECEIVE,
	BIDE__ARM_SIGNALS
};

/** One of the things that a select waits for. All but `rc` is made by the bide_arm_… functions and
 * may change. */
typedef struct bide_arm {
	int rc;                   /**< once it was chosen: how it ended */
	enum bide__arm_kind kind; /**< what it waits for */
	void *object;             /**< on what: a queue, an event… */
	union {
		void *ret;        /**< where what comes goes */
		const void *item; /**< what is to be put */
		double seconds;   /**< to wait, or when */
		struct {
			int fd;     /**< a descriptor */
			int events; /**< for which it is waited */
		} on;
	} with;
	size_t size;      /**< of what `with` points to */
	unsigned cls;     /**< its class */
	const char *text; /**< how that was written */
} bide_arm;

/** Waits for the first of several arms. [suspends] unless one is ready; with a time or a descriptor
 *  that is, others run once, as they do in bide_sleep() and bide_wait_fd().
 *
 *  @param arms the arms, borrowed until the call returns; they and what they point to may lie on a
 *              light task's stack. None at all is waited for until the task is cancelled.
 *  @param n    their number, at most INT_MAX.
 *  @return the index of the arm that was chosen, whose `rc` says how it ended; or, none having been
 *          chosen, the cancellation; -ENOMEM; -EINVAL for too many.
 *  An arm that fails, as a put into a closed queue, is ready: its error is in its `rc`. */
BIDE_API BIDE_CHECKED int bide_select(bide_arm *arms, size_t n) BIDE__NOTHROW;

/** As bide_select(), without waiting; also outside tasks and in callbacks of the loop, with arms of
 *  this thread's loop. @return as that, and -EAGAIN when no arm is ready. */
BIDE_API BIDE_CHECKED int bide_try_select(bide_arm *arms, size_t n) BIDE__NOTHROW;

/** bide_arm bide_arm_get(queue, ret_item): to take an item, as bide_queue_get(). rc: 0 or
 *  -BIDE_ECLOSED or -ENOMEM, *ret_item being untouched. */
#define bide_arm_get(queue, ret_item) \
	bide__arm_in(BIDE__ARM_GET, (queue), (ret_item), BIDE__ITEM_SIZE(ret_item), \
	             BIDE__CLASS_AT(ret_item), #ret_item)

/** bide_arm bide_arm_put(queue, item): to put a copy of *item, as bide_queue_put(). rc: 0, or
 *  -BIDE_ECLOSED or -ENOMEM, the item not having been put. */
#define bide_arm_put(queue, item) \
	bide__arm_out(BIDE__ARM_PUT, (queue), (item), BIDE__ITEM_SIZE(item), BIDE__CLASS_AT(item), \
	              #item)

/** bide_arm bide_arm_receive(channel, ret_item): to take an item of a channel, as
 *  bide_channel_receive(). rc: as of bide_arm_get(). */
#define bide_arm_receive(channel, ret_item) \
	bide__arm_in(BIDE__ARM_RECEIVE, (channel), (ret_item), BIDE__ITEM_SIZE(ret_item), \
	             BIDE__CLASS_AT(ret_item), #ret_item)

/** bide_arm bide_arm_send(channel, item): to put a copy of *item into a channel, as
 *  bide_channel_send(). rc: as of bide_arm_put(). */
#define bide_arm_send(channel, item) \
	bide__arm_out(BIDE__ARM_SEND, (channel), (item), BIDE__ITEM_SIZE(item), \
	              BIDE__CLASS_AT(item), #item)

/** bide_arm bide_arm_future(future, ret_value): to wait for a future, as bide_future_await(). rc: 0
 *  or the error that the future has; *ret_value, unless ret_value is NULL, is its value. */
#define bide_arm_future(future, ret_value) \
	bide__arm_in(BIDE__ARM_FUTURE, (future), (ret_value), BIDE__SIZEOF(ret_value), \
	             BIDE__CLASS_AT(ret_value), #ret_value)

/* An arm that has nothing to copy. */
BIDE__GLUE bide_arm bide__arm_of(enum bide__arm_kind kind, void *object)
{
	bide_arm arm;
	arm.rc = 0;
	arm.kind = kind;
	arm.object = object;
	arm.with.ret = NULL;
	arm.size = 0;
	arm.cls = 0;
	arm.text = NULL;
	return arm;
}

/** To wait for the end of a task, which goes on to be awaited by whoever awaits it afterwards: it
 *  is not taken, and not cancelled with the caller. rc: 0; for NULL, a spawn that could not be
 *  made, what awaiting it gives. Aborts when it is awaited by another, as a task has one
 *  awaiter. */
BIDE__GLUE bide_arm bide_arm_task(bide_task *task)
{
	return bide__arm_of(BIDE__ARM_TASK, task);
}

/** To wait for an event, as bide_event_wait(). rc: 0. */
BIDE__GLUE bide_arm bide_arm_event(bide_event *event)
{
	return bide__arm_of(BIDE__ARM_EVENT, event);
}

/** To wait for a descriptor, as bide_wait_fd(), with @p events as there. rc: the bits that are
 *  ready (> 0), or an error of that. */
BIDE__GLUE bide_arm bide_arm_fd(int fd, int events)
{
	bide_arm arm = bide__arm_of(BIDE__ARM_FD, NULL);
	arm.with.on.fd = fd;
	arm.with.on.events = events;
	return arm;
}

/** To wait for a signal, as bide_signals_next(). rc: the signal (> 0), or -BIDE_ECLOSED. */
BIDE__GLUE bide_arm bide_arm_signals(bide_signals *signals, bide_signal_info *ret_info)
{
	bide_arm arm = bide__arm_of(BIDE__ARM_SIGNALS, signals);
	arm.with.ret = ret_info;
	return arm;
}

/** To wait for @p seconds, as bide_sleep(): with 0 or less it is ready. rc: 0, or -EINVAL for NaN,
 *  -ENOMEM. */
BIDE__GLUE bide_arm bide_arm_sleep(double seconds)
{
	bide_arm arm = bide__arm_of(BIDE__ARM_SLEEP, NULL);
	arm.with.seconds = seconds;
	return arm;
}

/** To wait until bide_now() has reached @p time, as bide_sleep_until(). rc: as of
 *  bide_arm_sleep(). */
BIDE__GLUE bide_arm bide_arm_until(double time)
{
	bide_arm arm = bide__arm_of(BIDE__ARM_UNTIL, NULL);
	arm.with.seconds = time;
	return arm;
}

/* ---- machinery of the macros -------------------------------------------------------------- */

BIDE__GLUE bide_arm bide__arm_in(enum bide__arm_kind kind, void *object, void *ret, size_t size,
                                 unsigned cls, const char *text)
{
	bide_arm arm = bide__arm_of(kind, object);
	arm.with.ret = ret;
	arm.size = size;
	arm.cls = cls;
	arm.text = text;
	return arm;
}

BIDE__GLUE bide_arm bide__arm_out(enum bide__arm_kind kind, void *object, const void *item,
                                  size_t size, unsigned cls, const char *text)
{
	bide_arm arm = bide__arm_of(kind, object);
	arm.with.item = item;
	arm.size = size;
	arm.cls = cls;
	arm.text = text;
	return arm;
}

#ifdef __cplusplus
}
#endif
#endif
