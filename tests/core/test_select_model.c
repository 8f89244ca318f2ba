// SPDX-License-Identifier: MIT
/* Selects at random over queues, futures, tasks, events and times, while others cancel them: each
 * item that was put is got, once, and what was not chosen has had no effect. */
#include "core/light_kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	STEPS = LIGHT_WATCHED ? 400 : 3000,
	WORKERS = 24,
	QUEUES = 4,
	ARMS = 6,
	ITEMS = 1 << 17,
	UNTOUCHED = -77
};

/* Of both kinds: those that fit a parked task's record, and those that do not. */
typedef struct {
	int id;
	int more[20];
} large_item;

static struct {
	uint64_t random;
	bide_queue *queues[QUEUES]; /* the last one of large items */
	bide_event event;
	bide_future *future;
	int value; /* what that is to be set to */
	int next_id;
	unsigned char put[ITEMS], got[ITEMS]; /* how often */
	size_t chosen[ARMS];
	bide_task *workers[WORKERS];
} now;

static unsigned random_below(unsigned n)
{
	now.random = now.random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(now.random >> 33) % n;
}

/* ---- a select ----------------------------------------------------------------------------- */

/* What an arm is for: what is to be seen of it when it has been chosen, and when it has not. */
enum what { GET, PUT, EVENT, FUTURE, TASK, TIME };

struct part {
	enum what what;
	bool large;
	int small;
	large_item item;
};

static bide_arm queue_arm(struct part *part)
{
	unsigned i = random_below(QUEUES);
	part->large = i == QUEUES - 1;
	part->small = part->what == PUT ? ++now.next_id : UNTOUCHED;
	part->item = (large_item){ .id = part->small, .more = { [19] = part->small } };
	if (part->what == PUT)
		return part->large ? bide_arm_put(now.queues[i], &part->item)
		                   : bide_arm_put(now.queues[i], &part->small);
	return part->large ? bide_arm_get(now.queues[i], &part->item)
	                   : bide_arm_get(now.queues[i], &part->small);
}

static bide_arm make_arm(struct part *part, bide_future *future, bide_task **ret_task)
{
	part->what = (enum what)random_below(TIME + 1);
	part->small = UNTOUCHED;
	if (part->what == TASK && *ret_task != NULL)
		part->what = TIME;
	switch (part->what) {
	case GET:
	case PUT:
		return queue_arm(part);
	case EVENT:
		return bide_arm_event(&now.event);
	case FUTURE:
		return bide_arm_future(future, &part->small);
	default:
		return bide_arm_sleep(0.1 * (1 + random_below(20)));
	}
}

static BIDE_ASYNC_LIGHT(int, rest, double);
static int rest(double seconds)
{
	return bide_sleep(seconds);
}

static void look_at_chosen(const struct part *part, const bide_arm *arm, int value)
{
	int id = part->large ? part->item.id : part->small;
	now.chosen[part->what]++;
	EXPECT_INT(arm->rc, 0);
	if (part->what == PUT)
		now.put[id]++;
	if (part->what == GET && EXPECT(id > 0 && id <= now.next_id))
		now.got[id]++;
	if (part->what == GET && part->large)
		EXPECT_INT(part->item.more[19], id);
	if (part->what == FUTURE)
		EXPECT_INT(part->small, value);
}

static bool is_untouched(const struct part *part)
{
	return part->what == PUT ||
	       (part->small == UNTOUCHED && (!part->large || part->item.id == UNTOUCHED));
}

static int select_at_random(void)
{
	struct part parts[ARMS];
	bide_arm arms[ARMS];
	volatile unsigned char mark[64];
	const unsigned n = 1 + random_below(ARMS), key = random_below(1000);
	bide_future *future = bide_future_ref(now.future);
	const int value = now.value;
	bide_task *task = NULL;
	memset(parts, 0, sizeof parts);
	light_fill(mark, sizeof mark, key);
	for (unsigned i = 0; i < n; i++) {
		arms[i] = make_arm(&parts[i], future, &task);
		if (parts[i].what != TASK)
			continue;
		task = bide_spawn(rest, 0.1 * (1 + random_below(20)));
		arms[i] = bide_arm_task(task);
	}
	int chosen = random_below(8) == 0 ? bide_try_select(arms, n) : bide_select(arms, n);
	EXPECT(light_intact(mark, sizeof mark, key));
	for (unsigned i = 0; i < n; i++)
		if ((int)i == chosen)
			look_at_chosen(&parts[i], &arms[i], value);
		else
			EXPECT(is_untouched(&parts[i]));
	if (task != NULL) {
		bide_cancel(task);
		(void)bide_join(task);
	}
	bide_future_unref(future);
	return chosen;
}

/* ---- workers, and who cancels them -------------------------------------------------------- */

static int work(void)
{
	for (;;) {
		int rc, chosen = 0;
		BIDE_TIMEOUT(0.1 * (1 + random_below(30)), rc) {
			chosen = select_at_random();
		}
		if (bide_cancelled() != 0)
			return bide_cancelled();
		EXPECT(chosen >= 0 || chosen == -EAGAIN || (chosen == -ETIMEDOUT && rc == chosen));
	}
}

static BIDE_ASYNC(int, full_worker, void);
static int full_worker(void)
{
	return work();
}

static BIDE_ASYNC_LIGHT(int, light_worker, void);
static int light_worker(void)
{
	return work();
}

