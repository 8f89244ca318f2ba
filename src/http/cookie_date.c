// SPDX-License-Identifier: MIT
/* cookie_date.c: dates as servers have written them for cookies all along: RFC 6265bis, 5.1.1. What
 * looks like a time, a day, a month and a year is taken for it, in whatever order it comes. */
#include "http/cookies.h"

#include <string.h>
#include <strings.h>
#include <time.h>

enum { YEAR_MIN = 1601, YEAR_MAX = 9999 };

/* What has been found; -1: nothing yet. */
struct found {
	int hour, minute, second, day, month, year;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_delimiter(char c)
{
	return c == '\t' || (c >= 0x20 && c <= 0x2f) || (c >= 0x3b && c <= 0x40) ||
	       (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7e);
}

/* Takes a number off a token, if it has so many digits and no more. */
static bool take_number(struct bide__piece *token, size_t least, size_t most, int *ret_number)
{
	int number = 0;
	size_t n = 0;
	for (; n < token->size && is_digit(token->at[n]); n++) {
		if (n == most)
			return false;
		number = 10 * number + token->at[n] - '0';
	}
	if (n < least)
		return false;
	token->at += n;
	token->size -= n;
	*ret_number = number;
	return true;
}

static bool take_colon(struct bide__piece *token)
{
	if (token->size == 0 || *token->at != ':')
		return false;
	token->at++;
	token->size--;
	return true;
}

static bool is_time(struct bide__piece token, struct found *found)
{
	int hour, minute, second;
	if (!take_number(&token, 1, 2, &hour) || !take_colon(&token) ||
	    !take_number(&token, 1, 2, &minute) || !take_colon(&token) ||
	    !take_number(&token, 1, 2, &second))
		return false;
	found->hour = hour;
	found->minute = minute;
	found->second = second;
	return true;
}

static bool is_month(struct bide__piece token, int *ret_month)
{
	static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	for (int i = 0; i < 12 && token.size >= 3; i++)
		if (strncasecmp(token.at, months + 3 * (size_t)i, 3) == 0) {
			*ret_month = i;
			return true;
		}
	return false;
}

/* Each token is the first thing that it can be and that is still missing. */
static void look_at(struct bide__piece token, struct found *found)
{
	if (found->hour < 0 && is_time(token, found))
		return;
	struct bide__piece rest = token;
	if (found->day < 0 && take_number(&rest, 1, 2, &found->day))
		return;
	if (found->month < 0 && is_month(token, &found->month))
		return;
	if (found->year < 0 && take_number(&token, 2, 4, &found->year) && found->year < 100)
		found->year += found->year >= 70 ? 1900 : 2000;
}

static struct found look_for(struct bide__piece text)
{
	struct found found = { -1, -1, -1, -1, -1, -1 };
	for (size_t i = 0; i < text.size;) {
		const size_t from = i;
		while (i < text.size && !is_delimiter(text.at[i]))
			i++;
		look_at((struct bide__piece){ text.at + from, i - from }, &found);
		i++;
	}
	return found;
}

bool bide__cookie_date(struct bide__piece text, int64_t *ret_time)
{
	const struct found found = look_for(text);
	struct tm tm = { .tm_sec = found.second,
		         .tm_min = found.minute,
		         .tm_hour = found.hour,
		         .tm_mday = found.day,
		         .tm_mon = found.month,
		         .tm_year = found.year - 1900 };
	if (found.hour < 0 || found.hour > 23 || found.minute > 59 || found.second > 59 ||
	    found.day < 1 || found.month < 0 || found.year < YEAR_MIN || found.year > YEAR_MAX)
		return false;
	const int64_t seconds = timegm(&tm);
	/* There is no such day when another has been made of it. */
	if (tm.tm_mday != found.day)
		return false;
	*ret_time = seconds;
	return true;
}
