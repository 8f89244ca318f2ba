/* SPDX-License-Identifier: MIT */
/* The tests' harness. A test is a block:
 *
 *     TEST(a_sum_is_the_same_either_way)
 *     {
 *             CHECK_INT(2 + 1, 3);
 *             CHECK(1 + 2 == 2 + 1);
 *     }
 *
 * It registers itself, and the program's main(), which is the harness's, runs each in a process of
 * its own with a time-out and reports in TAP. What a test prints is shown when it fails.
 *
 * Whatever a check finds, it never jumps: a check that fails is recorded, and returns from the
 * function it stands in. Tests run tasks, and a jump off a task's stack would end in nothing good.
 *
 *     CHECK…(…)              in functions that return nothing: records and returns
 *     CHECK_RET(cond, value) in other functions: records and returns that value
 *     CHECK_OR(cond, what)   records and does what is said, such as `goto out`
 *     EXPECT…(…)             records and goes on, anywhere; it is true when what it expects is so
 *
 * Checks may be made on any thread and in processes forked by the test. The actual value comes
 * first. This header may be used from C++. It must know nothing of the library. */
#ifndef TEST_H
#define TEST_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang tells in another way than gcc what watches it. */
#ifdef __has_feature
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__ 1
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Tests ---------------------------------------------------------------------------------- */

/* A test that passes when its block comes to its end and no check in it failed. */
#define TEST(name) TEST__DEFINE(name, 0, "", TEST__REGISTER(name))

/* A test that passes when its block ends the process by abort(), with this text in its output. */
#define TEST_ABORTS(name, text) TEST__DEFINE(name, SIGABRT, text, TEST__REGISTER(name))

/* A test that passes when its block ends the process by that signal, with this text in its output.
 * The signal has its default action when the block begins. */
#define TEST_SIGNAL(name, signal, text) TEST__DEFINE(name, signal, text, TEST__REGISTER(name))

/* A block that is not run unless it is given to test__run(): the harness's tests of itself. */
#define TEST__HIDDEN(name, signal, text) TEST__DEFINE(name, signal, text, /* not registered */)

/* Ends the test here, neither passed nor failed. The reason must be in tests/skips.txt. */
#define SKIP(reason) \
	do { \
		test__skip(reason); \
		return; \
	} while (0)

/* Gives this test so many seconds instead of the usual 20. */
#define TEST_TIMEOUT(seconds) test__timeout(seconds)

/* Has this test's time begin anew: for one that does many things, each of which is to end in time,
 * however many there are and however busy the machine is. */
void test_goes_on(void);

/* The number that everything random in a test starts from: BIDE_TEST_SEED, or the clock's choice.
 * It is printed by every program, and the same for all its tests. */
uint64_t test_seed(void);

/* Whether everything is to be tried, and not a sample of it: BIDE_SWEEP is "all". */
bool test_everything(void);

/* From now on checks that fail are not recorded, though they return as they do, or are again: for
 * what is done to a test from outside. */
void test_forgive(bool forgives);

/* A directory of the test's own, made when it is first asked for, and removed with all that is in
 * it when the test has ended, in whatever way. */
const char *test_directory(void);

/* How many names there are in it. */
int test_files(void);

/* A path in it, and the same after data or a text have been written there. They last as long as the
 * test. */
const char *test_path(const char *name);
const char *test_bytes(const char *name, const void *data, size_t size);
const char *test_file(const char *name, const char *text);

/* Called in a test's process when its time is up, from a signal handler; weak: a test program may
 * define its own. The harness's calls bide_dump(2), if that is linked in. */
void test_dump(void);

/* ---- Checks --------------------------------------------------------------------------------- */

#define EXPECT(cond) test__true(!!(cond), __FILE__, __LINE__, #cond)
#define EXPECT_INT(a, b) test__int((a), (b), __FILE__, __LINE__, #a)
#define EXPECT_UINT(a, b) test__uint((a), (b), __FILE__, __LINE__, #a)
#define EXPECT_DOUBLE(a, b) test__double((a), (b), __FILE__, __LINE__, #a)
#define EXPECT_STR(a, b) test__str((a), (b), __FILE__, __LINE__, #a)
#define EXPECT_PTR(a, b) test__ptr((a), (b), __FILE__, __LINE__, #a)
#define EXPECT_MEM(a, b, size) test__mem((a), (b), (size), __FILE__, __LINE__, #a)

