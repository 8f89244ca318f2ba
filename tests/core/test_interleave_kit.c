// SPDX-License-Identifier: MIT
/* The explorer of interleavings: that it runs each execution that differs from the others, no more
 * than it must, and finds what goes wrong in one of them. For random programs the outcomes that it
 * finds are compared with those of every order there is. */
#include "base/random.h"
#include "harness/test.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>

#include "core/interleave_calls.h"

static struct interleave_result result;

static void explore(void (*set_up)(void), void (*check)(void))
{
	const struct interleave_scenario scenario = {
		.set_up = set_up, .check = check, .preemptions = INTERLEAVE_ALL, .timeouts = 1
	};
	(void)interleave_explore(&scenario, &result);
}

/* What several scenarios work on. */
static struct {
	uint32_t word, other;
	unsigned plain; /* guarded by the lock, or not at all */
	pthread_mutex_t lock, second;
	pthread_cond_t cond;
	unsigned outcomes; /* bits: of all executions */
} shared;

static void reset(void)
{
	unsigned outcomes = shared.outcomes;
	memset(&shared, 0, sizeof shared);
	shared.outcomes = outcomes;
}

#define EXPECT_RIGHT(number) \
	do { \
		if (!EXPECT(!result.failed)) \
			puts(result.text); \
		EXPECT_UINT(result.executions, number); \
	} while (0)
#define EXPECT_WRONG(message) \
	do { \
		EXPECT(result.failed); \
		if (!EXPECT(strstr(result.text, message) != NULL)) \
			puts(result.text); \
	} while (0)

/* ---- how many executions ------------------------------------------------------------------ */

