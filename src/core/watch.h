/* SPDX-License-Identifier: MIT */
/* watch.h: who is told of signals, in the whole process. */
#ifndef BIDE_CORE_WATCH_H
#define BIDE_CORE_WATCH_H

#include <bide/signal.h>

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct bide_loop;

/* One who is told. While anybody watches for a signal it is handled here; before and after that it
 * does what the program wants it to do. */
struct bide__watcher {
	struct bide__watcher *next, **link; /* in the list of all; not in it: link is NULL */
	struct bide_loop *loop;             /* is made to look when a signal has come */
	uint64_t signals;                   /* for which it watches, a bit each, from signal 1 on */
	uint64_t came;                      /* atomic: those of them that came */
	bool stands_back; /* is told only of what nobody else watches for and the program leaves its
	                   * default action, and once: after that the signal has that */
	bool told;        /* it has been */
};

/* The bit of a signal. */
static inline uint64_t bide__signal_bit(int signal)
{
	return (uint64_t)1 << (signal - 1);
}

/* Whether a signal tells a thread of a fault of its own. Nobody may watch for such a one, or block
 * it. */
bool bide__is_fault(int signal);

/* All others. */
void bide__all_but_faults(sigset_t *ret_set);

/* Begins to watch; the fields after `link` are set. 0, or what sigaction(2) fails with; -EBUSY when
 * one that stands back finds that the program does not leave a signal its default action. */
int bide__watch_begin(struct bide__watcher *watcher);

/* Ends it, if a fork has not. When that returns no handler knows of the watcher any more. */
void bide__watch_end(struct bide__watcher *watcher);

/* What is known of a signal that came: of the last one of its kind. */
void bide__signal_info(int signal, bide_signal_info *ret_info);

/* Before a fork, after it, and instead of that in its child, where nobody watches any more. */
void bide__watch_before_fork(void);
void bide__watch_after_fork(void);
void bide__watch_in_child(void);

#endif
