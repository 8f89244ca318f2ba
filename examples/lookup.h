/* SPDX-License-Identifier: MIT */
/* lookup.h: a small library as there are many: it is asked for something, and calls back, on a
 * thread of its own, when it has the answer. It knows nothing of bide. */
#ifndef LOOKUP_H
#define LOOKUP_H

/* Gets a negative errno value, or 0 and the number. */
typedef void lookup_done(void *arg, int error, unsigned number);

/* Looks up the number of a name, which is copied; done(arg, …) is called once, if this returns 0.
 * Returns 0, -ENAMETOOLONG, -ENOMEM or -EAGAIN. */
int lookup_start(const char *name, lookup_done *done, void *arg);

#endif
