/* SPDX-License-Identifier: MIT */
/* server.h: what a server is in memory.
 *
 * A server is a task, the SUPERVISOR, with a group in which there is a task for each listener and
 * one for each connection:
 *
 *     supervisor ── group ─┬─ listener, listener …       until they are cancelled, or fail
 *                          └─ connection, connection …   each: the handler, then the stream's end
 *
 * The supervisor ends when they all have, and the record of the server stays until its owner closes
 * it, or the loop is closed. */
#ifndef BIDE_NET_SERVER_H
#define BIDE_NET_SERVER_H

#include <bide/group.h>
#include <bide/serve.h>
#include <bide/sync.h>

#include <sys/stat.h>

/* A socket that listens. The address is asked for when it is needed. */
struct bide__listener {
	int fd;          /* -1: it has been closed */
	bide_task *task; /* that accepts, NULL when it has ended */
	double pause;    /* seconds to wait when the system has no room the next time */
	dev_t device;    /* of a Unix socket's file, to know it again, */
	ino_t inode;     /* 0: there is no such file */
};

/* The comments are lined up by hand. */
/* clang-format off */
struct bide_server {
	bide_loop *loop;                  /* that it belongs to */
	pid_t pid;                        /* of its process: not that of a child */
	bide_server *next, **link;        /* in the list of this thread's servers */
	bide_server_options options;
	struct bide__listener *listeners; /* an array */
	size_t count;                     /* of listeners */
	bide_group *group;                /* the supervisor's, while there is one */
	size_t connections;               /* being served */
	unsigned users;                   /* calls in bide_server_wait() */
	int error;                        /* what starting, or listening, has failed with */
	bool shut;                        /* it shall not listen any more */
	bool starving;                    /* it has been reported that there is no room */
	bide_event started;               /* the supervisor has begun, or failed to */
	bide_event ended;                 /* nothing runs any more */
	bide_event room;                  /* a connection has ended */
	const bide__function *handler;
	bide__function connection;        /* what a connection's task runs, by the handler's name */
	_Alignas(BIDE__ALIGN_MAX)
	unsigned char args[];             /* the handler's: the stream's place is the first */
};
/* clang-format on */

/* ---- listening: listen.c ------------------------------------------------------------------ */

/* Opens all that is asked for. 0 or an error, nothing being open then. [suspends] */
int bide__listen(bide_server *server, const char *hosts, const char *services);

/* Closes one, and removes its file. [suspends] Always completes. */
void bide__listener_close(const bide_server *server, struct bide__listener *listener);

/* Closes them all and frees the array. */
void bide__listeners_free(bide_server *server);

/* ---- serving: accept.c -------------------------------------------------------------------- */

/* Makes of the handler what a connection's task runs. */
void bide__connection_init(bide_server *server);

/* Starts a listener's task in the server's group. 0 or -ENOMEM. */
int bide__accept_begin(bide_server *server, struct bide__listener *listener);

#endif
