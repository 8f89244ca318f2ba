/* SPDX-License-Identifier: MIT */
/* queue.h: queues as the rest of the library sees them. */
#ifndef BIDE_CORE_QUEUE_H
#define BIDE_CORE_QUEUE_H

#include "core/message.h"

/* If a parked task waits in a queue, adds what for. Async-signal-safe. */
void bide__put_queue_wait(struct bide__text *text, const struct bide__task *task);

#endif
