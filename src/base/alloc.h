/* SPDX-License-Identifier: MIT */
/* Allocation with a failure hook.
 *
 * Every block of memory the library asks for is asked for here, so that a test can make the k-th
 * request on a thread fail and can count what is still held. The hook is thread-local: arming it on
 * one thread changes nothing for the others, and no atomic is needed. While it is not armed a call
 * costs one predictable branch more than the libc function below it.
 *
 * This file must know nothing of what the memory is for. */
#ifndef BIDE_BASE_ALLOC_H
#define BIDE_BASE_ALLOC_H

#include <bide/base.h>

#include <stdbool.h>

/* What a test sets and reads. Counts cover the time since bide__alloc_arm, on this thread only: a
 * block that is freed on another thread than the one that allocated it is counted on both. */
struct bide__alloc_hook {
	bool armed;             /* The other fields are used. */
	long countdown;         /* The request that fails, counted down to 0; 0 lets all succeed. */
	unsigned long attempts; /* Requests seen. */
	unsigned long failures; /* Requests refused by the countdown. */
	long live;              /* Blocks and mappings had, less those given back. */
	long for_threads; /* Set after arming: the countdown of threads that work for this one. */
};

extern _Thread_local struct bide__alloc_hook bide__alloc_hook
	__attribute__((tls_model("initial-exec")));

/* Starts counting from nothing and lets the request number countdown fail (1 is the next; 0 none).
 * Exactly one request fails: those after it succeed again. */
void bide__alloc_arm(long countdown);

/* Stops counting; the counts stay readable until the next arm. */
void bide__alloc_disarm(void);

/* The hook to begin with for a thread that works for this one until that has joined it, and has
 * then added what it counted. */
struct bide__alloc_hook bide__alloc_for_thread(void);
void bide__alloc_add(const struct bide__alloc_hook *of_thread);

bool bide__alloc_fails_armed(void);
void bide__alloc_note_armed(long delta);

/* Whether the request made at this point must fail. Allocators built on larger blocks ask it once
 * for each object they hand out, so that each is a point that can fail. */
static inline bool bide__alloc_fails(void)
{
	return __builtin_expect(bide__alloc_hook.armed, 0) && bide__alloc_fails_armed();
}

/* Counts objects handed out (+1) and taken back (-1) by such an allocator. */
static inline void bide__alloc_note(long delta)
{
	if (__builtin_expect(bide__alloc_hook.armed, 0))
		bide__alloc_note_armed(delta);
}

/* As the libc functions; a size of 0 gives a block of its own as well, so that NULL always means
 * that memory ran out. Exported, for the libraries beside this one: see core/beside.h. */
BIDE_API void *bide__malloc(size_t size) __attribute__((malloc, warn_unused_result));
BIDE_API void *bide__calloc(size_t count, size_t size) __attribute__((malloc, warn_unused_result));
BIDE_API void *bide__realloc(void *block, size_t size) __attribute__((warn_unused_result));
BIDE_API void bide__free(void *block);

/* Maps zeroed, page-aligned memory that is not backed before it is touched; NULL on failure. */
void *bide__map(size_t bytes) __attribute__((warn_unused_result));

/* The same, aligned to its size, a power of two. */
void *bide__map_aligned(size_t bytes) __attribute__((warn_unused_result));

/* Changes the size of such a mapping, moving pages rather than copying them. It may change its
 * address. On failure it returns NULL and the mapping is as it was. */
void *bide__remap(void *mapping, size_t old_bytes, size_t new_bytes)
	__attribute__((warn_unused_result));

/* Gives a mapping back; NULL is taken. */
void bide__unmap(void *mapping, size_t bytes);

/* A mapping aligned to `align` bytes, a page or its own size, of which the process keeps one that
 * nobody uses: programs that run many short loops would otherwise spend most of their time in the
 * kernel. All mappings of a place are alike. What comes from it is not zeroed. */
void *bide__map_kept(void **place, size_t bytes, size_t align) __attribute__((warn_unused_result));
void bide__unmap_kept(void **place, void *mapping, size_t bytes);

/* Gives back the memory of the whole pages between start and start + bytes. The addresses stay
 * mapped and read as zero. */
void bide__discard(void *start, size_t bytes);

#endif
