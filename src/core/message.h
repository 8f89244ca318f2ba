/* SPDX-License-Identifier: MIT */
/* message.h: what the library says: reports to the handler, and the sentence with which it aborts
 * on a broken contract. */
#ifndef BIDE_CORE_MESSAGE_H
#define BIDE_CORE_MESSAGE_H

#include "core/beside.h"
#include "core/loop.h"

/* Guards who takes reports. */
extern pthread_mutex_t bide__report_lock;

/* A task's name: its own, or its function's. */
const char *bide__name(const struct bide__task *task);

/* Text in a fixed buffer, cut off at its end. Async-signal-safe. */
struct bide__text {
	char *at, *end;
};

void bide__put(struct bide__text *text, const char *string);
void bide__put_number(struct bide__text *text, uint64_t number);

/* Writes all of a buffer to a descriptor. Async-signal-safe. */
void bide__write_all(int fd, const char *from, const char *to);

#endif
