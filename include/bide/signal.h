/* SPDX-License-Identifier: MIT */
/* bide/signal.h: waiting for signals.
 *
 *     static const int ends[] = { SIGINT, SIGTERM };
 *     bide_signals *signals;
 *     int rc = bide_signals_open(ends, 2, &signals);
 *     int signal = bide_signals_next(signals, NULL);      // other tasks run meanwhile
 *     bide_signals_close(signals);
 *
 * From open to close the signals have none of their usual effects: each that comes is kept until it
 * is asked for. Any number of tasks, loops and threads may do so for the same signal, and each of
 * their objects is told of it. After the last one has been closed a signal does again what the
 * program had it do before.
 *
 * As everywhere, several signals of a kind that come before one is looked at may count as one;
 * different ones never do. A signal comes to a thread that does not block it: if all do, as those
 * that bide starts do, it waits until one does not. */
#ifndef BIDE_SIGNAL_H
#define BIDE_SIGNAL_H

#include <bide/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What watches for signals; belongs to the loop on whose thread it was opened. */
typedef struct bide_signals bide_signals;

/** What is known of a signal that came; 0 where it is not. Of several of a kind that count as one
 *  it is the last that is told of. */
typedef struct bide_signal_info {
	int signal;       /**< its number */
	int code;         /**< how it came: si_code as of sigaction(2), such as SI_USER */
	int pid;          /**< the process that sent it, or the child that SIGCHLD is about */
	unsigned int uid; /**< the real user of that */
	int value;        /**< of one that was queued or is a timer's: its value; of SIGCHLD: the
	                    *   child's exit status or signal */
} bide_signal_info;

/** Begins to watch for some signals.
 *
 *  @param signals     their numbers, such as SIGTERM; borrowed during the call.
 *  @param n           how many, 1 and up.
 *  @param ret_signals the object, to be closed by bide_signals_close(); untouched on failure.
 *  @return 0; -ENOMEM; -EINVAL for none, for numbers that are no signals, for those that cannot be
 *          handled (SIGKILL, SIGSTOP) and for those that tell a thread of a fault of its own
 *          (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT).
 *  Aborts on a thread that has no loop. */
BIDE_API BIDE_CHECKED int bide_signals_open(const int *signals, size_t n,
                                            bide_signals **ret_signals) BIDE__NOTHROW;

/** Waits for the next signal. One that came since the object was opened, and that has not been
 *  taken, is returned at once, after others had their turn. Where several tasks wait for the same
 *  object one signal is for one of them, first come first served. [suspends]
 *
 *  @param ret_info what is known of it; NULL if nobody cares. May lie on a light task's stack.
 *  @return the signal (> 0); -BIDE_ECLOSED when the object is closed meanwhile; or the
 *          cancellation, no signal having been taken. */
BIDE_API BIDE_CHECKED int bide_signals_next(bide_signals *signals,
                                            bide_signal_info *ret_info) BIDE__NOTHROW;

/** As bide_signals_next(), without waiting; also outside tasks, on the loop's thread. @return the
 *  signal, or -EAGAIN when none has come. */
BIDE_API BIDE_CHECKED int bide_signals_try_next(bide_signals *signals,
                                                bide_signal_info *ret_info) BIDE__NOTHROW;

/** Ends to watch; signals that came and were not taken are dropped. Tasks that wait for it are
 *  told. NULL is none. What is left open is closed with its loop. */
BIDE_API void bide_signals_close(bide_signals *signals) BIDE__NOTHROW;

/** Waits for a signal that may come once, from now on: opens, waits, closes. Afterwards it has its
 *  usual action again, so that a second SIGTERM ends a program that does not end by the first.
 *  Whoever waits for one after the other uses an object, which loses none. [suspends]
 *
 *  @return 0; -ENOMEM; -EINVAL as of bide_signals_open(); or the cancellation: a signal that
 *          comes while the call is being cancelled is dropped. */
BIDE_API BIDE_CHECKED int bide_signal_wait(int signal) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
