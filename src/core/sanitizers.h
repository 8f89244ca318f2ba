/* SPDX-License-Identifier: MIT */
/* sanitizers.h: what AddressSanitizer, ThreadSanitizer, LeakSanitizer and Valgrind are told of
 * stacks; nothing at all in a plain build. */
#ifndef BIDE_CORE_SANITIZERS_H
#define BIDE_CORE_SANITIZERS_H

#include <stddef.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define BIDE__ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define BIDE__TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(BIDE__ASAN)
#define BIDE__ASAN 1
#endif
#if defined(__SANITIZE_THREAD__) && !defined(BIDE__TSAN)
#define BIDE__TSAN 1
#endif

#ifdef BIDE__ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#define BIDE__ROOT_REGISTER(base, size) __lsan_register_root_region(base, size)
#define BIDE__ROOT_UNREGISTER(base, size) __lsan_unregister_root_region(base, size)
#define BIDE__POISON(base, size) __asan_poison_memory_region(base, size)
#define BIDE__UNPOISON(base, size) __asan_unpoison_memory_region(base, size)
#else
#define BIDE__ROOT_REGISTER(base, size) ((void)(base))
#define BIDE__ROOT_UNREGISTER(base, size) ((void)(base))
#define BIDE__POISON(base, size) ((void)(base))
#define BIDE__UNPOISON(base, size) ((void)(base))
#endif

#ifdef BIDE__TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* A function that ends after the sanitizer was told of the next stack: what it is made to do at its
 * end by itself would be done to that one. */
#if defined(BIDE__ASAN)
#define BIDE__UNWATCHED __attribute__((no_sanitize_address))
#elif defined(BIDE__TSAN) && __has_attribute(disable_sanitizer_instrumentation)
#define BIDE__UNWATCHED __attribute__((disable_sanitizer_instrumentation))
#elif defined(BIDE__TSAN)
#define BIDE__UNWATCHED __attribute__((no_sanitize_thread))
#else
#define BIDE__UNWATCHED
#endif

#ifdef BIDE_VALGRIND
#include <valgrind/memcheck.h>
#include <valgrind/valgrind.h>
#define BIDE__VALGRIND_REGISTER(low, high) ((unsigned)VALGRIND_STACK_REGISTER(low, high))
#define BIDE__VALGRIND_DEREGISTER(id) VALGRIND_STACK_DEREGISTER(id)
#define BIDE__ON_VALGRIND RUNNING_ON_VALGRIND
#define BIDE__VALGRIND_HIDE(base, size) VALGRIND_MAKE_MEM_NOACCESS(base, size)
#define BIDE__VALGRIND_SHOW(base, size) VALGRIND_MAKE_MEM_DEFINED(base, size)
#else
#define BIDE__VALGRIND_REGISTER(low, high) ((void)(low), (void)(high), 0u)
#define BIDE__VALGRIND_DEREGISTER(id) ((void)(id))
#define BIDE__ON_VALGRIND 0
#define BIDE__VALGRIND_HIDE(base, size) ((void)(base))
#define BIDE__VALGRIND_SHOW(base, size) ((void)(base))
#endif

/* Blocks come from malloc where something watches malloc. */
#if defined(BIDE__ASAN) || defined(BIDE__TSAN) || defined(BIDE_VALGRIND)
#define BIDE__BLOCKS_BY_MALLOC 1
#else
#define BIDE__BLOCKS_BY_MALLOC 0
#endif

#endif
