/* SPDX-License-Identifier: MIT */
/* host_name.h: what a host's name looks like, and in which forms it is looked for. */
#ifndef BIDE_NET_HOST_NAME_H
#define BIDE_NET_HOST_NAME_H

#include <bide/base.h>

#include <stdbool.h>

/* Room for a name of 253 bytes, a dot behind it, and the end. */
enum { BIDE__NAME_SIZE = 256 };

/* Whether a host can have a name: labels of 1 to 63 letters, digits, '-' and '_', apart by dots,
 * the last one not of digits alone, as that would be an address; perhaps a dot at its end. */
bool bide__host_name_valid(const char *name);

/* Copies a string to the heap; NULL: no memory. */
char *bide__copy_string(const char *string);

/* Copies a name that is valid in lower case and without a dot at its end. */
void bide__host_name_copy(const char *name, char *ret_name);

/* Whether it is "localhost" or ends with ".localhost", which means this machine everywhere: RFC
 * 6761. */
bool bide__host_name_is_local(const char *name);

/* The forms in which a name is looked for, one after the other. All zero at first, but for what is
 * set here. */
struct bide__search {
	const char *name;     /* as it was given */
	char *const *domains; /* to be put behind it */
	int ndomains;
	int ndots; /* with as many dots it is tried as it is first */
	int next;  /* the number of the next form */
};

/* Writes the next form to BIDE__NAME_SIZE bytes, in lower case and without a dot at its end. False:
 * there is no more. */
bool bide__search_next(struct bide__search *search, char *ret_name);

#endif
