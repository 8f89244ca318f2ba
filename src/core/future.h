/* SPDX-License-Identifier: MIT */
/* future.h: futures as the rest of the library sees them. */
#ifndef BIDE_CORE_FUTURE_H
#define BIDE_CORE_FUTURE_H

#include "core/message.h"

/* If a parked task waits for a future, adds of what. Async-signal-safe. */
void bide__put_future_wait(struct bide__text *text, const struct bide__task *task);

#endif
