// SPDX-License-Identifier: MIT
/* interleave_calls.c: what the code under test calls in place of its atomic operations, locks,
 * waits and memory: each waits for its turn and then does what was asked for. See
 * interleave_kit.h. */
#include "core/interleave_inside.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <string.h>

static _Alignas(64) unsigned char areas[THREADS + 1][AREA_SIZE];

/* ---- memory ------------------------------------------------------------------------------- */

/* Blocks of a thread come from an area of its own, so that their addresses do not depend on who
 * comes first. */
void *interleave_malloc(size_t size)
{
	int area = now->running != NULL ? number_of(now->running) : THREADS;
	size_t room = (size + 63) & ~(size_t)63;
	if (now->nblocks == BLOCKS || room > AREA_SIZE - now->used[area]) {
		interleave_fail("the kit's memory is used up");
		return NULL;
	}
	unsigned char *block = areas[area] + now->used[area];
	now->used[area] += room;
	now->blocks[now->nblocks].at = block;
	now->blocks[now->nblocks].size = room;
	now->blocks[now->nblocks++].freed = false;
	memset(block, 0, room);
	return block;
}

/* The block that an address is in, or -1. */
static int block_at(uintptr_t at)
{
	for (unsigned i = 0; i < now->nblocks; i++)
		if (at - (uintptr_t)now->blocks[i].at < now->blocks[i].size)
			return (int)i;
	return -1;
}

bool interleave__is_freed(uintptr_t at)
{
	int block = block_at(at);
	return block >= 0 && now->blocks[block].freed;
}

void interleave__take_back(void)
{
	for (unsigned i = 0; i < now->nblocks; i++)
		BIDE__UNPOISON(now->blocks[i].at, now->blocks[i].size);
	memset(now->locks, 0, sizeof now->locks);
	memset(now->used, 0, sizeof now->used);
	now->nblocks = 0;
}

unsigned interleave_blocks(void)
{
	unsigned live = 0;
	for (unsigned i = 0; i < now->nblocks; i++)
		live += !now->blocks[i].freed;
	return live;
}

/* Plain accesses to what has been freed are seen by AddressSanitizer, or, if they write, here. */
void interleave__check_freed(void)
{
	for (unsigned i = 0; i < now->nblocks; i++) {
		if (!now->blocks[i].freed)
			continue;
		BIDE__UNPOISON(now->blocks[i].at, now->blocks[i].size);
		for (size_t at = 0; at < now->blocks[i].size; at++)
			if (now->blocks[i].at[at] != FREED) {
				interleave_fail("memory was written to after it had been freed");
				return;
			}
	}
}

/* ---- what the code under test calls ------------------------------------------------------- */

static enum interleave_change change_of(struct interleave_place place)
{
	const struct interleave_mutant *mutant =
		now->running != NULL ? now->scenario->mutant : NULL;
	return mutant != NULL && strcmp(mutant->what, place.what) == 0 &&
	                       strcmp(mutant->function, place.function) == 0
	               ? mutant->change
	               : INTERLEAVE_UNCHANGED;
}

uint64_t interleave__load(const void *at, size_t size, struct interleave_place place)
{
	if (change_of(place) == INTERLEAVE_SKIPPED)
		return 0;
	const struct access access = { LOAD, (uintptr_t)at, size, 0, place };
	interleave__before(access);
	uint64_t value = get(access.at, size);
	if (now->running != NULL) {
		now->running->loaded = access;
		now->running->loaded.value = value;
	}
	return value;
}

static void put_off(struct access access)
{
	now->running->late = access;
	now->running->late.kind = STORE;
	now->running->is_late = true;
	now->running->put_off = now->scenario->mutant->late;
}

void interleave__store(void *at, size_t size, uint64_t value, struct interleave_place place)
{
	const struct access access = { STORE, (uintptr_t)at, size, value, place };
	enum interleave_change change = change_of(place);
	if (change == INTERLEAVE_LATE) {
		put_off(access);
	} else if (change != INTERLEAVE_SKIPPED) {
		interleave__before(access);
		put(access.at, size, value);
	}
}

uint64_t interleave__exchange(void *at, size_t size, uint64_t value, struct interleave_place place)
{
	const struct access access = { EXCHANGE, (uintptr_t)at, size, value, place };
	enum interleave_change change = change_of(place);
	if (change == INTERLEAVE_UNCHANGED || change == INTERLEAVE_BLIND) {
		interleave__before(access);
		uint64_t old = get(access.at, size);
		put(access.at, size, value);
		return old;
	}
	interleave__before((struct access){ LOAD, access.at, size, 0, place });
	uint64_t old = get(access.at, size);
	if (change == INTERLEAVE_LATE) {
		put_off(access);
	} else if (change == INTERLEAVE_SPLIT) {
		interleave__before((struct access){ STORE, access.at, size, value, place });
		put(access.at, size, value);
	}
	return old;
}

