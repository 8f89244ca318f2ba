// SPDX-License-Identifier: MIT
/* Each request for memory fails once, in turn, of the server's and of its client's: then there is
 * an error, or a connection ends, and nothing is left. So it is with what a server asks of the
 * system for its files. */
#include "http/server_kit.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <sys/syscall.h>

/* ---- system calls ------------------------------------------------------------------------- */

/* Those by which files are read are defined here, in the place of libc's. */
static int countdown; /* to the call that fails; 0: none does */
static int failure;   /* what it fails with */
static int failed;    /* calls that have */

static bool fails(void)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	errno = failure;
	failed++;
	return true;
}

ssize_t pread(int fd, void *buf, size_t size, off_t offset)
{
	return fails() ? -1 : syscall(SYS_pread64, fd, buf, size, offset);
}

ssize_t sendfile(int to, int from, off_t *offset, size_t size);
ssize_t sendfile(int to, int from, off_t *offset, size_t size)
{
	return fails() ? -1 : syscall(SYS_sendfile, to, from, offset, size);
}

int fstatat(int fd, const char *path, struct stat *status, int flags)
{
	return fails() ? -1 : (int)syscall(SYS_newfstatat, fd, path, status, flags);
}

int fstat(int fd, struct stat *status)
{
	return fails() ? -1 : (int)syscall(SYS_newfstatat, fd, "", status, AT_EMPTY_PATH);
}

/* ---- what is asked for -------------------------------------------------------------------- */

#define ASKED(path, fields) "GET " path " HTTP/1.1\r\nHost: a\r\n" fields "\r\n"

static const char requests[] = ASKED("/", "") ASKED("/sub", "") ASKED("/sub/", "")
	ASKED("/none", "") ASKED("/large", "") ASKED("/sub/file", "Range: bytes=0-1,3-3\r\n")
		ASKED("/sub/file", "Connection: close\r\n");

enum { LARGE = 100000 };

/* What came whole, of the statuses. */
static char statuses[64];

static int talk(void)
{
	bide_address address;
	bide_stream *stream = NULL;
	int rc = bide_server_address(server, 0, &address);
	if (rc == 0)
		rc = bide_connect_any(&address, 1, NULL, &stream);
	if (rc < 0)
		return rc;
	statuses[0] = '\0';
	if (say(stream, requests))
		while (read_answer(stream, true))
			sprintf(statuses + strlen(statuses), "%d ", answer.status);
	return bide_stream_close(stream);
}

static BIDE_ASYNC(int, serve_and_talk, void);
static BIDE_ASYNC_LIGHT(int, serve_and_talk_lightly, void);
static int serve_and_talk(void)
{
	int rc = bide_http_start_files(root, "127.0.0.1", "0", NULL, &server);
	if (rc < 0)
		return rc;
	rc = talk();
	bide_server_close(server);
	return rc;
}

static int serve_and_talk_lightly(void)
{
	return serve_and_talk();
}

static void make_files(void)
{
	open_kit();
	put_directory("sub");
	put("sub/file", "0123456789");
	put("large", "");
	EXPECT_INT(truncate(path_to("large"), LARGE), 0);
	bide_set_report(NULL, NULL);
}

static int run(bool light)
{
	return light ? bide_run(serve_and_talk_lightly) : bide_run(serve_and_talk);
}

static const char all[] = "200 301 200 404 200 206 200 ";

/* ---- the tests ---------------------------------------------------------------------------- */

static void ignore_report(void *arg, const bide_report *report)
{
	(void)arg;
	(void)report;
}

TEST(memory_fails_for_a_server_of_files)
{
	bool struck = true;
	if (light_tasks_have_stacks())
		SKIP(OWN_STACKS);
	make_files();
	bide_set_report(ignore_report, NULL);
	for (long k = 1; struck; k++) {
		for (int light = 0; light < 2; light++) {
			test_goes_on();
			bide__alloc_arm(k);
			int rc = run(light);
			bide__alloc_disarm();
			struck = bide__alloc_hook.failures > 0;
			if (!struck) {
				EXPECT_INT(rc, 0);
				EXPECT_STR(statuses, all);
			}
			if (!EXPECT(rc == 0 || rc == -ENOMEM || rc == -ECONNRESET) ||
			    !EXPECT_INT(bide__alloc_hook.live, 0))
				FAIL("at request %ld: %d", k, rc);
		}
	}
}

TEST(the_system_fails_for_a_server_of_files)
{
	static const int errors[] = { EIO, EACCES, ENOMEM, ENOENT, EMFILE };
	make_files();
	bide_set_report(ignore_report, NULL);
	CHECK_INT(run(false), 0);
	CHECK_STR(statuses, all);
	const int descriptors = count_descriptors();
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		bool struck = true;
		for (int k = 1; struck; k++) {
			test_goes_on();
			countdown = k;
			failure = errors[i];
			failed = 0;
			(void)run(k % 2 == 0);
			countdown = 0;
			struck = failed > 0;
			if (!struck)
				EXPECT_STR(statuses, all);
			if (!EXPECT_INT(count_descriptors(), descriptors))
				FAIL("call %d with error %d", k, errors[i]);
		}
	}
}
