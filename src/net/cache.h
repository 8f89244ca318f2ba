/* SPDX-License-Identifier: MIT */
/* cache.h: questions to name servers: those that are being asked, and those whose answers are still
 * good. Who asks what is being asked already waits for the same answer.
 *
 * A question is in memory as long as it is in the table, is being asked, or somebody uses it. */
#ifndef BIDE_NET_CACHE_H
#define BIDE_NET_CACHE_H

#include "net/answer.h"

#include <bide/net.h>
#include <bide/sync.h>

struct bide__question {
	struct bide__question *next_in_bucket;
	struct bide__question *older, *newer;  /* in the table, by when they were last used */
	struct bide__question *before, *after; /* those being asked, by when that began */
	bide_resolver *resolver;
	unsigned users;   /* calls that look at it */
	unsigned waiting; /* of these, those that wait for the event */
	uint32_t hash;    /* of name and type */
	unsigned type;
	bool in_table;
	bool asking;
	bool plainly;               /* it is asked so that whatever is answered is told */
	double good_until;          /* by bide_now() */
	bide_event ended;           /* set when the answer has come, and when somebody is to lead */
	struct bide__answer answer; /* once it is not being asked any more */
	char name[];                /* in lower case, without a dot at its end */
};

struct bide__cache {
	struct bide__question **buckets; /* NULL until needed */
	struct bide__question *oldest, *newest;
	size_t n, limit; /* questions in the table, and that there may be */
	uint32_t seed;
};

/* Finds a question that is being asked, or whose answer is good; NULL. */
struct bide__question *bide__cache_find(struct bide__cache *cache, const char *name, unsigned type,
                                        double now);

/* Makes a question and puts it into the table. NULL: no memory. */
struct bide__question *bide__cache_add(struct bide__cache *cache, const char *name, unsigned type);

/* Keeps one whose answer has come, for which those have to go that were used least recently. */
void bide__cache_keep(struct bide__cache *cache, struct bide__question *question);

/* Takes one out of the table. */
void bide__cache_remove(struct bide__cache *cache, struct bide__question *question);

/* Frees a question unless it is still needed. */
void bide__question_free_unneeded(struct bide__question *question);

void bide__cache_finish(struct bide__cache *cache);

#endif
