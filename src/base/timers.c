// SPDX-License-Identifier: MIT
/* timers.c: see timers.h.
 *
 * Buckets are numbered by time: bucket n of the FINE ones begins at n × 4.2 ms, and COARSE bucket n
 * at the fine bucket n × 4096. Of each kind a window of 4096 is kept, in a ring; what is later than
 * both waits in LATER.
 *
 * Invariants: `next` is the first fine bucket that is not in the heap; every timer outside the heap
 * is due in it or later. It is in its fine bucket, if that is in the window from `next` on when it
 * is put there; else in its coarse one, if that is in the window; else in LATER. A coarse bucket is
 * put into the fine ones when `next` reaches its beginning, and LATER is looked through before `next`
 * reaches any of it. A ring's bit is set if the bucket has a chunk. */
#include "base/timers.h"

#include "base/alloc.h"

#include <assert.h>

enum {
	FINE_SHIFT = 22,   /* nanoseconds of a fine bucket, as a power of two */
	RING_SHIFT = 12,   /* buckets in a ring, */
	RING = 1 << RING_SHIFT,
	COARSE = RING,     /* where the coarse ones begin among all buckets, */
	LATER = 2 * RING,  /* and the one of all later timers */
	BUCKETS = LATER + 1,
	MANY = 4096,       /* timers with which buckets become worth while */
	WORD = 64,         /* bits in a word of the map */
	CHUNK_ENTRIES = 63,
	FIRST_CHUNKS = 256,
	AHEAD = 8,         /* timers are seldom in the cache, so they are asked for so early */
	IN_FAR = 1 << 27,  /* in a timer's index: it is in a chunk, not in the heap */
	CHUNKS_MAX = IN_FAR / WORD
};

/* A piece of a bucket. Chunks are known by their numbers, as the array of them may move. */
struct chunk {
	uint32_t next; /* in its bucket, or of the free ones; 0 ends the list */
	uint32_t used; /* entries that have been in use */
	uint64_t unused;
	struct bide__heap_entry entries[CHUNK_ENTRIES]; /* timer 0: a hole */
};

_Static_assert(sizeof(struct chunk) == 1024, "an entry is found by shifts");

