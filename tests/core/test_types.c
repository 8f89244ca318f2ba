// SPDX-License-Identifier: MIT
/* BIDE_ASYNC keeps a function's types: any type of argument and result goes through a task
 * unchanged; up to eight arguments; converted as in a call; from headers, static, in several
 * files. */
#include "core/types_kit.h"
#include "core/virtual_kit.h"

#include <complex.h>
#include <float.h>
#include <limits.h>

/* ---- every type --------------------------------------------------------------------------- */

/* SAME(T, name, value): a task that returns its argument returns the very same bytes, as a full
 * task and as a light one, with and without a suspension between. */
#define SAME(T, name, value) \
	static BIDE_ASYNC(T, full_##name, T); \
	static BIDE_ASYNC_LIGHT(T, light_##name, T); \
	static T full_##name(T x) \
	{ \
		(void)bide_sleep(1); \
		return x; \
	} \
	static T light_##name(T x) \
	{ \
		(void)bide_sleep(1); \
		return x; \
	} \
	VIRTUAL_TEST(a_##name##_goes_through_a_task) \
	{ \
		T given = value; \
		T full = bide_await(T, bide_spawn(full_##name, given)); \
		EXPECT(full == given); \
		T light = bide_await(T, bide_spawn(light_##name, given)); \
		EXPECT(light == given); \
		T again = bide_await(T, bide_spawn(full_##name, value)); \
		EXPECT(again == given); \
	}

typedef int function(int);
static int increment(int x)
{
	return x + 1;
}

SAME(bool, bool, true)
SAME(char, char, 'x')
SAME(signed char, signed_char, -100)
SAME(unsigned char, unsigned_char, 200)
SAME(short, short, SHRT_MIN)
SAME(unsigned short, unsigned_short, USHRT_MAX)
SAME(int, int, INT_MIN)
SAME(unsigned, unsigned, UINT_MAX)
SAME(long, long, LONG_MIN)
SAME(unsigned long, unsigned_long, ULONG_MAX)
SAME(long long, long_long, LLONG_MAX)
SAME(unsigned long long, unsigned_long_long, ULLONG_MAX)
SAME(int8_t, int8_t, -8)
SAME(uint16_t, uint16_t, 0xfedc)
SAME(int32_t, int32_t, -100000)
SAME(uint64_t, uint64_t, 0xfedcba9876543210)
SAME(size_t, size_t, SIZE_MAX)
SAME(float, float, 0.1f)
SAME(double, double, DBL_MAX)
SAME(long double, long_double, LDBL_MAX / 3)
SAME(double complex, complex, 1.5 + 2.5 * I)
SAME(float complex, float_complex, 1.5f + 2.5f * I)
__extension__ typedef __int128 wide;
SAME(wide, int128, (wide)1 << 100)
SAME(types_color, enum, TYPES_GREEN)
SAME(void *, pointer, &trace)
SAME(const char *, string, "hello")
SAME(char **, pointer_to_pointer, (char **)&trace)
SAME(const volatile int *, qualified_pointer, (const volatile int *)&trace)
SAME(function *, pointer_to_function, increment)
SAME(bide_task *, handle, (bide_task *)0x10000000002)

/* ---- structs by value --------------------------------------------------------------------- */

VIRTUAL_TEST(a_struct_goes_through_a_task)
{
	const types_pair pair = { 3, 7.0 };
	types_pair swapped = bide_await(types_pair, bide_spawn(types_swap, pair));
	EXPECT_INT(swapped.number, 7);
	EXPECT_DOUBLE(swapped.fraction, 3);
	types_pair other = bide_await(types_pair, bide_spawn(types_swap, (types_pair){ 1, 2.0 }));
	EXPECT_INT(other.number, 2);
	EXPECT_DOUBLE(other.fraction, 1);
}

VIRTUAL_TEST(a_struct_of_512_bytes_goes_through_a_task)
{
	types_large large, expected;
	for (size_t i = 0; i < sizeof large.bytes; i++) {
		large.bytes[i] = (unsigned char)(i * 7);
		expected.bytes[i] = (unsigned char)~(i * 7);
	}
	bide_task *task = bide_spawn(types_invert, large);
	memset(&large, 0, sizeof large);
	types_large inverted = bide_await(types_large, task);
	EXPECT_MEM(&inverted, &expected, sizeof inverted);
}

/* A struct of so many bytes, whose task returns it with every byte one larger. */
#define SIZED(n) \
	typedef struct bytes_##n { \
		unsigned char bytes[n]; \
	} bytes_##n; \
	static BIDE_ASYNC_LIGHT(bytes_##n, next_##n, bytes_##n); \
	static bytes_##n next_##n(bytes_##n x) \
	{ \
		(void)bide_yield(); \
		for (int i = 0; i < n; i++) \
			x.bytes[i]++; \
		return x; \
	} \
	static void check_##n(void) \
	{ \
		bytes_##n x; \
		for (int i = 0; i < n; i++) \
			x.bytes[i] = (unsigned char)(i * 3); \
		x = bide_await(bytes_##n, bide_spawn(next_##n, x)); \
		for (int i = 0; i < n; i++) \
			EXPECT_INT(x.bytes[i], (unsigned char)(i * 3 + 1)); \
	}

SIZED(1)
SIZED(2)
SIZED(3)
SIZED(7)
SIZED(8)
SIZED(9)
SIZED(15)
SIZED(16)
SIZED(17)
SIZED(31)
SIZED(47)
SIZED(48)
SIZED(49)
SIZED(63)
SIZED(64)
SIZED(65)
SIZED(127)
SIZED(255)
SIZED(511)
SIZED(512)

VIRTUAL_TEST(structs_of_every_size_go_through_a_task)
{
	static void (*const checks[])(
		void) = { check_1,  check_2,  check_3,   check_7,   check_8,   check_9,  check_15,
		          check_16, check_17, check_31,  check_47,  check_48,  check_49, check_63,
		          check_64, check_65, check_127, check_255, check_511, check_512 };
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
		checks[i]();
}

union number {
	double real;
	uint64_t whole;
};

static BIDE_ASYNC(union number, doubles, union number);
static union number doubles(union number x)
{
	return (union number){ x.real * 2 };
}

VIRTUAL_TEST(a_union_goes_through_a_task)
{
	EXPECT_DOUBLE(bide_await(union number, bide_spawn(doubles, (union number){ 1.25 })).real,
	              2.5);
}

typedef struct aligned {
	_Alignas(16) char bytes[48];
} aligned;

static BIDE_ASYNC(aligned, keeps_alignment, char, aligned);
static aligned keeps_alignment(char first, aligned x)
{
	EXPECT_UINT((uintptr_t)&x % 16, 0);
	x.bytes[0] = first;
	return x;
}

VIRTUAL_TEST(an_aligned_struct_goes_through_a_task)
{
	aligned x = { "abcdefghijklmnopqrstuvwxyz" };
	x = bide_await(aligned, bide_spawn(keeps_alignment, '!', x));
	EXPECT_STR(x.bytes, "!bcdefghijklmnopqrstuvwxyz");
}

/* ---- how many arguments ------------------------------------------------------------------- */

static BIDE_ASYNC(int, takes_0, void);
static int takes_0(void)
{
	return 42;
}

static BIDE_ASYNC(void, returns_nothing, void);
static void returns_nothing(void)
{
	note('A');
}

static BIDE_ASYNC(double, takes_1, double);
static double takes_1(double a)
{
	return a;
}

static BIDE_ASYNC(double, takes_2, int, double);
static double takes_2(int a, double b)
{
	return a + b;
}

static BIDE_ASYNC(double, takes_3, char, double, char);
static double takes_3(char a, double b, char c)
{
	return a + b * c;
}

static BIDE_ASYNC(double, takes_4, char, short, int, long);
static double takes_4(char a, short b, int c, long d)
{
	return a + b * 10 + c * 100 + (double)d * 1000;
}

static BIDE_ASYNC(double, takes_5, char, double, short, float, long);
static double takes_5(char a, double b, short c, float d, long e)
{
	return a + b * 10 + c * 100 + (double)d * 1000 + (double)e * 10000;
}

static BIDE_ASYNC(double, takes_6, char, double, short, float, long, types_pair);
static double takes_6(char a, double b, short c, float d, long e, types_pair f)
{
	return takes_5(a, b, c, d, e) + f.number * 1e5 + f.fraction * 1e6;
}

static BIDE_ASYNC_LIGHT(double, takes_7, char, double, short, float, long, types_pair, const int *);
static double takes_7(char a, double b, short c, float d, long e, types_pair f, const int *g)
{
	(void)bide_sleep(1);
	return takes_6(a, b, c, d, e, f) + *g * 1e7;
}

static BIDE_ASYNC_LIGHT(double, takes_8, char, double, short, float, long, types_pair, const int *,
                        function *);
static double takes_8(char a, double b, short c, float d, long e, types_pair f, const int *g,
                      function *h)
{
	return takes_7(a, b, c, d, e, f, g) + h(7) * 1e8;
}

VIRTUAL_TEST(a_task_takes_up_to_eight_arguments)
{
	static const int seven = 7;
	const types_pair pair = { 5, 6 };
	EXPECT_INT(bide_await(int, bide_spawn(takes_0)), 42);
	bide_await(void, bide_spawn(returns_nothing));
	EXPECT_STR(trace, "A");
	EXPECT_DOUBLE(bide_await(double, bide_spawn(takes_1, 1.5)), 1.5);
	EXPECT_DOUBLE(bide_await(double, bide_spawn(takes_2, 1, 0.5)), 1.5);
	EXPECT_DOUBLE(bide_await(double, bide_spawn(takes_3, 1, 2.5, 3)), 8.5);
	EXPECT_DOUBLE(bide_await(double, bide_spawn(takes_4, 1, 2, 3, 4)), 4321);
	EXPECT_DOUBLE(bide_await(double, bide_spawn(takes_5, 1, 2, 3, 4, 5)), 54321);
	EXPECT_DOUBLE(bide_await(double, bide_spawn(takes_6, 0, 1, 2, 3, 4, pair)), 6543210);
	EXPECT_DOUBLE(bide_await(double, bide_spawn(takes_7, 0, 1, 2, 3, 4, pair, &seven)),
	              76543210);
	EXPECT_DOUBLE(
		bide_await(double, bide_spawn(takes_8, 0, 1, 2, 3, 4, pair, &seven, increment)),
		876543210);
}

VIRTUAL_TEST(arguments_of_512_bytes_fit)
{
	EXPECT_INT(sizeof(types_large), BIDE_ARGS_MAX);
	EXPECT_UINT(types_invert_bide_fn()->args_size, BIDE_ARGS_MAX);
}

/* ---- as in a call ------------------------------------------------------------------------- */

VIRTUAL_TEST(arguments_are_converted_as_in_a_call)
{
	EXPECT_DOUBLE(bide_await(double, bide_spawn(takes_1, 3)), 3.0);
	EXPECT_DOUBLE(bide_await(double, bide_spawn(takes_1, 0.1f)), (double)0.1f);
	EXPECT_DOUBLE(bide_await(double, bide_spawn(takes_2, (int)2.9, 1)), 3.0);
	EXPECT_INT(bide_await(int, bide_spawn(full_int, 'x')), 'x');
	EXPECT(bide_await(bool, bide_spawn(full_bool, 256)) == true);
}

VIRTUAL_TEST(arguments_are_evaluated_once)
{
	int i = 5;
	EXPECT_INT(bide_await(int, bide_spawn(full_int, i++)), 5);
	EXPECT_INT(i, 6);
}

VIRTUAL_TEST(arguments_are_copied_when_the_task_is_spawned)
{
	int i = 5;
	bide_task *task = bide_spawn(full_int, i);
	i = 6;
	EXPECT_INT(bide_await(int, task), 5);
}

VIRTUAL_TEST(integer_types_of_one_size_are_one_class)
{
	EXPECT_INT(bide_await(int32_t, bide_spawn(full_int, 7)), 7);
	EXPECT_UINT(bide_await(unsigned, bide_spawn(full_int, 7)), 7);
	EXPECT_INT(bide_await(int, bide_spawn(full_unsigned, 7)), 7);
	EXPECT_INT(bide_await(long long, bide_spawn(full_long, 7)), 7);
	EXPECT_INT(bide_await(_Bool, bide_spawn(full_bool, true)), 1);
	EXPECT_INT(bide_await(int, bide_spawn(full_enum, TYPES_RED)), TYPES_RED);
}

/* ---- from a header, in two files ---------------------------------------------------------- */

VIRTUAL_TEST(a_function_from_a_header_is_spawned_in_two_files)
{
	EXPECT_INT(bide_await(int, bide_spawn(types_add, 1, 2)), 3);
	EXPECT_INT(types_add_elsewhere(3, 4), 7);
	EXPECT_INT(bide_await(int, types_spawn_add(5, 6)), 11);
	EXPECT(types_add_descriptor_elsewhere() != types_add_bide_fn());
	EXPECT_INT(types_add(7, 8), 15);
	EXPECT_ELAPSED(4);
}

VIRTUAL_TEST(an_enum_from_a_header_goes_through_a_task)
{
	EXPECT_INT(bide_await(types_color, bide_spawn(types_other_color, TYPES_RED)), TYPES_GREEN);
	EXPECT_INT(bide_await(int, bide_spawn(types_apply, increment, 41)), 42);
}

/* ---- gather and try_await of them --------------------------------------------------------- */

VIRTUAL_TEST(gather_stores_structs)
{
	types_pair results[3];
	bide_task *tasks[3];
	for (int i = 0; i < 3; i++)
		tasks[i] = bide_spawn(types_swap, (types_pair){ i, 10.0 * i });
	EXPECT_INT(bide_gather(tasks, 3, results), 0);
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(results[i].number, 10 * i);
		EXPECT_DOUBLE(results[i].fraction, i);
	}
}

VIRTUAL_TEST(try_await_stores_structs)
{
	types_large zeros, ones;
	memset(&zeros, 0, sizeof zeros);
	EXPECT_INT(bide_try_await(bide_spawn(types_invert, zeros), &ones), 0);
	for (size_t i = 0; i < sizeof ones; i++)
		EXPECT_INT(ones.bytes[i], 255);
}

TEST(run_returns_structs)
{
	types_pair swapped = bide_run(types_swap, (types_pair){ 3, 4 });
	CHECK_INT(swapped.number, 4);
	CHECK_DOUBLE(swapped.fraction, 3);
}
