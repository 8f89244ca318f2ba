// SPDX-License-Identifier: MIT
/* fault.c: see fault.h. Sources: sigaction(2), sigaltstack(2).
 *
 * The handler runs on an alternate stack, as the task's is used up, and calls async-signal-safe
 * functions only. A fault that is not a stack's goes to the handler that was there before. */
#include "core/fault.h"

#include "base/alloc.h"
#include "core/light.h"
#include "core/message.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { SIGNALS = 2, HANDLER_STACK = 16 * 1024 }; /* beyond what the kernel needs */

static const int signals[SIGNALS] = { SIGSEGV, SIGBUS };

pthread_mutex_t bide__fault_lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
	unsigned loops; /* that want the handler */
	struct sigaction before[SIGNALS];
} installed; /* guarded by the lock */

struct bide__fault {
	stack_t before;
	char stack[];
};

/* ---- in the handler ----------------------------------------------------------------------- */

static void say_who(struct bide__text *text, const struct bide__task *task)
{
	bide__put(text, "task '");
	bide__put(text, bide__name(task));
	bide__put(text, "' (#");
	bide__put_number(text, task->slot);
	bide__put(text, "), function ");
	bide__put(text, task->fn->name);
}

static void say_overflow(struct bide__text *text, const bide_loop *loop,
                         const struct bide__task *task)
{
	bide__put(text, "bide: stack overflow in ");
	say_who(text, task);
	bide__put(text, ": its stack of ");
	bide__put_number(text, bide__stack_of(loop, task)->cls->size);
	bide__put(text, " bytes is used up\n");
}

/* Strict mode: somebody touched a stack that its owner was parked on. */
static bool say_touched(struct bide__text *text, const bide_loop *loop, const void *addr)
{
	uint32_t slot = 0;
	const struct bide__task *task;
	if (loop->light != BIDE_LIGHT_STRICT)
		return false;
	while ((task = bide__record_next(&loop->pool, &slot)) != NULL) {
		struct bide__stack *stack = bide__stack_of(loop, task);
		if (stack == NULL || task == loop->current || !(task->flags & BIDE__TASK_LIGHT) ||
		    !bide__stack_holds(stack, addr))
			continue;
		bide__put(text,
		          "bide: the stack of a light task was touched while it was parked: ");
		say_who(text, task);
		bide__put(text, ", in ");
		bide__put(text, task->wait != NULL ? task->wait->name : "its code");
		if (loop->current != NULL) {
			bide__put(text, "; by ");
			say_who(text, loop->current);
		}
		bide__put(text, "\n");
		return true;
	}
	return false;
}

/* Says what the fault was, if it is one of a stack of this thread's loop. */
static bool explain(const void *addr)
{
	char line[512], *low;
	struct bide__text text = { line, line + sizeof(line) };
	const bide_loop *loop = bide__loop;
	if (loop == NULL)
		return false;
	const struct bide__task *task = loop->current;
	if (task != NULL && bide__stack_guard_at(&loop->stacks, addr, &low) &&
	    low == bide__stack_of(loop, task)->low)
		say_overflow(&text, loop, task);
	else if (!say_touched(&text, loop, addr))
		return false;
	bide__write_all(STDERR_FILENO, line, text.at);
	return true;
}

/* The instruction faults again when the handler returns, and now kills. */
static void die_by(int signal, const siginfo_t *info)
{
	struct sigaction action;
	memset(&action, 0, sizeof(action));
	action.sa_handler = SIG_DFL;
	(void)sigaction(signal, &action, NULL);
	if (info->si_code <= 0) /* sent by somebody: it would not come again */
		(void)raise(signal);
}

/* Hands a fault on to the handler that was there before. */
static void hand_on(int signal, siginfo_t *info, void *context)
{
	const struct sigaction *before = &installed.before[signal == SIGSEGV ? 0 : 1];
	bool sent = info->si_code <= 0;
	if (before->sa_handler == SIG_DFL || (before->sa_handler == SIG_IGN && !sent))
		die_by(signal, info);
	else if (before->sa_handler == SIG_IGN)
		return;
	else if (before->sa_flags & SA_SIGINFO)
		before->sa_sigaction(signal, info, context);
	else
		before->sa_handler(signal);
}

/* The handler before may have been put in place over this one by the program, and hand on to this
 * one in turn: then there is nobody left. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
	static _Thread_local bool handing_on __attribute__((tls_model("initial-exec")));
	int saved_errno = errno;
	if (handing_on || (info->si_code > 0 && explain(info->si_addr))) {
		die_by(signal, info);
	} else {
		handing_on = true;
		hand_on(signal, info, context);
		handing_on = false;
	}
	errno = saved_errno;
}

/* ---- coming and going --------------------------------------------------------------------- */

static void install(void)
{
	struct sigaction action;
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_fault;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK;
	for (int i = 0; i < SIGNALS; i++)
		(void)sigaction(signals[i], &action, &installed.before[i]);
}

static void uninstall(void)
{
	struct sigaction now;
	for (int i = 0; i < SIGNALS; i++)
		if (sigaction(signals[i], &installed.before[i], &now) == 0 &&
		    !((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_fault))
			(void)sigaction(signals[i], &now, NULL); /* the program's own, set since */
}

static int give_stack(bide_loop *loop)
{
	size_t size = (size_t)sysconf(_SC_MINSIGSTKSZ) + HANDLER_STACK;
	struct bide__fault *fault = bide__malloc(sizeof(*fault) + size);
	if (fault == NULL)
		return -ENOMEM;
	stack_t stack = { .ss_sp = fault->stack, .ss_size = size };
	int rc = sigaltstack(&stack, &fault->before);
	if (rc == 0 && (fault->before.ss_flags & SS_DISABLE)) {
		loop->fault = fault;
		return 0;
	}
	if (rc == 0)
		(void)sigaltstack(&fault->before, NULL); /* the program has one */
	bide__free(fault);
	return 0;
}

int bide__fault_init(bide_loop *loop)
{
	int rc = give_stack(loop);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&bide__fault_lock);
	if (installed.loops++ == 0)
		install();
	pthread_mutex_unlock(&bide__fault_lock);
	loop->watches_faults = true;
	return 0;
}

void bide__fault_finish(bide_loop *loop)
{
	if (loop->watches_faults) {
		pthread_mutex_lock(&bide__fault_lock);
		if (--installed.loops == 0)
			uninstall();
		pthread_mutex_unlock(&bide__fault_lock);
	}
	if (loop->fault == NULL)
		return;
	stack_t now;
	if (sigaltstack(&loop->fault->before, &now) == 0 && now.ss_sp != loop->fault->stack)
		(void)sigaltstack(&now, NULL); /* the program's own, set since */
	bide__free(loop->fault);
	loop->fault = NULL;
}
