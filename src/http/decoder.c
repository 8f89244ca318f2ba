// SPDX-License-Identifier: MIT
/* decoder.c: see decoder.h. */
#include "http/decoder.h"

#include "base/alloc.h"

#include <bide/http.h>

#include <brotli/decode.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { ZSTD_WINDOW = 23 }; /* log2 of the bytes that are kept at most: RFC 9659 */

enum kind { GZIP, DEFLATE, BROTLI, ZSTD };

struct bide__decoder {
	enum kind kind;
	bool ended;   /* at the end of what was compressed; more may follow */
	bool started; /* a byte has been looked at */
	int error;    /* what it has failed with */
	z_stream zlib;
	BrotliDecoderState *brotli;
	ZSTD_DStream *zstd;
};

/* ---- making ------------------------------------------------------------------------------- */

static void *allocate(void *opaque, unsigned count, unsigned size)
{
	(void)opaque;
	return bide__calloc(count, size);
}

static void *allocate_bytes(void *opaque, size_t size)
{
	(void)opaque;
	return bide__malloc(size);
}

static void deallocate(void *opaque, void *block)
{
	(void)opaque;
	bide__free(block);
}

/* 15: any window; 32 more: zlib's or gzip's header. */
static bool start_zlib(struct bide__decoder *decoder, int window)
{
	decoder->zlib.zalloc = allocate;
	decoder->zlib.zfree = deallocate;
	return inflateInit2(&decoder->zlib, window) == Z_OK;
}

static bool start(struct bide__decoder *decoder)
{
	switch (decoder->kind) {
	case GZIP:
	case DEFLATE:
		return start_zlib(decoder, 15 + 32);
	case BROTLI:
		decoder->brotli = BrotliDecoderCreateInstance(allocate_bytes, deallocate, NULL);
		return decoder->brotli != NULL;
	case ZSTD:
		decoder->zstd = ZSTD_createDStream();
		return decoder->zstd != NULL &&
		       !ZSTD_isError(ZSTD_DCtx_setParameter(decoder->zstd, ZSTD_d_windowLogMax,
		                                            ZSTD_WINDOW));
	}
	return false;
}

static int kind_of(const char *coding, size_t length)
{
	static const struct {
		const char *name;
		enum kind kind;
	} known[] = { { "gzip", GZIP },
		      { "x-gzip", GZIP },
		      { "deflate", DEFLATE },
		      { "br", BROTLI },
		      { "zstd", ZSTD } };
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strlen(known[i].name) == length &&
		    strncasecmp(known[i].name, coding, length) == 0)
			return (int)known[i].kind;
	return -BIDE_EHTTP_CODING;
}

struct bide__decoder *bide__decoder_new(const char *coding, size_t length, int *ret_rc)
{
	const int kind = kind_of(coding, length);
	if (kind < 0) {
		*ret_rc = kind;
		return NULL;
	}
	struct bide__decoder *decoder = bide__calloc(1, sizeof(*decoder));
	if (decoder != NULL) {
		decoder->kind = (enum kind)kind;
		if (start(decoder))
			return decoder;
		bide__decoder_free(decoder);
	}
	*ret_rc = -ENOMEM;
	return NULL;
}

void bide__decoder_free(struct bide__decoder *decoder)
{
	if (decoder == NULL)
		return;
	if (decoder->kind == GZIP || decoder->kind == DEFLATE)
		(void)inflateEnd(&decoder->zlib);
	BrotliDecoderDestroyInstance(decoder->brotli);
	(void)ZSTD_freeDStream(decoder->zstd);
	bide__free(decoder);
}

/* ---- expanding ---------------------------------------------------------------------------- */

/* Some servers send what deflate compresses without zlib's header around it. */
static int begin_raw(struct bide__decoder *decoder)
{
	(void)inflateEnd(&decoder->zlib);
	memset(&decoder->zlib, 0, sizeof(decoder->zlib));
	return start_zlib(decoder, -15) ? 0 : -ENOMEM;
}

static bool has_zlib_header(const unsigned char *data, size_t size)
{
	return (data[0] & 15) == Z_DEFLATED && (size < 2 || (data[0] * 256 + data[1]) % 31 == 0);
}

