// SPDX-License-Identifier: MIT
/* file_send.c: sending a file. What is small goes with the head, in one piece; of what is large,
 * the rest goes from the file to the socket in the kernel. */
#include "http/files.h"

#include <bide/task.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	WITH_HEAD = 16384, /* bytes that are sent with what comes before them */
	AT_ONCE = 1 << 20, /* bytes given to the kernel at once */
	BOUNDARY = 33      /* bytes of what is between two parts, a NUL being the last */
};

/* ---- bytes of the file -------------------------------------------------------------------- */

/* Puts the first bytes of a range behind what is to be sent; their number or an error. The file may
 * be shorter than it was: then what was promised cannot be sent. */
static ssize_t put_first(struct bide__http_served *served, const struct bide__http_file *file,
                         struct bide__http_range range)
{
	const size_t size = range.size < WITH_HEAD ? (size_t)range.size : WITH_HEAD;
	if (!bide__string_reserve(&served->out, size))
		return -ENOMEM;
	char *room = served->out.data + served->out.size;
	for (size_t done = 0; done < size;) {
		const ssize_t n =
			pread(file->fd, room + done, size - done, (off_t)(range.from + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	served->out.size += size;
	return (ssize_t)size;
}

/* Sends some of the rest, which the other side must make room for in time. As
 * bide__http_progress(); -EIO when the file has become shorter. */
static ssize_t send_some(struct bide__http_served *served, int file, off_t *offset, size_t size,
                         int *held)
{
	const int to = bide_stream_fd(served->stream);
	ssize_t n = 0;
	int fired;
	BIDE_TIMEOUT(bide__http_patience(served, *held), fired)
		n = bide_sendfile(to, file, offset, size);
	return bide__http_progress(served, n, size, fired, held);
}

/* Sends the rest. 0 or an error. */
static int send_rest(struct bide__http_served *served, int file, struct bide__http_range range)
{
	off_t offset = (off_t)range.from;
	int held = INT_MAX;
	while (range.size > 0) {
		const size_t size = range.size < AT_ONCE ? (size_t)range.size : AT_ONCE;
		const ssize_t n = send_some(served, file, &offset, size, &held);
		if (n < 0)
			return (int)n;
		served->sent += (uint64_t)n;
		range.size -= (uint64_t)n;
		/* A fast reader does not keep all others waiting. */
		int rc = range.size > 0 ? bide_yield() : 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Sends a range, behind what has been put. */
static int send_range(struct bide__http_served *served, const struct bide__http_file *file,
                      struct bide__http_range range)
{
	const ssize_t first = put_first(served, file, range);
	if (first < 0)
		return (int)first;
	int rc = bide__http_flush(served);
	if (rc < 0 || (uint64_t)first == range.size)
		return rc;
	range.from += (uint64_t)first;
	range.size -= (uint64_t)first;
	return send_rest(served, file->fd, range);
}

/* ---- responses ---------------------------------------------------------------------------- */

/* A time that is still to come is told as that of the answer: RFC 9110, 8.8.2.1. */
static void put_validators(struct bide__http_served *served, const struct bide__http_file *file)
{
	const bool ahead = file->status.st_mtim.tv_sec > served->server->second;
	bide__http_put(served, "ETag", file->etag);
	bide__http_put(served, "Last-Modified", ahead ? served->server->date : file->modified);
}

static void begin(struct bide__http_served *served, const struct bide__http_file *file, int status,
                  const char *type)
{
	bide__http_begin(served, status);
	put_validators(served, file);
	bide__http_put(served, "Content-Type", type);
	bide__http_put(served, "X-Content-Type-Options", "nosniff");
}

static int send_whole(struct bide__http_served *served, const struct bide__http_file *file)
{
	const struct bide__http_range all = { 0, (uint64_t)file->status.st_size };
	begin(served, file, 200, file->type);
	bide__http_put(served, "Accept-Ranges", "bytes");
	bide__http_end_head(served, file->status.st_size);
	return served->is_head ? bide__http_flush(served) : send_range(served, file, all);
}

static void put_content_range(struct bide__string *out, struct bide__http_range range,
                              uint64_t size)
{
	bide__string_put(out, "Content-Range: bytes ");
	bide__string_put_number(out, range.from);
	bide__string_put_char(out, '-');
	bide__string_put_number(out, range.from + range.size - 1);
	bide__string_put_char(out, '/');
	bide__string_put_number(out, size);
	bide__string_put(out, "\r\n");
}

static int send_one(struct bide__http_served *served, const struct bide__http_file *file,
                    struct bide__http_range range)
{
	begin(served, file, 206, file->type);
	put_content_range(&served->out, range, (uint64_t)file->status.st_size);
	bide__http_end_head(served, (int64_t)range.size);
	return send_range(served, file, range);
}

static int refuse_ranges(struct bide__http_served *served, const struct bide__http_file *file)
{
	bide__http_begin(served, 416);
	bide__string_put(&served->out, "Content-Range: bytes */");
	bide__string_put_number(&served->out, (unsigned long long)file->status.st_size);
	bide__string_put(&served->out, "\r\n");
	return bide__http_finish_text(served);
}

static int send_unmodified(struct bide__http_served *served, const struct bide__http_file *file)
{
	bide__http_begin(served, 304);
	put_validators(served, file);
	bide__http_end_head(served, -1);
	return bide__http_flush(served);
}

/* ---- several ranges ----------------------------------------------------------------------- */

/* What divides the parts must not be in the file, so nobody must be able to guess it. */
static bool choose_boundary(char *boundary)
{
	unsigned char bytes[(BOUNDARY - 1) / 2];
	if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) != sizeof(bytes))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		boundary[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		boundary[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	boundary[BOUNDARY - 1] = '\0';
	return true;
}

static void put_part_head(struct bide__string *out, const struct bide__http_file *file,
                          struct bide__http_range range, const char *boundary)
{
	bide__string_put(out, "\r\n--");
	bide__string_put(out, boundary);
	bide__string_put(out, "\r\nContent-Type: ");
	bide__string_put(out, file->type);
	bide__string_put(out, "\r\n");
	put_content_range(out, range, (uint64_t)file->status.st_size);
	bide__string_put(out, "\r\n");
}

static void put_last_boundary(struct bide__string *out, const char *boundary)
{
	bide__string_put(out, "\r\n--");
	bide__string_put(out, boundary);
	bide__string_put(out, "--\r\n");
}

/* Bytes of all parts with what divides them, which is written for that and dropped again. */
static uint64_t size_of_parts(struct bide__string *out, const struct bide__http_file *file,
                              const struct bide__http_range *ranges, int n, const char *boundary)
{
	const size_t before = out->size;
	uint64_t sum = 0;
	for (int i = 0; i < n; i++) {
		put_part_head(out, file, ranges[i], boundary);
		sum += ranges[i].size;
	}
	put_last_boundary(out, boundary);
	sum += out->size - before;
	out->size = before;
	return sum;
}

static int send_several(struct bide__http_served *served, const struct bide__http_file *file,
                        const struct bide__http_range *ranges, int n)
{
	char boundary[BOUNDARY], type[64];
	struct bide__string *out = &served->out;
	int rc = 0;
	if (!choose_boundary(boundary))
		return send_whole(served, file);
	strcpy(stpcpy(type, "multipart/byteranges; boundary="), boundary);
	begin(served, file, 206, type);
	const uint64_t size = size_of_parts(out, file, ranges, n, boundary);
	bide__http_end_head(served, (int64_t)size);
	for (int i = 0; rc == 0 && i < n; i++) {
		put_part_head(out, file, ranges[i], boundary);
		rc = send_range(served, file, ranges[i]);
	}
	if (rc < 0)
		return rc;
	put_last_boundary(out, boundary);
	return bide__http_flush(served);
}

/* ---- the choice --------------------------------------------------------------------------- */

/* Ranges are GET's alone: RFC 9110, 14.2. */
static int ranges_of(const struct bide__http_served *served, const struct bide__http_file *file,
                     struct bide__http_range *ranges)
{
	const char *value = served->known[BIDE__HTTP_RANGE];
	if (value == NULL || served->is_head || served->repeated & 1u << BIDE__HTTP_RANGE ||
	    !bide__http_range_holds(served, file))
		return 0;
	return bide__http_ranges(value, (uint64_t)file->status.st_size, ranges);
}

int bide__http_send_file(struct bide__http_served *served, const struct bide__http_file *file)
{
	struct bide__http_range ranges[BIDE__HTTP_RANGES_MAX];
	const int status = bide__http_conditions(served, file);
	if (status == 304)
		return send_unmodified(served, file);
	if (status != 0)
		return bide__http_answer(served, status);
	const int n = ranges_of(served, file, ranges);
	if (n < 0)
		return refuse_ranges(served, file);
	return n == 0   ? send_whole(served, file)
	       : n == 1 ? send_one(served, file, ranges[0])
	                : send_several(served, file, ranges, n);
}
