/* SPDX-License-Identifier: MIT */
/* mime.h: what files are, by the end of their names. */
#ifndef BIDE_HTTP_MIME_H
#define BIDE_HTTP_MIME_H

/* The value of Content-Type for a file of some name, with a charset for text. */
const char *bide__http_mime(const char *name);

#endif
