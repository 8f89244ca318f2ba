// SPDX-License-Identifier: MIT
/* numbers.c: the version, the names of errors, the thread's random numbers. */
#include "base/random.h"

#include <bide/base.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define STRING_(x) #x
#define STRING(x) STRING_(x)

const char *bide_version(void)
{
	return STRING(BIDE_VERSION_MAJOR) "." STRING(BIDE_VERSION_MINOR) "." STRING(
		BIDE_VERSION_PATCH);
}

const char *bide_strerror(int error)
{
	switch (error > 0 ? -error : error) {
	case 0:
		return "no error";
#define NAME(name, value, text) \
	case -value: \
		return text;
		BIDE_ERRORS(NAME)
#undef NAME
	default:
		break;
	}
	/* strerrordesc_np() neither translates nor allocates, as strerror() does. */
	const char *text = strerrordesc_np(abs(error));
	return text != NULL ? text : "unknown error";
}

static _Thread_local struct {
	struct bide__random random;
	bool seeded;
} own __attribute__((tls_model("initial-exec")));

void bide_seed(uint64_t seed)
{
	bide__random_seed(&own.random, seed);
	own.seeded = true;
}

double bide_uniform(double a, double b)
{
	if (!own.seeded) {
		bide__random_seed_os(&own.random);
		own.seeded = true;
	}
	return bide__random_uniform(&own.random, a, b);
}