bool interleave__compare_exchange(void *at, size_t size, void *expected, uint64_t value,
                                  struct interleave_place place)
{
	const struct access access = { COMPARE, (uintptr_t)at, size, get((uintptr_t)expected, size),
		                       place };
	if (change_of(place) == INTERLEAVE_BLIND) {
		interleave__before((struct access){ STORE, access.at, size, value, place });
		put(access.at, size, value);
		return true;
	}
	interleave__before(access);
	uint64_t old = get(access.at, size);
	if (old == access.value)
		put(access.at, size, value);
	else
		put((uintptr_t)expected, size, old);
	return old == access.value;
}

static uint64_t combined(enum kind kind, uint64_t old, uint64_t value)
{
	return kind == ADD ? old + value : kind == OR ? old | value : old & value;
}

static uint64_t combine(enum kind kind, void *at, size_t size, uint64_t value,
                        struct interleave_place place)
{
	bool skipped = change_of(place) == INTERLEAVE_SKIPPED;
	interleave__before((struct access){ skipped ? LOAD : kind, (uintptr_t)at, size, 0, place });
	uint64_t old = get((uintptr_t)at, size);
	put((uintptr_t)at, size, skipped ? old : combined(kind, old, value));
	return old;
}

uint64_t interleave__add(void *at, size_t size, uint64_t value, struct interleave_place place)
{
	return combine(ADD, at, size, value, place);
}

uint64_t interleave__or(void *at, size_t size, uint64_t value, struct interleave_place place)
{
	return combine(OR, at, size, value, place);
}

uint64_t interleave__and(void *at, size_t size, uint64_t value, struct interleave_place place)
{
	return combine(AND, at, size, value, place);
}

void interleave_await(int *flag)
{
	interleave__before((struct access){
		AWAIT, (uintptr_t)flag, sizeof *flag, 0, { "a flag", "the test" } });
	*flag = 0;
}

/* A thread that has looked and has found nothing looks again when there is something new. */
int interleave__yield(void)
{
	if (now->running == NULL || now->running->loaded.size == 0)
		return 0;
	struct access access = now->running->loaded;
	access.kind = CHANGE;
	interleave__before(access);
	return 0;
}

void interleave_free(void *block)
{
	int i = block_at((uintptr_t)block);
	if (block == NULL)
		return;
	if (i < 0 || now->blocks[i].at != block || now->blocks[i].freed) {
		interleave_fail("what is freed is no block");
		return;
	}
	interleave__before((struct access){
		FREE, (uintptr_t)block, now->blocks[i].size, 0, { "a block", "free" } });
	now->blocks[i].freed = true;
	memset(block, FREED, now->blocks[i].size);
	BIDE__POISON(block, now->blocks[i].size);
}

/* ---- locks -------------------------------------------------------------------------------- */

int *interleave__owner_of(uintptr_t mutex)
{
	int i = 0;
	while (i < LOCKS - 1 && now->locks[i].at != 0 && now->locks[i].at != mutex)
		i++;
	if (now->locks[i].at != mutex) {
		now->locks[i].at = mutex;
		now->locks[i].owner = NOBODY;
	}
	return &now->locks[i].owner;
}

static struct access of_mutex(enum kind kind, pthread_mutex_t *mutex, struct interleave_place place)
{
	return (struct access){ kind, (uintptr_t)mutex, sizeof *mutex, 0, place };
}

/* The mutex's memory is not touched: who owns it is known here. Outside of threads nobody does. */
int interleave__init(pthread_mutex_t *mutex)
{
	*interleave__owner_of((uintptr_t)mutex) = NOBODY;
	return 0;
}

int interleave__lock(pthread_mutex_t *mutex, struct interleave_place place)
{
	bool skipped = change_of(place) == INTERLEAVE_SKIPPED;
	interleave__before(of_mutex(skipped ? TRYLOCK : LOCK, mutex, place));
	if (now->running != NULL && !skipped)
		*interleave__owner_of((uintptr_t)mutex) = number_of(now->running);
	return 0;
}

int interleave__trylock(pthread_mutex_t *mutex, struct interleave_place place)
{
	interleave__before(of_mutex(TRYLOCK, mutex, place));
	if (now->running == NULL)
		return 0;
	if (*interleave__owner_of((uintptr_t)mutex) != NOBODY)
		return EBUSY;
	*interleave__owner_of((uintptr_t)mutex) = number_of(now->running);
	return 0;
}

int interleave__unlock(pthread_mutex_t *mutex, struct interleave_place place)
{
	bool skipped = change_of(place) == INTERLEAVE_SKIPPED;
	interleave__before(of_mutex(skipped ? TRYLOCK : UNLOCK, mutex, place));
	if (now->running == NULL || skipped)
		return 0;
	if (*interleave__owner_of((uintptr_t)mutex) != number_of(now->running))
		interleave_fail("%s unlocks what it has not locked", now->running->name);
	*interleave__owner_of((uintptr_t)mutex) = NOBODY;
	return 0;
}

