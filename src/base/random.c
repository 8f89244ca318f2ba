// SPDX-License-Identifier: MIT
/* xoshiro256**, seeded by splitmix64. See random.h. */
#include "random.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* A 64-bit counter stepped by the golden ratio, its value mixed. It takes any start, and four
 * values in a row are never all zero, which is the one state that xoshiro256** cannot leave. */
static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

void bide__random_seed(struct bide__random *random, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		random->s[i] = splitmix64(&seed);
}

/* Fills the state from the kernel. GRND_NONBLOCK, because a program must not stand still early at
 * boot for the sake of a random delay. */
static bool seed_from_kernel(struct bide__random *random)
{
	ssize_t n = getrandom(random->s, sizeof random->s, GRND_NONBLOCK);

	if (n != (ssize_t)sizeof random->s)
		return false;
	return random->s[0] | random->s[1] | random->s[2] | random->s[3];
}

void bide__random_seed_os(struct bide__random *random)
{
	struct timespec now = { 0, 0 };
	uint64_t seed;

	if (seed_from_kernel(random))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	seed = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
	seed = splitmix64(&seed) ^ (uint64_t)getpid();
	seed = splitmix64(&seed) ^ (uint64_t)(uintptr_t)random;
	bide__random_seed(random, seed);
}

uint64_t bide__random_next(struct bide__random *random)
{
	uint64_t *s = random->s;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate_left(s[3], 45);
	return result;
}

uint64_t bide__random_below(struct bide__random *random, uint64_t n)
{
	uint64_t surplus, x;

	assert(n > 0);
	/* 2^64 mod n numbers are too many to be dealt out evenly: the lowest are thrown away. */
	surplus = -n % n;
	do
		x = bide__random_next(random);
	while (x < surplus);
	return x % n;
}

/* The point of [a, b] that lies the fraction u of the way from a to b. */
static double interpolate(double a, double b, double u)
{
	double low = a < b ? a : b;
	double high = a < b ? b : a;
	double width = b - a;
	double x = isinf(width) ? a * (1 - u) + b * u : a + width * u;

	/* Rounding, in whichever mode, can step over an end or miss b when u is 1. */
	if (u >= 1)
		return b;
	if (x < low)
		return low;
	return x > high ? high : x;
}

double bide__random_uniform(struct bide__random *random, double a, double b)
{
	const uint64_t steps = UINT64_C(1) << 53;
	double u = (double)bide__random_below(random, steps + 1) / (double)steps;

	if (isnan(a) || isnan(b))
		return NAN;
	if (isinf(a) && isinf(b))
		return u < 0.5 ? a : b;
	if (isinf(a) || isinf(b))
		return isinf(a) ? a : b;
	return interpolate(a, b, u);
}
