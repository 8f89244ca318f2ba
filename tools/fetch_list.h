/* SPDX-License-Identifier: MIT */
/* fetch_list.h: the URLs to be fetched, one after the other: those among the arguments, then those
 * of a file, which is read as a stream, so that it may be endless. */
#ifndef TOOLS_FETCH_LIST_H
#define TOOLS_FETCH_LIST_H

#include "text.h"

#include <bide.h>

#include <stdint.h>

struct fetch_list {
	char **urls; /* of the arguments, NULL at the end */
	bide_stream *stream;
	bide_mutex reading;
	uint64_t size; /* bytes of all the lines; 0: nobody knows */
	bool begun;    /* something of the file has been read */
	bool ended;
};

enum fetch_line {
	FETCH_LINE_END,
	FETCH_LINE_URL,
	FETCH_LINE_BAD /* no URL can be like that */
};

/* Opens the list. @p file: its name, "-" for the standard input, or NULL. 0 or an error. */
int fetch_list_open(struct fetch_list *list, char **urls, const char *file);

/* Gives the next line that is neither empty nor a comment: an enum fetch_line, or an error.
 * [suspends] Several tasks may ask.
 * @param text     gets the URL, as it is written.
 * @param ret_size gets the bytes of the list that have been read for it. */
int fetch_list_next(struct fetch_list *list, struct text *text, uint64_t *ret_size);

/* Closes it. [suspends] */
void fetch_list_close(struct fetch_list *list);

#endif
