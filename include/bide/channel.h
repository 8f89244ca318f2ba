/* SPDX-License-Identifier: MIT */
/* bide/channel.h: channels: queues with a bound between threads, of loops or not.
 *
 * Any number of tasks and threads send into a channel, and any number receive from it. Where it
 * is full, or empty, a task waits while others of its loop run, and a thread without a loop is
 * blocked:
 *
 *     bide_channel *channel;
 *     int rc = bide_channel_open(long, 128, &channel);
 *     long item = 42;
 *     rc = bide_channel_send(channel, &item);         // a task, or a thread
 *     rc = bide_channel_receive(channel, &item);      // another one, on whichever thread
 *     bide_channel_close(channel);                    // no more: receives end when it is empty
 *     bide_channel_unref(channel);
 *
 * It has items of one type, copied as bytes. The functions take pointers to items and check what
 * these point to by class and size, as those of queues do: a wrong type aborts and names both.
 *
 * Items are received in the order in which they were sent: those of one sender in the order of its
 * calls. Who waits is called first come first served; somebody who comes meanwhile, on another
 * thread, may be faster, and then it waits on, before all others.
 *
 * A channel belongs to no loop. Each thread that uses it holds a reference, or knows that somebody
 * does meanwhile. Between the tasks of one loop a queue is faster, and tells of deadlocks: while a
 * task waits for a channel, somebody unknown may still come. */
#ifndef BIDE_CHANNEL_H
#define BIDE_CHANNEL_H

#include <bide/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A channel. */
typedef struct bide_channel bide_channel;

/** int bide_channel_open(T, bound, ret_channel): opens an empty channel for items of type T.
 *  [threadsafe]
 *
 *  @param T           copied as bytes.
 *  @param bound       how many items it holds at most: 1 and up.
 *  @param ret_channel gets a reference to the channel, to be given back by bide_channel_unref();
 *                     untouched on failure.
 *  @return 0, -ENOMEM, or -EINVAL for a bound of 0. */
#define bide_channel_open(T, bound, ret_channel) \
	__extension__({ \
		BIDE__COPIED(T) \
		bide__channel_open(sizeof(T), BIDE__CLASS_AT((T *)0), #T, (bound), (ret_channel)); \
	})

/** Takes one more reference to the channel, for another thread for instance. [threadsafe]
 *  @return the channel. */
BIDE_API bide_channel *bide_channel_ref(bide_channel *channel) BIDE__NOTHROW;

/** Gives a reference back; the last one frees the channel and drops its items. NULL is none. Aborts
 *  when that leaves somebody waiting; those that were waiting when it was closed do not count.
 *  [threadsafe] */
BIDE_API void bide_channel_unref(bide_channel *channel) BIDE__NOTHROW;

/** int bide_channel_send(channel, item): sends a copy of *item; waits while the channel is full.
 *  [suspends] in a task when it is full; blocks a thread that has no loop. [threadsafe]
 *
 *  @param item a pointer to the type of the channel's items; borrowed until the call returns.
 *  @return 0, or, the item not having been sent, the cancellation; -BIDE_ECLOSED when the channel
 *          has been closed, also while the call waited; -ENOMEM in a task. In a job of
 *          bide_to_thread() the cancellation is that by which it is asked to stop. */
#define bide_channel_send(channel, item) \
	bide__channel_send((channel), (item), BIDE__ITEM_SIZE(item), BIDE__CLASS_AT(item), #item)

/** int bide_channel_receive(channel, ret_item): receives an item; waits while there is none.
 *  [suspends] in a task when there is none; blocks a thread that has no loop. [threadsafe]
 *
 *  @param ret_item a pointer to the type of the channel's items; untouched on failure.
 *  @return 0, or, no item having been received, the cancellation, as of bide_channel_send();
 *          -BIDE_ECLOSED when the channel is empty and has been closed, also while the call waited;
 *          -ENOMEM in a task. */
#define bide_channel_receive(channel, ret_item) \
	bide__channel_receive((channel), (ret_item), BIDE__ITEM_SIZE(ret_item), \
	                      BIDE__CLASS_AT(ret_item), #ret_item)

/** int bide_channel_try_send(channel, item): as bide_channel_send(), without waiting, everywhere:
 *  in callbacks of the loop, too, and outside tasks. [threadsafe]
 *  @return 0, -BIDE_ECLOSED, or -EAGAIN when the channel is full. */
#define bide_channel_try_send(channel, item) \
	bide__channel_try_send((channel), (item), BIDE__ITEM_SIZE(item), BIDE__CLASS_AT(item), \
	                       #item)

/** int bide_channel_try_receive(channel, ret_item): as bide_channel_receive(), without waiting,
 *  everywhere: in callbacks of the loop, too, and outside tasks. [threadsafe]
 *  @return 0, -BIDE_ECLOSED, or -EAGAIN when the channel is empty. */
#define bide_channel_try_receive(channel, ret_item) \
	bide__channel_try_receive((channel), (ret_item), BIDE__ITEM_SIZE(ret_item), \
	                          BIDE__CLASS_AT(ret_item), #ret_item)

/** Closes the channel and lets it drain: every send returns -BIDE_ECLOSED from now on, those that
 *  wait too, and so does every receive once the channel is empty. Idempotent. [threadsafe] */
BIDE_API void bide_channel_close(bide_channel *channel) BIDE__NOTHROW;

/** Returns how many items are in the channel, which others may change at any moment; without those
 *  of sends that wait. [threadsafe] */
BIDE_API size_t bide_channel_size(const bide_channel *channel) BIDE__NOTHROW;

/* ---- machinery of the macros -------------------------------------------------------------- */

BIDE_API BIDE_CHECKED int bide__channel_open(size_t size, unsigned cls, const char *type,
                                             size_t bound,
                                             bide_channel **ret_channel) BIDE__NOTHROW;
BIDE_API BIDE_CHECKED int bide__channel_send(bide_channel *channel, const void *item, size_t size,
                                             unsigned cls, const char *text) BIDE__NOTHROW;
BIDE_API BIDE_CHECKED int bide__channel_receive(bide_channel *channel, void *ret_item, size_t size,
                                                unsigned cls, const char *text) BIDE__NOTHROW;
BIDE_API BIDE_CHECKED int bide__channel_try_send(bide_channel *channel, const void *item,
                                                 size_t size, unsigned cls,
                                                 const char *text) BIDE__NOTHROW;
BIDE_API BIDE_CHECKED int bide__channel_try_receive(bide_channel *channel, void *ret_item,
                                                    size_t size, unsigned cls,
                                                    const char *text) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
