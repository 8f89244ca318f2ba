/* SPDX-License-Identifier: MIT */
/* Makes system calls of this thread fail, and operations given to io_uring, the k-th point that can
 * fail, each by each of the errors that the manual has for it: see calls.c. */
#ifndef SWEEP_CALLS_H
#define SWEEP_CALLS_H

#include <stdbool.h>

/* What was made to fail. */
struct calls_fault {
	const char *call; /* NULL: nothing */
	int error;        /* a positive errno value */
	bool unnoticed; /* the library knows what to do about it, and its caller notices nothing */
};

/* To be called before the others, once. False when this system has no filters for calls. */
bool calls_watch(void);

/* Counts points from here on, and makes the one with this number (from 1) fail; 0: none. */
void calls_arm(long k);

/* Stops counting; returns how many points there were. */
long calls_disarm(void);

/* Calls between the two are not counted: what a scenario itself sets up. They may be nested. */
void calls_pause(void);
void calls_resume(void);

/* What has been made to fail since calls_arm(). */
const struct calls_fault *calls_struck(void);

/* ---- between calls.c and calls_ring.c ------------------------------------------------------- */

/* A kind of call with its errors, each list ending with a 0. */
struct calls_kind {
	int number;
	const char *name;
	int unnoticed[6];
	int told[8];
};

/* Counts the points of a call. The error that it is to fail with, or 0. */
int calls_next(const struct calls_kind *kind);

/* Does io_uring_enter(2), some of whose operations may be made to fail. */
long calls_enter_ring(const long *args);

#endif
