// SPDX-License-Identifier: MIT
/* timers.c: see timers.h.
 *
 * Invariants: every timer outside the heap is in a bucket that has not been sorted, `next` or a later
 * one; those of the window are in the bucket of their deadline, all others in BEYOND. A bucket in
 * the window has its bit set if it has a chunk. No bucket's chunk is without a timer. */
#include "base/timers.h"

#include "base/alloc.h"

#include <assert.h>
#include <string.h>

enum {
	BUCKET_SHIFT = 22, /* nanoseconds a bucket spans, as a power of two: 4.2 ms */
	WINDOW = 4096,     /* buckets that are told apart */
	BEYOND = WINDOW,   /* the bucket of all later ones */
	MANY = 4096,       /* timers with which it becomes worth while */
	WORD = 64,         /* bits in a word of the map */
	CHUNK_ENTRIES = 62,
	AHEAD = 8, /* entries: timers are seldom in the cache, so they are asked for before */
	FIRST_CHUNKS = 256,
	IN_FAR = 1 << 27, /* in a timer's index: it is in a bucket, not in the heap */
	CHUNKS_MAX = IN_FAR / WORD
};

/* 1 KiB: a piece of a bucket. Chunks are known by their numbers, as the array of them may move. */
struct chunk {
	uint32_t next, prev; /* in its bucket, or free; 0 ends the list */
	uint32_t number;
	uint16_t bucket;
	uint8_t used; /* entries from the first that have been in use */
	uint8_t live; /* of which this many are timers still */
	uint64_t unused[2];
	struct bide__heap_entry entries[CHUNK_ENTRIES]; /* timer 0: a hole */
};

_Static_assert(sizeof(struct chunk) == 1024, "an entry's chunk is found by a shift");

struct bide__far {
	struct chunk *chunks; /* by number; number 0 is none */
	uint32_t capacity;    /* chunks there is room for */
	uint32_t fresh;       /* first that has never been in use */
	uint32_t free;        /* list of those that were, through next */
	size_t count;         /* timers */
	size_t holes;         /* among the entries in use */
	uint64_t next;        /* number of the first bucket that has not been sorted */
	uint64_t beyond;      /* no timer beyond the window is in a bucket before this */
	uint64_t map[WINDOW / WORD];
	uint32_t first[WINDOW + 1]; /* chunk of each bucket that is being filled, 0: empty */
};

/* ---- chunks ------------------------------------------------------------------------------- */

static int chunks_grow(struct bide__far *far)
{
	const size_t size = sizeof(struct chunk);
	uint32_t capacity = far->capacity == 0 ? FIRST_CHUNKS : 2 * far->capacity;
	if (capacity > CHUNKS_MAX)
		return -ENOMEM;
	void *chunks = far->capacity == 0
	                       ? bide__map(capacity * size)
	                       : bide__remap(far->chunks, far->capacity * size, capacity * size);
	if (chunks == NULL)
		return -ENOMEM;
	far->chunks = chunks;
	far->capacity = capacity;
	return 0;
}

/* Puts an empty chunk in front of a bucket's others; NULL when there is no memory for one. */
static struct chunk *chunk_new(struct bide__far *far, unsigned bucket)
{
	uint32_t number = far->free;
	if (number == 0 && far->fresh >= far->capacity && chunks_grow(far) < 0)
		return NULL;
	if (number == 0)
		number = far->fresh++;
	else
		far->free = far->chunks[number].next;
	struct chunk *chunk = &far->chunks[number];
	chunk->number = number;
	chunk->bucket = (uint16_t)bucket;
	chunk->used = chunk->live = 0;
	chunk->prev = 0;
	chunk->next = far->first[bucket];
	if (chunk->next != 0)
		far->chunks[chunk->next].prev = number;
	far->first[bucket] = number;
	if (bucket != BEYOND)
		far->map[bucket / WORD] |= UINT64_C(1) << bucket % WORD;
	return chunk;
}

static void chunk_free(struct bide__far *far, struct chunk *chunk)
{
	far->holes -= (size_t)(chunk->used - chunk->live);
	chunk->next = far->free;
	far->free = chunk->number;
}

static void bucket_emptied(struct bide__far *far, unsigned bucket)
{
	far->first[bucket] = 0;
	if (bucket == BEYOND)
		far->beyond = UINT64_MAX;
	else
		far->map[bucket / WORD] &= ~(UINT64_C(1) << bucket % WORD);
}

