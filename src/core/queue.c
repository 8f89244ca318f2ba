// SPDX-License-Identifier: MIT
/* queue.c: see queue.h and bide/queue.h.
 *
 * Invariants: gets wait only while no item lies in the queue, and puts only while it is full. So
 * whoever finds an item or room may take it: nobody who waits is passed over.
 *
 * A parked task's own memory is not to be touched, as its frames may have been moved. What it puts,
 * or where it is to find what it gets, is a PARCEL: in its record, if the item fits there, else in
 * a block that it had before it parked, so that a hand-over needs no memory. A parked put's parcel
 * is freed by whoever ends its wait, and so is a get's, unless there is an item in it: then the
 * task takes that and frees it. So a task that has been woken does not touch the queue any more,
 * which may be gone by then. */
#include "core/queue.h"

#include "base/copy.h"
#include "core/items.h"
#include "core/select.h"
#include "core/typed.h"

#include <errno.h>

struct bide_queue {
	bide_loop *loop; /* that it belongs to */
	struct bide__type type;
	struct bide__items items;   /* that lie in it, those of waiting puts apart */
	size_t bound;               /* how many may, SIZE_MAX: any number */
	struct bide__queue getters; /* parked tasks, each list in the order of the calls */
	struct bide__queue putters;
	struct bide__queue joiners;
	size_t unfinished; /* items that were put and that nobody has told to be done */
	bool closed;
	bool comparing; /* the user's comparison is running */
};

/* ---- parcels ------------------------------------------------------------------------------ */

static inline bool fits_record(size_t size)
{
	return size <= sizeof(((struct bide__task *)NULL)->item);
}

static inline void *parcel_of(struct bide__task *task, size_t size)
{
	return fits_record(size) ? (void *)task->item : task->parcel;
}

static inline void parcel_free(bide_loop *loop, struct bide__task *task, size_t size)
{
	if (!fits_record(size))
		bide__block_free(&loop->pool, task->parcel, size);
}

/* ---- items -------------------------------------------------------------------------------- */

/* The user's comparison must neither suspend nor change what is being compared. */
static void begin_comparing(bide_queue *queue, const char *call)
{
	if (queue->comparing)
		bide__abort(call, "called by the queue's own comparison");
	queue->comparing = true;
	queue->loop->no_suspend++;
}

static void end_comparing(bide_queue *queue)
{
	queue->comparing = false;
	queue->loop->no_suspend--;
}

/* Adds an item for which there is memory. */
static void add(bide_queue *queue, const char *call, const void *item)
{
	const bool heap = queue->items.order == BIDE_QUEUE_PRIORITY;
	if (heap)
		begin_comparing(queue, call);
	bide__items_add(&queue->items, item);
	if (heap)
		end_comparing(queue);
	queue->unfinished++;
}

static void take(bide_queue *queue, const char *call, void *ret_item)
{
	const bool heap = queue->items.order == BIDE_QUEUE_PRIORITY;
	if (heap)
		begin_comparing(queue, call);
	bide__items_take(&queue->items, ret_item);
	if (heap)
		end_comparing(queue);
}

/* ---- putting and getting, without waiting ------------------------------------------------- */

__attribute__((noinline)) static int hand_over_large(bide_loop *loop, struct bide__task *getter,
                                                     const void *item, size_t size)
{
	memcpy(getter->parcel, item, size);
	bide__wake(loop, getter, 0);
	return 0;
}

/* Hands an item to the get that has waited longest; there is one. */
static inline int hand_over(bide_loop *loop, bide_queue *queue, const void *item, size_t size)
{
	struct bide__task *getter = bide__queue_pop(&queue->getters);
	queue->unfinished++;
	if (!fits_record(size))
		return hand_over_large(loop, getter, item, size);
	bide__copy_small(getter->item, item, size);
	bide__wake(loop, getter, 0);
	return 0;
}

/* Lays an item down, which nobody waits for. */
__attribute__((noinline)) static int lay_down(bide_queue *queue, const char *call, const void *item)
{
	if (queue->closed)
		return -BIDE_ECLOSED;
	if (queue->items.count >= queue->bound)
		return -EAGAIN;
	if (__builtin_expect(queue->items.count == queue->items.room, 0) &&
	    bide__items_grow(&queue->loop->pool, &queue->items) < 0)
		return -ENOMEM;
	add(queue, call, item);
	return 0;
}

/* There is room since an item was taken: the put that has waited longest fills it. */
static void admit(bide_loop *loop, bide_queue *queue, const char *call)
{
	struct bide__task *putter = bide__queue_pop(&queue->putters);
	add(queue, call, parcel_of(putter, queue->type.size));
	parcel_free(loop, putter, queue->type.size);
	bide__wake(loop, putter, 0);
}

