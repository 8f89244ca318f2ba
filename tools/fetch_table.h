/* SPDX-License-Identifier: MIT */
/* fetch_table.h: a table of numbers by numbers, hashes all of them, so that a million entries take
 * some 32 MB. */
#ifndef TOOLS_FETCH_TABLE_H
#define TOOLS_FETCH_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct fetch_entry {
	uint64_t key; /* 0: a free place */
	uint64_t value;
};

struct fetch_table {
	struct fetch_entry *entries;
	size_t n, room;
};

/* Finds the value of a key, or makes a place with 0; NULL when there is no memory. Good until the
 * next call. */
uint64_t *fetch_table_at(struct fetch_table *table, uint64_t key);

void fetch_table_free(struct fetch_table *table);

#endif
