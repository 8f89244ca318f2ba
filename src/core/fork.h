/* SPDX-License-Identifier: MIT */
/* fork.h: a process that forks with loops and threads: its child has none of them, and may open
 * loops of its own. */
#ifndef BIDE_CORE_FORK_H
#define BIDE_CORE_FORK_H

/* Has forks prepared and followed, from the first call on. */
void bide__watch_forks(void);

#endif
