/* SPDX-License-Identifier: MIT */
/* resolver.h: what a resolver is in memory, and asking name servers through c-ares.
 *
 * No task of its own attends to c-ares' sockets. They are in an epoll set of the resolver's; one of
 * the calls that wait for an answer, the LEADER, waits for that and has c-ares read what has come,
 * while the others wait for an event of their question. When the leader leaves, because its answer
 * has come or it was cancelled, it sets the event of another one, which then leads. So nothing is
 * left when nobody waits, and an idle loop is not woken.
 *
 * c-ares calls back in the middle of its work: what it calls only notes, and never suspends. */
#ifndef BIDE_NET_RESOLVER_H
#define BIDE_NET_RESOLVER_H

#include <bide/net.h>

#include "net/cache.h"
#include "net/datagrams.h"
#include "net/hosts.h"

#include <bide/scope.h>

#include <ares.h>

enum {
	BIDE__LOOKUPS_MAX = 80, /* calls that ask servers at once: their answers find room in the
	                          * buffer of a socket */
	BIDE__ASKING_MAX = 1000 /* questions at once, with those that nobody waits for any more */
};

/* Ways to ask. */
enum {
	BIDE__ORDINARY, /* the next server when one fails or refuses: if all do, it says not why */
	BIDE__PLAINLY,  /* whatever a server answers is the answer */
	BIDE__CHANNELS
};

/* The comments are lined up by hand. */
/* clang-format off */
struct bide_resolver {
	bide_resolver_options options; /* its strings are the resolver's own */
	ares_channel channels[BIDE__CHANNELS]; /* NULL until needed */
	struct bide__datagrams *datagrams; /* of both; NULL until one is there */
	struct ares_options config;    /* what c-ares has read: domains, ndots */
	int epoll;                     /* -1 until needed */
	int nsockets;                  /* in it, */
	int socket;                    /* the one that was put in last */
	int failure;                   /* what all questions are to end with, or 0 */
	int stop_error;                /* what questions end with that are given up */
	bool forgetting;               /* what is given up ends without a word */
	struct bide__cache cache;
	struct bide__hosts hosts;
	struct bide__file resolv_conf; /* as which c-ares has read it */
	struct bide__question *first, *last; /* being asked */
	size_t nasking;
	size_t nwanted;                /* of these, those that somebody waits for */
	struct bide__question *leading; /* what the leader waits for, NULL when nobody leads */
	bide_scope *lead_scope;        /* around its wait; NULL while it does not wait */
	bide_semaphore lookups;        /* calls that may still ask servers */
	struct bide__routes routes;    /* while there are calls */
	size_t calls;                  /* in the resolver */
	bide_resolver *next;           /* of this thread */
};
/* clang-format on */

/* ---- channel.c ---------------------------------------------------------------------------- */

/* Opens one of the channels unless it is open. */
int bide__channel_of_kind(bide_resolver *resolver, int kind);

/* Makes ready to ask: the epoll set, and the configuration if it has changed and nobody else looks
 * at it. 0 or an error. */
int bide__channel_prepare(bide_resolver *resolver);

/* Closes them and the epoll set. */
void bide__channels_close(bide_resolver *resolver);

/* Has a question asked whose answer `bide__question_end` gets, perhaps before this returns. */
void bide__channel_ask(struct bide__question *question);

/* Sends what has been asked, unless the leader is about to. */
void bide__channel_flush(bide_resolver *resolver);

/* Lets others that are ready ask, too, and sends what has been asked. Waits until the epoll set is
 * ready or c-ares has to be called because of the time; has it do what is to be done. [suspends] 0
 * or an error. */
int bide__channel_attend(bide_resolver *resolver);

/* Gives up all that is being asked: it ends with @p error. */
void bide__channel_stop(bide_resolver *resolver, int error);

/* ---- question.c --------------------------------------------------------------------------- */

/* Finds a question, or asks it; the caller uses it from then on. Does not suspend. 0 or an
 * error. */
int bide__ask(bide_resolver *resolver, const char *name, unsigned type,
              struct bide__question **ret_question);

/* Waits until fewer than BIDE__ASKING_MAX questions are being asked. [suspends] */
int bide__ask_when_there_is_room(bide_resolver *resolver);

/* Waits for its answer. [suspends] 0, or an error that is not the answer's. */
int bide__question_await(struct bide__question *question);

/* Ends its use by a caller. */
void bide__question_leave(struct bide__question *question);

/* Its answer has come, and is the question's from now on. */
void bide__question_end(struct bide__question *question, const struct bide__answer *answer);

/* ---- resolver.c --------------------------------------------------------------------------- */

/* A call begins with the resolver that was asked for, or with the loop's own, which is opened if it
 * has to be. 0 or an error. */
int bide__resolver_enter(const char *call, bide_resolver *resolver, bide_resolver **ret_resolver);

/* The call leaves it. */
void bide__resolver_leave(bide_resolver *resolver);

#endif
