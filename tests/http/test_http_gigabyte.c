// SPDX-License-Identifier: MIT
/* Bodies that are larger than memory should have to be: a gigabyte there and back when all is
 * tested, else some megabytes. Memory stays flat, and other tasks run meanwhile. */
#include "core/proc_kit.h"
#include "http/origin.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* AddressSanitizer keeps what has been freed for a while. */
#if defined(__SANITIZE_ADDRESS__)
enum { PIECE = 1 << 18, FLAT_KIB = 262144 + 8192 };
#else
enum { PIECE = 1 << 18, FLAT_KIB = 8192 };
#endif

static size_t total(void)
{
	return test_everything() ? (size_t)1 << 30 : (size_t)24 << 20;
}

static size_t arrived;

/* Counts what comes of a body, without keeping it. */
static void swallow(bide_stream *stream)
{
	const void *data;
	ssize_t n = 1;
	arrived = 0;
	if (!origin_read_head(stream))
		return;
	while (arrived < total() && (n = bide_stream_peek(stream, 1, &data)) > 0) {
		bide_stream_consume(stream, (size_t)n);
		arrived += (size_t)n;
	}
	(void)say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static void pour(bide_stream *stream)
{
	char head[100], *piece = calloc(1, PIECE);
	if (!origin_read_head(stream))
		return;
	snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", total());
	bool goes_on = say(stream, head);
	for (size_t sent = 0; goes_on && sent < total(); sent += PIECE)
		goes_on = bide_stream_write(stream, piece, PIECE) == PIECE;
	free(piece);
}

static double longest; /* seconds that another task has waited for its turn */

static BIDE_ASYNC(int, tick, void);
static int tick(void)
{
	double last = bide_time();
	longest = 0;
	while (bide_sleep(0.001) == 0) {
		const double now = bide_time();
		longest = now - last > longest ? now - last : longest;
		last = now;
	}
	return 0;
}

/* Does something beside the ticking, and looks at what it took. */
static void watched(int64_t (*work)(void), const char *name)
{
	bide_task *ticker = bide_spawn(tick);
	(void)bide_yield();
	const long before = peak_kib();
	const double start = bide_time();
	EXPECT_INT(work(), (int64_t)total());
	printf("# %s: %zu MiB in %.2f s, %ld KiB more, others waited %.1f ms at most\n", name,
	       total() >> 20, bide_time() - start, peak_kib() - before, longest * 1e3);
	EXPECT(peak_kib() - before < FLAT_KIB);
	EXPECT(longest < 2);
	bide_cancel(ticker);
	(void)bide_join(ticker);
}

static const char *path;

static int64_t upload(void)
{
	const bide_http_request request = { .url = url_of("/"),
		                            .source = bide_http_from_file(path) };
	int rc = status_of(&request);
	return rc == 200 ? (int64_t)arrived : rc;
}

static int64_t download(void)
{
	bide_http_response *response;
	int rc = bide_http_get(session, url_of("/"), &response);
	if (rc < 0)
		return rc;
	int64_t size = bide_http_save(response, path, NULL);
	bide_http_response_close(response);
	return size;
}

OK_TEST(a_large_file_is_sent_with_flat_memory)
{
	TEST_TIMEOUT(120);
	path = origin_file("large", 0);
	CHECK_INT(truncate(path, (off_t)total()), 0);
	origin.serve = swallow;
	watched(upload, "sent");
}

OK_TEST(a_large_body_is_saved_with_flat_memory)
{
	struct stat status;
	TEST_TIMEOUT(120);
	path = test_path("saved");
	origin.serve = pour;
	watched(download, "saved");
	CHECK_INT(stat(path, &status), 0);
	CHECK_INT(status.st_size, (off_t)total());
	CHECK_INT(unlink(path), 0);
}
