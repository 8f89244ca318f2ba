// SPDX-License-Identifier: MIT
/* lesson.c: see lesson.h. */
#include "lesson.h"

#include <bide.h>

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE = 2 };

/* ---- arguments ---------------------------------------------------------------------------- */

__attribute__((noreturn)) static void refuse(const char *synopsis)
{
	fprintf(stderr, "usage: %s%s\n", program_invocation_short_name, synopsis);
	exit(USAGE);
}

/* Whether the text has no other characters: strtod() and strtol() would skip blanks, and read
 * hexadecimal, infinities and what is not a number. */
static bool made_of(const char *text, const char *characters)
{
	return *text != '\0' && text[strspn(text, characters)] == '\0';
}

static bool read_delay(const char *text, double *ret_number)
{
	char *end;
	double number = strtod(text, &end);

	if (!made_of(text, "0123456789+-.eE") || *end != '\0' || !isfinite(number))
		return false;
	*ret_number = number;
	return true;
}

static bool read_count(const char *text, int least, int *ret_count)
{
	char *end;
	long count;

	errno = 0;
	count = strtol(text, &end, 10);
	if (!made_of(text, "0123456789+-") || *end != '\0' || errno != 0 || count < least ||
	    count > INT_MAX)
		return false;
	*ret_count = (int)count;
	return true;
}

bool lesson_delay(int argc, char **argv, double *ret_max_delay)
{
	if (argc <= 1)
		return false;
	if (argc != 2 || !read_delay(argv[1], ret_max_delay))
		refuse(" [max_delay], a number");
	return true;
}

bool lesson_count_and_delay(int argc, char **argv, int least, int *ret_n, double *ret_max_delay)
{
	if (argc <= 1)
		return false;
	if (argc != 3 || !read_count(argv[1], least, ret_n) || !read_delay(argv[2], ret_max_delay))
		refuse(least == 0 ? " [n max_delay], an integer from 0 on and a number"
		                  : " [n max_delay], an integer from 1 on and a number");
	return true;
}

void lesson_nothing(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		refuse(", without arguments");
}

/* ---- results ------------------------------------------------------------------------------ */

double *lesson_numbers(int n)
{
	/* One more, as room for none may be NULL. */
	return calloc((size_t)n + 1, sizeof(double));
}

static int flushed(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return errno != 0 ? -errno : -EIO;
}

int lesson_print(const char *format, ...)
{
	va_list arguments;

	errno = 0;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	return flushed();
}

int lesson_print_number(double number)
{
	return lesson_print("%s\n", bide_format_double(number, (char[BIDE_DOUBLE_MAX]){ 0 }));
}

int lesson_print_list(const double *numbers, int n)
{
	char text[BIDE_DOUBLE_MAX];

	errno = 0;
	putchar('[');
	for (int i = 0; i < n; i++)
		printf("%s%s", i == 0 ? "" : ", ", bide_format_double(numbers[i], text));
	puts("]");
	return flushed();
}

static bool told; /* what went wrong */

int lesson_failed(const char *what, int error)
{
	if (error != -ECANCELED) {
		fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
		        bide_strerror(error));
		told = true;
	}
	return error;
}

int lesson_end(int error)
{
	if (error == 0)
		return EXIT_SUCCESS;
	if (error == -ECANCELED) {
		signal(SIGINT, SIG_DFL);
		raise(SIGINT);
	}
	if (!told)
		fprintf(stderr, "%s: %s\n", program_invocation_short_name, bide_strerror(error));
	return EXIT_FAILURE;
}
