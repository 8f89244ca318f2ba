// SPDX-License-Identifier: MIT
/* watch.c: see watch.h. Sources: sigaction(2), signal-safety(7), futex(2).
 *
 * The handler runs on whichever thread the signal comes to, at any point of it. It takes a lock, as
 * it walks a list: that works since whoever has the lock has all signals blocked on its thread, the
 * handler too, so it is never waited for by what it was interrupted by. A mutex of pthreads is not
 * allowed in a handler; a futex is. */
#include "core/watch.h"

#include "core/wake.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SIGNALS = 64 };
enum { FREE, HELD, WAITED_FOR };

static struct {
	uint32_t lock;                 /* atomic: guards all below */
	sigset_t before;               /* signals blocked on the thread that has it */
	struct bide__watcher *first;   /* of all that watch */
	struct sigaction own[SIGNALS]; /* what the program has them do, while they are watched */
	bide_signal_info last[SIGNALS];
} all;

/* ---- faults ------------------------------------------------------------------------------- */

static const int of_faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT };
enum { FAULTS = sizeof(of_faults) / sizeof(of_faults[0]) };

bool bide__is_fault(int signal)
{
	for (int i = 0; i < FAULTS; i++)
		if (signal == of_faults[i])
			return true;
	return false;
}

void bide__all_but_faults(sigset_t *ret_set)
{
	(void)sigfillset(ret_set);
	for (int i = 0; i < FAULTS; i++)
		(void)sigdelset(ret_set, of_faults[i]);
}

/* ---- the lock ----------------------------------------------------------------------------- */

static void lock(void)
{
	uint32_t was = FREE;
	if (__atomic_compare_exchange_n(&all.lock, &was, HELD, false, __ATOMIC_ACQUIRE,
	                                __ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&all.lock, WAITED_FOR, __ATOMIC_ACQUIRE) != FREE)
		(void)syscall(SYS_futex, &all.lock, FUTEX_WAIT_PRIVATE, WAITED_FOR, NULL, NULL, 0);
}

