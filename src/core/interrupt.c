// SPDX-License-Identifier: MIT
/* interrupt.c: see interrupt.h. The program's own handler, or its wish to ignore SIGINT, is left
 * alone. */
#include "core/interrupt.h"

#include <signal.h>
#include <unistd.h>

void bide__interrupt_begin(bide_loop *loop)
{
	loop->interrupt = (struct bide__watcher){ .loop = loop,
		                                  .signals = bide__signal_bit(SIGINT),
		                                  .stands_back = true };
	loop->handles_interrupt =
		loop->thread == getpid() && bide__watch_begin(&loop->interrupt) == 0;
}

bool bide__interrupted(bide_loop *loop)
{
	return __atomic_exchange_n(&loop->interrupt.came, 0, __ATOMIC_ACQUIRE) != 0;
}

/* One that comes too late for this run is not the next one's. */
void bide__interrupt_end(bide_loop *loop)
{
	if (loop->handles_interrupt)
		bide__watch_end(&loop->interrupt);
	loop->handles_interrupt = false;
}
