/* SPDX-License-Identifier: MIT */
/* What the transports of tests need not do for what is tested. */
#ifndef TRANSPORT_KIT_H
#define TRANSPORT_KIT_H

#include <bide/stream.h>

static inline void no_interrupt(void *object)
{
	(void)object;
}

static inline int no_close(void *object, bool abort)
{
	(void)object;
	(void)abort;
	return 0;
}

/* Whose object is the stream below. */
static inline bide_stream *stream_below(void *object)
{
	return object;
}

#endif