/* Picks up an item, of which there is one. */
__attribute__((noinline)) static int pick_up(bide_queue *queue, const char *call, void *ret_item)
{
	take(queue, call, ret_item);
	if (queue->putters.head != NULL)
		admit(queue->loop, queue, call);
	else if (__builtin_expect(queue->items.count < queue->items.room / 4, 0))
		bide__items_shrink(&queue->loop->pool, &queue->items);
	return 0;
}

/* ---- waiting ------------------------------------------------------------------------------ */

static void cut_put(bide_loop *loop, struct bide__task *task)
{
	bide_queue *queue = task->object;
	bide__queue_remove(&queue->putters, task);
	parcel_free(loop, task, queue->type.size);
}

static void cut_get(bide_loop *loop, struct bide__task *task)
{
	bide_queue *queue = task->object;
	bide__queue_remove(&queue->getters, task);
	parcel_free(loop, task, queue->type.size);
}

static void cut_join(bide_loop *loop, struct bide__task *task)
{
	bide_queue *queue = task->object;
	(void)loop;
	bide__queue_remove(&queue->joiners, task);
}

static const struct bide__wait wait_put = { "bide_queue_put", cut_put, NULL };
static const struct bide__wait wait_get = { "bide_queue_get", cut_get, NULL };
static const struct bide__wait wait_join = { "bide_queue_join", cut_join, NULL };

/* Puts a task, or a stand-in, behind all whose puts wait. 0 or -ENOMEM. */
static int enlist_put(bide_loop *loop, bide_queue *queue, struct bide__task *task, const void *item)
{
	const size_t size = queue->type.size;
	if (!fits_record(size)) {
		task->parcel = bide__block_new(&loop->pool, size);
		if (task->parcel == NULL)
			return -ENOMEM;
	}
	memcpy(parcel_of(task, size), item, size);
	bide__queue_push(&queue->putters, task);
	return 0;
}

/* The same for gets of items that do not fit into the record. */
static int enlist_get_large(bide_loop *loop, bide_queue *queue, struct bide__task *task)
{
	task->parcel = bide__block_new(&loop->pool, queue->type.size);
	if (task->parcel == NULL)
		return -ENOMEM;
	bide__queue_push(&queue->getters, task);
	return 0;
}

static void unpack_large(bide_loop *loop, struct bide__task *task, void *ret_item, size_t size)
{
	memcpy(ret_item, task->parcel, size);
	bide__block_free(&loop->pool, task->parcel, size);
}

static int park_put(bide_loop *loop, bide_queue *queue, const void *item)
{
	int rc = enlist_put(loop, queue, loop->current, item);
	return rc < 0 ? rc : bide__park(loop, &wait_put, queue);
}

__attribute__((noinline)) static int park_get_large(bide_loop *loop, bide_queue *queue,
                                                    void *ret_item, size_t size)
{
	int rc = enlist_get_large(loop, queue, loop->current);
	if (rc == 0)
		rc = bide__park(loop, &wait_get, queue);
	if (rc == 0)
		unpack_large(bide__loop, bide__loop->current, ret_item, size);
	return rc;
}

static inline int park_get(bide_loop *loop, bide_queue *queue, void *ret_item, size_t size)
{
	if (!fits_record(size))
		return park_get_large(loop, queue, ret_item, size);
	bide__queue_push(&queue->getters, loop->current);
	int rc = bide__park(loop, &wait_get, queue);
	if (__builtin_expect(rc == 0, 1))
		bide__copy_small(ret_item, bide__loop->current->item, size);
	return rc;
}

/* Nobody waits for the item. */
__attribute__((noinline)) static int put_aside(bide_loop *loop, bide_queue *queue, const void *item)
{
	int rc = lay_down(queue, wait_put.name, item);
	return rc != -EAGAIN ? rc : park_put(loop, queue, item);
}

/* ---- the calls ---------------------------------------------------------------------------- */

/* The two calls begin a cache line. Left where chance puts them, what is behind their checks may be
 * fetched so badly that a hand-over takes a third longer. */
#define CACHE_LINE __attribute__((aligned(64)))

static inline bide_loop *check(const char *call, const bide_queue *queue)
{
	return bide__check_owner(call, "queue", queue->loop);
}

CACHE_LINE int bide__queue_put(bide_queue *queue, const void *item, size_t size, unsigned cls,
                               const char *text)
{
	bide_loop *loop = check(wait_put.name, queue);
	const struct bide__task *task = bide__suspending(&wait_put);
	bide__check_type(wait_put.name, &queue->type, size, cls, text);
	if (__builtin_expect(task->flags & BIDE__TASK_PENDING, 0))
		return bide__refuse(loop, &wait_put);
	return queue->getters.head != NULL ? hand_over(loop, queue, item, size)
	                                   : put_aside(loop, queue, item);
}