static int inflate_some(struct bide__decoder *decoder, const char **data, size_t *size, char *out,
                        size_t *room)
{
	const uInt in = *size < UINT_MAX ? (uInt)*size : UINT_MAX;
	const uInt free = *room < UINT_MAX ? (uInt)*room : UINT_MAX;
	if (!decoder->started && decoder->kind == DEFLATE && in > 0 &&
	    !has_zlib_header((const unsigned char *)*data, *size) && begin_raw(decoder) < 0)
		return -ENOMEM;
	decoder->zlib.next_in = (Bytef *)(uintptr_t)*data;
	decoder->zlib.avail_in = in;
	decoder->zlib.next_out = (Bytef *)out;
	decoder->zlib.avail_out = free;
	int rc = inflate(&decoder->zlib, Z_NO_FLUSH);
	*data += in - decoder->zlib.avail_in;
	*size -= in - decoder->zlib.avail_in;
	*room -= free - decoder->zlib.avail_out;
	decoder->ended = rc == Z_STREAM_END;
	if (rc == Z_MEM_ERROR)
		return -ENOMEM;
	return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR ? 0 : -BIDE_EHTTP_CODING;
}

/* Those of allocations lie between two of the names that they have. */
static int brotli_error(const BrotliDecoderState *brotli)
{
	const BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(brotli);
	return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
	                       code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES
	               ? -ENOMEM
	               : -BIDE_EHTTP_CODING;
}

static int brotli_some(struct bide__decoder *decoder, const char **data, size_t *size, char *out,
                       size_t *room)
{
	const uint8_t *in = (const uint8_t *)*data;
	uint8_t *to = (uint8_t *)out;
	BrotliDecoderResult result =
		BrotliDecoderDecompressStream(decoder->brotli, size, &in, room, &to, NULL);
	*data = (const char *)in;
	decoder->ended = result == BROTLI_DECODER_RESULT_SUCCESS;
	return result == BROTLI_DECODER_RESULT_ERROR ? brotli_error(decoder->brotli) : 0;
}

static int zstd_some(struct bide__decoder *decoder, const char **data, size_t *size, char *out,
                     size_t *room)
{
	ZSTD_inBuffer in = { *data, *size, 0 };
	ZSTD_outBuffer to = { out, *room, 0 };
	size_t rc = ZSTD_decompressStream(decoder->zstd, &to, &in);
	*data += in.pos;
	*size -= in.pos;
	*room -= to.pos;
	decoder->ended = rc == 0;
	if (ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation)
		return -ENOMEM;
	return ZSTD_isError(rc) ? -BIDE_EHTTP_CODING : 0;
}

/* Files may be compressed one by one and put together; brotli's cannot. */
static int begin_next(struct bide__decoder *decoder)
{
	if (decoder->kind == BROTLI || decoder->kind == DEFLATE)
		return -BIDE_EHTTP_CODING;
	if (decoder->kind == GZIP && inflateReset(&decoder->zlib) != Z_OK)
		return -BIDE_EHTTP_CODING;
	decoder->ended = false;
	return 0;
}

/* Zeros behind a file of gzip's pad it, as on a tape, and are none of the next. */
static void skip_padding(const struct bide__decoder *decoder, const char **data, size_t *size)
{
	while (decoder->ended && decoder->kind == GZIP && *size > 0 && **data == '\0') {
		(*data)++;
		(*size)--;
	}
}

ssize_t bide__decode(struct bide__decoder *decoder, const char **data, size_t *size, char *out,
                     size_t room)
{
	skip_padding(decoder, data, size);
	const size_t had = *size, wanted = room;
	int rc = decoder->error;
	if (rc == 0 && decoder->ended && had == 0)
		return 0;
	if (rc == 0 && decoder->ended)
		rc = begin_next(decoder);
	if (rc == 0 && decoder->kind == BROTLI)
		rc = brotli_some(decoder, data, size, out, &room);
	else if (rc == 0 && decoder->kind == ZSTD)
		rc = zstd_some(decoder, data, size, out, &room);
	else if (rc == 0)
		rc = inflate_some(decoder, data, size, out, &room);
	decoder->started |= had > 0;
	decoder->error = rc;
	return rc < 0 ? rc : (ssize_t)(wanted - room);
}

bool bide__decoder_ended(const struct bide__decoder *decoder)
{
	return decoder->ended || !decoder->started;
}
