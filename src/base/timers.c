// SPDX-License-Identifier: MIT
/* timers.c: see timers.h.
 *
 * Times are counted in buckets of the finest level. On level k bucket n begins at n × 4096^k, and a
 * ring holds a window of 4096 of its buckets; the last level has but 64, with which time ends.
 *
 * Invariants: `next` is the first bucket of level 0 that is not in the heap; every timer outside
 * the heap is due in it or later. When it is put there it is on the finest level in whose window,
 * which begins with the bucket that `next` is in, its bucket is. A bucket is put into those of
 * finer levels when `next` reaches its beginning, so a timer moves LEVELS times at most. A
 * bucket's bit is set if it has a chunk; far_ns is when the first such bucket begins. A bucket of
 * nothing but holes stays until then, or until holes are closed. */
#include "base/timers.h"

#include "base/alloc.h"

#include <assert.h>

enum {
	BUCKET_SHIFT = 22, /* nanoseconds of a bucket of level 0, as a power of two */
	RING_SHIFT = 12,   /* buckets in a ring, and of one level in one of the next */
	RING = 1 << RING_SHIFT,
	LEVELS = 4,
	LAST_RING = 64,
	BUCKETS = (LEVELS - 1) * RING + LAST_RING,
	WORD = 64, /* bits in a word of the map */
	RING_WORDS = RING / WORD,
	MANY = 4096, /* timers with which buckets become worth while */
	CHUNK_ENTRIES = 63,
	FIRST_CHUNKS = 256,
	KEEP_CHUNKS =
		RING,     /* a bucket may need one for each of the finer ones when it comes near */
	AHEAD = 8,        /* timers are seldom in the cache, so they are asked for so early */
	IN_FAR = 1 << 27, /* in a timer's index: it is in a chunk, not in the heap */
	CHUNKS_MAX = IN_FAR / WORD
};

_Static_assert(UINT64_MAX >> BUCKET_SHIFT >> (LEVELS - 1) * RING_SHIFT == LAST_RING - 1,
               "the last level goes to the end of time");

/* A piece of a bucket. Chunks are known by their numbers, as the array of them may move. */
struct chunk {
	uint32_t next; /* in its bucket, or of the free ones; 0 ends the list */
	uint32_t used; /* entries that have been in use */
	uint64_t unused;
	struct bide__heap_entry entries[CHUNK_ENTRIES]; /* timer 0: a hole */
};

_Static_assert(sizeof(struct chunk) == 1024, "an entry is found by shifts");