int interleave__destroy(pthread_mutex_t *mutex)
{
	interleave__before(
		of_mutex(DESTROY, mutex, (struct interleave_place){ "a mutex", "destroy" }));
	if (*interleave__owner_of((uintptr_t)mutex) != NOBODY)
		interleave_fail("a mutex is destroyed while it is locked");
	return 0;
}

/* ---- waits -------------------------------------------------------------------------------- */

/* A wait has two halves. From the first on the thread can be woken. */
static void get_in_line(uintptr_t at, bool timed)
{
	struct thread *me = now->running;
	me->waits_at = at;
	me->ticket = ++now->tickets;
	me->timed = timed && me->timeouts > 0;
	me->woken = false;
	memset(&me->woken_after, 0xff, sizeof me->woken_after);
}

/* Returns false when the time-out was reached. */
static bool return_from(struct access access)
{
	struct thread *me = now->running;
	access.kind = RETURN;
	interleave__take_turn(access);
	me->timeouts -= !me->woken;
	me->waits_at = 0;
	return me->woken;
}

/* To be in line before the mutex is unlocked is the same as at once: who signals without it comes
 * in between, or after. */
int interleave__wait(pthread_cond_t *cond, pthread_mutex_t *mutex, struct interleave_place place)
{
	struct access access = { BLOCK, (uintptr_t)cond, sizeof(uint32_t), 0, place };
	access.value = get(access.at, access.size);
	interleave__before(access);
	get_in_line(access.at, false);
	(void)interleave__unlock(mutex, place);
	(void)return_from(access);
	return interleave__lock(mutex, place);
}

/* Who has waited longest at a place and has not been woken, or NULL. */
static struct thread *longest_at(uintptr_t at)
{
	struct thread *found = NULL;
	for (int i = 0; i < now->nthreads; i++) {
		struct thread *thread = &now->threads[i];
		if (thread->waits_at == at && !thread->woken &&
		    (found == NULL || thread->ticket < found->ticket))
			found = thread;
	}
	return found;
}

int interleave__wake(const void *at, unsigned most, struct interleave_place place)
{
	int woken = 0;
	if (change_of(place) == INTERLEAVE_SKIPPED)
		return 0;
	interleave__before((struct access){ WAKE, (uintptr_t)at, sizeof(uint32_t), 0, place });
	for (struct thread *thread; most-- > 0 && (thread = longest_at((uintptr_t)at)) != NULL;) {
		thread->woken = true;
		woken++;
		/* Where it can only wait for this, this happened before. */
		if (!thread->timed && now->running != NULL)
			thread->woken_after = now->running->clock;
	}
	return woken;
}

static long wait_at_futex(uint32_t *word, uint32_t value, bool timed, struct interleave_place place)
{
	const struct access access = { BLOCK, (uintptr_t)word, sizeof *word, value, place };
	interleave__before(access);
	if (*word != value) {
		errno = EAGAIN;
		return -1;
	}
	get_in_line(access.at, timed);
	if (return_from(access))
		return 0;
	errno = ETIMEDOUT;
	return -1;
}

long interleave__syscall(struct interleave_place place, long number, ...)
{
	va_list args;
	(void)number;
	va_start(args, number);
	uint32_t *word = va_arg(args, uint32_t *);
	int operation = va_arg(args, int) & ~FUTEX_PRIVATE_FLAG;
	uint32_t value = va_arg(args, uint32_t);
	bool timed = va_arg(args, const struct timespec *) != NULL;
	va_end(args);
	if (operation == FUTEX_WAKE)
		return interleave__wake(word, value, place);
	if (operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET)
		return wait_at_futex(word, value, timed, place);
	interleave_fail("a system call that the kit does not know");
	return -1;
}

/* ---- threads ------------------------------------------------------------------------------ */

int interleave__create(pthread_t *ret_thread, void *(*body)(void *arg), void *arg)
{
	static const char *const names[THREADS] = {
		"thread 0", "thread 1", "thread 2", "thread 3",
		"thread 4", "thread 5", "thread 6", "thread 7"
	};
	if (now->refusals > 0) {
		now->refusals--;
		return EAGAIN;
	}
	*ret_thread = (pthread_t)now->nthreads;
	interleave_thread(names[now->nthreads % THREADS], body, arg);
	return 0;
}

int interleave__join(pthread_t thread)
{
	const struct interleave_place place = { "a thread", "the test" };
	interleave__before((struct access){ JOIN, (uintptr_t)&now->threads[thread], 1, 0, place });
	return 0;
}

pthread_t interleave__self(void)
{
	return (pthread_t)number_of(now->running);
}

int interleave__clock_gettime(struct timespec *ret_now)
{
	*ret_now = (struct timespec){ .tv_sec = 1 };
	return 0;
}