CACHE_LINE int bide__queue_get(bide_queue *queue, void *ret_item, size_t size, unsigned cls,
                               const char *text)
{
	bide_loop *loop = check(wait_get.name, queue);
	const struct bide__task *task = bide__suspending(&wait_get);
	bide__check_type(wait_get.name, &queue->type, size, cls, text);
	if (__builtin_expect(task->flags & BIDE__TASK_PENDING, 0))
		return bide__refuse(loop, &wait_get);
	if (queue->items.count > 0)
		return pick_up(queue, wait_get.name, ret_item);
	if (__builtin_expect(queue->closed, 0))
		return -BIDE_ECLOSED;
	return park_get(loop, queue, ret_item, size);
}

int bide__queue_try_put(bide_queue *queue, const void *item, size_t size, unsigned cls,
                        const char *text)
{
	bide_loop *loop = check("bide_queue_try_put", queue);
	bide__check_type("bide_queue_try_put", &queue->type, size, cls, text);
	return queue->getters.head != NULL ? hand_over(loop, queue, item, size)
	                                   : lay_down(queue, "bide_queue_try_put", item);
}

int bide__queue_try_get(bide_queue *queue, void *ret_item, size_t size, unsigned cls,
                        const char *text)
{
	(void)check("bide_queue_try_get", queue);
	bide__check_type("bide_queue_try_get", &queue->type, size, cls, text);
	if (queue->items.count > 0)
		return pick_up(queue, "bide_queue_try_get", ret_item);
	return queue->closed ? -BIDE_ECLOSED : -EAGAIN;
}

size_t bide_queue_size(const bide_queue *queue)
{
	(void)check("bide_queue_size", queue);
	return queue->items.count;
}

bool bide_queue_empty(const bide_queue *queue)
{
	(void)check("bide_queue_empty", queue);
	return queue->items.count == 0;
}

bool bide_queue_full(const bide_queue *queue)
{
	(void)check("bide_queue_full", queue);
	return queue->items.count >= queue->bound;
}

/* ---- as arms of a select ------------------------------------------------------------------ */

static bide_queue *queue_of(const bide_arm *arm)
{
	bide_queue *queue = arm->object;
	(void)check(bide__select_call, queue);
	bide__check_type(bide__select_call, &queue->type, arm->size, arm->cls, arm->text);
	return queue;
}

static bool get_ready(bide_loop *loop, bide_arm *arm)
{
	const bide_queue *queue = queue_of(arm);
	(void)loop;
	return queue->items.count > 0 || queue->closed;
}

static int get_take(bide_loop *loop, const bide_arm *arm)
{
	bide_queue *queue = arm->object;
	(void)loop;
	return queue->items.count > 0 ? pick_up(queue, bide__select_call, arm->with.ret)
	                              : -BIDE_ECLOSED;
}

static int get_wait(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in)
{
	bide_queue *queue = arm->object;
	int rc = 0;
	if (fits_record(queue->type.size))
		bide__queue_push(&queue->getters, stand_in);
	else
		rc = enlist_get_large(loop, queue, stand_in);
	stand_in->wait = rc == 0 ? &wait_get : NULL;
	stand_in->object = queue;
	return rc == 0 ? -EAGAIN : rc;
}

/* The queue may be gone. */
static int get_finish(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in, int result)
{
	if (result < 0)
		return result;
	if (fits_record(arm->size))
		memcpy(arm->with.ret, stand_in->item, arm->size);
	else
		unpack_large(loop, stand_in, arm->with.ret, arm->size);
	return 0;
}

static bool put_ready(bide_loop *loop, bide_arm *arm)
{
	const bide_queue *queue = queue_of(arm);
	(void)loop;
	return queue->getters.head != NULL || queue->items.count < queue->bound || queue->closed;
}

static int put_take(bide_loop *loop, const bide_arm *arm)
{
	bide_queue *queue = arm->object;
	return queue->getters.head != NULL ? hand_over(loop, queue, arm->with.item, arm->size)
	                                   : lay_down(queue, bide__select_call, arm->with.item);
}

static int put_wait(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in)
{
	bide_queue *queue = arm->object;
	int rc = enlist_put(loop, queue, stand_in, arm->with.item);
	stand_in->wait = rc == 0 ? &wait_put : NULL;
	stand_in->object = queue;
	return rc == 0 ? -EAGAIN : rc;
}

const struct bide__arm bide__arm_get = { get_ready, get_take, get_wait, get_finish };
const struct bide__arm bide__arm_put = { put_ready, put_take, put_wait, NULL };

/* ---- what is done with items -------------------------------------------------------------- */

