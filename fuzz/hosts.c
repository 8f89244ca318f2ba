// SPDX-License-Identifier: MIT
/* hosts.c: a hosts file. Each name in its table can be found there. */
#include "fuzz.h"

#include "base/alloc.h"
#include "net/host_name.h"
#include "net/hosts.h"

FUZZ(bytes, size)
{
	struct bide__hosts hosts = { .n = 0 };
	char *text = bide__malloc(size + 1);
	HOLDS(text != NULL);
	for (size_t i = 0; i < size; i++)
		text[i] = bytes[i] != 0 ? (char)bytes[i] : '#';
	text[size] = '\0';
	HOLDS(bide__hosts_read(&hosts, text) == 0);
	for (size_t i = 0; i < hosts.n; i++) {
		const struct bide__host *host = &hosts.hosts[i], *first = NULL;
		const size_t n = bide__hosts_find(&hosts, host->name, &first);
		HOLDS(n > 0 && first <= host && host < first + n);
		HOLDS(bide__host_name_valid(host->name) && bide__host_name_valid(host->first));
		HOLDS(bide__hosts_name_of(&hosts, &host->ip) != NULL);
	}
	bide__hosts_finish(&hosts);
}
