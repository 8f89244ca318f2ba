// SPDX-License-Identifier: MIT
/* date.c: see date.h. The names do not depend on a locale, as strftime's would. */
#include "http/date.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* 0000-01-01 00:00:00 and 9999-12-31 23:59:59. */
static const time_t earliest = -62167219200, latest = 253402300799;

const char *bide__http_date_format(time_t time, char *buf)
{
	struct tm tm;
	if (time < earliest)
		time = earliest;
	if (time > latest)
		time = latest;
	(void)gmtime_r(&time, &tm);
	snprintf(buf, BIDE__HTTP_DATE_SIZE, "%s, %02u %s %04u %02u:%02u:%02u GMT", days[tm.tm_wday],
	         (unsigned)tm.tm_mday % 100u, months[tm.tm_mon],
	         (unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)tm.tm_hour % 100u,
	         (unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u);
	return buf;
}

static int month_of(const char *name)
{
	for (int i = 0; i < 12; i++)
		if (strcmp(months[i], name) == 0)
			return i;
	return -1;
}

/* Of a year of two digits the century is the one that puts it at most 50 years ahead. */
static int year_of(int year)
{
	struct tm now;
	const time_t today = time(NULL);
	(void)gmtime_r(&today, &now);
	const int this_year = now.tm_year + 1900;
	year += this_year / 100 * 100;
	return year > this_year + 50 ? year - 100 : year;
}

/* Takes a text apart by one of the forms. */
static int scan(const char *text, struct tm *tm, char *month)
{
	int end = 0, year;
	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &tm->tm_mday, month,
	           &year, &tm->tm_hour, &tm->tm_min, &tm->tm_sec, &end) == 6 &&
	    end > 0 && text[end] == '\0') {
		tm->tm_year = year;
		return 0;
	}
	if (sscanf(text, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", &tm->tm_mday, month,
	           &year, &tm->tm_hour, &tm->tm_min, &tm->tm_sec, &end) == 6 &&
	    end > 0 && text[end] == '\0') {
		tm->tm_year = year_of(year);
		return 0;
	}
	if (sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month, &tm->tm_mday,
	           &tm->tm_hour, &tm->tm_min, &tm->tm_sec, &tm->tm_year, &end) == 6 &&
	    end > 0 && text[end] == '\0')
		return 0;
	return -EINVAL;
}

static bool is_within(int value, int least, int most)
{
	return value >= least && value <= most;
}

int bide__http_date_parse(const char *text, time_t *ret_time)
{
	struct tm tm = { .tm_isdst = 0 };
	char month[4];
	if (scan(text, &tm, month) < 0)
		return -EINVAL;
	tm.tm_mon = month_of(month);
	if (tm.tm_mon < 0 || !is_within(tm.tm_mday, 1, 31) || !is_within(tm.tm_hour, 0, 23) ||
	    !is_within(tm.tm_min, 0, 59) || !is_within(tm.tm_sec, 0, 60) || tm.tm_year < 0)
		return -EINVAL;
	tm.tm_year -= 1900;
	*ret_time = timegm(&tm);
	return 0;
}
