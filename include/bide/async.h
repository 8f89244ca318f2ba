/* SPDX-License-Identifier: MIT */
/* bide/async.h: how a plain function becomes spawnable, with its types kept.
 *
 * Users need BIDE_ASYNC and BIDE_ASYNC_LIGHT; all that begins with bide__ or BIDE__ is the
 * machinery behind them and may change.
 *
 * For `BIDE_ASYNC(double, wait_random, int)` the macro writes
 *
 *     double wait_random(int);
 *     struct wait_random_bide_args { int a0; char end; };
 *     void wait_random_bide_run(void *args, void *ret)      calls the function
 *     const bide__function *wait_random_bide_fn(void)       its descriptor
 *     bide_task *wait_random_bide_start(how, with, int a0)  packs arguments, spawns
 *     double wait_random_bide_call(how, with, int a0)       packs arguments, runs
 *     int wait_random_bide_try(request, int a0)             packs arguments, runs
 *
 * so that the compiler checks and converts the arguments of bide_spawn(wait_random, 3) as it does
 * in a call. */
#ifndef BIDE_ASYNC_H
#define BIDE_ASYNC_H

#include <bide/base.h>

/** A running or ended task. The pointer is a tag (slot, loop, generation), never an address. */
typedef struct bide_task bide_task;

/** The most bytes that the arguments of a task, or its result, may take. */
#define BIDE_ARGS_MAX 512
/* What arguments and results may be aligned to, as what malloc gives. */
#define BIDE__ALIGN_MAX 16

/* The macros are laid out by hand, as what they write. */
/* clang-format off */

#ifdef __cplusplus
/* What C++ answers by overloading, C answers by _Generic: is R a signed integer that can carry an
 * error, and how large is what a pointer points to (nothing, for void). */
