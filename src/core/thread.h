/* SPDX-License-Identifier: MIT */
/* thread.h: jobs: calls that a task makes in a thread of the pool, and waits for. */
#ifndef BIDE_CORE_THREAD_H
#define BIDE_CORE_THREAD_H

#include "core/loop.h"
#include "core/workers.h"

struct bide__locals;

/* A call in a thread. Its arguments, and then its result, are in the job's own memory: the loop's,
 * or malloc's for one that may be left to itself. While it runs nobody but its thread touches it
 * but for `asked`, `word` and `fate`. */
struct bide__job {
	struct bide__work work;
	struct bide__mail mail;
	const bide__function *fn;
	bide_loop *loop;
	struct bide__task *task;           /* that waits for it */
	const struct bide__locals *locals; /* of that task */
	int asked;     /* atomic: the code of the cancellation by which it is to stop, or 0 */
	uint32_t word; /* atomic: on which its thread is blocked: see block.h */
	int error;     /* what it failed with */
	uint8_t fate;  /* atomic: see thread.c */
	bool abandon;  /* it may be left to itself */
	bool negative_results; /* an option of the loop */
	bool left;             /* it has been */
	_Alignas(BIDE__ALIGN_MAX) unsigned char data[];
};

/* The job that this thread runs, or NULL. */
extern _Thread_local struct bide__job *bide__job __attribute__((tls_model("initial-exec")));

/* Calls a function in a thread and waits for it; as bide_try_to_thread(). */
int bide__to_thread(const bide_thread_options *options, const bide__function *fn, const void *args,
                    void *ret);

/* The loop is closed. */
void bide__thread_finish(bide_loop *loop);

/* In the child of a fork there are no threads, and the loop, or NULL, has none in use. */
void bide__thread_in_child(bide_loop *loop);

#endif
