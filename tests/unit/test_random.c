// SPDX-License-Identifier: MIT
/* The generator of random numbers.
 *
 * The first outputs for given states are those of the authors' definition, worked out by hand or
 * with an independent program; to reach the ends of ranges, states are made whose next output is
 * a chosen number. */
#include "harness/test.h"

#include "base/random.h"

#include <errno.h>
#include <fenv.h>
#include <math.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kernel { KERNEL_ANSWERS, KERNEL_FAILS, KERNEL_GIVES_LITTLE, KERNEL_GIVES_ZEROS };

static enum kernel kernel = KERNEL_ANSWERS;

/* Stands before libc's, so that a kernel that does not answer can be had. */
ssize_t getrandom(void *buffer, size_t size, unsigned flags)
{
	switch (kernel) {
	case KERNEL_FAILS:
		errno = ENOSYS;
		return -1;
	case KERNEL_GIVES_LITTLE:
		memset(buffer, 7, 8);
		return 8;
	case KERNEL_GIVES_ZEROS:
		memset(buffer, 0, size);
		return (ssize_t)size;
	case KERNEL_ANSWERS:
		break;
	}
	return syscall(SYS_getrandom, buffer, size, flags);
}

static struct bide__random generator;

/* Makes the next output of the generator a chosen one, by undoing, from the output back to the word
 * of the state it is made of, the steps rotl(s1 * 5, 7) * 9. */
static void make_next(uint64_t output)
{
	const uint64_t inverse_of_5 = UINT64_C(0xcccccccccccccccd);
	const uint64_t inverse_of_9 = UINT64_C(0x8e38e38e38e38e39);
	uint64_t rotated = output * inverse_of_9;

	bide__random_seed(&generator, 1);
	generator.s[1] = (rotated >> 7 | rotated << 57) * inverse_of_5;
}

TEST(the_generator_follows_its_definition)
{
	static const uint64_t expected[] = {
		11520,
		0,
		1509978240,
		1215971899390074240,
	};

	generator = (struct bide__random){ { 1, 2, 3, 4 } };
	for (int i = 0; i < 4; i++)
		CHECK_UINT(bide__random_next(&generator), expected[i]);
}

TEST(the_seed_is_spread_by_splitmix64)
{
	/* The first outputs of splitmix64 for the seed 1234567. */
	static const uint64_t expected[] = {
		UINT64_C(6457827717110365317),
		UINT64_C(3203168211198807973),
		UINT64_C(9817491932198370423),
		UINT64_C(4593380528125082431),
	};

	bide__random_seed(&generator, 1234567);
	for (int i = 0; i < 4; i++)
		CHECK_UINT(generator.s[i], expected[i]);
}

TEST(the_same_seed_gives_the_same_numbers_and_another_gives_others)
{
	struct bide__random a, b, c;
	int same = 0;

	bide__random_seed(&a, 0);
	bide__random_seed(&b, 0);
	bide__random_seed(&c, 1);
	for (int i = 0; i < 1000; i++) {
		uint64_t x = bide__random_next(&a);

		CHECK_UINT(bide__random_next(&b), x);
		same += bide__random_next(&c) == x;
	}
	CHECK_INT(same, 0);
}

TEST(no_two_starts_from_the_system_are_the_same)
{
	struct bide__random a, b;

	for (kernel = KERNEL_ANSWERS; kernel <= KERNEL_GIVES_ZEROS; kernel++) {
		memset(&a, 0, sizeof a);
		memset(&b, 0, sizeof b);
		bide__random_seed_os(&a);
		bide__random_seed_os(&b);
		for (int i = 0; i < 4; i++) {
			CHECK(a.s[i] != 0);
			CHECK(a.s[i] != b.s[i]);
		}
	}
}

TEST(below_deals_out_evenly)
{
	int count[7] = { 0 };

	bide__random_seed(&generator, test_seed());
	for (int i = 0; i < 70000; i++) {
		uint64_t x = bide__random_below(&generator, 7);

		CHECK(x < 7);
		count[x]++;
	}
	/* Nine standard deviations: a fair generator does not fail this in a lifetime. */
	for (int i = 0; i < 7; i++)
		CHECK(count[i] > 10000 - 840 && count[i] < 10000 + 840);
}

TEST(below_one_is_zero)
{
	bide__random_seed(&generator, 3);
	for (int i = 0; i < 100; i++)
		CHECK_UINT(bide__random_below(&generator, 1), 0);
}

TEST(below_throws_away_what_cannot_be_dealt_out_evenly)
{
	/* 2^64 mod 3 * 2^62 is 2^62: a number below that is not used, one from there on is. */
	const uint64_t n = UINT64_C(3) << 62;
	const uint64_t surplus = UINT64_C(1) << 62;
	struct bide__random expected;

	make_next(surplus);
	CHECK_UINT(bide__random_below(&generator, n), surplus);
	make_next(UINT64_MAX);
	CHECK_UINT(bide__random_below(&generator, n), UINT64_MAX % n);
	make_next(surplus - 1);
	expected = generator;
	bide__random_next(&expected);
	CHECK_UINT(bide__random_below(&generator, n), bide__random_below(&expected, n));
	CHECK_MEM(&generator, &expected, sizeof expected);
}

/* The numbers that become the two ends of a range, and its middle. */
#define LEFT_END ((UINT64_C(1) << 53) + 1)
#define RIGHT_END (UINT64_C(1) << 53)
#define MIDDLE ((UINT64_C(1) << 53) + 1 + (UINT64_C(1) << 52))

