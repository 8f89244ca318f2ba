// SPDX-License-Identifier: MIT
/* The one place that asks the system for memory. See alloc.h. */
#include "alloc.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

_Thread_local struct bide__alloc_hook bide__alloc_hook;

void bide__alloc_arm(long countdown)
{
	assert(countdown >= 0);
	bide__alloc_hook = (struct bide__alloc_hook){ .armed = true, .countdown = countdown };
}

void bide__alloc_disarm(void)
{
	bide__alloc_hook.armed = false;
}

struct bide__alloc_hook bide__alloc_for_thread(void)
{
	const struct bide__alloc_hook *hook = &bide__alloc_hook;

	return (struct bide__alloc_hook){ .armed = hook->armed, .countdown = hook->for_threads };
}

void bide__alloc_add(const struct bide__alloc_hook *of_thread)
{
	bide__alloc_hook.attempts += of_thread->attempts;
	bide__alloc_hook.failures += of_thread->failures;
	bide__alloc_hook.live += of_thread->live;
}

bool bide__alloc_fails_armed(void)
{
	struct bide__alloc_hook *hook = &bide__alloc_hook;

	hook->attempts++;
	if (hook->countdown == 0 || --hook->countdown > 0)
		return false;
	hook->failures++;
	return true;
}

void bide__alloc_note_armed(long delta)
{
	bide__alloc_hook.live += delta;
}

static void *counted(void *block)
{
	if (block)
		bide__alloc_note(1);
	return block;
}

/* libc may answer a request for nothing with NULL, which here means failure. */
static size_t at_least_one(size_t size)
{
	return size ? size : 1;
}

void *bide__malloc(size_t size)
{
	if (bide__alloc_fails())
		return NULL;
	return counted(malloc(at_least_one(size)));
}

void *bide__calloc(size_t count, size_t size)
{
	size_t total;

	/* The product is checked here as well: a sanitizer's calloc ends the process. */
	if (bide__alloc_fails() || __builtin_mul_overflow(count, size, &total))
		return NULL;
	return counted(calloc(1, at_least_one(total)));
}

void *bide__realloc(void *block, size_t size)
{
	if (bide__alloc_fails())
		return NULL;
	if (!block)
		return counted(malloc(at_least_one(size)));
	return realloc(block, at_least_one(size));
}

void bide__free(void *block)
{
	if (block)
		bide__alloc_note(-1);
	free(block);
}

void *bide__map(size_t bytes)
{
	void *mapping;

	if (bide__alloc_fails())
		return NULL;
	mapping = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return mapping == MAP_FAILED ? NULL : counted(mapping);
}

/* Twice as much is mapped, and what lies outside is given back at once. */
void *bide__map_aligned(size_t bytes)
{
	char *mapping = bide__map(2 * bytes), *end, *aligned;

	if (!mapping)
		return NULL;
	end = mapping + 2 * bytes;
	aligned = (char *)(((uintptr_t)mapping + bytes - 1) & ~(uintptr_t)(bytes - 1));
	if (aligned > mapping)
		(void)munmap(mapping, (size_t)(aligned - mapping));
	if (end > aligned + bytes)
		(void)munmap(aligned + bytes, (size_t)(end - aligned) - bytes);
	return aligned;
}

void *bide__remap(void *mapping, size_t old_bytes, size_t new_bytes)
{
	void *moved;

	assert(mapping);
	if (bide__alloc_fails())
		return NULL;
	moved = mremap(mapping, old_bytes, new_bytes, MREMAP_MAYMOVE);
	return moved == MAP_FAILED ? NULL : moved;
}

void bide__unmap(void *mapping, size_t bytes)
{
	int rc;

	if (!mapping)
		return;
	bide__alloc_note(-1);
	rc = munmap(mapping, bytes);
	assert(rc == 0);
	(void)rc;
}

void *bide__map_kept(void **place, size_t bytes, size_t align)
{
	void *mapping = __atomic_exchange_n(place, NULL, __ATOMIC_ACQUIRE);

	if (!mapping)
		return align == bytes ? bide__map_aligned(bytes) : bide__map(bytes);
	if (!bide__alloc_fails())
		return counted(mapping);
	(void)munmap(mapping, bytes);
	return NULL;
}

/* The release hands what was written there to the thread that acquires it. */
void bide__unmap_kept(void **place, void *mapping, size_t bytes)
{
	bide__alloc_note(-1);
	mapping = __atomic_exchange_n(place, mapping, __ATOMIC_ACQ_REL);
	if (mapping)
		(void)munmap(mapping, bytes);
}

void bide__discard(void *start, size_t bytes)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)start + page - 1) & ~(page - 1);
	uintptr_t to = ((uintptr_t)start + bytes) & ~(page - 1);

	/* A refusal (locked memory) costs memory only, so there is nobody to tell. */
	if (from < to)
		(void)madvise((void *)from, to - from, MADV_DONTNEED);
}
