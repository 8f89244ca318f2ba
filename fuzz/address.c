// SPDX-License-Identifier: MIT
/* address.c: texts as bide_address_parse() is given them. What it takes it writes in a form that it
 * reads as the same again. */
#include "fuzz.h"

#include <bide/stream.h>

FUZZ(bytes, size)
{
	bide_address address, again;
	char first[BIDE_ADDRESS_MAX], second[BIDE_ADDRESS_MAX];
	char *text = text_of(bytes, size);
	memset(&address, 0, sizeof(address));
	memset(&again, 0, sizeof(again));
	if (bide_address_parse(text, &address) == 0) {
		HOLDS(address.size <= sizeof(address.at));
		bide_address_format(&address, first);
		HOLDS(bide_address_parse(first, &again) == 0);
		HOLDS(strcmp(bide_address_format(&again, second), first) == 0);
		HOLDS(again.size == address.size);
	}
	free(text);
}
