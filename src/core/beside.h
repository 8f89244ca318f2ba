/* SPDX-License-Identifier: MIT */
/* beside.h: what libbide has for the libraries that are built beside it, as libbide-net, and for
 * nobody else: they are of the same version, so this may change. The rest of what they need they
 * get from the public headers, as any program does. */
#ifndef BIDE_CORE_BESIDE_H
#define BIDE_CORE_BESIDE_H

#include "base/alloc.h"

#include <bide/debug.h>
#include <bide/stream.h>

struct bide__task;

/* What a suspended task waits in: one constant for each suspending call. */
struct bide__wait {
	const char *name; /* of the public call, for messages; the inspection descriptor relies on
	                   * its being first */
	/* A cancellation has come: takes the task off what it waits on, so that it can be woken.
	 * NULL for a wait that lasts to its end all the same. */
	void (*cut)(bide_loop *loop, struct bide__task *task);
	/* A wait that lasts to its end: hands the cancellation on to what it waits for. */
	void (*pass_on)(bide_loop *loop, struct bide__task *task);
};

/* How a suspending call begins that is made of others: aborts where it must not be made. @p call
 * has a name only. Returns 0, or the cancellation when one is in force. */
BIDE_API int bide__begin_call(const struct bide__wait *call);

/* Whether all that had come when a stream was last read has been read, as far as that is known
 * without a system call. */
BIDE_API bool bide__stream_is_drained(const bide_stream *stream);

/* Prints "bide: CALL: in task 'NAME' (#SLOT): SENTENCE" and aborts. */
BIDE_API _Noreturn void bide__abort(const char *call, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Sends a report about a task, or about none. */
BIDE_API void bide__report(enum bide_report_kind kind, int error, const char *task,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Returns the error with which the running task has called bide_fail(), and takes that back; 0 if
 * it has not. */
BIDE_API int bide__take_failure(void);

#endif
