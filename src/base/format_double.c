// SPDX-License-Identifier: MIT
/* The shortest decimal that reads back as the same double, laid out as Python's repr prints it.
 *
 * The free-format algorithm of Robert Burger and Kent Dybvig ("Printing Floating-Point Numbers
 * Quickly and Accurately", PLDI 1996), with exact integers: digits are produced from the left until
 * what has been written lies within the interval of reals that round to the value. That interval is
 * lopsided at powers of two, and closed where the significand is even, because a reader rounds ties
 * to even. Of two shortest candidates the nearer is taken, of two equally near the even one.
 *
 * Nothing here calls libc's formatting, so no locale has a say; nothing allocates. */
#include "bide/base.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	FRACTION_BITS = 52,
	MIN_EXPONENT = -1074, /* Of the last bit, in subnormal and the smallest normal numbers. */
	MAX_DIGITS = 17,      /* That many always suffice. */
	MAX_WORDS = 40,       /* 1280 bits; 10 * 2^1075, shifted by up to 31, is the most needed. */
};

/* A natural number, least significant word first, without leading zero words. */
struct natural {
	int used;                 /* Words in use; 0 for the number 0. */
	uint32_t word[MAX_WORDS]; /* The others are not initialised. */
};

/* The state of the conversion. With the digits so far taken off, and all scaled alike, the value is
 * rest / scale; numbers down to low / scale below it and up to high / scale above it read back as
 * the same. */
struct conversion {
	struct natural rest;
	struct natural scale;
	struct natural low;
	struct natural high;
	bool closed; /* The ends of the interval belong to it. */
};

/* Decimal digits, none of them leading or trailing zeros, and the point's place: the value is
 * 0.DIGITS times ten to the point. */
struct decimal {
	int count;
	int point;
	char digit[MAX_DIGITS];
};

static void set(struct natural *n, uint64_t value)
{
	n->word[0] = (uint32_t)value;
	n->word[1] = (uint32_t)(value >> 32);
	n->used = n->word[1] ? 2 : n->word[0] ? 1 : 0;
}