static void chunk_unlink(struct bide__far *far, struct chunk *chunk)
{
	if (chunk->next != 0)
		far->chunks[chunk->next].prev = chunk->prev;
	if (chunk->prev != 0)
		far->chunks[chunk->prev].next = chunk->next;
	else if (chunk->next != 0)
		far->first[chunk->bucket] = chunk->next;
	else
		bucket_emptied(far, chunk->bucket);
}

/* With the last timer gone the memory goes back to the system, if it is much. */
static void give_back(struct bide__far *far)
{
	if (far->fresh > FIRST_CHUNKS)
		bide__discard(far->chunks, far->fresh * sizeof(struct chunk));
	far->fresh = 1;
	far->free = 0;
}

/* ---- buckets ------------------------------------------------------------------------------ */

static uint64_t bucket_at(uint64_t ns)
{
	return ns >> BUCKET_SHIFT;
}

/* The first bucket from `next` on in the window that has a timer; UINT64_MAX when none has. */
static uint64_t first_bucket(const struct bide__far *far)
{
	unsigned from = far->next % WINDOW;
	for (unsigned i = 0; i <= WINDOW / WORD; i++) {
		unsigned word = (from / WORD + i) % (WINDOW / WORD);
		uint64_t bits = far->map[word];
		if (i == 0)
			bits &= UINT64_MAX << from % WORD;
		else if (i == WINDOW / WORD)
			bits &= ~(UINT64_MAX << from % WORD);
		if (bits != 0) {
			unsigned bucket = word * WORD + (unsigned)__builtin_ctzll(bits);
			return far->next + (bucket - from) % WINDOW;
		}
	}
	return UINT64_MAX;
}

/* The bucket at which those beyond must be looked through: half a window before the first. */
static uint64_t look_at(const struct bide__far *far)
{
	if (far->first[BEYOND] == 0)
		return UINT64_MAX;
	return far->beyond - WINDOW / 2 > far->next ? far->beyond - WINDOW / 2 : far->next;
}

static void update_far_ns(struct bide__timers *timers)
{
	uint64_t bucket = first_bucket(timers->far), look = look_at(timers->far);
	if (look < bucket)
		bucket = look;
	timers->far_ns = bucket == UINT64_MAX ? UINT64_MAX : bucket << BUCKET_SHIFT;
}

/* As long as there are few timers they are best all in the heap. */
static inline bool in_use(const struct bide__timers *timers)
{
	return timers->far != NULL && (timers->far->count > 0 || timers->heap.count >= MANY);
}

/* Puts a numbered timer where it belongs. */
static void place(struct bide__timers *timers, struct bide__timer *timer, uint64_t deadline_ns)
{
	struct bide__far *far = timers->far;
	uint64_t number = bucket_at(deadline_ns);
	if (!in_use(timers) || number < far->next) {
		bide__heap_insert(&timers->heap, timer, deadline_ns);
		return;
	}
	bool in_window = number - far->next < WINDOW;
	unsigned bucket = in_window ? number % WINDOW : BEYOND;
	struct chunk *chunk = &far->chunks[far->first[bucket]];
	if ((far->first[bucket] == 0 || chunk->used == CHUNK_ENTRIES) &&
	    (chunk = chunk_new(far, bucket)) == NULL) {
		bide__heap_insert(&timers->heap, timer, deadline_ns);
		return;
	}
	if (!in_window && number < far->beyond)
		far->beyond = number;
	chunk->entries[chunk->used] = bide__heap_entry_of(timer, deadline_ns);
	timer->index = IN_FAR | (chunk->number * WORD + chunk->used);
	chunk->used++;
	chunk->live++;
	far->count++;
	uint64_t from_ns = (in_window ? number : look_at(far)) << BUCKET_SHIFT;
	if (from_ns < timers->far_ns)
		timers->far_ns = from_ns;
}

/* Takes all timers out of a bucket and puts each where it belongs now. */
static void place_again(struct bide__timers *timers, unsigned bucket)
{
	struct bide__far *far = timers->far;
	uint32_t number = far->first[bucket];
	bucket_emptied(far, bucket);
	while (number != 0) {
		uint32_t next = far->chunks[number].next;
		unsigned used = far->chunks[number].used;
		far->count -= far->chunks[number].live;
		for (unsigned i = 0; i < used; i++) {
			const struct bide__heap_entry entry = far->chunks[number].entries[i];
			if (i + AHEAD < used)
				__builtin_prefetch(bide__heap_timer_of(
					&far->chunks[number].entries[i + AHEAD]));
			if (entry.timer != 0)
				place(timers, bide__heap_timer_of(&entry), entry.deadline_ns);
		}
		chunk_free(far, &far->chunks[number]);
		number = next;
	}
}

