/* SPDX-License-Identifier: MIT */
/* answer.h: what a name server says about one question, taken out of its reply. */
#ifndef BIDE_NET_ANSWER_H
#define BIDE_NET_ANSWER_H

#include <bide/base.h>

/* Types of records, of RFC 1035 and RFC 3596. */
enum { BIDE__TYPE_A = 1, BIDE__TYPE_PTR = 12, BIDE__TYPE_AAAA = 28 };

enum { BIDE__ANSWER_MAX = 256 }; /* addresses that are taken of one answer */

struct bide__answer {
	int error;                /* 0, or why there is nothing */
	unsigned ttl;             /* seconds for which that is true; 0: for this time only */
	unsigned count;           /* addresses */
	unsigned char *addresses; /* one after the other, as large as those of the type are */
	char *name;               /* the host's own, to which aliases led; of a PTR the answer */
};

/* Reads a reply to a question of some type. A reply that makes no sense, and a lack of memory, is
 * the error that the answer has. */
void bide__answer_read(const unsigned char *reply, size_t size, unsigned type,
                       struct bide__answer *ret_answer);

void bide__answer_finish(struct bide__answer *answer);

#endif
