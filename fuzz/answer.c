// SPDX-License-Identifier: MIT
/* answer.c: replies of name servers. The first byte of an input says what was asked for, the others
 * are the reply. */
#include "fuzz.h"

#include "net/answer.h"
#include "net/host_name.h"

FUZZ(bytes, size)
{
	static const unsigned types[] = { BIDE__TYPE_A, BIDE__TYPE_AAAA, BIDE__TYPE_PTR };
	struct bide__answer answer;
	if (size == 0)
		return;
	const unsigned type = types[bytes[0] % 3];
	char *reply = text_of(bytes + 1, size - 1);
	/* Without the NUL behind it. */
	reply = realloc(reply, size > 1 ? size - 1 : 1);
	bide__answer_read((const unsigned char *)reply, size - 1, type, &answer);
	free(reply);
	HOLDS(answer.error <= 0 && answer.error >= -BIDE_ERROR_MAX);
	HOLDS(answer.ttl <= 86400);
	HOLDS((answer.error == 0) == (answer.name != NULL));
	HOLDS((answer.count > 0) == (answer.error == 0 && type != BIDE__TYPE_PTR));
	HOLDS(answer.count <= BIDE__ANSWER_MAX);
	HOLDS(answer.name == NULL || strlen(answer.name) < BIDE__NAME_SIZE);
	/* The name of a pointer's answer is checked; another one belongs to what was asked for. */
	HOLDS(answer.name == NULL || type != BIDE__TYPE_PTR || bide__host_name_valid(answer.name));
	bide__answer_finish(&answer);
}