struct bide__far {
	struct chunk *chunks;   /* by number; number 0 is none */
	uint32_t capacity;      /* chunks there is room for */
	uint32_t fresh;         /* first that has never been in use */
	uint32_t free;          /* list of those that were */
	uint32_t busy;          /* how many are in buckets */
	size_t count;           /* timers */
	size_t holes;           /* entries whose timers have been disarmed */
	uint64_t next;          /* first bucket of level 0 that has not been put into the heap */
	uint64_t words[LEVELS]; /* which words of the map have bits */
	uint64_t map[LEVELS * RING_WORDS];
	uint32_t first[BUCKETS]; /* chunk of each bucket that is being filled, 0: empty */
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

/* Puts an empty chunk in front of a bucket's others. Returns its number, 0 without memory for it.
 * */
static uint32_t chunk_new(struct bide__far *far, unsigned bucket)
{
	uint32_t number = far->free;
	if (number != 0)
		far->free = far->chunks[number].next;
	else if (far->fresh < far->capacity || chunks_grow(far) == 0)
		number = far->fresh++;
	else
		return 0;
	far->busy++;
	far->chunks[number].used = 0;
	far->chunks[number].next = far->first[bucket];
	far->first[bucket] = number;
	far->map[bucket / WORD] |= UINT64_C(1) << bucket % WORD;
	far->words[bucket / RING] |= UINT64_C(1) << bucket / WORD % RING_WORDS;
	return number;
}

static void chunk_free(struct bide__far *far, uint32_t number)
{
	far->busy--;
	far->chunks[number].next = far->free;
	far->free = number;
}

/* Takes all chunks out of a bucket. Returns the first one's number. */
static uint32_t empty(struct bide__far *far, unsigned bucket)
{
	uint32_t number = far->first[bucket];
	uint64_t *word = &far->map[bucket / WORD];
	far->first[bucket] = 0;
	*word &= ~(UINT64_C(1) << bucket % WORD);
	if (*word == 0)
		far->words[bucket / RING] &= ~(UINT64_C(1) << bucket / WORD % RING_WORDS);
	return number;
}

/* Copies a chunk to where it has another number. */
static void chunk_copy(struct chunk *to, uint32_t number, const struct chunk *from)
{
	to->next = from->next;
	to->used = from->used;
	for (uint32_t i = 0; i < from->used; i++) {
		to->entries[i] = from->entries[i];
		if (from->entries[i].timer != 0)
			bide__timer_is_at(bide__heap_timer_of(&from->entries[i]),
			                  IN_FAR | (number * WORD + i), from->entries[i]);
	}
}

/* Moves what is in use into an array of twice the size, and gives the rest of the memory back.
 * Without memory for that all stays as it is. */
static void chunks_shrink(struct bide__far *far)
{
	const size_t size = sizeof(struct chunk);
	uint32_t capacity = FIRST_CHUNKS, fresh = 1;
	while (capacity < 2 * far->busy)
		capacity *= 2;
	struct chunk *chunks = bide__map(capacity * size);
	if (chunks == NULL)
		return;
	for (unsigned bucket = 0; bucket < BUCKETS; bucket++)
		for (uint32_t *link = &far->first[bucket]; *link != 0; fresh++) {
			chunk_copy(&chunks[fresh], fresh, &far->chunks[*link]);
			*link = fresh;
			link = &chunks[fresh].next;
		}
	bide__unmap(far->chunks, far->capacity * size);
	far->chunks = chunks;
	far->capacity = capacity;
	far->fresh = fresh;
	far->free = 0;
}

/* ---- buckets ------------------------------------------------------------------------------ */

static inline unsigned bucket_of(unsigned level, uint64_t number)
{
	return level * RING + (unsigned)(number % RING);
}

/* The level on which a timer belongs that is due in a bucket of level 0. */
static inline unsigned level_for(const struct bide__far *far, uint64_t due)
{
	uint64_t next = far->next;
	unsigned level = 0;
	for (; due - next >= RING; level++) {
		due >>= RING_SHIFT;
		next >>= RING_SHIFT;
	}
	return level;
}

/* How many buckets are empty in a level's window that begins with a bucket. One is not. */
static unsigned empty_from(const struct bide__far *far, unsigned level, uint64_t number)
{
	const uint64_t *map = far->map + (size_t)level * RING_WORDS;
	unsigned start = (unsigned)(number % RING), word = start / WORD;
	uint64_t bits = map[word] >> start % WORD;
	if (bits != 0)
		return (unsigned)__builtin_ctzll(bits);
	uint64_t after = far->words[level] & UINT64_MAX << word << 1;
	word = (unsigned)__builtin_ctzll(after != 0 ? after : far->words[level]);
	return (word * WORD + (unsigned)__builtin_ctzll(map[word]) - start) % RING;
}

/* The bucket of level 0 with which the first one begins that has a chunk; UINT64_MAX if none has.
 * */
static uint64_t first_begin(const struct bide__far *far)
{
	uint64_t first = UINT64_MAX;
	for (unsigned level = 0; level < LEVELS; level++) {
		if (far->words[level] == 0)
			continue;
		const unsigned shift = level * RING_SHIFT;
		uint64_t number = far->next >> shift;
		uint64_t begin = (number + empty_from(far, level, number)) << shift;
		first = begin < first ? begin : first;
	}
	return first;
}

/* The bucket that begins there. Of several it is the coarsest, as its timers may belong into the
 * others. */
static unsigned bucket_at(const struct bide__far *far, uint64_t begin)
{
	for (unsigned level = LEVELS - 1; level > 0; level--) {
		uint64_t number = begin >> level * RING_SHIFT;
		if (number << level * RING_SHIFT == begin &&
		    far->first[bucket_of(level, number)] != 0)
			return bucket_of(level, number);
	}
	return bucket_of(0, begin);
}

/* To be called when timers have been moved. Memory is given back when less than a quarter of it is
 * in use. */
static void settle(struct bide__timers *timers)
{
	struct bide__far *far = timers->far;
	uint64_t begin = first_begin(far);
	timers->far_ns = begin == UINT64_MAX ? UINT64_MAX : begin << BUCKET_SHIFT;
	if (far->fresh > (far->busy > 0 ? KEEP_CHUNKS : FIRST_CHUNKS) && far->busy < far->fresh / 4)
		chunks_shrink(far);
}

/* As long as there are few timers they are best all in the heap. */
static inline bool in_use(const struct bide__timers *timers)
{
	return timers->far != NULL && (timers->far->count > 0 || timers->heap.count >= MANY);
}

/* Puts a numbered timer where it belongs. */
static void put(struct bide__timers *timers, struct bide__timer *timer, uint64_t deadline_ns)
{
	struct bide__far *far = timers->far;
	uint64_t due = deadline_ns >> BUCKET_SHIFT;
	if (!in_use(timers) || due < far->next) {
		bide__heap_insert(&timers->heap, timer, deadline_ns);
		return;
	}
	const unsigned level = level_for(far, due), shift = level * RING_SHIFT;
	const unsigned bucket = bucket_of(level, due >> shift);
	uint32_t number = far->first[bucket];
	if (number == 0 || far->chunks[number].used == CHUNK_ENTRIES) {
		number = chunk_new(far, bucket);
		if (number == 0) {
			bide__heap_insert(&timers->heap, timer, deadline_ns);
			return;
		}
		/* Only a bucket that had no chunk can be the first one now. */
		uint64_t begin_ns = deadline_ns & UINT64_MAX << shift << BUCKET_SHIFT;
		if (begin_ns < timers->far_ns)
			timers->far_ns = begin_ns;
	}
	struct chunk *chunk = &far->chunks[number];
	chunk->entries[chunk->used] = bide__heap_entry_of(timer, deadline_ns);
	bide__timer_is_at(timer, IN_FAR | (number * WORD + chunk->used),
	                  chunk->entries[chunk->used]);
	chunk->used++;
	far->count++;
}

static void put_entries_again(struct bide__timers *timers, uint32_t number)
{
	struct bide__far *far = timers->far;
	const uint32_t used = far->chunks[number].used;
	for (uint32_t i = 0; i < used; i++) {
		/* Looked up each time, as the array moves when it grows. */
		const struct bide__heap_entry *entries = far->chunks[number].entries;
		const struct bide__heap_entry entry = entries[i];
		if (i + AHEAD < used)
			__builtin_prefetch(bide__heap_timer_of(&entries[i + AHEAD]));
		if (entry.timer == 0) {
			far->holes--;
			continue;
		}
		far->count--;
		put(timers, bide__heap_timer_of(&entry), entry.deadline_ns);
	}
}

/* Takes all timers out of a bucket and puts each where it belongs now. */
static void put_again(struct bide__timers *timers, unsigned bucket)
{
	struct bide__far *far = timers->far;
	uint32_t number = empty(far, bucket);
	while (number != 0) {
		put_entries_again(timers, number);
		uint32_t next = far->chunks[number].next;
		chunk_free(far, number);
		number = next;
	}
}

/* Brings the next timers nearer: a bucket into the heap or into those of finer levels. */
static void bring_nearer(struct bide__timers *timers)
{
	uint64_t begin = timers->far_ns >> BUCKET_SHIFT;
	unsigned bucket = bucket_at(timers->far, begin);
	timers->far->next = bucket < RING ? begin + 1 : begin;
	put_again(timers, bucket);
	settle(timers);
}

/* Each bit is read before its bucket is filled again, and finer ones, which may be, come first. */
static void close_holes(struct bide__timers *timers)
{
	const struct bide__far *far = timers->far;
	for (unsigned level = 0; level < LEVELS; level++)
		for (uint64_t words = far->words[level]; words != 0; words &= words - 1) {
			unsigned word = level * RING_WORDS + (unsigned)__builtin_ctzll(words);
			for (uint64_t bits = far->map[word]; bits != 0; bits &= bits - 1)
				put_again(timers, word * WORD + (unsigned)__builtin_ctzll(bits));
		}
	settle(timers);
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

/* From when on there are buckets can be chosen as long as all are empty: from now on. Without
 * memory for them the heap does all. */
__attribute__((noinline)) static void begin_buckets(struct bide__timers *timers, uint64_t now_ns)
{
	if (timers->far == NULL)
		far_open(timers);
	if (timers->far == NULL)
		return;
	if (timers->far->holes > 0)
		close_holes(timers);
	timers->far->next = (now_ns >> BUCKET_SHIFT) + 1;
}

int bide__timers_reserve(struct bide__timers *timers, uint64_t now_ns)
{
	size_t in_far = timers->far != NULL ? timers->far->count : 0;
	if (__builtin_expect(in_far == 0 && timers->heap.count >= MANY, 0))
		begin_buckets(timers, now_ns);
	return bide__heap_reserve(&timers->heap, in_far + 1);
}

void bide__timers_arm(struct bide__timers *timers, struct bide__timer *timer, uint64_t deadline_ns)
{
	assert(timer->index == 0);
	if (__builtin_expect(bide__heap_numbers_used_up(&timers->heap), 0))
		while (timers->far_ns != UINT64_MAX)
			bring_nearer(timers);
	bide__heap_number(&timers->heap, timer);
	put(timers, timer, deadline_ns);
}

static struct bide__heap_entry *far_entry(const struct bide__timers *timers,
                                          const struct bide__timer *timer)
{
	uint32_t index = timer->index & (IN_FAR - 1u);
	return &timers->far->chunks[index / WORD].entries[index % WORD];
}

void bide__timers_disarm(struct bide__timers *timers, struct bide__timer *timer)
{
	if (!(timer->index & IN_FAR)) {
		bide__heap_remove(&timers->heap, timer);
		return;
	}
	struct bide__far *far = timers->far;
	assert(bide__heap_timer_of(far_entry(timers, timer)) == timer);
	far_entry(timers, timer)->timer = 0;
	timer->index = 0;
	far->count--;
	if (__builtin_expect(++far->holes > far->count + MANY, 0))
		close_holes(timers);
}

uint64_t bide__timers_deadline_of(const struct bide__timers *timers,
                                  const struct bide__timer *timer)
{
	return timer->index & IN_FAR ? far_entry(timers, timer)->deadline_ns
	                             : bide__heap_deadline_of(&timers->heap, timer);
}

uint64_t bide__timers_deadline(struct bide__timers *timers)
{
	while (timers->far_ns < bide__heap_deadline(&timers->heap))
		bring_nearer(timers);
	return bide__heap_deadline(&timers->heap);
}

struct bide__timer *bide__timers_pop(struct bide__timers *timers, uint64_t now_ns)
{
	/* Not beyond the heap's first: so the heap stays small when the clock has jumped. */
	while (timers->far_ns <= now_ns && timers->far_ns <= bide__heap_deadline(&timers->heap) &&
	       timers->far_ns != UINT64_MAX)
		bring_nearer(timers);
	return bide__heap_deadline(&timers->heap) <= now_ns ? bide__heap_pop(&timers->heap) : NULL;
}
