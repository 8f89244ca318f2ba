/* SPDX-License-Identifier: MIT */
/* Spawnable functions declared in a header, which two files of a program include: what is declared
 * here is defined in types_elsewhere.c and spawned from there and from the test, in C and C++. */
#ifndef TYPES_KIT_H
#define TYPES_KIT_H

#include <bide.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct types_pair {
	int number;
	double fraction;
} types_pair;

typedef struct types_large {
	unsigned char bytes[BIDE_ARGS_MAX];
} types_large;

typedef enum types_color { TYPES_RED = 3, TYPES_GREEN = 5 } types_color;

typedef int types_function(int);

BIDE_ASYNC(int, types_add, int, int);
BIDE_ASYNC(types_pair, types_swap, types_pair);
BIDE_ASYNC_LIGHT(types_large, types_invert, types_large);
BIDE_ASYNC(types_color, types_other_color, types_color);
BIDE_ASYNC(int, types_apply, types_function *, int);

/* Runs types_add() from the other file. */
int types_add_elsewhere(int a, int b);

/* The descriptor's address there: each file has its own, and tasks of both are alike. */
const void *types_add_descriptor_elsewhere(void);

/* Declared again, as in a second header. */
bide_task *types_spawn_add(int a, int b);

#ifdef __cplusplus
}
#endif
#endif
