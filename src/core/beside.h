/* SPDX-License-Identifier: MIT */
/* beside.h: what libbide has for the libraries that are built beside it, as libbide-net, and for
 * nobody else: they are of the same version, so this may change. The rest of what they need they
 * get from the public headers, as any program does. */
#ifndef BIDE_CORE_BESIDE_H
#define BIDE_CORE_BESIDE_H

#include "base/alloc.h"

/* Prints "bide: CALL: in task 'NAME' (#SLOT): SENTENCE" and aborts. */
BIDE_API _Noreturn void bide__abort(const char *call, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