/* Brings the next timers nearer: a bucket into the heap, or those beyond into the window. */
static void sort_some(struct bide__timers *timers)
{
	struct bide__far *far = timers->far;
	uint64_t bucket = first_bucket(far), look = look_at(far);
	if (look <= bucket) {
		far->next = look;
		place_again(timers, BEYOND);
	} else {
		far->next = bucket + 1;
		place_again(timers, bucket % WINDOW);
	}
	if (far->count == 0)
		give_back(far);
	update_far_ns(timers);
}

/* Closes the holes. */
static void compact(struct bide__timers *timers)
{
	for (unsigned bucket = 0; bucket <= WINDOW; bucket++)
		if (timers->far->first[bucket] != 0)
			place_again(timers, bucket);
	update_far_ns(timers);
}

static void far_open(struct bide__timers *timers)
{
	struct bide__far *far = bide__calloc(1, sizeof(*far));
	if (far == NULL)
		return;
	if (chunks_grow(far) < 0) {
		bide__free(far);
		return;
	}
	far->fresh = 1;
	far->beyond = UINT64_MAX;
	timers->far = far;
}

/* ---- the whole ---------------------------------------------------------------------------- */

void bide__timers_finish(struct bide__timers *timers)
{
	if (timers->far != NULL) {
		bide__unmap(timers->far->chunks, timers->far->capacity * sizeof(struct chunk));
		bide__free(timers->far);
	}
	bide__heap_finish(&timers->heap);
	bide__timers_init(timers);
}

size_t bide__timers_count(const struct bide__timers *timers)
{
	return timers->heap.count + (timers->far != NULL ? timers->far->count : 0);
}

/* Buckets are best told apart from now on; that can be chosen as long as all are empty. Without
 * memory for them the heap does all. */
int bide__timers_reserve(struct bide__timers *timers, uint64_t now_ns)
{
	size_t in_far = timers->far != NULL ? timers->far->count : 0;
	if (__builtin_expect(in_far == 0 && timers->heap.count >= MANY, 0)) {
		if (timers->far == NULL)
			far_open(timers);
		if (timers->far != NULL)
			timers->far->next = bucket_at(now_ns) + 1;
	}
	return bide__heap_reserve(&timers->heap, in_far + 1);
}

void bide__timers_arm(struct bide__timers *timers, struct bide__timer *timer, uint64_t deadline_ns)
{
	assert(timer->index == 0);
	if (__builtin_expect(bide__heap_numbers_used_up(&timers->heap), 0))
		while (timers->far_ns != UINT64_MAX)
			sort_some(timers);
	bide__heap_number(&timers->heap, timer);
	place(timers, timer, deadline_ns);
}

static struct chunk *chunk_of(const struct bide__far *far, const struct bide__timer *timer,
                              unsigned *ret_entry)
{
	uint32_t index = timer->index & (IN_FAR - 1u);
	*ret_entry = index % WORD;
	return &far->chunks[index / WORD];
}

void bide__timers_disarm(struct bide__timers *timers, struct bide__timer *timer)
{
	struct bide__far *far = timers->far;
	unsigned i;
	if (!(timer->index & IN_FAR)) {
		bide__heap_remove(&timers->heap, timer);
		return;
	}
	struct chunk *chunk = chunk_of(far, timer, &i);
	assert(bide__heap_timer_of(&chunk->entries[i]) == timer);
	timer->index = 0;
	chunk->entries[i].timer = 0;
	far->count--;
	far->holes++;
	if (--chunk->live == 0) {
		chunk_unlink(far, chunk);
		chunk_free(far, chunk);
	}
	if (__builtin_expect(far->holes > far->count + MANY, 0))
		compact(timers);
	if (__builtin_expect(far->count == 0, 0)) {
		give_back(far);
		update_far_ns(timers);
	}
}

uint64_t bide__timers_deadline_of(const struct bide__timers *timers,
                                  const struct bide__timer *timer)
{
	unsigned i;
	if (!(timer->index & IN_FAR))
		return bide__heap_deadline_of(&timers->heap, timer);
	return chunk_of(timers->far, timer, &i)->entries[i].deadline_ns;
}

uint64_t bide__timers_deadline(struct bide__timers *timers)
{
	while (timers->far_ns < bide__heap_deadline(&timers->heap))
		sort_some(timers);
	return bide__heap_deadline(&timers->heap);
}

struct bide__timer *bide__timers_pop(struct bide__timers *timers, uint64_t now_ns)
{
	while (timers->far_ns <= now_ns && timers->far_ns != UINT64_MAX)
		sort_some(timers);
	return bide__heap_deadline(&timers->heap) <= now_ns ? bide__heap_pop(&timers->heap) : NULL;
}
