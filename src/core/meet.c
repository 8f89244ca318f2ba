// SPDX-License-Identifier: MIT
/* meet.c: see meet.h. */
#include "core/meet.h"

#include "core/block.h"
#include "core/time.h"
#include "core/wake.h"

#include <errno.h>
#include <sched.h>

/* ---- the lists ---------------------------------------------------------------------------- */

/* Where a waiter's place is: before all that came after it; NULL: behind all others. */
static struct bide__waiter *place_of(const struct bide__waiting *list,
                                     const struct bide__waiter *waiter)
{
	struct bide__waiter *at = list->first;
	while (at != NULL && at->turn < waiter->turn)
		at = at->next;
	return at;
}

static void link_waiter(struct bide__waiter *waiter, struct bide__waiter *before)
{
	struct bide__waiting *list = &waiter->channel->waiting[waiter->side];
	waiter->next = before;
	waiter->prev = before != NULL ? before->prev : list->last;
	if (waiter->prev != NULL)
		waiter->prev->next = waiter;
	else
		list->first = waiter;
	if (before != NULL)
		before->prev = waiter;
	else
		list->last = waiter;
	waiter->listed = true;
	__atomic_store_n(&list->count, list->count + 1, __ATOMIC_SEQ_CST);
}

void bide__unlink_waiter(struct bide__waiter *waiter)
{
	struct bide__waiting *list = &waiter->channel->waiting[waiter->side];
	if (waiter->prev != NULL)
		waiter->prev->next = waiter->next;
	else
		list->first = waiter->next;
	if (waiter->next != NULL)
		waiter->next->prev = waiter->prev;
	else
		list->last = waiter->prev;
	waiter->listed = false;
	__atomic_store_n(&list->count, list->count - 1, __ATOMIC_RELAXED);
}

bool bide__take_off(struct bide__waiter *waiter)
{
	pthread_mutex_lock(&waiter->channel->lock);
	bool listed = waiter->listed;
	if (listed)
		bide__unlink_waiter(waiter);
	pthread_mutex_unlock(&waiter->channel->lock);
	return listed;
}

/* ---- calling ------------------------------------------------------------------------------ */

void bide__call_waiter(struct bide__waiter *waiter)
{
	bide__unlink_waiter(waiter);
	if (waiter->loop != NULL)
		(void)bide__send(waiter->loop, &waiter->mail);
	else
		bide__word_set(waiter->word, BIDE__CALLED);
}

void bide__call_first(bide_channel *channel, enum bide__side side)
{
	pthread_mutex_lock(&channel->lock);
	if (channel->waiting[side].first != NULL)
		bide__call_waiter(channel->waiting[side].first);
	pthread_mutex_unlock(&channel->lock);
}

static bool can_go_on(const bide_channel *channel, enum bide__side side)
{
	return side == BIDE__SENDER ? bide__slots_can_put(&channel->slots)
	                            : bide__slots_can_take(&channel->slots);
}

void bide__pass_on(bide_channel *channel, enum bide__side side)
{
	if (bide__some_wait(channel, side) && can_go_on(channel, side))
		bide__call_first(channel, side);
}

/* ---- waiters ------------------------------------------------------------------------------ */

static int transfer(struct bide__waiter *waiter)
{
	struct bide__slots *slots = &waiter->channel->slots;
	return waiter->side == BIDE__SENDER ? bide__slots_put(slots, waiter->item)
	                                    : bide__slots_take(slots, waiter->item);
}

int bide__enlist(struct bide__waiter *waiter)
{
	bide_channel *channel = waiter->channel;
	struct bide__waiting *list = &channel->waiting[waiter->side];
	pthread_mutex_lock(&channel->lock);
	const bool again = waiter->turn > 0;
	if (!again)
		waiter->turn = ++list->turns;
	link_waiter(waiter, again ? place_of(list, waiter) : NULL);
	int rc = transfer(waiter);
	if (rc != -EAGAIN)
		bide__unlink_waiter(waiter);
	else if (__atomic_load_n(&channel->users, __ATOMIC_ACQUIRE) == 0)
		bide__abort(bide__call_of(waiter->side),
		            "there are no references to the channel left");
	pthread_mutex_unlock(&channel->lock);
	return rc;
}

int bide__try_again(struct bide__waiter *waiter)
{
	int rc = transfer(waiter);
	return rc != -EAGAIN ? rc : bide__enlist(waiter);
}

/* ---- before a wait ------------------------------------------------------------------------ */

static _Thread_local struct bide__offers offers;

/* How many could go on. */
static size_t amount(const bide_channel *channel, enum bide__side side)
{
	if (!can_go_on(channel, side))
		return 0;
	size_t n = bide__slots_count(&channel->slots);
	if (side == BIDE__SENDER)
		n = (size_t)channel->slots.bound - n;
	return n > 0 ? n : 1;
}

/* Of what comes one by one some is waited for, as each look takes the other side's cache lines
 * away. */
bool bide__comes_soon(const bide_channel *channel, enum bide__side side)
{
	const size_t enough = (size_t)channel->slots.bound / 4;
	size_t n = 0, before;
	bool more;
	if (!bide__offers_begin(&offers))
		return false;
	do {
		before = n;
		more = bide__offer(&offers);
		n = amount(channel, side);
	} while (more && (n == 0 || (n < enough && n != before)));
	bide__offers_end(&offers, n > 0);
	return n > 0;
}
