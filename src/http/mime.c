// SPDX-License-Identifier: MIT
/* mime.c: see mime.h. The table is of what is served on the web, as IANA registers it, so that it
 * is the same on all systems. */
#include "http/mime.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct type {
	const char *ending, *type;
};

#define TEXT(type) "text/" type "; charset=utf-8"

/* By ending, in the order of strcasecmp(). */
static const struct type types[] = {
	{ "7z", "application/x-7z-compressed" },
	{ "aac", "audio/aac" },
	{ "apng", "image/apng" },
	{ "atom", "application/atom+xml" },
	{ "avif", "image/avif" },
	{ "bmp", "image/bmp" },
	{ "br", "application/x-brotli" },
	{ "bz2", "application/x-bzip2" },
	{ "c", TEXT("plain") },
	{ "cc", TEXT("plain") },
	{ "conf", TEXT("plain") },
	{ "cpp", TEXT("plain") },
	{ "css", TEXT("css") },
	{ "csv", TEXT("csv") },
	{ "doc", "application/msword" },
	{ "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
	{ "epub", "application/epub+zip" },
	{ "flac", "audio/flac" },
	{ "gif", "image/gif" },
	{ "gz", "application/gzip" },
	{ "h", TEXT("plain") },
	{ "htm", TEXT("html") },
	{ "html", TEXT("html") },
	{ "ico", "image/vnd.microsoft.icon" },
	{ "ics", TEXT("calendar") },
	{ "jpeg", "image/jpeg" },
	{ "jpg", "image/jpeg" },
	{ "js", TEXT("javascript") },
	{ "json", "application/json" },
	{ "jsonld", "application/ld+json" },
	{ "log", TEXT("plain") },
	{ "m4a", "audio/mp4" },
	{ "map", "application/json" },
	{ "md", TEXT("markdown") },
	{ "mjs", TEXT("javascript") },
	{ "mkv", "video/matroska" },
	{ "mov", "video/quicktime" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "mpeg", "video/mpeg" },
	{ "oga", "audio/ogg" },
	{ "ogg", "audio/ogg" },
	{ "ogv", "video/ogg" },
	{ "opus", "audio/ogg" },
	{ "otf", "font/otf" },
	{ "pdf", "application/pdf" },
	{ "png", "image/png" },
	{ "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation" },
	{ "ps", "application/postscript" },
	{ "py", TEXT("plain") },
	{ "rss", "application/rss+xml" },
	{ "rst", TEXT("plain") },
	{ "rtf", "application/rtf" },
	{ "sh", TEXT("plain") },
	{ "svg", "image/svg+xml" },
	{ "tar", "application/x-tar" },
	{ "tgz", "application/gzip" },
	{ "tif", "image/tiff" },
	{ "tiff", "image/tiff" },
	{ "toml", "application/toml" },
	{ "ts", "video/mp2t" },
	{ "tsv", TEXT("tab-separated-values") },
	{ "ttf", "font/ttf" },
	{ "txt", TEXT("plain") },
	{ "vtt", TEXT("vtt") },
	{ "wasm", "application/wasm" },
	{ "wav", "audio/wav" },
	{ "weba", "audio/webm" },
	{ "webm", "video/webm" },
	{ "webmanifest", "application/manifest+json" },
	{ "webp", "image/webp" },
	{ "woff", "font/woff" },
	{ "woff2", "font/woff2" },
	{ "xhtml", "application/xhtml+xml" },
	{ "xls", "application/vnd.ms-excel" },
	{ "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
	{ "xml", TEXT("xml") },
	{ "xz", "application/x-xz" },
	{ "yaml", "application/yaml" },
	{ "yml", "application/yaml" },
	{ "zip", "application/zip" },
	{ "zst", "application/zstd" },
};

static int compare(const void *ending, const void *type)
{
	return strcasecmp(ending, ((const struct type *)type)->ending);
}

const char *bide__http_mime(const char *name)
{
	const char *slash = strrchr(name, '/'), *dot = strrchr(name, '.');
	const struct type *type = NULL;
	if (dot != NULL && (slash == NULL || slash < dot))
		type = bsearch(dot + 1, types, sizeof(types) / sizeof(*types), sizeof(*types),
		               compare);
	return type != NULL ? type->type : "application/octet-stream";
}
