// SPDX-License-Identifier: MIT
/* Bodies that were compressed, by each coding, given in pieces of any size. */
#include "harness/test.h"
#include "http/decoder.h"

#include "base/alloc.h"

#include <bide/http.h>

#include <brotli/encode.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { SIZE = 100000, ROOM = 2 * SIZE };

static char plain[SIZE];
static char packed[ROOM];

static void fill_plain(void)
{
	for (size_t i = 0; i < SIZE; i++)
		plain[i] = (char)("aabbccddee"[i % 10] + i / 1000 % 20);
}

/* 15: zlib, 31: gzip, -15: neither. */
static size_t pack_zlib(int window, size_t size)
{
	z_stream zlib;
	memset(&zlib, 0, sizeof zlib);
	EXPECT_INT(deflateInit2(&zlib, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
	zlib.next_in = (Bytef *)plain;
	zlib.avail_in = (uInt)size;
	zlib.next_out = (Bytef *)packed;
	zlib.avail_out = ROOM;
	EXPECT_INT(deflate(&zlib, Z_FINISH), Z_STREAM_END);
	size_t n = ROOM - zlib.avail_out;
	deflateEnd(&zlib);
	return n;
}

static size_t pack_brotli(size_t size)
{
	size_t n = ROOM;
	EXPECT_INT(BrotliEncoderCompress(5, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC, size,
	                                 (const uint8_t *)plain, &n, (uint8_t *)packed),
	           BROTLI_TRUE);
	return n;
}

static size_t pack_zstd(size_t size)
{
	return ZSTD_compress(packed, ROOM, plain, size, 3);
}

/* In pieces, so that all of a window is asked for whatever the size. */
static size_t pack_zstd_with(int window)
{
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	ZSTD_inBuffer in = { plain, SIZE / 2, 0 };
	ZSTD_outBuffer out = { packed, ROOM, 0 };
	EXPECT(!ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, window)));
	EXPECT(!ZSTD_isError(ZSTD_compressStream2(zstd, &out, &in, ZSTD_e_continue)));
	in.size = SIZE;
	EXPECT_INT(ZSTD_compressStream2(zstd, &out, &in, ZSTD_e_end), 0);
	ZSTD_freeCCtx(zstd);
	return out.pos;
}

/* Expands what is packed, given and taken in pieces. Bytes, or an error, what they are being
 * checked. */
static ssize_t expand(const char *coding, size_t size, size_t step, size_t room)
{
	static char out[SIZE];
	int rc = 0;
	size_t done = 0, at = 0;
	struct bide__decoder *decoder = bide__decoder_new(coding, strlen(coding), &rc);
	if (decoder == NULL)
		return rc;
	ssize_t n = 1;
	while (n >= 0) {
		const char *data = packed + at;
		size_t left = step < size - at ? step : size - at, had = left;
		n = bide__decode(decoder, &data, &left, out, room);
		at += had - left;
		if (n > 0 && (done + (size_t)n > SIZE || memcmp(plain + done, out, (size_t)n) != 0))
			n = -1;
		done += n > 0 ? (size_t)n : 0;
		if (n == 0 && had == left && at == size)
			break;
	}
	if (n == 0 && !bide__decoder_ended(decoder))
		n = -2;
	bide__decoder_free(decoder);
	return n < 0 ? n : (ssize_t)done;
}

static void check_each_way(const char *coding, size_t size)
{
	static const size_t steps[] = { 1, 7, 1000, SIZE };
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 4; j++)
			CHECK_INT(expand(coding, size, steps[i], steps[j]), SIZE);
}

TEST(what_was_compressed_is_expanded)
{
	fill_plain();
	check_each_way("gzip", pack_zlib(31, SIZE));
	check_each_way("X-GZIP", pack_zlib(31, SIZE));
	check_each_way("deflate", pack_zlib(15, SIZE));
	check_each_way("deflate", pack_zlib(-15, SIZE));
	check_each_way("br", pack_brotli(SIZE));
	check_each_way("zstd", pack_zstd(SIZE));
}

/* A few bytes do not ask for as much memory as they like. */
TEST(what_needs_too_large_a_window_is_refused)
{
	fill_plain();
	CHECK_INT(expand("zstd", pack_zstd_with(23), SIZE, SIZE), SIZE);
	CHECK_INT(expand("zstd", pack_zstd_with(24), SIZE, SIZE), -BIDE_EHTTP_CODING);
}

static void check_each_allocation(const char *coding, size_t size)
{
	unsigned long failures = 1;
	for (long k = 1; failures > 0; k++) {
		bide__alloc_arm(k);
		ssize_t n = expand(coding, size, 1000, 1000);
		failures = bide__alloc_hook.failures;
		bide__alloc_disarm();
		CHECK_INT(n, failures > 0 ? -ENOMEM : SIZE);
	}
}

