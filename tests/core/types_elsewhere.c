// SPDX-License-Identifier: MIT
/* The second file of test_types and test_cpp_types: see types_kit.h. */
#include "core/types_kit.h"

int types_add(int a, int b)
{
	int rc = bide_sleep(1);
	return rc < 0 ? rc : a + b;
}

types_pair types_swap(types_pair pair)
{
	(void)bide_sleep(1);
	return (types_pair){ (int)pair.fraction, pair.number };
}

types_large types_invert(types_large large)
{
	types_large inverted;
	(void)bide_sleep(1);
	for (size_t i = 0; i < sizeof inverted.bytes; i++)
		inverted.bytes[i] = (unsigned char)~large.bytes[i];
	return inverted;
}

types_color types_other_color(types_color color)
{
	return color == TYPES_RED ? TYPES_GREEN : TYPES_RED;
}

int types_apply(types_function *function, int value)
{
	return function(value);
}

int types_add_elsewhere(int a, int b)
{
	return bide_await(int, bide_spawn(types_add, a, b));
}

const void *types_add_descriptor_elsewhere(void)
{
	return types_add_bide_fn();
}

bide_task *types_spawn_add(int a, int b)
{
	return bide_spawn(types_add, a, b);
}