static void wake_joiners(bide_queue *queue)
{
	for (struct bide__task *task; (task = bide__queue_pop(&queue->joiners)) != NULL;)
		bide__wake(queue->loop, task, 0);
}

int bide_queue_task_done(bide_queue *queue)
{
	(void)check("bide_queue_task_done", queue);
	if (queue->unfinished == 0)
		return -EINVAL;
	if (--queue->unfinished == 0)
		wake_joiners(queue);
	return 0;
}

int bide_queue_join(bide_queue *queue)
{
	bide_loop *loop = check(wait_join.name, queue);
	struct bide__task *task = bide__suspending(&wait_join);
	if (task->flags & BIDE__TASK_PENDING)
		return bide__refuse(loop, &wait_join);
	if (queue->unfinished == 0)
		return 0;
	bide__queue_push(&queue->joiners, task);
	return bide__park(loop, &wait_join, queue);
}

/* ---- opening and closing ------------------------------------------------------------------ */

static bool is_valid(const bide_queue_options *options)
{
	return (options->order == BIDE_QUEUE_FIFO || options->order == BIDE_QUEUE_LIFO ||
	        options->order == BIDE_QUEUE_PRIORITY) &&
	       (options->compare != NULL) == (options->order == BIDE_QUEUE_PRIORITY);
}

int bide__queue_open(size_t size, unsigned cls, const char *type, const bide_queue_options *options,
                     bide_queue **ret_queue)
{
	static const bide_queue_options defaults = { 0, BIDE_QUEUE_FIFO, NULL };
	bide_loop *loop = bide__loop;
	if (loop == NULL)
		bide__abort("bide_queue_open", "no loop on this thread");
	if (options == NULL)
		options = &defaults;
	if (!is_valid(options))
		return -EINVAL;
	bide_queue *queue = bide__block_new(&loop->pool, sizeof(*queue));
	if (queue == NULL)
		return -ENOMEM;
	*queue = (bide_queue){ .loop = loop,
		               .type = { type, size, cls },
		               .bound = options->bound > 0 ? options->bound : SIZE_MAX };
	bide__items_init(&queue->items, size, options);
	*ret_queue = queue;
	return 0;
}

static void turn_away(bide_queue *queue, struct bide__queue *tasks)
{
	for (struct bide__task *task; (task = bide__queue_pop(tasks)) != NULL;) {
		parcel_free(queue->loop, task, queue->type.size);
		bide__wake(queue->loop, task, -BIDE_ECLOSED);
	}
}

static void close_queue(bide_queue *queue)
{
	queue->closed = true;
	turn_away(queue, &queue->putters);
	turn_away(queue, &queue->getters);
}

void bide_queue_close(bide_queue *queue)
{
	(void)check("bide_queue_close", queue);
	close_queue(queue);
}

void bide_queue_close_now(bide_queue *queue)
{
	bide_loop *loop = check("bide_queue_close_now", queue);
	if (queue->comparing)
		bide__abort("bide_queue_close_now", "called by the queue's own comparison");
	const size_t dropped = queue->items.count;
	close_queue(queue);
	bide__items_finish(&loop->pool, &queue->items);
	queue->unfinished -= dropped < queue->unfinished ? dropped : queue->unfinished;
	if (queue->unfinished == 0)
		wake_joiners(queue);
}

void bide_queue_free(bide_queue *queue)
{
	if (queue == NULL)
		return;
	bide_loop *loop = check("bide_queue_free", queue);
	const struct bide__task *task = queue->getters.head;
	if (task == NULL)
		task = queue->putters.head;
	if (task == NULL)
		task = queue->joiners.head;
	if (task != NULL)
		bide__abort("bide_queue_free", "task '%s' (#%u) waits in %s", bide__name(task),
		            task->slot, task->wait->name);
	if (queue->comparing)
		bide__abort("bide_queue_free", "called by the queue's own comparison");
	bide__items_finish(&loop->pool, &queue->items);
	bide__block_free(&loop->pool, queue, sizeof(*queue));
}

/* ---- messages ----------------------------------------------------------------------------- */

void bide__put_queue_wait(struct bide__text *text, const struct bide__task *task)
{
	const bide_queue *queue = task->object;
	if (task->wait == &wait_get) {
		bide__put(text, " for an item of an empty queue of ");
	} else if (task->wait == &wait_put) {
		bide__put(text, " for room in a full queue of ");
	} else if (task->wait == &wait_join) {
		bide__put(text, " for ");
		bide__put_number(text, queue->unfinished);
		bide__put(text, queue->unfinished == 1 ? " item" : " items");
		bide__put(text, " of a queue of ");
	} else {
		return;
	}
	bide__put(text, queue->type.name);
}
