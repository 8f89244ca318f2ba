/* SPDX-License-Identifier: MIT */
/* meet.h: how those who wait for a channel and those who use it meet.
 *
 * Items lie in slots, which need no lock: see slots.h. Who finds no room, or no item, puts a WAITER
 * on the list of its side, under the channel's lock, and then tries once more. Who has put or taken
 * then looks whether anybody is on the other side's list. As both do first the one and then the
 * other, one of them sees the other. With nobody on a list no lock is touched.
 *
 * A waiter is on its list until it is CALLED, which whoever has made room or brought an item does:
 * it takes the first one off the list and calls it, under the lock. A thread's is called by its
 * word, a task's by mail to its loop. A call brings nothing but the advice to try: the loop, or the
 * thread, tries for the waiter, and when somebody was faster puts it back where it was.
 *
 * A call is never lost. For as many items as lie there, and as many receivers as are listed, there
 * is one called and on its way, or somebody between its putting and its look. Whoever was called
 * and got its item, or gives up, looks whether there is more, and calls the next: PASSES ON.
 * It has to, as several calls may be in vain while a position is claimed and not yet filled, and
 * when that is filled only one comes of it. The same holds for senders and room, and for the end of
 * a closed channel, which is as good as an item to those who wait for one. */
#ifndef BIDE_CORE_MEET_H
#define BIDE_CORE_MEET_H

#include "core/channel.h"
#include "core/slots.h"
#include "core/typed.h"

/* The comments are lined up by hand. */
/* clang-format off */

/* Somebody who waits. */
struct bide__waiter {
	struct bide__waiter *next, *prev; /* on the list; guarded by the lock, as `listed` */
	bool listed;
	uint64_t turn; /* how many had come on its side, with itself; 0: not yet enlisted */
	enum bide__side side;
	bide_channel *channel;   /* held */
	void *item;              /* what it sends, or room for what it receives */
	bide_loop *loop;         /* a task's, or NULL */
	struct bide__task *task; /* a task's */
	struct bide__mail mail;  /* a task's: the call */
	uint32_t *word;          /* a thread's: see block.h */
	unsigned char parcel[];  /* a task's item */
};

/* Those who wait on one side. */
struct bide__waiting {
	struct bide__waiter *first, *last; /* who waits longest; guarded by the lock */
	size_t count;                      /* atomic, written under the lock */
	uint64_t turns;                    /* how many have come; guarded by the lock */
};

struct bide_channel {
	struct bide__slots slots;
	struct bide__type type;
	_Alignas(BIDE__LINE) pthread_mutex_t lock; /* taken before a loop's */
	struct bide__waiting waiting[2];           /* by side */
	size_t users; /* atomic: references */
	size_t holds; /* atomic: one of all of these, one of each waiter */
	bide_channel *next, *prev; /* in the list of all; guarded by its lock */
};

/* clang-format on */

/* Puts a waiter on its list, behind all others or where it was before, and tries once more for it;
 * only if that gives -EAGAIN, which it returns, it stays there. */
int bide__enlist(struct bide__waiter *waiter);

/* Tries for a waiter that was called. -EAGAIN: somebody was faster, and it waits on. */
int bide__try_again(struct bide__waiter *waiter);

/* Ends its wait. False when it is not on its list any more: it has been called. */
bool bide__take_off(struct bide__waiter *waiter);

/* One of this side was called, and has done what it waited for, or does not want to any more: the
 * next one is called, if it could go on. */
void bide__pass_on(bide_channel *channel, enum bide__side side);

/* Calls who has waited longest, if anybody does. */
void bide__call_first(bide_channel *channel, enum bide__side side);

/* Calls a waiter, and takes one off its list. Under the lock. */
void bide__call_waiter(struct bide__waiter *waiter);
void bide__unlink_waiter(struct bide__waiter *waiter);

/* Before a wait: says whether it is worth to try again, having offered the processor to others. */
bool bide__comes_soon(const bide_channel *channel, enum bide__side side);

static inline const char *bide__call_of(enum bide__side side)
{
	return side == BIDE__SENDER ? "bide_channel_send" : "bide_channel_receive";
}

static inline enum bide__side bide__other(enum bide__side side)
{
	return side == BIDE__SENDER ? BIDE__RECEIVER : BIDE__SENDER;
}

static inline bool bide__some_wait(const bide_channel *channel, enum bide__side side)
{
	return __atomic_load_n(&channel->waiting[side].count, __ATOMIC_SEQ_CST) > 0;
}

/* Something has been done by one of this side, on which one of the other may have waited. */
static inline void bide__call_other(bide_channel *channel, enum bide__side side)
{
	if (__builtin_expect(bide__some_wait(channel, bide__other(side)), 0))
		bide__call_first(channel, bide__other(side));
}

#endif
