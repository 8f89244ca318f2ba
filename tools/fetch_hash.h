/* SPDX-License-Identifier: MIT */
/* fetch_hash.h: a hash that nobody outside can aim at. Whoever makes the links chooses what is
 * hashed, so that with a hash that he knows he could make two of them one. With a key that he does
 * not know two of a million texts have the same hash once in 30 million runs. */
#ifndef TOOLS_FETCH_HASH_H
#define TOOLS_FETCH_HASH_H

#include <stddef.h>
#include <stdint.h>

struct fetch_secret {
	uint64_t key[2];
};

/* Draws one. 0 or an error. */
int fetch_secret_draw(struct fetch_secret *secret);

/* SipHash-2-4, of Aumasson and Bernstein. */
uint64_t fetch_keyed_hash(const struct fetch_secret *secret, const void *data, size_t size);

#endif