static void open_future(void)
{
	now.value++;
	EXPECT_INT(bide_future_open(int, &now.future), 0);
}

/* Sets the future, of which whoever has it as an arm is told; another takes its place. */
static void set_future(void)
{
	EXPECT_INT(bide_future_set(now.future, &now.value), 0);
	bide_future_unref(now.future);
	open_future();
}

static void restart(bide_task **worker)
{
	if (*worker != NULL) {
		bide_cancel(*worker);
		if (random_below(2) == 0)
			set_future();
		EXPECT_INT(bide_join(*worker), -ECANCELED);
	}
	*worker = random_below(3) == 0 ? bide_spawn(full_worker) : bide_spawn(light_worker);
}

static void step(void)
{
	switch (random_below(6)) {
	case 0:
		restart(&now.workers[random_below(WORKERS)]);
		break;
	case 1:
		set_future();
		break;
	case 2:
		bide_event_set(&now.event);
		bide_event_clear(&now.event);
		break;
	case 3:
		bide_yield();
		break;
	default:
		bide_sleep(0.05 * random_below(5));
	}
}

/* ---- the whole ---------------------------------------------------------------------------- */

static void open_all(void)
{
	static const bide_queue_options options[QUEUES] = { { .bound = 0 },
		                                            { .bound = 1 },
		                                            { .bound = 3,
		                                              .order = BIDE_QUEUE_LIFO },
		                                            { .bound = 2 } };
	memset(&now, 0, sizeof now);
	now.random = test_seed();
	open_future();
	for (int i = 0; i < QUEUES - 1; i++)
		EXPECT_INT(bide_queue_open(int, &options[i], &now.queues[i]), 0);
	EXPECT_INT(bide_queue_open(large_item, &options[QUEUES - 1], &now.queues[QUEUES - 1]), 0);
}

/* What lies in the queues has been put, too. */
static void close_all(void)
{
	int id;
	large_item item;
	for (int i = 0; i < QUEUES - 1; i++) {
		while (bide_queue_try_get(now.queues[i], &id) == 0)
			now.got[id]++;
		bide_queue_free(now.queues[i]);
	}
	while (bide_queue_try_get(now.queues[QUEUES - 1], &item) == 0)
		now.got[item.id]++;
	bide_queue_free(now.queues[QUEUES - 1]);
	bide_future_unref(now.future);
}

static void check_items(void)
{
	for (int id = 1; id <= now.next_id; id++)
		if (now.put[id] != now.got[id] || now.put[id] > 1)
			FAIL("item %d was put %d and got %d times", id, now.put[id], now.got[id]);
	for (int what = 0; what <= TIME; what++)
		EXPECT(now.chosen[what] > 0);
}

static BIDE_ASYNC(int, conduct, void);
static int conduct(void)
{
	open_all();
	for (int i = 0; i < WORKERS; i++)
		restart(&now.workers[i]);
	for (int i = 0; i < STEPS && now.next_id < ITEMS - 1000; i++)
		step();
	for (int i = 0; i < WORKERS; i++)
		bide_cancel(now.workers[i]);
	for (int i = 0; i < WORKERS; i++)
		EXPECT_INT(bide_join(now.workers[i]), -ECANCELED);
	close_all();
	check_items();
	return 0;
}

TEST(selects_at_random_take_and_put_each_item_once)
{
	TEST_TIMEOUT(60);
	LIGHT_RUN(conduct);
}

TEST(selects_at_random_in_shuffled_order_take_and_put_each_item_once)
{
	TEST_TIMEOUT(60);
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL,
		                       .light = BIDE_LIGHT_EVICT,
		                       .seed = test_seed() | 1,
		                       .shuffle = true };
	int result = -1;
	CHECK_INT(bide_try_run(&options, &result, conduct), 0);
	CHECK_INT(result, 0);
}

/* ---- many that are light ------------------------------------------------------------------ */

static int items_got, events_seen;

static BIDE_ASYNC_LIGHT(int, select_item_or_event, unsigned);
static int select_item_or_event(unsigned key)
{
	volatile unsigned char mark[200];
	int item = UNTOUCHED;
	light_fill(mark, sizeof mark, key);
	bide_arm arms[] = { bide_arm_event(&now.event), bide_arm_get(now.queues[0], &item),
		            bide_arm_sleep(1000 + key), bide_arm_sleep(2000) };
	int chosen = bide_select(arms, 4);
	EXPECT(light_intact(mark, sizeof mark, key));
	EXPECT(chosen == 0 || chosen == 1);
	EXPECT_INT(item, chosen == 0 ? UNTOUCHED : (int)key);
	items_got += chosen == 1;
	events_seen += chosen == 0;
	return 0;
}

/* The items come to those that have waited longest, in their order; the event to all others. */
static BIDE_ASYNC(int, select_in_many, int);
static int select_in_many(int n)
{
	int rc;
	items_got = events_seen = 0;
	open_all();
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, select_item_or_event, (unsigned)i);
		EXPECT_INT(bide_sleep(1), 0);
		for (int i = 0; i < n / 2; i++)
			EXPECT_INT(bide_queue_try_put(now.queues[0], &i), 0);
		bide_event_set(&now.event);
	}
	EXPECT_INT(items_got, n / 2);
	EXPECT_INT(events_seen, n - n / 2);
	close_all();
	return rc;
}

TEST(many_light_tasks_select)
{
	LIGHT_RUN(select_in_many, light_many(light_ways[light_way]));
}
