// SPDX-License-Identifier: MIT
/* fetch_hash.c: see fetch_hash.h. Source: Aumasson and Bernstein, SipHash: a fast short-input PRF,
 * 2012. */
#include "fetch_hash.h"

#include <errno.h>
#include <sys/random.h>

int fetch_secret_draw(struct fetch_secret *secret)
{
	struct fetch_secret drawn;
	const ssize_t n = getrandom(&drawn, sizeof(drawn), 0);
	if (n != (ssize_t)sizeof(drawn))
		return n < 0 ? -errno : -EIO;
	*secret = drawn;
	return 0;
}

static uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void mix(uint64_t *v, int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

static uint64_t word_of(const unsigned char *bytes, size_t size)
{
	uint64_t word = 0;
	for (size_t i = 0; i < size; i++)
		word |= (uint64_t)bytes[i] << 8 * i;
	return word;
}

static void take(uint64_t *v, uint64_t word)
{
	v[3] ^= word;
	mix(v, 2);
	v[0] ^= word;
}

uint64_t fetch_keyed_hash(const struct fetch_secret *secret, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	const uint64_t *key = secret->key;
	uint64_t v[] = { key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
		         key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u };
	size_t at = 0;
	for (; size - at >= 8; at += 8)
		take(v, word_of(bytes + at, 8));
	take(v, word_of(bytes + at, size - at) | (uint64_t)size << 56);
	v[2] ^= 0xff;
	mix(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