static void *add_one(void *arg)
{
	__atomic_fetch_add((uint32_t *)arg, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void set_up_two_apart(void)
{
	reset();
	interleave_thread("a", add_one, &shared.word);
	interleave_thread("b", add_one, &shared.other);
}

TEST(interleave_what_is_independent_is_run_once)
{
	explore(set_up_two_apart, NULL);
	EXPECT_RIGHT(1);
}

static void set_up_three(void)
{
	reset();
	interleave_thread("a", add_one, &shared.word);
	interleave_thread("b", add_one, &shared.word);
	interleave_thread("c", add_one, &shared.word);
}

static void check_three(void)
{
	interleave_assert(shared.word == 3);
}

TEST(interleave_three_that_depend_are_run_in_six_orders)
{
	explore(set_up_three, check_three);
	EXPECT_RIGHT(6);
}

static void *read_twice(void *arg)
{
	uint32_t first = __atomic_load_n((uint32_t *)arg, __ATOMIC_SEQ_CST);
	uint32_t second = __atomic_load_n((uint32_t *)arg, __ATOMIC_SEQ_CST);
	shared.outcomes |= 1U << (2 * first + second);
	return NULL;
}

static void set_up_readers(void)
{
	reset();
	interleave_thread("writes", add_one, &shared.word);
	interleave_thread("reads", read_twice, &shared.word);
	interleave_thread("reads too", read_twice, &shared.word);
}

TEST(interleave_readers_of_one_writer_have_three_orders_each)
{
	explore(set_up_readers, NULL);
	EXPECT_RIGHT(9);
	EXPECT_UINT(shared.outcomes, 1U << 0 | 1U << 1 | 1U << 3);
}

static void *add_locked(void *arg)
{
	pthread_mutex_lock(&shared.lock);
	shared.plain++;
	pthread_mutex_unlock(&shared.lock);
	return arg;
}

static void set_up_locked(void)
{
	reset();
	for (int i = 0; i < 3; i++)
		interleave_thread("adds", add_locked, NULL);
}

static void check_locked(void)
{
	interleave_assert(shared.plain == 3);
}

TEST(interleave_sections_under_a_lock_are_run_in_six_orders)
{
	explore(set_up_locked, check_locked);
	EXPECT_RIGHT(6);
}

/* ---- what goes wrong ---------------------------------------------------------------------- */

static void *add_badly(void *arg)
{
	uint32_t value = __atomic_load_n(&shared.word, __ATOMIC_SEQ_CST);
	__atomic_store_n(&shared.word, value + 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void set_up_badly(void)
{
	reset();
	for (int i = 0; i < 3; i++)
		interleave_thread("adds", add_badly, NULL);
}

TEST(interleave_a_lost_update_is_found_and_told)
{
	explore(set_up_badly, check_three);
	EXPECT_WRONG("not true: shared.word == 3");
	EXPECT_WRONG("adds: load &shared.word in add_badly");
}

static void *lock_both(void *arg)
{
	pthread_mutex_t *first = arg;
	pthread_mutex_t *second = first == &shared.lock ? &shared.second : &shared.lock;
	pthread_mutex_lock(first);
	pthread_mutex_lock(second);
	pthread_mutex_unlock(second);
	pthread_mutex_unlock(first);
	return NULL;
}

static void set_up_crossed(void)
{
	reset();
	interleave_thread("one", lock_both, &shared.lock);
	interleave_thread("other", lock_both, &shared.second);
}

TEST(interleave_a_deadlock_is_found)
{
	explore(set_up_crossed, NULL);
	EXPECT_WRONG("one waits for ever: lock second");
}

static uint32_t *block;

static void *touch_block(void *arg)
{
	__atomic_store_n(block, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void *free_block(void *arg)
{
	free(block);
	return arg;
}

static void set_up_freed(void)
{
	block = malloc(sizeof *block);
	interleave_thread("touches", touch_block, NULL);
	interleave_thread("frees", free_block, NULL);
}

TEST(interleave_a_touch_of_freed_memory_is_found)
{
	explore(set_up_freed, NULL);
	EXPECT_WRONG("touches touches memory that has been freed: block in touch_block");
}

static void *spin(void *arg)
{
	while (__atomic_load_n(&shared.word, __ATOMIC_SEQ_CST) == 0)
		;
	return arg;
}

static void set_up_spinning(void)
{
	reset();
	interleave_thread("spins", spin, NULL);
}

TEST(interleave_an_execution_without_end_is_found)
{
	explore(set_up_spinning, NULL);
	EXPECT_WRONG("there is no end to it");
}

/* ---- waits -------------------------------------------------------------------------------- */

static void *wait_for_word(void *arg)
{
	const struct timespec at = { 1, 0 };
	uint32_t seen = __atomic_load_n(&shared.word, __ATOMIC_SEQ_CST);
	if (seen == 0 && syscall(SYS_futex, &shared.word, FUTEX_WAIT_PRIVATE, 0,
	                         arg != NULL ? &at : NULL, NULL, 0) < 0)
		shared.outcomes |= errno == ETIMEDOUT ? 1 : 2;
	else
		shared.outcomes |= seen == 0 ? 4 : 8;
	return NULL;
}

static void *set_word(void *arg)
{
	__atomic_store_n(&shared.word, 1, __ATOMIC_SEQ_CST);
	if (arg == NULL)
		syscall(SYS_futex, &shared.word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	return NULL;
}

static void set_up_futex(void)
{
	reset();
	interleave_thread("waits", wait_for_word, NULL);
	interleave_thread("wakes", set_word, NULL);
}

TEST(interleave_a_wait_at_a_futex_ends_in_each_way)
{
	explore(set_up_futex, NULL);
	EXPECT(!result.failed);
	EXPECT_UINT(shared.outcomes, 2 | 4 | 8);
}

static void set_up_timed(void)
{
	reset();
	interleave_thread("waits", wait_for_word, &shared);
	interleave_thread("wakes", set_word, NULL);
}

TEST(interleave_a_timed_wait_may_reach_its_time_out_too)
{
	explore(set_up_timed, NULL);
	EXPECT(!result.failed);
	EXPECT_UINT(shared.outcomes, 1 | 2 | 4 | 8);
}

static void set_up_forgetful(void)
{
	reset();
	interleave_thread("waits", wait_for_word, NULL);
	interleave_thread("does not wake", set_word, &shared);
}

TEST(interleave_a_wake_up_that_is_missing_is_found)
{
	explore(set_up_forgetful, NULL);
	EXPECT_WRONG("waits waits for ever: return from the wait at futex");
}

/* Once with the condition looked at in a loop, once without. */
static void *take_from_condition(void *arg)
{
	pthread_mutex_lock(&shared.lock);
	if (arg == NULL)
		while (shared.plain == 0)
			pthread_cond_wait(&shared.cond, &shared.lock);
	else if (shared.plain == 0)
		pthread_cond_wait(&shared.cond, &shared.lock);
	interleave_assert(shared.plain > 0);
	shared.plain--;
	pthread_mutex_unlock(&shared.lock);
	return NULL;
}

static void *give_to_condition(void *arg)
{
	pthread_mutex_lock(&shared.lock);
	shared.plain++;
	pthread_mutex_unlock(&shared.lock);
	pthread_cond_signal(&shared.cond);
	return arg;
}

static void set_up_condition(void)
{
	reset();
	interleave_thread("takes", take_from_condition, NULL);
	interleave_thread("takes too", take_from_condition, NULL);
	interleave_thread("gives", give_to_condition, NULL);
	interleave_thread("gives too", give_to_condition, NULL);
}

TEST(interleave_conditions_wake_who_waits)
{
	explore(set_up_condition, NULL);
	if (!EXPECT(!result.failed))
		puts(result.text);
	EXPECT(result.executions > 20);
}

static void set_up_hasty(void)
{
	reset();
	interleave_thread("takes", take_from_condition, &shared);
	interleave_thread("takes too", take_from_condition, &shared);
	interleave_thread("gives", give_to_condition, NULL);
	interleave_thread("gives too", give_to_condition, NULL);
}

TEST(interleave_a_condition_that_is_not_looked_at_again_is_found)
{
	explore(set_up_hasty, NULL);
	EXPECT_WRONG("not true: shared.plain > 0");
}

/* ---- threads ------------------------------------------------------------------------------ */

static void *start_two(void *arg)
{
	pthread_t threads[2];
	for (int i = 0; i < 2; i++)
		interleave_assert(pthread_create(&threads[i], NULL, add_one, &shared.word) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	interleave_assert(shared.word == 2);
	return arg;
}

static void set_up_starting(void)
{
	reset();
	interleave_thread("starts", start_two, NULL);
}

TEST(interleave_threads_are_started_and_joined)
{
	explore(set_up_starting, NULL);
	EXPECT_RIGHT(2);
}

/* ---- random programs ---------------------------------------------------------------------- */

enum what {
	LOADS,
	STORES,
	EXCHANGES,
	COMPARES,
	ADDS,
	ORS,
	ANDS,
	LOCKS,
	TRIES,
	WAITS,
	TIMED_WAITS,
	WAKES,
	AWAITS,
	POSTS,
	WHATS
};
enum { MOST_THREADS = 3, MOST_LINES = 5, MOST_OUTCOMES = 5000 };

struct line {
	enum what what;
	uint32_t value;
	unsigned word;
};

static struct {
	int threads, lines; /* of each */
	struct line line[MOST_THREADS][MOST_LINES];
	uint32_t words[2];
	unsigned in_lock; /* guarded by the lock */
	pthread_mutex_t lock;
	int flag;                    /* atomic */
	uint64_t told[MOST_THREADS]; /* what each has seen */
} program;

static struct outcomes {
	uint64_t of[MOST_OUTCOMES];
	size_t count;
} by_all, by_some, *outcomes;

static uint64_t add_in_lock(uint32_t value, bool tries)
{
	if (tries && pthread_mutex_trylock(&program.lock) != 0)
		return 99;
	if (!tries)
		pthread_mutex_lock(&program.lock);
	value = program.in_lock = 3 * program.in_lock + value;
	pthread_mutex_unlock(&program.lock);
	return value;
}

static uint64_t wait_at(uint32_t *word, uint32_t value, bool timed)
{
	static const struct timespec at = { 1, 0 };
	long rc = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timed ? &at : NULL, NULL, 0);
	return rc == 0 ? 0 : (uint64_t)errno;
}

static uint64_t do_line(enum what what, uint32_t *word, uint32_t value)
{
	uint32_t expected = 1;
	switch (what) {
	case LOADS:
		return __atomic_load_n(word, __ATOMIC_SEQ_CST);
	case STORES:
		__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
		return 0;
	case EXCHANGES:
		return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);
	case COMPARES:
		return __atomic_compare_exchange_n(word, &expected, value, false, __ATOMIC_SEQ_CST,
		                                   __ATOMIC_SEQ_CST);
	case ADDS:
		return __atomic_fetch_add(word, value, __ATOMIC_SEQ_CST);
	case ORS:
		return __atomic_fetch_or(word, value, __ATOMIC_SEQ_CST);
	case ANDS:
		return __atomic_fetch_and(word, value, __ATOMIC_SEQ_CST);
	case LOCKS:
	case TRIES:
		return add_in_lock(value, what == TRIES);
	case WAITS:
	case TIMED_WAITS:
		return wait_at(word, value, what == TIMED_WAITS);
	case WAKES:
		return (uint64_t)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	case AWAITS:
		interleave_await(&program.flag);
		return 0;
	default:
		__atomic_store_n(&program.flag, 1, __ATOMIC_SEQ_CST);
		return 0;
	}
}

static void *run_program(void *arg)
{
	const int thread = (int)(intptr_t)arg;
	interleave_may_wait();
	for (int i = 0; i < program.lines; i++)
		program.told[thread] = 31 * program.told[thread] + 1 +
		                       do_line(program.line[thread][i].what,
		                               &program.words[program.line[thread][i].word],
		                               program.line[thread][i].value);
	return NULL;
}

static void set_up_program(void)
{
	static const char *const names[MOST_THREADS] = { "a", "b", "c" };
	memset(program.words, 0, sizeof program.words);
	memset(program.told, 0, sizeof program.told);
	program.in_lock = 0;
	program.flag = 0;
	for (int i = 0; i < program.threads; i++)
		interleave_thread(names[i], run_program, (void *)(intptr_t)i);
}

static void note_outcome(void)
{
	uint64_t outcome = 7 * program.words[0] + program.words[1] + 1000 * program.in_lock;
	for (int i = 0; i < program.threads; i++)
		outcome = outcome * UINT64_C(0x9e3779b97f4a7c15) + program.told[i];
	for (size_t i = 0; i < outcomes->count; i++)
		if (outcomes->of[i] == outcome)
			return;
	interleave_assert(outcomes->count < MOST_OUTCOMES);
	outcomes->of[outcomes->count++] = outcome;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static unsigned long run_for(struct outcomes *where, int preemptions)
{
	const struct interleave_scenario scenario = { .set_up = set_up_program,
		                                      .check = note_outcome,
		                                      .preemptions = preemptions,
		                                      .timeouts = 1 };
	outcomes = where;
	outcomes->count = 0;
	if (!interleave_explore(&scenario, &result))
		FAIL("%s", result.text);
	qsort(outcomes->of, outcomes->count, sizeof outcomes->of[0], compare);
	return result.executions;
}

static void print_program(void)
{
	static const char *const names[WHATS] = { "loads",  "stores", "exchanges",   "compares",
		                                  "adds",   "ors",    "ands",        "locks",
		                                  "tries",  "waits",  "timed waits", "wakes",
		                                  "awaits", "posts" };
	for (int t = 0; t < program.threads; t++)
		for (int i = 0; i < program.lines; i++)
			printf("%c: %s word %u, %u\n", 'a' + t, names[program.line[t][i].what],
			       program.line[t][i].word, (unsigned)program.line[t][i].value);
}

static void compare_program(void)
{
	unsigned long all = run_for(&by_all, 1000);
	unsigned long some = run_for(&by_some, INTERLEAVE_ALL);
	if (by_some.count != by_all.count)
		print_program();
	CHECK(some <= all);
	CHECK_UINT(by_some.count, by_all.count);
	CHECK_MEM(by_some.of, by_all.of, by_all.count * sizeof by_all.of[0]);
}

/* A store that changes something in some orders only, so that a wait begins or not. */
TEST(interleave_accesses_do_what_depends_on_their_place)
{
	static const struct line lines[3][2] = {
		{ { .what = EXCHANGES, .word = 1 }, { .what = WAITS, .word = 1 } },
		{ { .what = ADDS, .word = 1, .value = 1 }, { .what = LOCKS, .value = 1 } },
		{ { .what = WAKES, .word = 1 }, { .what = WAITS, .value = 1 } }
	};
	program.threads = 3;
	program.lines = 2;
	for (int t = 0; t < 3; t++)
		memcpy(program.line[t], lines[t], sizeof lines[t]);
	compare_program();
	CHECK_UINT(by_all.count, 5);
}

/* Two want the same flag: who has it last might have had it first. */
TEST(interleave_who_is_served_last_might_be_first)
{
	static const struct line lines[2][3] = {
		{ { .what = AWAITS }, { .what = LOADS }, { .what = LOADS } },
		{ { .what = POSTS }, { .what = AWAITS }, { .what = POSTS } }
	};
	program.threads = 2;
	program.lines = 3;
	for (int t = 0; t < 2; t++)
		memcpy(program.line[t], lines[t], sizeof lines[t]);
	compare_program();
	CHECK_UINT(by_all.count, 2);
}

static void choose_program(struct bide__random *random, int threads, int lines)
{
	program.threads = threads;
	program.lines = lines;
	for (int t = 0; t < threads; t++)
		for (int i = 0; i < lines; i++) {
			struct line *line = &program.line[t][i];
			line->what = (enum what)bide__random_below(random, WHATS);
			line->value = (uint32_t)bide__random_below(random, 3);
			line->word = (unsigned)bide__random_below(random, 2);
		}
	compare_program();
}

TEST(interleave_random_programs_end_as_in_every_order)
{
	const bool everything = test_everything();
	struct bide__random random;
	TEST_TIMEOUT(everything ? 600 : 60);
	bide__random_seed(&random, test_seed());
	for (int i = 0; i < (everything ? 100 : 12); i++) {
		choose_program(&random, 2, 4);
		choose_program(&random, 3, 2);
		if (everything && i % 20 == 0)
			choose_program(&random, 3, 3);
	}
}