#define CHECK(cond) TEST__OR_RETURN(test__true(!!(cond), __FILE__, __LINE__, #cond))
/* Integers, as intmax_t and as uintmax_t. */
#define CHECK_INT(a, b) TEST__OR_RETURN(test__int((a), (b), __FILE__, __LINE__, #a))
#define CHECK_UINT(a, b) TEST__OR_RETURN(test__uint((a), (b), __FILE__, __LINE__, #a))
/* The very same number: 0.0 is not -0.0, and NaN is NaN. */
#define CHECK_DOUBLE(a, b) TEST__OR_RETURN(test__double((a), (b), __FILE__, __LINE__, #a))
/* The same text; NULL is the same as NULL only. */
#define CHECK_STR(a, b) TEST__OR_RETURN(test__str((a), (b), __FILE__, __LINE__, #a))
#define CHECK_PTR(a, b) TEST__OR_RETURN(test__ptr((a), (b), __FILE__, __LINE__, #a))
#define CHECK_NULL(a) TEST__OR_RETURN(test__ptr((a), NULL, __FILE__, __LINE__, #a))
#define CHECK_MEM(a, b, size) TEST__OR_RETURN(test__mem((a), (b), (size), __FILE__, __LINE__, #a))

#define CHECK_OR(cond, otherwise) \
	do { \
		if (!test__true(!!(cond), __FILE__, __LINE__, #cond)) { \
			otherwise; \
		} \
	} while (0)
#define CHECK_RET(cond, value) \
	do { \
		if (!test__true(!!(cond), __FILE__, __LINE__, #cond)) \
			return value; \
	} while (0)

/* Records a failure in words, formatted as by printf. */
#define FAIL(...) test__fail(__FILE__, __LINE__, __VA_ARGS__)

/* ---- Behind the macros ---------------------------------------------------------------------- */

struct test__case {
	const char *name;        /* Unique in its program. */
	const char *file;        /* Where it is defined, */
	int line;                /* for messages. */
	void (*body)(void);      /* The block. */
	int signal;              /* What must end the process; 0 for nothing. */
	const char *text;        /* What must be in the output then. */
	struct test__case *next; /* In the order of registration. */
};

enum test__outcome { TEST__PASSED, TEST__FAILED, TEST__SKIPPED };

/* How a test went, and what is to be told of it. */
struct test__result {
	enum test__outcome outcome;
	char reason[256];   /* Why it failed, in a line, or was skipped. */
	char output[65536]; /* The beginning of what it printed, its failed checks among it. */
};

#define TEST__OR_RETURN(holds) \
	do { \
		if (!(holds)) \
			return; \
	} while (0)

#define TEST__REGISTER(name) \
	__attribute__((constructor)) static void test__register_##name(void) \
	{ \
		test__register(&test__case_##name); \
	}

#define TEST__DEFINE(name, signal, text, registration) \
	static void test__body_##name(void); \
	static struct test__case test__case_##name = { \
		#name, __FILE__, __LINE__, test__body_##name, signal, text, NULL, \
	}; \
	registration static void test__body_##name(void)

#define TEST__PRINTF(at) __attribute__((format(printf, at, at + 1)))

void test__register(struct test__case *test);
void test__skip(const char *reason);
void test__timeout(double seconds);

/* Runs a test in a process of its own. */
void test__run(const struct test__case *test, double timeout, struct test__result *ret_result);

/* What main() does. */
int test__main(int argc, const char *const *argv);

void test__fail(const char *file, int line, const char *format, ...) TEST__PRINTF(3);
bool test__true(bool holds, const char *file, int line, const char *what);
bool test__int(intmax_t a, intmax_t b, const char *file, int line, const char *what);
bool test__uint(uintmax_t a, uintmax_t b, const char *file, int line, const char *what);
bool test__double(double a, double b, const char *file, int line, const char *what);
bool test__str(const char *a, const char *b, const char *file, int line, const char *what);
bool test__ptr(const void *a, const void *b, const char *file, int line, const char *what);
bool test__mem(const void *a, const void *b, size_t size, const char *file, int line,
               const char *what);

#ifdef __cplusplus
}
#endif

#endif
