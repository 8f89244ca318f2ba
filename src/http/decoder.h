/* SPDX-License-Identifier: MIT */
/* decoder.h: bodies that were compressed: gzip and deflate (RFC 1950 to 1952), br (RFC 7932), zstd
 * (RFC 8878). */
#ifndef BIDE_HTTP_DECODER_H
#define BIDE_HTTP_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct bide__decoder;

/* What a request says that it takes. */
#define BIDE__HTTP_CODINGS "gzip, deflate, br, zstd"

/* Makes a decoder for a coding. NULL when it is not known, or there is no memory: *ret_rc tells. */
struct bide__decoder *bide__decoder_new(const char *coding, size_t length, int *ret_rc);

/* Expands: takes *size bytes at most from *data, which are moved on, and gives at most @p room
 * bytes; both may be less. Returns how many it gave; -BIDE_EHTTP_CODING when the data make no
 * sense; -ENOMEM. Once it has failed it fails in the same way. How much comes of how little is for
 * the caller to look at. */
ssize_t bide__decode(struct bide__decoder *decoder, const char **data, size_t *size, char *out,
                     size_t room);

/* Whether all has been given, so that the data may end here. */
bool bide__decoder_ended(const struct bide__decoder *decoder);

void bide__decoder_free(struct bide__decoder *decoder);

#endif
