/* SPDX-License-Identifier: MIT */
/* bide/queue.h: queues between the tasks of a loop, after asyncio's Queue, LifoQueue and
 * PriorityQueue.
 *
 * A queue has items of one type, copied as bytes. Its functions take pointers to items and check
 * what these point to by class and size, as bide_await() does: a wrong type aborts and names both.
 *
 *     bide_queue *queue;
 *     int rc = bide_queue_open(int, NULL, &queue);    // without a bound, first in, first out
 *     int item = 42;
 *     rc = bide_queue_put(queue, &item);
 *     rc = bide_queue_get(queue, &item);
 *     bide_queue_free(queue);
 *
 * Who waits is served first come, first served: an item goes straight to the task that has waited
 * longest, and room to the put that has; nobody who comes later gets in between. A put or a get
 * that is cancelled has had no effect, and one that has had an effect returns 0.
 *
 * A queue belongs to the loop of the thread that opened it, and is freed before that is closed; on
 * another thread its functions abort and name both. */
#ifndef BIDE_QUEUE_H
#define BIDE_QUEUE_H

#include <bide/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A queue. */
typedef struct bide_queue bide_queue;

/** Which item a get takes. */
enum bide_queue_order {
	BIDE_QUEUE_FIFO,    /**< the oldest one */
	BIDE_QUEUE_LIFO,    /**< the newest one */
	BIDE_QUEUE_PRIORITY /**< the first one by comparison; of equal ones the oldest */
};

/** Options of a queue; all zero are the defaults. */
typedef struct bide_queue_options {
	size_t bound;                /**< how many items it holds at most; 0: no bound */
	enum bide_queue_order order; /**< which item a get takes */
	int (*compare)(const void *a, const void *b); /**< for BIDE_QUEUE_PRIORITY, else NULL: less
	                                than 0 when item a is taken before item b, 0 when they are
	                                equal, else more; must not suspend or use the queue */
} bide_queue_options;

/** int bide_queue_open(T, options, ret_queue): opens an empty queue for items of type T.
 *
 *  @param T         copied as bytes and aligned to at most 16 bytes: others are put by pointer.
 *  @param options   a const bide_queue_options *, copied, or NULL for the defaults.
 *  @param ret_queue gets the queue, to be freed by bide_queue_free(); untouched on failure.
 *  @return 0, -ENOMEM, or -EINVAL for an order that there is not, or that has no comparison or one
 *          too many. Aborts when this thread has no loop. */
#define bide_queue_open(T, options, ret_queue) \
	__extension__({ \
		BIDE__COPIED(T) \
		BIDE__ASSERT(__alignof__(T) <= BIDE__ALIGN_MAX, \
		             "bide: an item is aligned to more than 16 bytes") \
		bide__queue_open(sizeof(T), BIDE__CLASS_AT((T *)0), #T, (options), (ret_queue)); \
	})

/** int bide_queue_put(queue, item): puts a copy of *item into the queue; waits while that is full.
 *  [suspends] when it is full.
 *
 *  @param item a pointer to the type of the queue's items; borrowed until the call returns.
 *  @return 0, or, the item not having been put, the cancellation; -BIDE_ECLOSED when the queue has
 *          been closed, also while the call waited; -ENOMEM. */
#define bide_queue_put(queue, item) \
	bide__queue_put((queue), (item), BIDE__ITEM_SIZE(item), BIDE__CLASS_AT(item), #item)

/** int bide_queue_get(queue, ret_item): takes an item out of the queue; waits while that is empty.
 *  [suspends] when it is empty.
 *
 *  @param ret_item a pointer to the type of the queue's items; untouched on failure.
 *  @return 0, or, no item having been taken, the cancellation; -BIDE_ECLOSED when the queue is
 *          empty and has been closed, also while the call waited; -ENOMEM. */
#define bide_queue_get(queue, ret_item) \
	bide__queue_get((queue), (ret_item), BIDE__ITEM_SIZE(ret_item), BIDE__CLASS_AT(ret_item), \
	                #ret_item)

/** int bide_queue_try_put(queue, item): as bide_queue_put(), without waiting; also outside tasks
 * and in callbacks of the loop. @return as that, and -EAGAIN when the queue is full. */
#define bide_queue_try_put(queue, item) \
	bide__queue_try_put((queue), (item), BIDE__ITEM_SIZE(item), BIDE__CLASS_AT(item), #item)

/** int bide_queue_try_get(queue, ret_item): as bide_queue_get(), without waiting; also outside
 * tasks and in callbacks of the loop. @return as that, and -EAGAIN when the queue is empty. */
#define bide_queue_try_get(queue, ret_item) \
	bide__queue_try_get((queue), (ret_item), BIDE__ITEM_SIZE(ret_item), \
	                    BIDE__CLASS_AT(ret_item), #ret_item)

/** Tells that an item that was taken has been worked on; once for each.
 *  @return 0, or -EINVAL when that has been told of every item that was put. */
BIDE_API int bide_queue_task_done(bide_queue *queue) BIDE__NOTHROW;

/** Waits until every item that was put has been told of by bide_queue_task_done(). [suspends]
 *  @return 0, at once if it is so; the cancellation; or -ENOMEM in a light task, for its frames. */
BIDE_API int bide_queue_join(bide_queue *queue) BIDE__NOTHROW;

/** Returns how many items are in the queue, without those of puts that wait. */
BIDE_API size_t bide_queue_size(const bide_queue *queue) BIDE__NOTHROW;

/** Tells whether there is no item in the queue. */
BIDE_API bool bide_queue_empty(const bide_queue *queue) BIDE__NOTHROW;

/** Tells whether there are as many items in the queue as it holds; never without a bound. */
BIDE_API bool bide_queue_full(const bide_queue *queue) BIDE__NOTHROW;

/** Closes the queue and lets it drain: every put returns -BIDE_ECLOSED from now on, those that wait
 *  too, and so does every get once the queue is empty. Idempotent. */
BIDE_API void bide_queue_close(bide_queue *queue) BIDE__NOTHROW;

/** Closes the queue and drops its items, for which nobody calls bide_queue_task_done() any more:
 *  every put and get returns -BIDE_ECLOSED. A join waits on for items that have been taken.
 *  Idempotent. What items point to is the caller's: who owns that takes the items instead. */
BIDE_API void bide_queue_close_now(bide_queue *queue) BIDE__NOTHROW;

/** Frees a queue and drops its items; NULL is none. Aborts when a task waits in it; those that were
 *  waiting when it was closed do not count. */
BIDE_API void bide_queue_free(bide_queue *queue) BIDE__NOTHROW;

/* ---- machinery of the macros -------------------------------------------------------------- */

BIDE_API BIDE_CHECKED int bide__queue_open(size_t size, unsigned cls, const char *type,
                                           const bide_queue_options *options,
                                           bide_queue **ret_queue) BIDE__NOTHROW;
BIDE_API BIDE_CHECKED int bide__queue_put(bide_queue *queue, const void *item, size_t size,
                                          unsigned cls, const char *text) BIDE__NOTHROW;
BIDE_API BIDE_CHECKED int bide__queue_get(bide_queue *queue, void *ret_item, size_t size,
                                          unsigned cls, const char *text) BIDE__NOTHROW;
BIDE_API BIDE_CHECKED int bide__queue_try_put(bide_queue *queue, const void *item, size_t size,
                                              unsigned cls, const char *text) BIDE__NOTHROW;
BIDE_API BIDE_CHECKED int bide__queue_try_get(bide_queue *queue, void *ret_item, size_t size,
                                              unsigned cls, const char *text) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
