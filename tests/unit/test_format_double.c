// SPDX-License-Identifier: MIT
/* The shortest decimal that reads back the same, as Python's repr writes it. */
#include "harness/test.h"

#include "base/random.h"
#include "bide/base.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct example {
	double value;
	const char *text;
};

static const struct example plain[] = {
	{ 0.0, "0.0" },
	{ -0.0, "-0.0" },
	{ 1.0, "1.0" },
	{ -1.5, "-1.5" },
	{ 0.1, "0.1" },
	{ 0.1 + 0.2, "0.30000000000000004" },
	{ 1.0 / 3, "0.3333333333333333" },
	{ 2.0 / 3, "0.6666666666666666" },
	{ 100.0, "100.0" },
	{ 123456789.0, "123456789.0" },
	{ 9.034261504534394, "9.034261504534394" },
	{ 1.759705400466919, "1.759705400466919" },
	{ 0.9693881173832269, "0.9693881173832269" },
	{ 0.0001, "0.0001" },
	{ 0.00012345678901234567, "0.00012345678901234567" },
	{ 1e15, "1000000000000000.0" },
	{ 9999999999999998.0, "9999999999999998.0" },
	{ 2251799813685249.5, "2251799813685249.5" },
};

static const struct example scientific[] = {
	{ 1e16, "1e+16" },
	{ 1.5e16, "1.5e+16" },
	{ 12345678901234567.0, "1.2345678901234568e+16" },
	{ 1e-5, "1e-05" },
	{ 0.00001234, "1.234e-05" },
	{ -1e-5, "-1e-05" },
	{ 1e22, "1e+22" },
	{ 1e23, "1e+23" },
	{ 1e100, "1e+100" },
	{ 1e-100, "1e-100" },
	{ 6.02214076e23, "6.02214076e+23" },
	{ 5e-324, "5e-324" },
	{ -5e-324, "-5e-324" },
	{ 1e-323, "1e-323" },
	{ 1.5e-323, "1.5e-323" },
	{ 2.2250738585072014e-308, "2.2250738585072014e-308" },
	{ 2.225073858507201e-308, "2.225073858507201e-308" },
	{ 1.7976931348623157e308, "1.7976931348623157e+308" },
	{ -1.7976931348623157e308, "-1.7976931348623157e+308" },
};

/* Powers of two, whose neighbour below is nearer than the one above: the shortest text that reads
 * back is not always the value correctly rounded to that many digits. Others where ties matter. */
static const struct example difficult[] = {
	{ 0x1p-44, "5.684341886080802e-14" },
	{ 0x1p-1022, "2.2250738585072014e-308" },
	{ 0x1p-24, "5.960464477539063e-08" },
	{ 0x1p-77, "6.617444900424222e-24" },
	{ 0x1p+63, "9.223372036854776e+18" },
	{ 0x1p+89, "6.189700196426902e+26" },
	{ 0x1p+1023, "8.98846567431158e+307" },
	{ 9007199254740993.0, "9007199254740992.0" },
	{ 9007199254740994.0, "9007199254740994.0" },
	{ 2.0 * 9007199254740993.0, "1.8014398509481984e+16" },
	{ 9.5e-322, "9.5e-322" },
	{ 4.35, "4.35" },
	{ 2.98023223876953125e-8, "2.9802322387695312e-08" },
	{ 1.4411518807585587e17, "1.4411518807585587e+17" },
};

static void check_examples(const struct example *examples, size_t count)
{
	char buf[BIDE_DOUBLE_MAX];

	for (size_t i = 0; i < count; i++)
		EXPECT_STR(bide_format_double(examples[i].value, buf), examples[i].text);
}

#define CHECK_EXAMPLES(examples) check_examples(examples, sizeof examples / sizeof examples[0])

TEST(numbers_of_usual_size_are_written_plainly)
{
	CHECK_EXAMPLES(plain);
}

TEST(large_and_small_numbers_have_an_exponent)
{
	CHECK_EXAMPLES(scientific);
}

TEST(the_shortest_is_found_where_rounding_does_not_find_it)
{
	CHECK_EXAMPLES(difficult);
}

TEST(what_is_not_a_number_has_a_name)
{
	char buf[BIDE_DOUBLE_MAX];

	CHECK_STR(bide_format_double((double)INFINITY, buf), "inf");
	CHECK_STR(bide_format_double(-(double)INFINITY, buf), "-inf");
	CHECK_STR(bide_format_double((double)NAN, buf), "nan");
	CHECK_STR(bide_format_double(-(double)NAN, buf), "nan");
}

