/* SPDX-License-Identifier: MIT */
/* fetch_store.h: where bodies go: nowhere, to files of a directory, or, one after the other in the
 * order of the list, to the standard output.
 *
 * A body is written to NAME.part, which becomes NAME when it is whole. What goes to the standard
 * output waits in a nameless file for its turn, so that a slow one holds up no connection of
 * another, and a failed one leaves nothing there. */
#ifndef TOOLS_FETCH_STORE_H
#define TOOLS_FETCH_STORE_H

#include "fetch_journal.h"

#include <bide.h>

enum fetch_kind { FETCH_NOWHERE, FETCH_FILES, FETCH_OUTPUT };

struct fetch_store {
	enum fetch_kind kind;
	const char *where; /* bodies are written to, at first; for a message */
	bool resume;       /* what is in NAME.part is gone on with, and left there when it fails */
	int directory;     /* of FETCH_FILES */
	struct text request; /* what tells its requests from others for the same URL */
	struct fetch_journal journal;
	struct fetch_table taken; /* the URLs of this run */
	uint64_t given, turn;     /* of FETCH_OUTPUT: how many have a place, whose turn it is */
	bide_mutex lock;
	bide_cond turns;
};

/* One that has not been opened; it may be closed. */
#define FETCH_STORE_NONE \
	{ \
		.directory = -1, .journal = {.fd = -1 } \
	}

/* Where one body goes. */
struct fetch_place {
	int fd;     /* -1: nothing is open */
	bool begun; /* there is a NAME.part of this run's */
	bool known; /* the journal has a line that names it */
	char name[FETCH_NAME_MAX];
	uint64_t size;         /* bytes in it */
	uint64_t number;       /* its turn */
	struct text key;       /* the URL's, and the request's */
	struct text validator; /* of what is in NAME.part, if it can be gone on with; else empty */
};

enum fetch_verdict {
	FETCH_WANTED, /* it is to be fetched */
	FETCH_KEPT,   /* it is there, whole */
	FETCH_TWICE   /* it has been asked for in this run */
};

/* Opens the store. @p path: a directory, "-", or NULL for nowhere. @p method, @p data: by which
 * bodies are asked for, data being NULL where nothing is sent. 0 or an error. */
int fetch_store_open(struct fetch_store *store, const char *path, bool resume, const char *method,
                     const char *data);
void fetch_store_close(struct fetch_store *store);

/* Gives the next URL of the list its place: an enum fetch_verdict, or an error. */
int fetch_store_take(struct fetch_store *store, const char *url, struct fetch_place *place);

/* Gets the place ready for a body: from its beginning, or to be gone on with behind place->size.
 * @p validator: the response's, or NULL. 0 or an error. */
int fetch_store_begin(struct fetch_store *store, struct fetch_place *place, bool go_on,
                      const char *validator);

/* Puts bytes into it. 0 or an error. */
int fetch_store_put(struct fetch_place *place, const void *data, size_t size);

/* The body is whole: it becomes what it was fetched for. [suspends] 0 or an error. */
int fetch_store_finish(struct fetch_store *store, struct fetch_place *place, const char *validator);

/* Lets go of a place, in any case, whole or not; what is left is removed unless it can be gone on
 * with. [suspends] Always completes. */
void fetch_store_leave(struct fetch_store *store, struct fetch_place *place);

#endif
