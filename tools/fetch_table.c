// SPDX-License-Identifier: MIT
/* fetch_table.c: see fetch_table.h. Places are taken one after the other from where the key points
 * to; a quarter of them at least is free. */
#include "fetch_table.h"

#include <stdbool.h>
#include <stdlib.h>

static struct fetch_entry *place(struct fetch_entry *entries, size_t room, uint64_t key)
{
	size_t i = key & (room - 1);
	while (entries[i].key != 0 && entries[i].key != key)
		i = (i + 1) & (room - 1);
	return &entries[i];
}

static bool grow(struct fetch_table *table)
{
	enum { FIRST = 64 };
	if (table->n < table->room / 4 * 3)
		return true;
	const size_t room = table->room > 0 ? 2 * table->room : FIRST;
	struct fetch_entry *entries = calloc(room, sizeof(*entries));
	if (entries == NULL)
		return false;
	for (size_t i = 0; i < table->room; i++)
		if (table->entries[i].key != 0)
			*place(entries, room, table->entries[i].key) = table->entries[i];
	free(table->entries);
	table->entries = entries;
	table->room = room;
	return true;
}

uint64_t *fetch_table_at(struct fetch_table *table, uint64_t key)
{
	key += key == 0;
	if (!grow(table))
		return NULL;
	struct fetch_entry *entry = place(table->entries, table->room, key);
	table->n += entry->key == 0;
	entry->key = key;
	return &entry->value;
}

void fetch_table_free(struct fetch_table *table)
{
	free(table->entries);
	*table = (struct fetch_table){ NULL, 0, 0 };
}
