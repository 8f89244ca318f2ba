/* SPDX-License-Identifier: MIT */
/* mutex.h: what a condition, and whoever tells what tasks wait for, must know of a mutex. */
#ifndef BIDE_CORE_MUTEX_H
#define BIDE_CORE_MUTEX_H

#include "core/loop.h"

/* Aborts unless the current task holds the mutex. */
void bide__mutex_check_held(const char *call, const bide_mutex *mutex);

/* Hands a mutex over to the task that has waited longest, or frees it. */
void bide__mutex_hand_over(bide_loop *loop, bide_mutex *mutex);

/* Gives a parked task the mutex and wakes it, once it is its turn. To wait for that cannot be
 * cancelled. */
void bide__mutex_promise(bide_loop *loop, const char *call, bide_mutex *mutex,
                         struct bide__task *task);

/* Locks the mutex for the current task, however long that takes. */
void bide__mutex_relock(bide_loop *loop, bide_mutex *mutex);

/* The mutex that a task waits for, NULL when it waits for none. */
const bide_mutex *bide__waits_for_mutex(const struct bide__task *task);

/* The task that holds a mutex, NULL when it has ended or there is none. */
struct bide__task *bide__mutex_holder(const bide_loop *loop, const bide_mutex *mutex);

#endif