static void unlock(void)
{
	if (__atomic_exchange_n(&all.lock, FREE, __ATOMIC_RELEASE) == WAITED_FOR)
		(void)syscall(SYS_futex, &all.lock, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void block_and_lock(void)
{
	sigset_t set, before;
	bide__all_but_faults(&set);
	(void)pthread_sigmask(SIG_BLOCK, &set, &before);
	lock();
	all.before = before;
}

static void unlock_and_restore(void)
{
	const sigset_t before = all.before;
	unlock();
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- the handler -------------------------------------------------------------------------- */

/* Which fields mean something depends on how it came. */
static void keep_info(int signal, const siginfo_t *info)
{
	const bool queued = info->si_code == SI_QUEUE || info->si_code == SI_MESGQ;
	const bool child = signal == SIGCHLD && info->si_code > 0;
	bide_signal_info *last = &all.last[signal - 1];
	*last = (bide_signal_info){ .signal = signal, .code = info->si_code };
	if (queued || child || info->si_code == SI_USER || info->si_code == SI_TKILL) {
		last->pid = info->si_pid;
		last->uid = info->si_uid;
	}
	if (queued || info->si_code == SI_TIMER)
		last->value = info->si_value.sival_int;
	else if (child)
		last->value = info->si_status;
}

static void tell_one(struct bide__watcher *watcher, uint64_t bit)
{
	watcher->told = true;
	(void)__atomic_fetch_or(&watcher->came, bit, __ATOMIC_RELEASE);
	__atomic_store_n(&watcher->loop->signalled, true, __ATOMIC_RELEASE);
	bide__notify(watcher->loop);
}

/* Returns false for a signal that is to have its default action. */
static bool tell(int signal)
{
	const uint64_t bit = bide__signal_bit(signal);
	struct bide__watcher *reserve = NULL;
	bool told = false;
	for (struct bide__watcher *watcher = all.first; watcher != NULL; watcher = watcher->next) {
		if (!(watcher->signals & bit))
			continue;
		if (watcher->stands_back) {
			reserve = watcher;
			continue;
		}
		tell_one(watcher, bit);
		told = true;
	}
	if (told || reserve == NULL)
		return true;
	told = !reserve->told;
	tell_one(reserve, bit);
	return told;
}

/* With all signals blocked, so that it is not interrupted by itself. */
static void on_signal(int signal, siginfo_t *info, void *context)
{
	const int saved_errno = errno;
	struct sigaction action;
	(void)context;
	lock();
	keep_info(signal, info);
	bool told = tell(signal);
	unlock();
	if (!told) {
		memset(&action, 0, sizeof(action));
		action.sa_handler = SIG_DFL;
		(void)sigaction(signal, &action, NULL);
		(void)raise(signal); /* comes when the handler returns */
	}
	errno = saved_errno;
}

/* ---- what a signal does ------------------------------------------------------------------- */

static bool is_ours(const struct sigaction *action)
{
	return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_signal;
}

/* Has the signal handled here. Where somebody waits for it calls that it interrupts go on; where it
 * is to stop the program they do not. Tasks' stacks may be small, so it has the thread's alternate
 * stack where there is one. */
static int take_over(int signal, bool waited_for)
{
	struct sigaction action, before;
	memset(&action, 0, sizeof(action));
	bide__all_but_faults(&action.sa_mask);
	action.sa_sigaction = on_signal;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK | (waited_for ? SA_RESTART : 0);
	if (sigaction(signal, &action, &before) < 0)
		return -errno;
	if (!is_ours(&before))
		all.own[signal - 1] = before;
	return 0;
}

/* After the end of a watcher. What the program has set meanwhile is left alone. */
static void give_back(int signal)
{
	const uint64_t bit = bide__signal_bit(signal);
	struct sigaction now;
	bool watched = false, waited_for = false;
	for (const struct bide__watcher *it = all.first; it != NULL; it = it->next) {
		watched |= (it->signals & bit) != 0;
		waited_for |= (it->signals & bit) && !it->stands_back;
	}
	if (sigaction(signal, NULL, &now) < 0 || !is_ours(&now))
		return;
	if (watched)
		(void)take_over(signal, waited_for);
	else
		(void)sigaction(signal, &all.own[signal - 1], NULL);
}

/* Takes the lowest signal out of a set that has one. */
static int take_out(uint64_t *signals)
{
	const int signal = __builtin_ctzll(*signals) + 1;
	*signals &= *signals - 1;
	return signal;
}

/* ---- watching ----------------------------------------------------------------------------- */

static void link_watcher(struct bide__watcher *watcher)
{
	watcher->next = all.first;
	watcher->link = &all.first;
	if (all.first != NULL)
		all.first->link = &watcher->next;
	all.first = watcher;
}

static void unlink_watcher(struct bide__watcher *watcher)
{
	*watcher->link = watcher->next;
	if (watcher->next != NULL)
		watcher->next->link = watcher->link;
	watcher->link = NULL;
	for (uint64_t left = watcher->signals; left != 0;)
		give_back(take_out(&left));
}

/* Whether the program leaves a signal its default action. */
static bool is_default(int signal)
{
	struct sigaction action;
	if (sigaction(signal, NULL, &action) < 0)
		return false;
	if (is_ours(&action))
		action = all.own[signal - 1];
	return !(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_DFL;
}

static int begin(struct bide__watcher *watcher)
{
	int rc = 0;
	link_watcher(watcher);
	for (uint64_t left = watcher->signals; left != 0 && rc == 0;) {
		const int signal = take_out(&left);
		const bool wanted = watcher->stands_back && !is_default(signal);
		rc = wanted ? -EBUSY : take_over(signal, !watcher->stands_back);
	}
	if (rc < 0)
		unlink_watcher(watcher);
	return rc;
}

int bide__watch_begin(struct bide__watcher *watcher)
{
	block_and_lock();
	int rc = begin(watcher);
	unlock_and_restore();
	return rc;
}

void bide__watch_end(struct bide__watcher *watcher)
{
	block_and_lock();
	if (watcher->link != NULL)
		unlink_watcher(watcher);
	unlock_and_restore();
}

void bide__signal_info(int signal, bide_signal_info *ret_info)
{
	block_and_lock();
	*ret_info = all.last[signal - 1];
	unlock_and_restore();
}

/* ---- fork --------------------------------------------------------------------------------- */

void bide__watch_before_fork(void)
{
	block_and_lock();
}

void bide__watch_after_fork(void)
{
	unlock_and_restore();
}

void bide__watch_in_child(void)
{
	while (all.first != NULL)
		unlink_watcher(all.first);
	unlock_and_restore();
}
