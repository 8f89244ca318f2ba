/* SPDX-License-Identifier: MIT */
/* fetch_journal.h: the file ".bide-fetch" in a directory, which tells what of it is whole. A line
 * for each event, one write, appended:
 *
 *     whole SIZE NAME VALIDATOR URL      the file NAME has all of URL, SIZE bytes
 *     part 0 NAME VALIDATOR URL          NAME.part has been begun anew
 *
 * with tabs between the fields. VALIDATOR is the ETag, or the time of the last change, or "-"; the
 * URL is without user, password and fragment, in place of which there are the method and a hash of
 * the body where it was asked for by more than a GET. Of a URL the last line counts. A last line
 * that has not been written to its end is cut off when the journal is opened; one that makes no
 * sense is passed by.
 *
 * One process at a time may have it open. In memory there are numbers only, of each URL and each
 * name: from 43 to 85 bytes a file, as the tables are full or have just grown. */
#ifndef TOOLS_FETCH_JOURNAL_H
#define TOOLS_FETCH_JOURNAL_H

#include "fetch_hash.h"
#include "fetch_table.h"
#include "fetch_url.h"

#include <stdbool.h>
#include <stdio.h>

struct fetch_journal {
	int directory; /* that it is in, of whoever has opened it */
	int fd;        /* to append */
	FILE *lines;   /* to look them up */
	uint64_t size;
	struct fetch_secret secret; /* of the hashes in the tables */
	struct fetch_table places;  /* of the last line of each URL, from 1 */
	struct fetch_table names;   /* whose each is: the hash of the URL */
	struct text line;           /* the one that was read last, or is written */
};

/* A line, in the journal's memory: good until the next call. */
struct fetch_record {
	bool whole;
	uint64_t size;
	const char *name, *validator, *key;
};

/* Opens or makes the journal of a directory. 0; -EBUSY when another process has it; -EILSEQ when
 * the file is none; -ENOMEM; what the system says. */
int fetch_journal_open(struct fetch_journal *journal, int directory);

/* The hash of a URL, for this time that the journal is open. */
uint64_t fetch_journal_hash(const struct fetch_journal *journal, const char *key);

/* Finds what is known of a URL. 1; 0: nothing is; or an error. */
int fetch_journal_find(struct fetch_journal *journal, const char *key,
                       struct fetch_record *ret_record);

/* Gives a URL of which nothing is known a name that no other has, whatever the case of the letters,
 * and of which there is no file, which would be somebody's own. 0 or -ENOMEM. */
int fetch_journal_name(struct fetch_journal *journal, const char *key,
                       char ret_name[FETCH_NAME_MAX]);

/* Appends a line. 0 or an error. */
int fetch_journal_add(struct fetch_journal *journal, const struct fetch_record *record);

void fetch_journal_close(struct fetch_journal *journal);

#endif