TEST(the_buffer_is_returned_and_not_overrun)
{
	char buf[BIDE_DOUBLE_MAX + 8];
	char untouched[8];

	memset(buf, '#', sizeof buf);
	memset(untouched, '#', sizeof untouched);
	CHECK_PTR(bide_format_double(-2.2250738585072014e-308, buf), buf);
	CHECK_STR(buf, "-2.2250738585072014e-308");
	CHECK_MEM(buf + BIDE_DOUBLE_MAX, untouched, sizeof untouched);
}

/* ---- Properties, against libc's exact conversions ------------------------------------------- */

/* The significant digits of a text, without leading and trailing zeros; returns how many. */
static int significant_digits(const char *text, char *ret_digits)
{
	int count = 0;

	for (; *text && *text != 'e'; text++)
		if (isdigit((unsigned char)*text) && (*text != '0' || count > 0))
			ret_digits[count++] = *text;
	while (count > 0 && ret_digits[count - 1] == '0')
		count--;
	ret_digits[count] = '\0';
	return count;
}

static bool reads_back(const char *text, double value)
{
	double read = strtod(text, NULL);

	return memcmp(&read, &value, sizeof value) == 0;
}

/* Adds one in the last place of a text as "%.*e" writes it; false where that would carry too far to
 * be written the same way. */
static bool step(char *text, int by)
{
	char *last = strchr(text, 'e') - 1;

	for (; last >= text; last--) {
		if (*last == '.')
			continue;
		if (!isdigit((unsigned char)*last))
			return false;
		*last = (char)(*last + by);
		if (*last >= '0' && *last <= '9')
			return true;
		*last = by > 0 ? '0' : '9';
	}
	return false;
}

/* Whether a number has a text of so many digits that reads back: if one has, it is the correctly
 * rounded one or a neighbour of that. */
static bool has_text_of(int digits, double value)
{
	char text[64];

	snprintf(text, sizeof text, "%.*e", digits - 1, value);
	if (reads_back(text, value))
		return true;
	if (step(text, 1) && reads_back(text, value))
		return true;
	snprintf(text, sizeof text, "%.*e", digits - 1, value);
	return step(text, -1) && reads_back(text, value);
}

/* Round trip; no shorter text would do; and of those as short it is the nearest: where the value
 * correctly rounded to that many digits reads back, it is that. Not for zero. */
static bool is_right(double value)
{
	char text[BIDE_DOUBLE_MAX], digits[BIDE_DOUBLE_MAX];
	char rounded[64], rounded_digits[64];
	int count;

	bide_format_double(value, text);
	count = significant_digits(text, digits);
	if (!reads_back(text, value) || count < 1 || count > DBL_DECIMAL_DIG) {
		FAIL("%a does not read back from %s", value, text);
		return false;
	}
	if (count > 1 && has_text_of(count - 1, value)) {
		FAIL("%a has a shorter text than %s", value, text);
		return false;
	}
	snprintf(rounded, sizeof rounded, "%.*e", count - 1, value);
	significant_digits(rounded, rounded_digits);
	if (reads_back(rounded, value) && strcmp(digits, rounded_digits) != 0) {
		FAIL("%a: %s is nearer than %s", value, rounded, text);
		return false;
	}
	return true;
}

static double from_bits(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof value);
	return value;
}

TEST(random_bit_patterns_are_written_right)
{
	struct bide__random random;

	TEST_TIMEOUT(120);
	bide__random_seed(&random, test_seed());
	for (int i = 0; i < 200000; i++) {
		double value = from_bits(bide__random_next(&random));

		if (isfinite(value) && value != 0)
			CHECK(is_right(value));
	}
}

TEST(powers_of_two_and_their_neighbours_are_written_right)
{
	for (uint64_t exponent = 0; exponent < 0x7ff; exponent++) {
		for (uint64_t fraction = 0; fraction < 3; fraction++) {
			double value = from_bits(exponent << 52 | fraction);
			double below = nextafter(value, 0);

			if (value != 0)
				CHECK(is_right(value));
			if (below != 0)
				CHECK(is_right(below));
		}
	}
	for (int bit = 0; bit < 52; bit++)
		CHECK(is_right(from_bits(UINT64_C(1) << bit)));
}

TEST(short_decimals_come_back_as_they_were)
{
	struct bide__random random;
	char text[64];
	char buf[BIDE_DOUBLE_MAX];

	bide__random_seed(&random, test_seed());
	for (int i = 0; i < 100000; i++) {
		unsigned whole = (unsigned)bide__random_below(&random, 1000000);
		unsigned part = (unsigned)bide__random_below(&random, 100000) * 10 + 1;

		/* Twelve digits, the last not 0, so that this is the one way to write it. */
		snprintf(text, sizeof text, "%u.%06u", whole, part);
		if (whole > 0)
			CHECK_STR(bide_format_double(strtod(text, NULL), buf), text);
	}
}
