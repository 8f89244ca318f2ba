/* SPDX-License-Identifier: MIT */
/* fuzz.h: what the programs here share. FUZZ(bytes, size) { … } is a block that is given inputs;
 * what must hold it says by HOLDS(), which ends the program with the input that it does not hold
 * for. Reads beyond an input are found by AddressSanitizer, as each lies in a block of its size. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ(bytes, size) \
	int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size); \
	static void fuzz(const uint8_t *bytes, size_t size); \
	int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) \
	{ \
		fuzz(input, length); \
		return 0; \
	} \
	static void fuzz(const uint8_t *bytes, size_t size)

#define HOLDS(cond) ((cond) ? (void)0 : abort())

/* A copy of an input with a NUL behind it, to be freed. */
static inline char *text_of(const uint8_t *bytes, size_t size)
{
	char *text = malloc(size + 1);
	HOLDS(text != NULL);
	if (size > 0)
		memcpy(text, bytes, size);
	text[size] = '\0';
	return text;
}

#endif