struct bide__far {
	struct chunk *chunks; /* by number; number 0 is none */
	uint32_t capacity;    /* chunks there is room for */
	uint32_t fresh;       /* first that has never been in use */
	uint32_t free;        /* list of those that were */
	size_t count;         /* timers */
	size_t holes;         /* entries whose timers have been disarmed */
	uint64_t next;        /* first fine bucket that has not been put into the heap */
	uint64_t later;       /* no timer in LATER is due before this fine bucket */
	uint64_t map[LATER / WORD];
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

/* Puts an empty chunk in front of a bucket's others. Returns its number, 0 without memory for it. */
static uint32_t chunk_new(struct bide__far *far, unsigned bucket)
{
	uint32_t number = far->free;
	if (number != 0)
		far->free = far->chunks[number].next;
	else if (far->fresh < far->capacity || chunks_grow(far) == 0)
		number = far->fresh++;
	else
		return 0;
	far->chunks[number].used = 0;
	far->chunks[number].next = far->first[bucket];
	far->first[bucket] = number;
	if (bucket != LATER)
		far->map[bucket / WORD] |= UINT64_C(1) << bucket % WORD;
	return number;
}

/* Takes all chunks out of a bucket. Returns the first one's number. */
static uint32_t empty(struct bide__far *far, unsigned bucket)
{
	uint32_t number = far->first[bucket];
	far->first[bucket] = 0;
	if (bucket == LATER)
		far->later = UINT64_MAX;
	else
		far->map[bucket / WORD] &= ~(UINT64_C(1) << bucket % WORD);
	return number;
}

/* With the last timer gone the memory goes back to the system, if it is much. */
static void give_back(struct bide__far *far)
{
	if (far->fresh <= FIRST_CHUNKS)
		return;
	bide__discard(far->chunks, far->fresh * sizeof(struct chunk));
	far->fresh = 1;
	far->free = 0;
}

/* ---- buckets ------------------------------------------------------------------------------ */

/* How many buckets of a ring, which begins at `ring`, are empty from the bucket `from` on; RING when
 * all are. */
static unsigned empty_from(const struct bide__far *far, unsigned ring, uint64_t from)
{
	const uint64_t *map = far->map + ring / WORD;
	const unsigned words = RING / WORD, start = (unsigned)from % RING;
	for (unsigned i = 0; i <= words; i++) {
		unsigned word = (start / WORD + i) % words;
		uint64_t bits = map[word];
		if (i == 0)
			bits &= UINT64_MAX << start % WORD;
		if (bits != 0)
			return (word * WORD + (unsigned)__builtin_ctzll(bits) - start) % RING;
	}
	return RING;
}

/* What must be seen to next, and the fine bucket at whose beginning. */
struct task {
	uint64_t at; /* UINT64_MAX: nothing */
	unsigned bucket;
};

static struct task first_task(const struct bide__far *far)
{
	struct task task = { UINT64_MAX, LATER };
	if (far->first[LATER] != 0) {
		task.at = far->later - (uint64_t)RING * RING / 2;
		task.at = task.at > far->next ? task.at : far->next;
	}
	uint64_t coarse = (far->next + RING - 1) >> RING_SHIFT;
	unsigned skipped = empty_from(far, COARSE, coarse);
	if (skipped < RING && (coarse + skipped) << RING_SHIFT < task.at)
		task = (struct task){ (coarse + skipped) << RING_SHIFT,
			              COARSE + (unsigned)(coarse + skipped) % RING };
	skipped = empty_from(far, 0, far->next);
	if (skipped < RING && far->next + skipped < task.at)
		task = (struct task){ far->next + skipped,
			              (unsigned)(far->next + skipped) % RING };
	return task;
}

static void update_far_ns(struct bide__timers *timers)
{
	uint64_t at = first_task(timers->far).at;
	timers->far_ns = at == UINT64_MAX ? UINT64_MAX : at << FINE_SHIFT;
}

/* As long as there are few timers they are best all in the heap. */
static inline bool in_use(const struct bide__timers *timers)
{
	return timers->far != NULL && (timers->far->count > 0 || timers->heap.count >= MANY);
}

/* The bucket for timers due in a fine bucket, and the fine one at which that must be seen to. */
static inline struct task bucket_for(const struct bide__far *far, uint64_t fine)
{
	uint64_t coarse = fine >> RING_SHIFT;
	if (fine - far->next < RING)
		return (struct task){ fine, (unsigned)fine % RING };
	if (coarse - (far->next >> RING_SHIFT) < RING)
		return (struct task){ coarse << RING_SHIFT, COARSE + (unsigned)coarse % RING };
	return (struct task){ fine - (uint64_t)RING * RING / 2, LATER };
}

/* Puts a numbered timer where it belongs. */
static void place(struct bide__timers *timers, struct bide__timer *timer, uint64_t deadline_ns)
{
	struct bide__far *far = timers->far;
	uint64_t fine = deadline_ns >> FINE_SHIFT;
	if (!in_use(timers) || fine < far->next) {
		bide__heap_insert(&timers->heap, timer, deadline_ns);
		return;
	}
	struct task task = bucket_for(far, fine);
	uint32_t number = far->first[task.bucket];
	if ((number == 0 || far->chunks[number].used == CHUNK_ENTRIES) &&
	    (number = chunk_new(far, task.bucket)) == 0) {
		bide__heap_insert(&timers->heap, timer, deadline_ns);
		return;
	}
	if (task.bucket == LATER && fine < far->later)
		far->later = fine;
	struct chunk *chunk = &far->chunks[number];
	chunk->entries[chunk->used] = bide__heap_entry_of(timer, deadline_ns);
	bide__timer_is_at(timer, IN_FAR | (number * WORD + chunk->used),
	                  chunk->entries[chunk->used]);
	chunk->used++;
	far->count++;
	if (task.at << FINE_SHIFT < timers->far_ns)
		timers->far_ns = task.at << FINE_SHIFT;
}

static void place_entries(struct bide__timers *timers, uint32_t number)
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
		place(timers, bide__heap_timer_of(&entry), entry.deadline_ns);
	}
}

/* Takes all timers out of a bucket and puts each where it belongs now. */
static void place_again(struct bide__timers *timers, unsigned bucket)
{
	struct bide__far *far = timers->far;
	uint32_t number = empty(far, bucket);
	while (number != 0) {
		place_entries(timers, number);
		uint32_t next = far->chunks[number].next;
		far->chunks[number].next = far->free;
		far->free = number;
		number = next;
	}
}

/* Brings the next timers nearer: a fine bucket into the heap, or others into finer ones. */
static void bring_nearer(struct bide__timers *timers)
{
	struct bide__far *far = timers->far;
	struct task task = first_task(far);
	far->next = task.bucket < RING ? task.at + 1 : task.at;
	place_again(timers, task.bucket);
	if (far->count + far->holes == 0)
		give_back(far);
	update_far_ns(timers);
}

static void close_holes(struct bide__timers *timers)
{
	for (unsigned bucket = 0; bucket < BUCKETS; bucket++)
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
	far->later = UINT64_MAX;
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

/* From when on there are buckets can be chosen as long as all are empty: from now on. Without memory
 * for them the heap does all. */
__attribute__((noinline)) static void begin_buckets(struct bide__timers *timers, uint64_t now_ns)
{
	if (timers->far == NULL)
		far_open(timers);
	if (timers->far != NULL && timers->far->holes == 0)
		timers->far->next = (now_ns >> FINE_SHIFT) + 1;
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
	place(timers, timer, deadline_ns);
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
	while (timers->far_ns <= now_ns && timers->far_ns != UINT64_MAX)
		bring_nearer(timers);
	return bide__heap_deadline(&timers->heap) <= now_ns ? bide__heap_pop(&timers->heap) : NULL;
}
