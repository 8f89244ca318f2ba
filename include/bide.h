/* SPDX-License-Identifier: MIT */
/* bide: asyncio for C.
 *
 * Any plain C function may suspend. There is no second language of callbacks: calling a function
 * that suspends IS awaiting it, and other tasks run meanwhile. One line makes a function spawnable,
 * so that many of it run at once:
 *
 *     #include <bide.h>
 *     #include <stdio.h>
 *
 *     BIDE_ASYNC(double, wait_random, int);
 *
 *     double wait_random(int max_delay)
 *     {
 *         double delay = bide_uniform(0, max_delay);
 *         int rc = bide_sleep(delay);                  // other tasks run meanwhile
 *         if (rc < 0)
 *             bide_fail(rc);                           // cancelled
 *         return delay;
 *     }
 *
 *     BIDE_ASYNC(int, wait_n, int, int);
 *
 *     int wait_n(int n, int max_delay)
 *     {
 *         int rc;
 *         BIDE_GROUP(group, rc) {                      // is not left before its tasks have ended
 *             for (int i = 0; i < n; i++)
 *                 bide_group_spawn(group, wait_random, max_delay);
 *             for (bide_task *t; (t = bide_group_next(group)); )
 *                 printf("%f\n", bide_await(double, t));   // in the order they complete
 *         }
 *         return rc;
 *     }
 *
 *     int main(void) { return bide_run(wait_n, 5, 5) < 0; }
 *
 * To be read in this order: */
#ifndef BIDE_H
#define BIDE_H

#include <bide/base.h>    /* conventions, errors, numbers */
#include <bide/async.h>   /* BIDE_ASYNC: making a function spawnable */
#include <bide/loop.h>    /* running, sleeping, the clock */
#include <bide/task.h>    /* spawn, await, cancel */
#include <bide/scope.h>   /* timeouts, shields */
#include <bide/group.h>   /* groups, gather, as_completed, wait */
#include <bide/sync.h>    /* mutex, event, condition, semaphore, barrier */
#include <bide/queue.h>   /* queues between tasks */
#include <bide/future.h>  /* a value that comes later, from callbacks */
#include <bide/signal.h>  /* waiting for signals */
#include <bide/select.h>  /* the first of several things */
#include <bide/io.h>      /* reading, writing, waiting on descriptors */
#include <bide/stream.h>  /* bytes in order, buffered, over sockets, pipes, memory */
#include <bide/thread.h>  /* what blocks or computes, in threads */
#include <bide/channel.h> /* queues between threads */
#include <bide/loops.h>   /* several loops: one a core, calls from one to another */
#include <bide/debug.h>   /* reports, dumps, inspection */

#endif