static void multiply(struct natural *n, uint32_t factor)
{
	uint64_t carry = 0;

	for (int i = 0; i < n->used; i++) {
		carry += (uint64_t)n->word[i] * factor;
		n->word[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry) {
		assert(n->used < MAX_WORDS);
		n->word[n->used++] = (uint32_t)carry;
	}
}

static void shift_left(struct natural *n, int bits)
{
	int words = bits / 32;

	if (n->used == 0)
		return;
	multiply(n, UINT32_C(1) << bits % 32);
	assert(n->used + words <= MAX_WORDS);
	memmove(n->word + words, n->word, (size_t)n->used * sizeof n->word[0]);
	memset(n->word, 0, (size_t)words * sizeof n->word[0]);
	n->used += words;
}

static void multiply_power_of_ten(struct natural *n, int power)
{
	const uint32_t five_to_13 = 1220703125;

	for (int left = power; left > 0; left -= 13) {
		uint32_t factor = left >= 13 ? five_to_13 : 1;

		for (int i = left; i > 0 && left < 13; i--)
			factor *= 5;
		multiply(n, factor);
	}
	shift_left(n, power);
}

static uint32_t word_at(const struct natural *n, int i)
{
	return i < n->used ? n->word[i] : 0;
}

/* The sign of a + b - c. */
static int compare_sum(const struct natural *a, const struct natural *b, const struct natural *c)
{
	int words = a->used > b->used ? a->used : b->used;
	int64_t difference = 0;

	/* From the top, difference is what remains, in units of the word at hand. It soon becomes
	 * too large for the words below to matter: they add up to less than 2 and more than -1. */
	for (int i = words > c->used ? words : c->used; i-- > 0;) {
		difference = difference * (INT64_C(1) << 32) + word_at(a, i) + word_at(b, i) -
		             word_at(c, i);
		if (difference >= 1 || difference <= -2)
			break;
	}
	return (difference > 0) - (difference < 0);
}

static int compare(const struct natural *a, const struct natural *b)
{
	static const struct natural zero = { .used = 0 };

	return compare_sum(a, &zero, b);
}

/* Subtracts factor * b, which must not be more than a. */
static void subtract_multiple(struct natural *a, const struct natural *b, uint32_t factor)
{
	uint64_t product = 0;
	uint64_t borrow = 0;

	for (int i = 0; i < a->used; i++) {
		uint64_t difference;

		product += (uint64_t)word_at(b, i) * factor;
		difference = (uint64_t)a->word[i] - (uint32_t)product - borrow;
		a->word[i] = (uint32_t)difference;
		borrow = difference >> 63;
		product >>= 32;
	}
	assert(product == 0 && borrow == 0);
	while (a->used > 0 && a->word[a->used - 1] == 0)
		a->used--;
}

/* Takes the next digit off the rest. The scale's top word lies in [2^27, 2^28), so ten times it
 * fits a word and the quotient of the top words is right or one too small. */
static int next_digit(struct conversion *c)
{
	int top = c->scale.used - 1;
	uint32_t digit = word_at(&c->rest, top) / (c->scale.word[top] + 1);

	assert(c->rest.used <= c->scale.used);
	subtract_multiple(&c->rest, &c->scale, digit);
	if (compare(&c->rest, &c->scale) >= 0) {
		subtract_multiple(&c->rest, &c->scale, 1);
		digit++;
	}
	assert(digit <= 9);
	return (int)digit;
}

static void multiply_by_ten(struct conversion *c)
{
	multiply(&c->rest, 10);
	multiply(&c->low, 10);
	multiply(&c->high, 10);
}

static bool low_reached(const struct conversion *c)
{
	int sign = compare(&c->rest, &c->low);

	return sign < 0 || (sign == 0 && c->closed);
}

static bool high_reached(const struct conversion *c)
{
	int sign = compare_sum(&c->rest, &c->high, &c->scale);

	return sign > 0 || (sign == 0 && c->closed);
}

/* Brings the scale's top word into the range that next_digit wants. */
static void normalise(struct conversion *c)
{
	int bits = (__builtin_clz(c->scale.word[c->scale.used - 1]) + 28) % 32;

	shift_left(&c->rest, bits);
	shift_left(&c->scale, bits);
	shift_left(&c->low, bits);
	shift_left(&c->high, bits);
}

/* Sets the fraction and its interval up for significand * 2^exponent, twice over, so that half a
 * unit of the significand is a natural number. Below a power of two the gap is half as wide, but
 * for the smallest normal number, whose neighbour is subnormal. */
static void begin(struct conversion *c, uint64_t significand, int exponent)
{
	bool lopsided = significand == UINT64_C(1) << FRACTION_BITS && exponent > MIN_EXPONENT;
	int extra = lopsided ? 2 : 1;

	set(&c->rest, significand);
	set(&c->scale, 1);
	set(&c->low, 1);
	set(&c->high, 1);
	shift_left(&c->rest, extra + (exponent > 0 ? exponent : 0));
	shift_left(&c->scale, extra + (exponent < 0 ? -exponent : 0));
	shift_left(&c->low, exponent > 0 ? exponent : 0);
	shift_left(&c->high, extra - 1 + (exponent > 0 ? exponent : 0));
	c->closed = significand % 2 == 0;
}

/* Divides by the power of ten that leaves one digit before the point, and returns where the point
 * of the whole number is. The estimate by the highest bit's logarithm is right or one too low. */
static int scale_to_first_digit(struct conversion *c, uint64_t significand, int exponent)
{
	int log2 = exponent + 63 - __builtin_clzll(significand);
	int point =
		(log2 >= 0 ? log2 * 315653 / 1048576 : -((-log2 * 315653 + 1048575) / 1048576)) + 1;

	if (point >= 0) {
		multiply_power_of_ten(&c->scale, point);
	} else {
		multiply_power_of_ten(&c->rest, -point);
		multiply_power_of_ten(&c->low, -point);
		multiply_power_of_ten(&c->high, -point);
	}
	if (high_reached(c))
		point++;
	else
		multiply_by_ten(c);
	normalise(c);
	return point;
}

/* Whether the last digit is to be raised, when the digits may end here. */
static bool rounds_up(const struct conversion *c, bool low, bool high, int digit)
{
	int sign;

	if (!low || !high)
		return high;
	sign = compare_sum(&c->rest, &c->rest, &c->scale);
	return sign > 0 || (sign == 0 && digit % 2 == 1);
}

static void shortest_digits(uint64_t significand, int exponent, struct decimal *ret_decimal)
{
	struct conversion c;
	bool low, high;
	int digit;

	begin(&c, significand, exponent);
	ret_decimal->point = scale_to_first_digit(&c, significand, exponent);
	ret_decimal->count = 0;
	for (;;) {
		digit = next_digit(&c);
		low = low_reached(&c);
		high = high_reached(&c);
		if (low || high)
			break;
		assert(ret_decimal->count < MAX_DIGITS - 1);
		ret_decimal->digit[ret_decimal->count++] = (char)('0' + digit);
		multiply_by_ten(&c);
	}
	digit += rounds_up(&c, low, high, digit);
	/* Ten would mean that the digit before it, raised, was within reach too. */
	assert(digit >= 1 && digit <= 9);
	ret_decimal->digit[ret_decimal->count++] = (char)('0' + digit);
}

static char *put_zeros(char *to, int count)
{
	for (int i = 0; i < count; i++)
		*to++ = '0';
	return to;
}

static char *put_digits(char *to, const struct decimal *d, int from, int end)
{
	for (int i = from; i < end; i++)
		*to++ = i < d->count ? d->digit[i] : '0';
	return to;
}

/* 0.00012, 12.5, 1200.0 */
static char *put_plain(char *to, const struct decimal *d)
{
	int whole = d->point > 0 ? d->point : 0;

	if (whole == 0)
		*to++ = '0';
	to = put_digits(to, d, 0, whole);
	*to++ = '.';
	to = put_zeros(to, whole - d->point);
	return put_digits(to, d, whole, d->count > whole ? d->count : whole + 1);
}

/* 1e-05, 1.25e+300: at least two digits of exponent, and no point before it without need. */
static char *put_scientific(char *to, const struct decimal *d)
{
	int exponent = d->point - 1;
	int size = exponent < 0 ? -exponent : exponent;

	to = put_digits(to, d, 0, 1);
	if (d->count > 1) {
		*to++ = '.';
		to = put_digits(to, d, 1, d->count);
	}
	*to++ = 'e';
	*to++ = exponent < 0 ? '-' : '+';
	if (size >= 100)
		*to++ = (char)('0' + size / 100);
	*to++ = (char)('0' + size / 10 % 10);
	*to++ = (char)('0' + size % 10);
	return to;
}

static char *put_finite(char *to, uint64_t fraction, int biased_exponent)
{
	struct decimal d;

	if (biased_exponent == 0 && fraction == 0)
		return strcpy(to, "0.0") + 3;
	if (biased_exponent == 0)
		shortest_digits(fraction, MIN_EXPONENT, &d);
	else
		shortest_digits(fraction | UINT64_C(1) << FRACTION_BITS,
		                biased_exponent - 1 + MIN_EXPONENT, &d);
	return d.point > -4 && d.point <= 16 ? put_plain(to, &d) : put_scientific(to, &d);
}

char *bide_format_double(double value, char *buf)
{
	char *to = buf;
	uint64_t bits, fraction;
	int biased_exponent;

	memcpy(&bits, &value, sizeof bits);
	fraction = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
	biased_exponent = (int)(bits >> FRACTION_BITS & 0x7ff);
	if (biased_exponent == 0x7ff && fraction)
		return strcpy(buf, "nan");
	if (bits >> 63)
		*to++ = '-';
	if (biased_exponent == 0x7ff)
		strcpy(to, "inf");
	else
		*put_finite(to, fraction, biased_exponent) = '\0';
	return buf;
}
