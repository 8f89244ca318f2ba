/* SPDX-License-Identifier: MIT */
/* Pseudo-random numbers: the generator xoshiro256** of David Blackman and Sebastiano Vigna
 * ("Scrambled Linear Pseudorandom Number Generators", ACM Transactions on Mathematical Software 47,
 * 2021), its state filled by splitmix64 (Guy Steele, Doug Lea, Christine Flood, "Fast Splittable
 * Pseudorandom Number Generators", OOPSLA 2014).
 *
 * The same seed gives the same numbers on every machine. Not for secrets.
 *
 * This file must know nothing of loops; who owns a generator guards it. */
#ifndef BIDE_BASE_RANDOM_H
#define BIDE_BASE_RANDOM_H

#include <stdint.h>

/* The state of a generator; never all zero. */
struct bide__random {
	uint64_t s[4]; /* As the authors number it. */
};

/* Starts the sequence that belongs to a seed; every seed is a good one, 0 included. */
void bide__random_seed(struct bide__random *random, uint64_t seed);

/* Starts a sequence nobody can know: from the kernel's generator or, where that does not answer,
 * from the clock, the process and the address of the state. */
void bide__random_seed_os(struct bide__random *random);

/* The next number, each of the 2^64 as likely as any other. */
uint64_t bide__random_next(struct bide__random *random);

/* A number from 0 to n - 1, each exactly as likely as any other. n must not be 0. */
uint64_t bide__random_below(struct bide__random *random, uint64_t n);

/* A number between a and b, both included, in whichever order they come, and never outside. An
 * infinite end gives an infinity (each with the same probability when both are); NaN gives NaN. */
double bide__random_uniform(struct bide__random *random, double a, double b);

#endif
