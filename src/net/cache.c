// SPDX-License-Identifier: MIT
/* cache.c: see cache.h. */
#include "net/cache.h"

#include "core/beside.h"

#include <string.h>

enum { BUCKETS = 512, FNV_PRIME = 16777619 };

/* FNV-1a, by Fowler, Noll and Vo. It begins with a number that nobody outside knows. */
static uint32_t hash_of(const struct bide__cache *cache, const char *name, unsigned type)
{
	uint32_t hash = cache->seed ^ type;
	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * FNV_PRIME;
	return hash ^ hash >> 16;
}

static struct bide__question **bucket_of(const struct bide__cache *cache, uint32_t hash)
{
	return &cache->buckets[hash % BUCKETS];
}

/* ---- by use ------------------------------------------------------------------------------- */

static void unlink_use(struct bide__cache *cache, struct bide__question *question)
{
	*(question->older != NULL ? &question->older->newer : &cache->oldest) = question->newer;
	*(question->newer != NULL ? &question->newer->older : &cache->newest) = question->older;
}

static void link_newest(struct bide__cache *cache, struct bide__question *question)
{
	question->newer = NULL;
	question->older = cache->newest;
	*(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = question;
	cache->newest = question;
}

/* ---- the table ---------------------------------------------------------------------------- */

void bide__question_free_unneeded(struct bide__question *question)
{
	if (question->in_table || question->asking || question->users > 0)
		return;
	bide__answer_finish(&question->answer);
	bide__free(question);
}

void bide__cache_remove(struct bide__cache *cache, struct bide__question *question)
{
	if (!question->in_table)
		return;
	struct bide__question **at = bucket_of(cache, question->hash);
	while (*at != question)
		at = &(*at)->next_in_bucket;
	*at = question->next_in_bucket;
	unlink_use(cache, question);
	question->in_table = false;
	cache->n--;
	bide__question_free_unneeded(question);
}

struct bide__question *bide__cache_find(struct bide__cache *cache, const char *name, unsigned type,
                                        double now)
{
	if (cache->buckets == NULL)
		return NULL;
	const uint32_t hash = hash_of(cache, name, type);
	struct bide__question *question = *bucket_of(cache, hash);
	while (question != NULL && (question->hash != hash || question->type != type ||
	                            strcmp(question->name, name) != 0))
		question = question->next_in_bucket;
	if (question == NULL)
		return NULL;
	if (!question->asking && question->good_until <= now) {
		bide__cache_remove(cache, question);
		return NULL;
	}
	unlink_use(cache, question);
	link_newest(cache, question);
	return question;
}

void bide__cache_keep(struct bide__cache *cache, struct bide__question *question)
{
	struct bide__question *old = cache->oldest, *newer;
	unlink_use(cache, question);
	link_newest(cache, question);
	for (; old != question && cache->n > cache->limit; old = newer) {
		newer = old->newer;
		/* Those being asked are to be found by others. */
		if (!old->asking)
			bide__cache_remove(cache, old);
	}
}

struct bide__question *bide__cache_add(struct bide__cache *cache, const char *name, unsigned type)
{
	const size_t size = strlen(name) + 1;
	if (cache->buckets == NULL)
		cache->buckets = bide__calloc(BUCKETS, sizeof(struct bide__question *));
	if (cache->buckets == NULL)
		return NULL;
	struct bide__question *question = bide__malloc(sizeof(*question) + size);
	if (question == NULL)
		return NULL;
	memset(question, 0, sizeof(*question));
	question->type = type;
	question->hash = hash_of(cache, name, type);
	bide_event_init(&question->ended);
	memcpy(question->name, name, size);
	struct bide__question **bucket = bucket_of(cache, question->hash);
	question->next_in_bucket = *bucket;
	*bucket = question;
	link_newest(cache, question);
	question->in_table = true;
	cache->n++;
	return question;
}

void bide__cache_finish(struct bide__cache *cache)
{
	while (cache->oldest != NULL)
		bide__cache_remove(cache, cache->oldest);
	bide__free(cache->buckets);
	cache->buckets = NULL;
}
