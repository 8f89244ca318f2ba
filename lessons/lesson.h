/* SPDX-License-Identifier: MIT */
/* lesson.h: what the lesson's programs share and the lesson is not about: reading arguments,
 * printing as Python does, ending. It knows nothing of tasks.
 *
 * Arguments that a program does not take end it with one line on standard error and status 2. */
#ifndef LESSON_H
#define LESSON_H

#include <errno.h>
#include <stdbool.h>

/** Reads `[max_delay]`, any finite number.
 *  @return whether it was given; *ret_max_delay is untouched if not. */
bool lesson_delay(int argc, char **argv, double *ret_max_delay);

/** Reads `[n max_delay]`, n an integer not below @p least.
 *  @return whether they were given; the results are untouched if not. */
bool lesson_count_and_delay(int argc, char **argv, int least, int *ret_n, double *ret_max_delay);

/** Sees that there are no arguments. */
void lesson_nothing(int argc, char **argv);

/** Returns room for @p n numbers, to be freed by the caller; NULL when there is none. */
double *lesson_numbers(int n);

/** Prints to standard output, at once, so that lines appear when they are said.
 *  @return 0, or a negative errno value when they cannot be written. */
int lesson_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Prints a number on a line of its own as Python does: 9.034261504534394. Returns as
 *  lesson_print(). */
int lesson_print_number(double number);

/** Prints a list on a line of its own as Python does: [0.25, 1.0]. Returns as lesson_print(). */
int lesson_print_list(const double *numbers, int n);

/** Tells what went wrong with one of many things, unless that is that it was cancelled.
 *  @return @p error. */
int lesson_failed(const char *what, int error);

/** Ends a program: what main() returns. @param error 0 or what the program failed with, which is
 *  printed, unless lesson_failed() has told of it. A program that was cancelled, as bide_run does
 *  at SIGINT, dies of that signal. */
int lesson_end(int error);

#endif
