// SPDX-License-Identifier: MIT
/* Queues against a model of one: random puts, gets and cancellations, of which the model says at
 * once who gets what and who waits. So each item is seen to arrive where it must, and once. A
 * conductor makes all choices; each put and get that may wait is a task of its own, a worker. */
#include "core/light_kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 1500, WORKERS = 30, ITEMS = 4096 };

/* Items of both kinds: those that fit a parked task's record, and those that do not. */
typedef struct {
	int id;
	int priority;
} item;

typedef struct {
	item item;
	int more[20];
} large_item;

enum expectation { WAITS, ENDS };

struct worker {
	bide_task *task; /* NULL: none */
	bool puts;
	item item; /* what it puts, or what it is to get */
	enum expectation expected;
	int expected_rc; /* when it is to end */
	int rc;          /* how it ended, */
	item got;        /* and with what */
};

static struct {
	bide_queue_options options;
	bool large;
	bide_queue *queue;
	struct worker workers[WORKERS];
	uint64_t random;
	int next_id;
	/* The model. */
	item items[ITEMS]; /* in the order in which they were put */
	size_t count;
	int waiting[WORKERS]; /* workers, in the order of their calls: all put, or all get */
	size_t waiters;
	bool closed;
} now;

static unsigned random_below(unsigned n)
{
	now.random = now.random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(now.random >> 33) % n;
}

static item new_item(void)
{
	return (item){ ++now.next_id, (int)random_below(5) };
}

/* ---- the queue, with items of either kind ------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return ((const item *)a)->priority - ((const item *)b)->priority;
}

static large_item enlarge(item small)
{
	large_item large = { .item = small };
	for (int i = 0; i < 20; i++)
		large.more[i] = small.id + i;
	return large;
}

static item reduce(const large_item *large)
{
	for (int i = 0; i < 20; i++)
		EXPECT_INT(large->more[i], large->item.id + i);
	return large->item;
}

static int put(item it, bool tries)
{
	large_item large = enlarge(it);
	if (now.large)
		return tries ? bide_queue_try_put(now.queue, &large)
		             : bide_queue_put(now.queue, &large);
	return tries ? bide_queue_try_put(now.queue, &it) : bide_queue_put(now.queue, &it);
}

static int get(item *ret_item, bool tries)
{
	large_item large;
	if (!now.large)
		return tries ? bide_queue_try_get(now.queue, ret_item)
		             : bide_queue_get(now.queue, ret_item);
	int rc = tries ? bide_queue_try_get(now.queue, &large) : bide_queue_get(now.queue, &large);
	if (rc == 0)
		*ret_item = reduce(&large);
	return rc;
}

static int open_queue(void)
{
	return now.large ? bide_queue_open(large_item, &now.options, &now.queue)
	                 : bide_queue_open(item, &now.options, &now.queue);
}

/* ---- workers ------------------------------------------------------------------------------ */

static int work(struct worker *worker)
{
	worker->rc = worker->puts ? put(worker->item, false) : get(&worker->got, false);
	return 0;
}

BIDE_ASYNC(int, worker_full, int);
int worker_full(int i)
{
	return work(&now.workers[i]);
}

BIDE_ASYNC_LIGHT(int, worker_light, int);
int worker_light(int i)
{
	return work(&now.workers[i]);
}

/* ---- the model ---------------------------------------------------------------------------- */

static bool puts_wait(void)
{
	return now.waiters > 0 && now.workers[now.waiting[0]].puts;
}

static bool gets_wait(void)
{
	return now.waiters > 0 && !now.workers[now.waiting[0]].puts;
}

static void ends(struct worker *worker, int rc)
{
	worker->expected = ENDS;
	worker->expected_rc = rc;
}

static struct worker *next_waiting(void)
{
	struct worker *worker = &now.workers[now.waiting[0]];
	memmove(now.waiting, now.waiting + 1, --now.waiters * sizeof now.waiting[0]);
	return worker;
}

/* What a put does that does not wait. */
static int model_put(item it)
{
	if (now.closed)
		return -BIDE_ECLOSED;
	if (gets_wait()) {
		struct worker *getter = next_waiting();
		getter->item = it;
		ends(getter, 0);
		return 0;
	}
	if (now.options.bound > 0 && now.count >= now.options.bound)
		return -EAGAIN;
	now.items[now.count++] = it;
	return 0;
}

static size_t next_item(void)
{
	size_t best = 0;
	if (now.options.order == BIDE_QUEUE_LIFO)
		return now.count - 1;
	for (size_t i = 1; i < now.count && now.options.order == BIDE_QUEUE_PRIORITY; i++)
		if (now.items[i].priority < now.items[best].priority)
			best = i;
	return best;
}

static int model_get(item *ret_item)
{
	if (now.count == 0)
		return now.closed ? -BIDE_ECLOSED : -EAGAIN;
	size_t i = next_item();
	*ret_item = now.items[i];
	memmove(&now.items[i], &now.items[i + 1], (--now.count - i) * sizeof now.items[0]);
	if (puts_wait()) {
		struct worker *putter = next_waiting();
		now.items[now.count++] = putter->item;
		ends(putter, 0);
	}
	return 0;
}