constexpr unsigned bide__signed(int *) { return 1; }
constexpr unsigned bide__signed(long *) { return 1; }
constexpr unsigned bide__signed(long long *) { return 1; }
constexpr unsigned bide__signed(...) { return 0; }
template <class T> constexpr size_t bide__sizeof(T *) { return sizeof(T); }
constexpr size_t bide__sizeof(void *) { return 0; }
template <class T> constexpr unsigned bide__class(T *)
{
	return __builtin_classify_type(*(T *)0) <= 4 ? 1u
	                                             : (unsigned)__builtin_classify_type(*(T *)0);
}
constexpr unsigned bide__class(void *) { return 0; }
template <class T> struct bide__copied {
	enum { ok = __is_trivially_copyable(T) };
};
template <class T> struct bide__copied<T &> {
	enum { ok = 0 };
};
template <class T> constexpr size_t bide__item_size(T *)
{
	static_assert(bide__copied<T>::ok, "bide: items are copied as bytes: hand over pointers");
	return sizeof(T);
}
#define BIDE__SIGNED(R) bide__signed((R *)0)
#define BIDE__SIZEOF(p) bide__sizeof(p)
#define BIDE__CLASS_AT(p) bide__class(p)
#define BIDE__ITEM_SIZE(p) bide__item_size(p)
#define BIDE__ASSERT(what, why) static_assert(what, why);
#define BIDE__COPIED(T) \
	BIDE__ASSERT(bide__copied<T>::ok, "bide: copied as bytes: pass " #T " by pointer")
extern "C" {
#else
#define BIDE__SIGNED(R) _Generic((R *)0, int *: 1u, long *: 1u, long long *: 1u, default: 0u)
#define BIDE__OBJECT(p) _Generic((p), void *: (struct bide__none *)0, default: (p))
#define BIDE__SIZEOF(p) _Generic((p), void *: (size_t)0, default: sizeof(*BIDE__OBJECT(p)))
#define BIDE__CLASS_AT(p) _Generic((p), void *: 0u, default: BIDE__CLASS(*BIDE__OBJECT(p)))
/* An array cannot have less than no elements: a `void *` is refused by the compiler. */
#define BIDE__ITEM_SIZE(p) (BIDE__SIZEOF(p) + 0 * sizeof(char[BIDE__SIZEOF(p) > 0 ? 1 : -1]))
#define BIDE__ASSERT(what, why) _Static_assert(what, why);
#define BIDE__COPIED(T)
struct bide__none {
	char none;
};
#endif

/* All integers are one class, in C as in C++; the size tells them apart. */
#define BIDE__CLASS(x) \
	(__builtin_classify_type(x) <= 4 ? 1u : (unsigned)__builtin_classify_type(x))

/* What the library knows of a spawnable function. */
typedef struct bide__function {
	const char *name;                    /* of the function; a task's name if it has none */
	const char *type;                    /* of what a handle refers to: "bide_task" */
	const char *result;                  /* the result type as it was written, for messages */
	void (*run)(void *args, void *ret);  /* unpacks the arguments and calls the function */
	uint64_t pointers;                   /* bit i: word i of the arguments is a pointer */
	uint32_t args_size;                  /* bytes */
	uint32_t ret_size;                   /* bytes, 0 for void */
	uint16_t ret_class;                  /* BIDE__CLASS of the result, 0 for void */
	uint16_t flags;                      /* BIDE__RESULT_SIGNED | BIDE__LIGHT | … */
} bide__function;

/* BIDE__TOLD_UNRUN: when there is no stack for it, it is called without a result, not in a task, to
 * let go of its arguments. */
enum { BIDE__RESULT_SIGNED = 1, BIDE__LIGHT = 2, BIDE__TOLD_UNRUN = 4 };

/* What is done with packed arguments; `with` is NULL, the options, the group or the loop. */
enum bide__how {
	BIDE__SPAWN,
	BIDE__SPAWN_WITH,
	BIDE__SPAWN_IN,
	BIDE__SPAWN_ON,
	BIDE__RUN,
	BIDE__TO_THREAD,
	BIDE__TO_LOOP,
	BIDE__ON_CORES,
	BIDE__HAND_OVER
};

/* How a function is to be run, and where its result goes. */
struct bide__request {
	enum bide__how how;  /* BIDE__RUN or one that follows it */
	void *loop;          /* bide_loop to run on, or NULL: open one, or need none */
	const void *options; /* bide_options of the loop to open, bide_thread_options; or NULL */
	void *ret;           /* the caller's object, or NULL */
	size_t ret_size;     /* of that object */
	unsigned ret_class;  /* of that object */
	unsigned cores;      /* on how many loops: see bide_run_on_cores() */
	/* BIDE__HAND_OVER: who gets function and arguments, in a library beside this one, and what
	 * else he needs: first, the name of the call. */
	int (*take)(const struct bide__request *request, const bide__function *fn,
	            const void *args);
	const void *given[3];
};

BIDE_API bide_task *bide__start(enum bide__how how, const void *with, const bide__function *fn,
                                const void *args) BIDE__NOTHROW;
BIDE_API void bide__call(enum bide__how how, const void *with, const bide__function *fn,
                         const void *args, void *ret) BIDE__NOTHROW;
BIDE_API int bide__try(struct bide__request request, const bide__function *fn,
                       const void *args) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif

/* ---- preprocessor kit --------------------------------------------------------------------- */

#define BIDE__GLUE __attribute__((unused)) static inline
#define BIDE__APPLY(M, ...) M(__VA_ARGS__)
#define BIDE__CAT_(a, b) a##b
#define BIDE__CAT(a, b) BIDE__CAT_(a, b)
#define BIDE__FIRST(a, ...) a
#define BIDE__SECOND_(a, b, ...) b
#define BIDE__SECOND(...) BIDE__SECOND_(__VA_ARGS__)
#define BIDE__IF_0(yes, no) no
#define BIDE__IF_1(yes, no) yes

/* 1 when the type is the word void. `void *` is not: the parentheses then find no macro. */
#define BIDE__PROBE_void BIDE__PROBED
#define BIDE__PROBED() ~, 1, ~
#define BIDE__IS_VOID(T) BIDE__SECOND(BIDE__CAT(BIDE__PROBE_, T)(), 0, ~)

/* How many types were given; void alone is none. */
#define BIDE__NTH(a, b, c, d, e, f, g, h, N, ...) N
#define BIDE__ARITY_0(...) BIDE__NTH(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, ~)
#define BIDE__ARITY_1(...) 0
#define BIDE__ARITY(...) \
	BIDE__CAT(BIDE__ARITY_, BIDE__IS_VOID(BIDE__FIRST(__VA_ARGS__, ~)))(__VA_ARGS__)

/* 1 for one argument, 2 for more: numbers, which no macro of the user's can replace. */
#define BIDE__MANY_(a, b, c, d, e, f, g, h, i, j, N, ...) N
#define BIDE__MANY(...) BIDE__MANY_(__VA_ARGS__, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, ~)

#define BIDE__MAP_0(M, ...)
#define BIDE__MAP_1(M, A, a) M(A, a, 0)
#define BIDE__MAP_2(M, A, a, b) BIDE__MAP_1(M, A, a) M(A, b, 1)
#define BIDE__MAP_3(M, A, a, b, c) BIDE__MAP_2(M, A, a, b) M(A, c, 2)
#define BIDE__MAP_4(M, A, a, b, c, d) BIDE__MAP_3(M, A, a, b, c) M(A, d, 3)
#define BIDE__MAP_5(M, A, a, b, c, d, e) BIDE__MAP_4(M, A, a, b, c, d) M(A, e, 4)
#define BIDE__MAP_6(M, A, a, b, c, d, e, f) BIDE__MAP_5(M, A, a, b, c, d, e) M(A, f, 5)
#define BIDE__MAP_7(M, A, a, b, c, d, e, f, g) BIDE__MAP_6(M, A, a, b, c, d, e, f) M(A, g, 6)
#define BIDE__MAP_8(M, A, a, b, c, d, e, f, g, h) \
	BIDE__MAP_7(M, A, a, b, c, d, e, f, g) M(A, h, 7)

#define BIDE__USE_0(u)
#define BIDE__USE_1(u) u->a0
#define BIDE__USE_2(u) BIDE__USE_1(u), u->a1
#define BIDE__USE_3(u) BIDE__USE_2(u), u->a2
#define BIDE__USE_4(u) BIDE__USE_3(u), u->a3
#define BIDE__USE_5(u) BIDE__USE_4(u), u->a4
#define BIDE__USE_6(u) BIDE__USE_5(u), u->a5
#define BIDE__USE_7(u) BIDE__USE_6(u), u->a6
#define BIDE__USE_8(u) BIDE__USE_7(u), u->a7

/* What is written once for each argument: M(A, T, i) with A the argument struct. */
#define BIDE__FIELD(A, T, i) \
	__typeof__(T) a##i; \
	BIDE__COPIED(T)
#define BIDE__PARAMETER(A, T, i) , __typeof__(T) a##i
#define BIDE__SET(A, T, i) a##i,
#define BIDE__POINTER(A, T, i) \
	| (uint64_t)(__builtin_classify_type(((A *)0)->a##i) == 5) \
	          << (offsetof(A, a##i) / sizeof(void *))

/* ---- the glue of one function ------------------------------------------------------------- */

#define BIDE__PACK(fn, n, ...) \
	struct fn##_bide_args bide__args = { BIDE__CAT(BIDE__MAP_, n)(BIDE__SET, ~, __VA_ARGS__) 0 }

#define BIDE__PARAMETERS(n, ...) BIDE__CAT(BIDE__MAP_, n)(BIDE__PARAMETER, ~, __VA_ARGS__)

#define BIDE__ARGS(V, R, fn, n, ...) \
	struct fn##_bide_args { \
		BIDE__CAT(BIDE__MAP_, n)(BIDE__FIELD, ~, __VA_ARGS__) char end; \
	}; \
	BIDE__IF_##V(, BIDE__COPIED(R)) \
	BIDE__ASSERT(offsetof(struct fn##_bide_args, end) <= BIDE_ARGS_MAX, \
	             "bide: the arguments of " #fn " take more than 512 bytes: pass a pointer") \
	BIDE__ASSERT(__alignof__(struct fn##_bide_args) <= BIDE__ALIGN_MAX, \
	             "bide: an argument of " #fn " is aligned to more than 16 bytes") \
	BIDE__IF_##V(, BIDE__ASSERT(sizeof(R) <= BIDE_ARGS_MAX, \
	                            "bide: the result of " #fn " takes more than 512 bytes")) \
	BIDE__IF_##V(, BIDE__ASSERT(__alignof__(R) <= BIDE__ALIGN_MAX, \
	                            "bide: the result of " #fn " is aligned to more than 16 bytes"))

#define BIDE__RUN_FN(V, R, fn, n) \
	BIDE__GLUE void fn##_bide_run(void *bide__args, void *bide__ret) BIDE__NOTHROW \
	{ \
		struct fn##_bide_args *bide__u = (struct fn##_bide_args *)bide__args; \
		(void)bide__u; \
		(void)bide__ret; \
		BIDE__IF_##V(, *(R *)bide__ret =) fn(BIDE__CAT(BIDE__USE_, n)(bide__u)); \
	}

#define BIDE__DESCRIPTOR(light, V, R, fn, n, ...) \
	BIDE__GLUE const bide__function *fn##_bide_fn(void) \
	{ \
		static const bide__function bide__f = { \
			#fn, "bide_task", #R, fn##_bide_run, \
			(uint64_t)0 BIDE__CAT(BIDE__MAP_, n)(BIDE__POINTER, struct fn##_bide_args, \
			                                     __VA_ARGS__), \
			offsetof(struct fn##_bide_args, end), BIDE__IF_##V(0, sizeof(R)), \
			BIDE__IF_##V(0, BIDE__CLASS(*(R *)0)), \
			(light) | BIDE__IF_##V(0u, BIDE__SIGNED(R)) }; \
		return &bide__f; \
	}

#define BIDE__STARTERS(V, R, fn, n, ...) \
	BIDE__GLUE bide_task *fn##_bide_start( \
		enum bide__how bide__how, const void *bide__with BIDE__PARAMETERS(n, __VA_ARGS__)) \
	{ \
		BIDE__PACK(fn, n, __VA_ARGS__); \
		return bide__start(bide__how, bide__with, fn##_bide_fn(), &bide__args); \
	} \
	BIDE__GLUE R fn##_bide_call(enum bide__how bide__how, \
	                            const void *bide__with BIDE__PARAMETERS(n, __VA_ARGS__)) \
	{ \
		BIDE__PACK(fn, n, __VA_ARGS__); \
		BIDE__IF_##V(, R bide__ret;) \
		bide__call(bide__how, bide__with, fn##_bide_fn(), &bide__args, \
		           BIDE__IF_##V(NULL, &bide__ret)); \
		return BIDE__IF_##V(, bide__ret); \
	} \
	BIDE__GLUE int fn##_bide_try(struct bide__request bide__request BIDE__PARAMETERS( \
		n, __VA_ARGS__)) \
	{ \
		BIDE__PACK(fn, n, __VA_ARGS__); \
		return bide__try(bide__request, fn##_bide_fn(), &bide__args); \
	}

#define BIDE__ASYNC(light, V, R, fn, n, ...) \
	R fn(__VA_ARGS__); \
	BIDE__ARGS(V, R, fn, n, __VA_ARGS__) \
	BIDE__RUN_FN(V, R, fn, n) \
	BIDE__DESCRIPTOR(light, V, R, fn, n, __VA_ARGS__) \
	BIDE__STARTERS(V, R, fn, n, __VA_ARGS__) \
	struct fn##_bide_args
#define BIDE__ASYNC_OPEN(...) BIDE__ASYNC(__VA_ARGS__)

/** Declares `R fn(types…)` and makes it spawnable: BIDE_ASYNC(double, wait_random, int);
 *
 *  @param R     the result type, or void.
 *  @param fn    the function's name.
 *  @param types up to 8 argument types; void alone means none. Arguments and results are copied
 *               as bytes, at most BIDE_ARGS_MAX each: arrays, C++ references and objects with
 *               constructors are passed by pointer, and so is what is aligned to more than 16
 *               bytes; function types by a typedef.
 *
 *  May follow `static`, stand in a guarded header, in several files, in C11 and in C++17. The
 *  task runs on a stack of its own, into which others may point while it is suspended. */
#define BIDE_ASYNC(R, fn, ...) \
	BIDE__ASYNC_OPEN(0u, BIDE__IS_VOID(R), R, fn, BIDE__ARITY(__VA_ARGS__), __VA_ARGS__)

/** As BIDE_ASYNC, for tasks by the million: while such a task is suspended only its live frames
 *  are kept, a few hundred bytes, off the stack that it shares with others.
 *
 *  The rule that comes with it: while a light task is suspended its locals do not exist. No other
 *  task, thread, callback or library may hold their address. Out-parameters and arrays of bide's
 *  own suspending calls may lie there: the library copies. A spawn whose argument is a pointer
 *  into the light task that makes it aborts. See bide_light(7). */
#define BIDE_ASYNC_LIGHT(R, fn, ...) \
	BIDE__ASYNC_OPEN((unsigned)BIDE__LIGHT, BIDE__IS_VOID(R), R, fn, BIDE__ARITY(__VA_ARGS__), \
	                 __VA_ARGS__)

/* BIDE__DO(_bide_start, how, with, fn, args…) calls fn's glue, with or without arguments. */
#define BIDE__DO_1(what, how, with, fn) fn##what(how, with)
#define BIDE__DO_2(what, how, with, fn, ...) fn##what(how, with, __VA_ARGS__)
#define BIDE__DO(what, how, with, ...) \
	BIDE__CAT(BIDE__DO_, BIDE__MANY(__VA_ARGS__))(what, how, with, __VA_ARGS__)
#define BIDE__TRY_1(request, fn) fn##_bide_try(request)
#define BIDE__TRY_2(request, fn, ...) fn##_bide_try(request, __VA_ARGS__)
#define BIDE__TRY(request, ...) \
	BIDE__CAT(BIDE__TRY_, BIDE__MANY(__VA_ARGS__))(request, __VA_ARGS__)

/* Checks the type of a pointer that the glue takes as void. */
#define BIDE__IS(T, p) (1 ? (p) : (T *)0)

/* clang-format on */

#endif
