// SPDX-License-Identifier: MIT
/* channel.c: see channel.h and bide/channel.h.
 *
 * How those who wait and those who come meet is told in meet.h. Here is what a waiter is to a task,
 * and to a thread.
 *
 * A task's waiter is on its list, or its mail is with the loop: a call takes it off and sends the
 * mail under the lock, and a wait is cut under it, too. So while a call is being sent the task is
 * parked, and its loop cannot end. A wait that is cut takes its mail back. So no mail of a channel
 * outlives its task, and a loop that is closed has none.
 *
 * A waiter lies in the loop's memory and has the item with it, as a parked task's own memory is not
 * to be touched. A thread's lies on its stack. */
#include "core/channel.h"

#include "base/alloc.h"
#include "base/copy.h"
#include "core/block.h"
#include "core/fork.h"
#include "core/meet.h"
#include "core/select.h"
#include "core/thread.h"
#include "core/wake.h"

#include <errno.h>
#include <stdlib.h>

static struct {
	pthread_mutex_t lock; /* taken before a channel's, and alone but for a fork */
	bide_channel *first;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- a channel's life --------------------------------------------------------------------- */

static void list_channel(bide_channel *channel)
{
	pthread_mutex_lock(&all.lock);
	channel->next = all.first;
	if (all.first != NULL)
		all.first->prev = channel;
	all.first = channel;
	pthread_mutex_unlock(&all.lock);
}

static void unlist_channel(bide_channel *channel)
{
	pthread_mutex_lock(&all.lock);
	if (channel->prev == NULL)
		all.first = channel->next;
	else
		channel->prev->next = channel->next;
	if (channel->next != NULL)
		channel->next->prev = channel->prev;
	pthread_mutex_unlock(&all.lock);
}

/* It crosses threads, so it comes from malloc itself: the failure hook counts by thread. */
static bide_channel *new_channel(size_t slots_bytes)
{
	size_t bytes;
	void *memory;
	if (__builtin_add_overflow(sizeof(bide_channel), slots_bytes, &bytes) ||
	    bide__alloc_fails() || posix_memalign(&memory, BIDE__LINE, bytes) != 0)
		return NULL;
	return memory;
}

int bide__channel_open(size_t size, unsigned cls, const char *type, size_t bound,
                       bide_channel **ret_channel)
{
	struct bide__slots slots;
	size_t bytes;
	if (bound == 0)
		return -EINVAL;
	bide_channel *channel =
		bide__slots_measure(&slots, size, bound, &bytes) ? new_channel(bytes) : NULL;
	if (channel == NULL)
		return -ENOMEM;
	*channel = (bide_channel){
		.slots = slots, .type = { type, size, cls }, .users = 1, .holds = 1
	};
	bide__slots_init(&channel->slots, channel + 1);
	pthread_mutex_init(&channel->lock, NULL);
	bide__watch_forks();
	list_channel(channel);
	*ret_channel = channel;
	return 0;
}

static void hold(bide_channel *channel)
{
	(void)__atomic_fetch_add(&channel->holds, 1, __ATOMIC_RELAXED);
}

/* Each releases what it did with the channel, and the last acquires it. */
static void let_go(bide_channel *channel)
{
	if (__atomic_sub_fetch(&channel->holds, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	unlist_channel(channel);
	pthread_mutex_destroy(&channel->lock);
	free(channel);
}

bide_channel *bide_channel_ref(bide_channel *channel)
{
	if (__atomic_fetch_add(&channel->users, 1, __ATOMIC_RELAXED) == 0)
		bide__abort("bide_channel_ref", "there are no references to it left");
	return channel;
}

void bide_channel_unref(bide_channel *channel)
{
	if (channel == NULL)
		return;
	size_t before = __atomic_fetch_sub(&channel->users, 1, __ATOMIC_ACQ_REL);
	if (before == 0)
		bide__abort("bide_channel_unref", "there are no references to it left");
	if (before > 1)
		return;
	pthread_mutex_lock(&channel->lock);
	for (int side = 0; side < 2; side++)
		if (channel->waiting[side].first != NULL)
			bide__abort("bide_channel_unref",
			            "somebody waits in %s, and nobody is left to end that",
			            bide__call_of((enum bide__side)side));
	pthread_mutex_unlock(&channel->lock);
	let_go(channel);
}

/* ---- without waiting ----------------------------------------------------------------------- */

static inline int try_send(bide_channel *channel, const void *item)
{
	int rc = bide__slots_put(&channel->slots, item);
	if (rc == 0)
		bide__call_other(channel, BIDE__SENDER);
	return rc;
}

static inline int try_receive(bide_channel *channel, void *ret_item)
{
	int rc = bide__slots_take(&channel->slots, ret_item);
	if (rc == 0)
		bide__call_other(channel, BIDE__RECEIVER);
	return rc;
}

/* ---- in a task ---------------------------------------------------------------------------- */

/* A waiter has a result. */
static void leave_channel(const struct bide__waiter *waiter, int rc)
{
	bide_channel *channel = waiter->channel;
	if (rc == 0)
		bide__call_other(channel, waiter->side);
	bide__pass_on(channel, waiter->side);
	let_go(channel);
}

static void free_waiter(bide_loop *loop, struct bide__waiter *waiter, size_t size)
{
	bide__block_free(&loop->pool, waiter, sizeof(*waiter) + size);
}

/* What has been received stays in the waiter for the task. */
static void settle(bide_loop *loop, struct bide__waiter *waiter, int rc)
{
	const size_t size = waiter->channel->type.size;
	leave_channel(waiter, rc);
	if (rc < 0 || waiter->side == BIDE__SENDER)
		free_waiter(loop, waiter, size);
}

static void called(bide_loop *loop, struct bide__mail *mail)
{
	struct bide__waiter *waiter = BIDE__CONTAINER(mail, struct bide__waiter, mail);
	struct bide__task *task = waiter->task;
	int rc = bide__try_again(waiter);
	if (rc == -EAGAIN)
		return;
	loop->in_threads--;
	loop->in_channels--;
	settle(loop, waiter, rc);
	bide__wake(loop, task, rc);
}

int bide__channel_begin(bide_loop *loop, struct bide__task *task, bide_channel *channel,
                        enum bide__side side, const void *item)
{
	const size_t size = channel->type.size;
	struct bide__waiter *waiter = bide__block_new(&loop->pool, sizeof(*waiter) + size);
	if (waiter == NULL)
		return -ENOMEM;
	*waiter = (struct bide__waiter){ .side = side,
		                         .channel = channel,
		                         .item = waiter->parcel,
		                         .loop = loop,
		                         .task = task,
		                         .mail = { NULL, called } };
	if (side == BIDE__SENDER)
		bide__copy(waiter->parcel, item, size);
	hold(channel);
	task->parcel = waiter;
	int rc = bide__enlist(waiter);
	if (rc != -EAGAIN) {
		settle(loop, waiter, rc);
		return rc;
	}
	loop->in_threads++;
	loop->in_channels++;
	return rc;
}

void bide__channel_cut(bide_loop *loop, struct bide__task *task)
{
	struct bide__waiter *waiter = task->parcel;
	bide_channel *channel = waiter->channel;
	if (!bide__take_off(waiter)) {
		bide__recall(loop, &waiter->mail);
		bide__pass_on(channel, waiter->side);
	}
	loop->in_threads--;
	loop->in_channels--;
	free_waiter(loop, waiter, channel->type.size);
	let_go(channel);
}

void bide__channel_finish(bide_loop *loop, struct bide__task *task, void *ret_item, size_t size)
{
	struct bide__waiter *waiter = task->parcel;
	bide__copy(ret_item, waiter->parcel, size);
	free_waiter(loop, waiter, size);
}

static const struct bide__wait wait_send = { "bide_channel_send", bide__channel_cut, NULL };
static const struct bide__wait wait_receive = { "bide_channel_receive", bide__channel_cut, NULL };

__attribute__((noinline)) static int park_sender(bide_loop *loop, bide_channel *channel,
                                                 const void *item)
{
	struct bide__task *task = loop->current;
	int rc = -EAGAIN;
	if (loop->nready == 0 && bide__comes_soon(channel, BIDE__SENDER))
		rc = try_send(channel, item);
	if (rc == -EAGAIN)
		rc = bide__channel_begin(loop, task, channel, BIDE__SENDER, item);
	return rc != -EAGAIN ? rc : bide__park(loop, &wait_send, task->parcel);
}

__attribute__((noinline)) static int park_receiver(bide_loop *loop, bide_channel *channel,
                                                   void *ret_item, size_t size)
{
	if (loop->nready == 0 && bide__comes_soon(channel, BIDE__RECEIVER)) {
		int rc = try_receive(channel, ret_item);
		if (rc != -EAGAIN)
			return rc;
	}
	int rc = bide__channel_begin(loop, loop->current, channel, BIDE__RECEIVER, NULL);
	if (rc == -EAGAIN)
		rc = bide__park(loop, &wait_receive, loop->current->parcel);
	if (rc == 0)
		bide__channel_finish(bide__loop, bide__loop->current, ret_item, size);
	return rc;
}

/* ---- on a thread without a loop ----------------------------------------------------------- */

/* A job gives up when it is asked to. */
static int block(bide_channel *channel, enum bide__side side, void *item)
{
	struct bide__job *job = bide__job;
	uint32_t own = 0, *word = job != NULL ? &job->word : &own;
	struct bide__waiter waiter = {
		.side = side, .channel = channel, .item = item, .word = word
	};
	int asked = 0;
	hold(channel);
	bide__word_clear(word);
	int rc = bide__enlist(&waiter);
	while (rc == -EAGAIN && asked == 0) {
		bide__word_wait(word, BIDE__CALLED | BIDE__ASKED);
		asked = bide_thread_cancelled();
		if (asked != 0)
			break;
		bide__word_clear(word);
		rc = bide__try_again(&waiter);
	}
	if (asked == 0) {
		leave_channel(&waiter, rc);
		return rc;
	}
	if (!bide__take_off(&waiter))
		bide__pass_on(channel, side);
	let_go(channel);
	return asked;
}

static int block_sender(bide_channel *channel, const void *item)
{
	int rc = bide__comes_soon(channel, BIDE__SENDER) ? try_send(channel, item) : -EAGAIN;
	return rc != -EAGAIN ? rc : block(channel, BIDE__SENDER, (void *)item);
}

static int block_receiver(bide_channel *channel, void *ret_item)
{
	int rc = bide__comes_soon(channel, BIDE__RECEIVER) ? try_receive(channel, ret_item)
	                                                   : -EAGAIN;
	return rc != -EAGAIN ? rc : block(channel, BIDE__RECEIVER, ret_item);
}

/* ---- the calls ---------------------------------------------------------------------------- */

/* Aborts where the call may not wait; the cancellation if one is in force, else 0. */
static inline int enter(bide_loop *loop, const struct bide__wait *wait)
{
	if (loop == NULL)
		return bide__job != NULL ? bide_thread_cancelled() : 0;
	const struct bide__task *task = bide__suspending(wait);
	return __builtin_expect(task->flags & BIDE__TASK_PENDING, 0) ? bide__refuse(loop, wait) : 0;
}

int bide__channel_send(bide_channel *channel, const void *item, size_t size, unsigned cls,
                       const char *text)
{
	bide_loop *loop = bide__loop;
	bide__check_type(wait_send.name, &channel->type, size, cls, text);
	int rc = enter(loop, &wait_send);
	if (rc == 0)
		rc = try_send(channel, item);
	if (__builtin_expect(rc != -EAGAIN, 1))
		return rc;
	return loop != NULL ? park_sender(loop, channel, item) : block_sender(channel, item);
}

int bide__channel_receive(bide_channel *channel, void *ret_item, size_t size, unsigned cls,
                          const char *text)
{
	bide_loop *loop = bide__loop;
	bide__check_type(wait_receive.name, &channel->type, size, cls, text);
	int rc = enter(loop, &wait_receive);
	if (rc == 0)
		rc = try_receive(channel, ret_item);
	if (__builtin_expect(rc != -EAGAIN, 1))
		return rc;
	return loop != NULL ? park_receiver(loop, channel, ret_item, size)
	                    : block_receiver(channel, ret_item);
}

int bide__channel_try_send(bide_channel *channel, const void *item, size_t size, unsigned cls,
                           const char *text)
{
	bide__check_type("bide_channel_try_send", &channel->type, size, cls, text);
	return try_send(channel, item);
}

int bide__channel_try_receive(bide_channel *channel, void *ret_item, size_t size, unsigned cls,
                              const char *text)
{
	bide__check_type("bide_channel_try_receive", &channel->type, size, cls, text);
	return try_receive(channel, ret_item);
}

/* Who waits finds out by itself what that means for it. */
void bide_channel_close(bide_channel *channel)
{
	bide__slots_close(&channel->slots);
	pthread_mutex_lock(&channel->lock);
	for (int side = 0; side < 2; side++)
		while (channel->waiting[side].first != NULL)
			bide__call_waiter(channel->waiting[side].first);
	pthread_mutex_unlock(&channel->lock);
}

size_t bide_channel_size(const bide_channel *channel)
{
	return bide__slots_count(&channel->slots);
}

/* ---- as arms of a select ------------------------------------------------------------------ */

static bide_channel *channel_of(const bide_arm *arm)
{
	bide_channel *channel = arm->object;
	bide__check_type(bide__select_call, &channel->type, arm->size, arm->cls, arm->text);
	return channel;
}

static bool send_ready(bide_loop *loop, bide_arm *arm)
{
	(void)loop;
	return bide__slots_can_put(&channel_of(arm)->slots);
}

static int send_take(bide_loop *loop, const bide_arm *arm)
{
	(void)loop;
	return try_send(arm->object, arm->with.item);
}

static int send_wait(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in)
{
	stand_in->wait = &wait_send;
	return bide__channel_begin(loop, stand_in, arm->object, BIDE__SENDER, arm->with.item);
}

static bool receive_ready(bide_loop *loop, bide_arm *arm)
{
	(void)loop;
	return bide__slots_can_take(&channel_of(arm)->slots);
}

static int receive_take(bide_loop *loop, const bide_arm *arm)
{
	(void)loop;
	return try_receive(arm->object, arm->with.ret);
}

static int receive_wait(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in)
{
	stand_in->wait = &wait_receive;
	return bide__channel_begin(loop, stand_in, arm->object, BIDE__RECEIVER, NULL);
}

static int receive_finish(bide_loop *loop, const bide_arm *arm, struct bide__task *stand_in,
                          int result)
{
	if (result == 0)
		bide__channel_finish(loop, stand_in, arm->with.ret, arm->size);
	return result;
}

const struct bide__arm bide__arm_send = { send_ready, send_take, send_wait, NULL };
const struct bide__arm bide__arm_receive = { receive_ready, receive_take, receive_wait,
	                                     receive_finish };

/* ---- messages ----------------------------------------------------------------------------- */

void bide__put_channel_wait(struct bide__text *text, const struct bide__task *task)
{
	const struct bide__waiter *waiter = task->object;
	if (task->wait != &wait_send && task->wait != &wait_receive)
		return;
	bide__put(text, waiter->side == BIDE__SENDER ? " for room in a full channel of "
	                                             : " for an item of an empty channel of ");
	bide__put(text, waiter->channel->type.name);
}

/* ---- fork --------------------------------------------------------------------------------- */

void bide__channels_before_fork(void)
{
	pthread_mutex_lock(&all.lock);
	for (bide_channel *channel = all.first; channel != NULL; channel = channel->next)
		pthread_mutex_lock(&channel->lock);
}

void bide__channels_after_fork(void)
{
	for (bide_channel *channel = all.first; channel != NULL; channel = channel->next)
		pthread_mutex_unlock(&channel->lock);
	pthread_mutex_unlock(&all.lock);
}

/* Tasks and threads that wait are the parent's. */
static void forget_waiters(bide_channel *channel, enum bide__side side)
{
	struct bide__waiter *waiter;
	while ((waiter = channel->waiting[side].first) != NULL) {
		bide__unlink_waiter(waiter);
		channel->holds--;
	}
}

void bide__channels_in_child(void)
{
	all.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	for (bide_channel *channel = all.first; channel != NULL; channel = channel->next) {
		channel->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
		bide__slots_repair(&channel->slots);
		for (int side = 0; side < 2; side++)
			forget_waiters(channel, (enum bide__side)side);
	}
}
