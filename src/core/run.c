// SPDX-License-Identifier: MIT
/* run.c: opening, running and closing a loop. */
#include "core/run.h"

#include "base/alloc.h"
#include "core/await.h"
#include "core/backend.h"
#include "core/cancel.h"
#include "core/cores.h"
#include "core/fault.h"
#include "core/fork.h"
#include "core/interrupt.h"
#include "core/loops.h"
#include "core/message.h"
#include "core/remote.h"
#include "core/signals.h"
#include "core/switch.h"
#include "core/thread.h"
#include "core/time.h"
#include "core/wake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EXIT_PATIENCE = 5 }; /* seconds until tasks that do not end are reported */

/* ---- opening ------------------------------------------------------------------------------ */

/* Looks up what a variable of the environment says: its place among the words, 0 when it is not set
 * or empty, -EINVAL when it is none of them. */
static int env_choice(const char *name, const char *const *words)
{
	const char *text = getenv(name);
	if (text == NULL || *text == '\0')
		return 0;
	for (int i = 1; words[i] != NULL; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	bide__report(BIDE_REPORT_FAILURE, -EINVAL, NULL, "$%s means nothing: '%s'", name, text);
	return -EINVAL;
}

static int choose_backend(bide_loop *loop)
{
	bide_options *options = &loop->options;
	static const char *const names[] = { "", "io_uring", "epoll", "virtual", NULL };
	int choice = env_choice("BIDE_BACKEND", names);
	if (options->backend == BIDE_BACKEND_AUTO && choice < 0)
		return choice;
	if (options->backend == BIDE_BACKEND_AUTO)
		options->backend = (enum bide_backend)choice;
	if ((unsigned)options->backend > BIDE_BACKEND_VIRTUAL)
		return -EINVAL;
	loop->backend = options->backend == BIDE_BACKEND_VIRTUAL ? &bide__backend_virtual
	                                                         : &bide__backend_idle;
	/* One asked for by name is opened at once, so that the caller learns whether he has it. */
	return options->backend == BIDE_BACKEND_IO_URING ? bide__ring_open(loop) : 0;
}

/* Under the sanitizers and Valgrind light tasks have stacks of their own: what they watch is told
 * of stacks, not of frames that come and go. */
static int choose_light(bide_loop *loop)
{
	if ((unsigned)loop->options.light > BIDE_LIGHT_EVICT)
		return -EINVAL;
	static const char *const names[] = { "", "shared", "strict", "evict", NULL };
	int choice = env_choice("BIDE_LIGHT", names);
	loop->light = loop->options.light;
	if (loop->light == BIDE_LIGHT_AUTO && choice < 0)
		return choice;
	if (loop->light == BIDE_LIGHT_AUTO)
		loop->light = (enum bide_light)choice;
	if (loop->light == BIDE_LIGHT_AUTO)
		loop->light = loop->debug ? BIDE_LIGHT_STRICT : BIDE_LIGHT_SHARED;
	if (BIDE__BLOCKS_BY_MALLOC)
		loop->light = BIDE_LIGHT_STRICT;
	return 0;
}

static int set_options(bide_loop *loop, const bide_options *options)
{
	if (options != NULL)
		loop->options = *options;
	if (loop->options.stack_size == 0)
		loop->options.stack_size = BIDE__STACK_DEFAULT;
	if (loop->options.stack_size > BIDE__STACK_MAX)
		return -EINVAL;
	const char *debug = getenv("BIDE_DEBUG");
	loop->debug = loop->options.debug || (debug != NULL && strcmp(debug, "1") == 0);
	int rc = choose_light(loop);
	loop->stepwise = loop->debug || loop->light != BIDE_LIGHT_SHARED || BIDE__BLOCKS_BY_MALLOC;
	bide__random_seed(&loop->random, loop->options.seed);
	if (loop->options.seed != 0)
		bide_seed(loop->options.seed);
	else if (loop->options.shuffle)
		bide__random_seed_os(&loop->random);
	return rc < 0 ? rc : choose_backend(loop);
}

/* A call that was asked for by bide_loop_on_close(). */
struct bide__close_call {
	struct bide__close_call *next;
	bide_callback *fn;
	void *arg;
};

/* Aborts unless a loop is this thread's. */
static void check_thread(const char *call, const bide_loop *loop)
{
	if (loop != bide__loop)
		bide__abort(call, "the loop belongs to thread %d; this is thread %d",
		            (int)loop->thread, (int)syscall(SYS_gettid));
}

int bide_loop_on_close(bide_loop *loop, bide_callback *fn, void *arg)
{
	check_thread("bide_loop_on_close", loop);
	struct bide__close_call *call = bide__block_new(&loop->pool, sizeof(*call));
	if (call == NULL)
		return -ENOMEM;
	*call = (struct bide__close_call){ loop->close_calls, fn, arg };
	loop->close_calls = call;
	return 0;
}

/* One of them may ask for another. */
static void make_close_calls(bide_loop *loop)
{
	for (struct bide__close_call *call; (call = loop->close_calls) != NULL;) {
		loop->close_calls = call->next;
		call->fn(call->arg);
		bide__block_free(&loop->pool, call, sizeof(*call));
	}
}

static void close_loop(bide_loop *loop)
{
	if (!loop->forked)
		make_close_calls(loop);
	/* Before the backend goes: whoever wakes the loop uses that. */
	bide__signals_finish(loop);
	bide__close_inbox(loop);
	bide__loops_remove(loop, bide__pool_finish(&loop->pool));
	loop->backend->close(loop);
	bide__ops_finish(loop);
	loop->backend = &bide__backend_idle;
	bide__stacks_finish(&loop->stacks);
	bide__timers_finish(&loop->timers);
	bide__fault_finish(loop);
	bide__thread_finish(loop);
	bide__loop = loop->outer;
	bide__alloc_note(-1);
	bide_loop_unref(loop);
}

/* The record may outlive the loop, by references of other threads, so it is malloc's. */
static int open_loop(const bide_options *options, bide_loop **ret_loop)
{
	uint32_t generation = 1;
	bide_loop *loop = bide__alloc_fails() ? NULL : calloc(1, sizeof(*loop));
	if (loop == NULL)
		return -ENOMEM;
	bide__alloc_note(1);
	bide__watch_forks();
	pthread_mutex_init(&loop->lock, NULL);
	loop->refs = 1;
	loop->thread = (pid_t)syscall(SYS_gettid);
	loop->errno_at = &errno;
	loop->cxx = bide__cxx_globals();
	loop->backend = &bide__backend_idle;
	loop->outer = bide__loop;
	int rc = bide__loops_add(loop, &generation);
	if (rc < 0) {
		pthread_mutex_destroy(&loop->lock);
		bide__alloc_note(-1);
		free(loop);
		return rc;
	}
	bide__pool_init(&loop->pool, generation);
	bide__timers_init(&loop->timers);
	bide__loop = loop;
	rc = set_options(loop, options);
	if (rc == 0)
		rc = bide__fault_init(loop);
	if (rc < 0) {
		close_loop(loop);
		return rc;
	}
	loop->now_ns = bide__clock(loop);
	*ret_loop = loop;
	return 0;
}

int bide_loop_open(const bide_options *options, bide_loop **ret_loop)
{
	return bide__own_loop() != NULL ? -EBUSY : open_loop(options, ret_loop);
}

void bide_loop_close(bide_loop *loop)
{
	if (loop == NULL)
		return;
	check_thread("bide_loop_close", loop);
	if (loop->main != NULL)
		bide__abort("bide_loop_close", "the loop runs");
	close_loop(loop);
}

bide_loop *bide_current_loop(void)
{
	return bide__own_loop();
}

const char *bide_loop_backend(bide_loop *loop)
{
	if (loop->backend != &bide__backend_idle)
		return loop->backend->name;
	return loop->options.backend == BIDE_BACKEND_EPOLL || !bide__ring_built ? "epoll"
	                                                                        : "io_uring";
}

/* ---- the end of a run --------------------------------------------------------------------- */

void bide__begin_exit(bide_loop *loop)
{
	uint32_t slot = 0;
	loop->ending = true;
	if (loop->core != NULL)
		bide__core_settled(loop->core, loop->main);
	if (loop->live == 0 || loop->forked)
		return;
	for (struct bide__task *task; (task = bide__record_next(&loop->pool, &slot)) != NULL;) {
		if (task->state == BIDE__DONE)
			continue;
		task->flags |= BIDE__TASK_AT_EXIT;
		bide__cancel_task(loop, task);
	}
	loop->exit_timer.kind = BIDE__TIMER_EXIT;
	if (bide__timers_reserve(&loop->timers, loop->now_ns) == 0)
		bide__timers_arm(&loop->timers, &loop->exit_timer,
		                 bide__after(bide__clock(loop), EXIT_PATIENCE).ns);
}

void bide__report_stuck(bide_loop *loop)
{
	uint32_t slot = 0;
	for (struct bide__task *task; (task = bide__record_next(&loop->pool, &slot)) != NULL;)
		if (task->state != BIDE__DONE)
			bide__report(
				BIDE_REPORT_STUCK, 0, bide__name(task),
				"was cancelled at the end of the run and does not end; it is in %s",
				task->state == BIDE__WAITING ? task->wait->name : "its own code");
}

/* Frees what was never ended, and says so where somebody should have. */
static void sweep(bide_loop *loop)
{
	uint32_t slot = 0;
	for (struct bide__task *task; (task = bide__record_next(&loop->pool, &slot)) != NULL;) {
		if (bide__has_failed(task))
			bide__report_failure(task);
		else if (!(task->flags & (BIDE__TASK_AT_EXIT | BIDE__TASK_MAIN)))
			bide__report(BIDE_REPORT_UNENDED, 0, bide__name(task),
			             "(#%u) ended, and nobody awaited or detached it", task->slot);
		bide__free_task(loop, task);
	}
}

/* ---- running ------------------------------------------------------------------------------ */

int bide__run_begin(bide_loop *loop, const bide__function *fn, const void *args)
{
	loop->ending = loop->deadlocked = loop->interrupt_seen = false;
	loop->spawn_error = 0;
	loop->running = true;
	loop->main = bide__task_new(loop, fn, args);
	if (loop->main == NULL) {
		loop->running = false;
		return loop->spawn_error;
	}
	loop->main->flags |= BIDE__TASK_MAIN | BIDE__TASK_RETRIEVED;
	return 0;
}

int bide__run_end(bide_loop *loop, void *ret)
{
	bide__timers_disarm(&loop->timers, &loop->exit_timer);
	int error = bide__task_ended(loop->main) ? loop->main->error : -BIDE_EFORKED;
	if (error == 0 && ret != NULL)
		bide__copy_result(loop->main, ret);
	loop->main = NULL;
	if (!loop->forked)
		sweep(loop);
	loop->running = false;
	return error;
}

void bide__run_undo(bide_loop *loop)
{
	bide__end_unrun(loop, bide__queue_pop(&loop->ready));
	loop->nready--;
	(void)bide__run_end(loop, NULL);
}

static int run_main(bide_loop *loop, const bide__function *fn, const void *args, void *ret)
{
	int rc = bide__run_begin(loop, fn, args);
	if (rc < 0)
		return rc;
	bide__interrupt_begin(loop);
	bide__run_loop(loop);
	bide__interrupt_end(loop);
	return bide__run_end(loop, ret);
}

static int run_on(bide_loop *loop, const bide_options *options, const bide__function *fn,
                  const void *args, void *ret)
{
	bide_loop *own = bide__own_loop();
	if (own != NULL && own->running)
		bide__abort("bide_run", "a run inside a run: this thread's loop runs already");
	if (loop != NULL) {
		check_thread("bide_loop_run", loop);
		return own != NULL ? run_main(loop, fn, args, ret) : -BIDE_EFORKED;
	}
	if (own != NULL)
		return options != NULL ? -EBUSY : run_main(own, fn, args, ret);
	int rc = open_loop(options, &loop);
	if (rc < 0)
		return rc;
	rc = run_main(loop, fn, args, ret);
	close_loop(loop);
	return rc;
}

static int call(const struct bide__request *request, const bide__function *fn, const void *args)
{
	switch (request->how) {
	case BIDE__TO_THREAD:
		return bide__to_thread(request->options, fn, args, request->ret);
	case BIDE__TO_LOOP:
		return bide__to_loop(request->loop, fn, args, request->ret);
	case BIDE__ON_CORES:
		return bide__run_on_cores(request->cores, fn, args);
	case BIDE__HAND_OVER:
		if (bide__loop != NULL)
			bide__check_pointers(request->given[0], fn, args);
		return request->take(request, fn, args);
	default:
		return run_on(request->loop, request->options, fn, args, request->ret);
	}
}

static const char *name_of(enum bide__how how)
{
	return how == BIDE__TO_THREAD ? "bide_try_to_thread"
	       : how == BIDE__TO_LOOP ? "bide_try_to_loop"
	                              : "bide_try_run";
}

int bide__try(struct bide__request request, const bide__function *fn, const void *args)
{
	if (request.ret != NULL &&
	    (request.ret_size != fn->ret_size || request.ret_class != fn->ret_class))
		bide__abort(name_of(request.how),
		            "'%s' returns %s of %u bytes, not what ret points to, of %zu", fn->name,
		            fn->result, fn->ret_size, request.ret_size);
	return call(&request, fn, args);
}

void bide__call(enum bide__how how, const void *with, const bide__function *fn, const void *args,
                void *ret)
{
	const bool can_carry = (fn->flags & BIDE__RESULT_SIGNED) != 0;
	const struct bide__request request = { .how = how, .loop = (void *)with, .ret = ret };
	int error = call(&request, fn, args);
	if (error == 0)
		return;
	bide__store_error(error, ret, fn->ret_size, can_carry);
	/* Whoever is cancelled knows. */
	if (!can_carry && (how == BIDE__RUN || error != bide_cancelled()))
		bide__report(BIDE_REPORT_FAILURE, error, fn->name, "ended without a result: %s",
		             bide_strerror(error));
}

void bide__trim(bide_loop *loop)
{
	for (struct bide__stack_class *cls = loop->stacks.classes; cls != NULL; cls = cls->next)
		bide__stack_trim(cls);
}
