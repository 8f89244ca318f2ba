/* SPDX-License-Identifier: MIT */
/* fork.h: a process that forks with loops and threads: its child may go on with the loop of the
 * thread that forked, and has nothing else of that. */
#ifndef BIDE_CORE_FORK_H
#define BIDE_CORE_FORK_H

/* Has forks prepared and followed, from the first call on. */
void bide__watch_forks(void);

#endif
