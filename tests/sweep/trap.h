/* SPDX-License-Identifier: MIT */
/* Stands between this thread and the kernel: system calls are handed to a function, whoever makes
 * them, libc, liburing or an instruction of one's own. See trap.c. */
#ifndef SWEEP_TRAP_H
#define SWEEP_TRAP_H

#include <stdbool.h>

/* Does a call, or does not; returns what the kernel would: a result or a negative errno value. Runs
 * in a signal handler. */
typedef long (*trap_fn)(long number, const long *args);

/* Hands calls with these numbers to fn from here on, for good. False when this system has no such
 * filters. */
bool trap_calls(const int *numbers, int n, trap_fn fn);

/* Does a call, past the trap. */
long trap_pass(long number, const long *args);

#endif