static void model_work(int i)
{
	struct worker *worker = &now.workers[i];
	int rc = worker->puts ? model_put(worker->item) : model_get(&worker->item);
	if (rc == -EAGAIN)
		now.waiting[now.waiters++] = i;
	else
		ends(worker, rc);
}

static void model_cancel(int i)
{
	for (size_t j = 0; j < now.waiters; j++) {
		if (now.waiting[j] != i)
			continue;
		now.waiters--;
		memmove(now.waiting + j, now.waiting + j + 1,
		        (now.waiters - j) * sizeof now.waiting[0]);
		ends(&now.workers[i], -ECANCELED);
	}
}

static void model_close(bool drops)
{
	now.closed = true;
	while (now.waiters > 0)
		ends(next_waiting(), -BIDE_ECLOSED);
	if (drops)
		now.count = 0;
}

/* ---- the conductor ------------------------------------------------------------------------ */

/* Starts a worker, whose call has been made when this returns. */
static void start_worker(bool puts)
{
	for (int i = 0; i < WORKERS; i++) {
		struct worker *worker = &now.workers[i];
		if (worker->task != NULL)
			continue;
		*worker = (struct worker){ .puts = puts, .rc = 1 };
		if (puts)
			worker->item = new_item();
		worker->task =
			random_below(2) ? bide_spawn(worker_full, i) : bide_spawn(worker_light, i);
		EXPECT_INT(bide_yield(), 0);
		model_work(i);
		return;
	}
}

static void expect_same(item is, item expected)
{
	EXPECT_INT(is.id, expected.id);
	EXPECT_INT(is.priority, expected.priority);
}

/* Ends the workers whose calls are to have returned. */
static void end_workers(void)
{
	EXPECT_INT(bide_yield(), 0);
	for (int i = 0; i < WORKERS; i++) {
		struct worker *worker = &now.workers[i];
		if (worker->task == NULL)
			continue;
		EXPECT_INT(bide_task_done(worker->task), worker->expected == ENDS);
		if (worker->expected == WAITS)
			continue;
		EXPECT_INT(bide_join(worker->task), 0);
		EXPECT_INT(worker->rc, worker->expected_rc);
		if (!worker->puts && worker->rc == 0)
			expect_same(worker->got, worker->item);
		worker->task = NULL;
	}
}

static void try_put(void)
{
	item it = new_item();
	EXPECT_INT(put(it, true), model_put(it));
}

static void try_get(void)
{
	item it = { 0, 0 }, expected = { 0, 0 };
	EXPECT_INT(get(&it, true), model_get(&expected));
	expect_same(it, expected);
}

static void cancel_some(void)
{
	int i = (int)random_below(WORKERS);
	if (now.workers[i].task == NULL)
		return;
	(void)bide_cancel(now.workers[i].task);
	model_cancel(i);
}

static void step(void)
{
	switch (random_below(8)) {
	case 0:
	case 1:
		return start_worker(true);
	case 2:
	case 3:
		return start_worker(false);
	case 4:
		return try_put();
	case 5:
		return try_get();
	case 6:
		return cancel_some();
	default:
		return end_workers();
	}
}

static void expect_counts(void)
{
	EXPECT_UINT(bide_queue_size(now.queue), now.count);
	EXPECT_INT(bide_queue_empty(now.queue), now.count == 0);
	EXPECT_INT(bide_queue_full(now.queue),
	           now.options.bound > 0 && now.count == now.options.bound);
}

BIDE_ASYNC(int, conduct, void);
int conduct(void)
{
	CHECK_RET(open_queue() == 0, 1);
	for (int i = 0; i < STEPS; i++) {
		step();
		expect_counts();
	}
	bool drops = random_below(2);
	if (drops)
		bide_queue_close_now(now.queue);
	else
		bide_queue_close(now.queue);
	model_close(drops);
	for (int i = 0; i < 20; i++)
		step();
	while (!bide_queue_empty(now.queue))
		try_get();
	end_workers();
	try_get();
	expect_counts();
	bide_queue_free(now.queue);
	return 0;
}

static void conduct_all(enum bide_queue_order order)
{
	static const size_t bounds[] = { 0, 1, 3, 16 };
	for (int i = 0; i < 8; i++) {
		memset(&now, 0, sizeof now);
		now.options = (bide_queue_options){ bounds[i / 2], order, NULL };
		if (order == BIDE_QUEUE_PRIORITY)
			now.options.compare = compare;
		now.large = i % 2 != 0;
		now.random = test_seed() + (uint64_t)i;
		const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };
		int result = -1;
		EXPECT_INT(bide_try_run(&options, &result, conduct), 0);
		EXPECT_INT(result, 0);
	}
}

TEST(queue_does_what_its_model_does)
{
	conduct_all(BIDE_QUEUE_FIFO);
}

TEST(queue_lifo_does_what_its_model_does)
{
	conduct_all(BIDE_QUEUE_LIFO);
}

TEST(queue_priority_does_what_its_model_does)
{
	conduct_all(BIDE_QUEUE_PRIORITY);
}