TEST(each_allocation_may_fail)
{
	fill_plain();
	check_each_allocation("gzip", pack_zlib(31, SIZE));
	check_each_allocation("deflate", pack_zlib(-15, SIZE));
	check_each_allocation("br", pack_brotli(SIZE));
}

/* Has this process no room for @p size bytes more. */
static void limit_memory(size_t size)
{
	unsigned long pages;
	FILE *file = fopen("/proc/self/statm", "r");
	EXPECT(file != NULL);
	EXPECT_INT(fscanf(file, "%lu", &pages), 1);
	fclose(file);
	const rlim_t most = pages * (rlim_t)sysconf(_SC_PAGESIZE) + size;
	EXPECT_INT(setrlimit(RLIMIT_AS, &(struct rlimit){ most, most }), 0);
}

/* zstd asks the system for its window. */
TEST(no_memory_for_a_window_is_told_again_and_again)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	SKIP("sanitizers take address space by the terabyte");
#endif
	char out[1000];
	int rc;
	fill_plain();
	size_t left = pack_zstd_with(23);
	const char *data = packed;
	struct bide__decoder *decoder = bide__decoder_new("zstd", 4, &rc);
	CHECK(decoder != NULL);
	limit_memory(4 << 20);
	CHECK_INT(bide__decode(decoder, &data, &left, out, sizeof out), -ENOMEM);
	CHECK_INT(bide__decode(decoder, &data, &left, out, sizeof out), -ENOMEM);
	bide__decoder_free(decoder);
}

TEST(what_is_cut_off_does_not_end)
{
	fill_plain();
	CHECK_INT(expand("gzip", pack_zlib(31, SIZE) - 1, SIZE, SIZE), -2);
	CHECK_INT(expand("deflate", pack_zlib(15, SIZE) - 1, SIZE, SIZE), -2);
	CHECK_INT(expand("br", pack_brotli(SIZE) - 1, SIZE, SIZE), -2);
	CHECK_INT(expand("zstd", pack_zstd(SIZE) - 1, SIZE, SIZE), -2);
}

TEST(what_makes_no_sense_is_refused)
{
	static const char *const codings[] = { "gzip", "br", "zstd" };
	memset(packed, 0xff, 1000);
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(expand(codings[i], 1000, SIZE, SIZE), -BIDE_EHTTP_CODING);
	CHECK_INT(expand("compress", 0, 1, 1), -BIDE_EHTTP_CODING);
}

TEST(what_follows_the_end_is_refused_or_another_file)
{
	fill_plain();
	size_t first = pack_brotli(SIZE);
	packed[first] = 'x';
	CHECK_INT(expand("br", first + 1, SIZE, SIZE), -BIDE_EHTTP_CODING);
	first = pack_zlib(31, SIZE / 2);
	char *half = malloc(first);
	memcpy(half, packed, first);
	memmove(plain, plain + SIZE / 2, SIZE / 2);
	size_t second = pack_zlib(31, SIZE / 2);
	memmove(packed + first, packed, second);
	memcpy(packed, half, first);
	free(half);
	fill_plain();
	CHECK_INT(expand("gzip", first + second, SIZE, SIZE), SIZE);
}

TEST(zeros_behind_a_file_are_passed_over)
{
	enum { PADDING = 3000 };
	fill_plain();
	const size_t size = pack_zlib(31, SIZE);
	memset(packed + size, '\0', PADDING);
	CHECK_INT(expand("gzip", size + PADDING, SIZE, SIZE), SIZE);
	check_each_way("gzip", size + 9);
	packed[size + PADDING] = 'x';
	CHECK_INT(expand("gzip", size + PADDING + 1, SIZE, SIZE), -2);
	packed[size + PADDING + 1] = 'y';
	CHECK_INT(expand("gzip", size + PADDING + 2, SIZE, SIZE), -BIDE_EHTTP_CODING);
	const size_t none = pack_zlib(31, 0);
	memset(packed + none, '\0', PADDING);
	memcpy(packed + none + PADDING, packed, none);
	CHECK_INT(expand("gzip", none + PADDING + none, 1000, SIZE), 0);
	/* Those before one are of none. */
	memset(packed, '\0', PADDING);
	CHECK_INT(expand("gzip", PADDING, SIZE, SIZE), -BIDE_EHTTP_CODING);
	const size_t zlib = pack_zlib(15, SIZE);
	packed[zlib] = '\0';
	CHECK_INT(expand("deflate", zlib + 1, SIZE, SIZE), -BIDE_EHTTP_CODING);
}
