/* SPDX-License-Identifier: MIT */
/* channel.h: channels as the rest of the library sees them. */
#ifndef BIDE_CORE_CHANNEL_H
#define BIDE_CORE_CHANNEL_H

#include "core/message.h"

/* The two who meet in a channel. */
enum bide__side { BIDE__SENDER, BIDE__RECEIVER };

/* ---- a wait, in parts, for calls that wait for several things ----------------------------- */

/* Has @p task wait to send *item, or to receive. -EAGAIN: it waits, until it is woken with the
 * result, or the wait is cut. Anything else is the result already. Either way, when a receiver's is
 * 0, bide__channel_finish() gives the item. */
int bide__channel_begin(bide_loop *loop, struct bide__task *task, bide_channel *channel,
                        enum bide__side side, const void *item);

/* Ends a wait that has no result yet; it has had no effect. */
void bide__channel_cut(bide_loop *loop, struct bide__task *task);

/* Copies the item to where the task wants it. The channel may be gone. */
void bide__channel_finish(bide_loop *loop, struct bide__task *task, void *ret_item, size_t size);

/* ---- for others --------------------------------------------------------------------------- */

/* If a parked task waits for a channel, adds what for. Async-signal-safe. */
void bide__put_channel_wait(struct bide__text *text, const struct bide__task *task);

/* Around a fork: holds all channels, and lets them go, in the parent. */
void bide__channels_before_fork(void);
void bide__channels_after_fork(void);

/* In the child: nobody waits in them, and what other threads had begun there has not happened. */
void bide__channels_in_child(void);

#endif
