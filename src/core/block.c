// SPDX-License-Identifier: MIT
/* block.c: see block.h. */
#include "core/block.h"

#include "core/time.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The system call comes after the word may be gone: then it wakes nobody, or somebody who looks and
 * sleeps on. */
void bide__word_set(uint32_t *word, uint32_t bit)
{
	if (__atomic_fetch_or(word, bit, __ATOMIC_ACQ_REL) & BIDE__SLEEPS)
		(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void bide__word_clear(uint32_t *word)
{
	(void)__atomic_fetch_and(word, BIDE__ASKED, __ATOMIC_ACQ_REL);
}

void bide__word_wait(uint32_t *word, uint32_t bits)
{
	uint32_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
	while (!(now & bits)) {
		if (!(now & BIDE__SLEEPS) &&
		    !__atomic_compare_exchange_n(word, &now, now | BIDE__SLEEPS, false,
		                                 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			continue;
		(void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, now | BIDE__SLEEPS, NULL, NULL,
		              0);
		now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
	}
}

/* ---- before a wait ------------------------------------------------------------------------ */

enum { OFFER_NS = 20 * 1000, MISSES_MAX = 6 };

bool bide__offers_begin(struct bide__offers *offers)
{
	if (offers->skip > 0) {
		offers->skip--;
		return false;
	}
	const uint64_t now_ns = bide__monotonic();
	offers->end_ns = now_ns + OFFER_NS;
	return now_ns >= offers->rest_ns;
}

bool bide__offer(const struct bide__offers *offers)
{
	(void)sched_yield();
	return bide__monotonic() < offers->end_ns;
}

void bide__offers_end(struct bide__offers *offers, bool won)
{
	const uint64_t now_ns = bide__monotonic();
	if (now_ns > offers->end_ns + OFFER_NS)
		offers->rest_ns = now_ns + offers->rest * (now_ns - offers->end_ns);
	offers->misses = won ? 0 : offers->misses + (offers->misses < MISSES_MAX);
	offers->skip = (1u << offers->misses) - 1;
}
