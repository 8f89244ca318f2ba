/* SPDX-License-Identifier: MIT */
/* serve_log.h: the log of bide serve. Lines wait in memory until one task has written them: who
 * reads the log slowly, or not at all, holds up no connection. When there are too many, what comes
 * then is counted only, and the log says so. */
#ifndef TOOLS_SERVE_LOG_H
#define TOOLS_SERVE_LOG_H

#include "text.h"

#include <bide.h>
#include <bide/http_server.h>
#include <stdint.h>

struct serve_log {
	struct text lines;  /* that wait to be written */
	uint64_t missing;   /* requests that had no room there */
	bide_event some;    /* there are lines, or it is the end */
	bool ended;         /* no more will come */
	bide_task *writing; /* who writes them */
};

/* Begins to write to the standard error. 0 or an error. */
int serve_log_open(struct serve_log *log);

/* Writes what is left, as far as somebody reads it within a second. [suspends] */
void serve_log_close(struct serve_log *log);

/* Notes a request; for the options of a server, with the log as their argument. */
void serve_log_request(void *log, const bide_http_access *access);

#endif