static double uniform_of(uint64_t output, double a, double b)
{
	make_next(output);
	return bide__random_uniform(&generator, a, b);
}

TEST(both_ends_are_reached)
{
	CHECK_DOUBLE(uniform_of(LEFT_END, 2, 5), 2);
	CHECK_DOUBLE(uniform_of(RIGHT_END, 2, 5), 5);
	CHECK_DOUBLE(uniform_of(MIDDLE, 2, 5), 3.5);
	/* Here the sum of the left end and the width is less than the right end, or more. */
	CHECK_DOUBLE(uniform_of(LEFT_END, -0.8, -0.3), -0.8);
	CHECK_DOUBLE(uniform_of(RIGHT_END, -0.8, -0.3), -0.3);
	CHECK_DOUBLE(uniform_of(RIGHT_END, -0.11, 0.44), 0.44);
}

TEST(the_ends_may_come_in_either_order)
{
	CHECK_DOUBLE(uniform_of(LEFT_END, 5, -2), 5);
	CHECK_DOUBLE(uniform_of(RIGHT_END, 5, -2), -2);
	CHECK_DOUBLE(uniform_of(MIDDLE, 5, -2), 1.5);
}

TEST(a_range_of_one_number_gives_that)
{
	bide__random_seed(&generator, test_seed());
	for (int i = 0; i < 1000; i++) {
		CHECK_DOUBLE(bide__random_uniform(&generator, 0.1, 0.1), 0.1);
		CHECK_DOUBLE(bide__random_uniform(&generator, 0, 0), 0);
	}
}

TEST(a_width_that_overflows_is_no_matter)
{
	const double max = 0x1.fffffffffffffp+1023;

	CHECK_DOUBLE(uniform_of(LEFT_END, -max, max), -max);
	CHECK_DOUBLE(uniform_of(RIGHT_END, -max, max), max);
	CHECK_DOUBLE(uniform_of(MIDDLE, -max, max), 0);
	CHECK_DOUBLE(uniform_of(MIDDLE, max, -max), 0);
	bide__random_seed(&generator, test_seed());
	for (int i = 0; i < 1000; i++)
		CHECK(isfinite(bide__random_uniform(&generator, -max, max)));
}

TEST(infinite_ends_give_infinities_and_nan_gives_nan)
{
	const double infinity = INFINITY;
	const double nan = NAN;

	CHECK_DOUBLE(uniform_of(LEFT_END, 0, infinity), infinity);
	CHECK_DOUBLE(uniform_of(MIDDLE, -infinity, 7), -infinity);
	CHECK_DOUBLE(uniform_of(MIDDLE, infinity, infinity), infinity);
	CHECK_DOUBLE(uniform_of(LEFT_END, -infinity, infinity), -infinity);
	CHECK_DOUBLE(uniform_of(RIGHT_END, -infinity, infinity), infinity);
	CHECK_DOUBLE(uniform_of(MIDDLE, nan, 1), nan);
	CHECK_DOUBLE(uniform_of(MIDDLE, 1, nan), nan);
	CHECK_DOUBLE(uniform_of(MIDDLE, nan, infinity), nan);
	CHECK_DOUBLE(uniform_of(MIDDLE, infinity, nan), nan);
}

/* Any double at all that is not NaN. */
static double any_double(void)
{
	double value;

	do {
		uint64_t bits = bide__random_next(&generator);

		memcpy(&value, &bits, sizeof value);
	} while (isnan(value));
	return value;
}

TEST(the_result_never_lies_outside)
{
	bide__random_seed(&generator, test_seed());
	for (int i = 0; i < 100000; i++) {
		double a = any_double();
		/* Neighbours too, where rounding steps over an end most easily. */
		double b = i % 2 ? any_double() : nextafter(a, INFINITY);
		double x = bide__random_uniform(&generator, a, b);

		CHECK(x >= fmin(a, b));
		CHECK(x <= fmax(a, b));
	}
}

/* The largest number below one is the likeliest to be rounded over an end. */
#define NEARLY_RIGHT_END (UINT64_C(1) << 54)

TEST(the_result_never_lies_outside_however_numbers_are_rounded)
{
	static const int modes[] = { FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
	struct bide__random ends;

	bide__random_seed(&ends, test_seed());
	for (int i = 0; i < 10000; i++) {
		double a = bide__random_uniform(&ends, -1, 1);
		/* Finer than the first, so that the width cannot be exact. */
		double b = bide__random_uniform(&ends, -0.001, 0.001);
		double x;

		CHECK_INT(fesetround(modes[i % 3]), 0);
		x = i % 2 ? uniform_of(NEARLY_RIGHT_END, a, b) : uniform_of(LEFT_END + 1, b, a);
		CHECK_INT(fesetround(FE_TONEAREST), 0);
		CHECK(x >= fmin(a, b));
		CHECK(x <= fmax(a, b));
	}
}

TEST(the_mean_and_the_spread_are_those_of_a_uniform_distribution)
{
	const int n = 100000;
	double sum = 0;
	double squares = 0;

	bide__random_seed(&generator, test_seed());
	for (int i = 0; i < n; i++) {
		double x = bide__random_uniform(&generator, 0, 10);

		sum += x;
		squares += (x - 5) * (x - 5);
	}
	/* Standard errors 0.009 and 0.024: again some nine of them. */
	CHECK(fabs(sum / n - 5) < 0.085);
	CHECK(fabs(squares / n - 100.0 / 12) < 0.22);
}
