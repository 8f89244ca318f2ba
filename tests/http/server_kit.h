/* SPDX-License-Identifier: MIT */
/* What tests of a server of files share: a directory of the test's, and clients that say what they
 * are told to, byte by byte. FILES_TEST(name) { … } is a test whose block is the main task of a
 * run, once full and once light, with an empty directory, `root`. */
#ifndef HTTP_SERVER_KIT_H
#define HTTP_SERVER_KIT_H

#include "core/kinds_kit.h"
#include "core/proc_kit.h"
#include "http/wire.h"

#include <bide/connect.h>
#include <bide/http_server.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64]; /* what is served: this directory, or one in it */
static bide_server *server;
static bide_http_files_options options;
static int n_reports;

__attribute__((unused)) static void note_report(void *arg, const bide_report *report)
{
	(void)arg;
	n_reports++;
	printf("# %s: %s\n", report->task != NULL ? report->task : "-", report->message);
}

/* ---- the directory ------------------------------------------------------------------------ */

static inline const char *path_to(const char *name)
{
	static char path[512];
	snprintf(path, sizeof path, "%s/%s", root, name);
	return path;
}

static inline void put_bytes(const char *name, const void *data, size_t size)
{
	int fd = open(path_to(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	EXPECT(fd >= 0);
	EXPECT_INT(write(fd, data, size), (ssize_t)size);
	close(fd);
}

static inline void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static inline void put_directory(const char *name)
{
	EXPECT_INT(mkdir(path_to(name), 0755), 0);
}

/* Gives a file a time, in seconds. */
static inline void put_time(const char *name, time_t seconds)
{
	const struct timespec times[2] = { { seconds, 0 }, { seconds, 0 } };
	EXPECT_INT(utimensat(AT_FDCWD, path_to(name), times, 0), 0);
}

/* Serves a directory of that one alone. */
static inline void enter(const char *name)
{
	strcpy(root, path_to(name));
}

static inline int remove_one(const char *path, const struct stat *status, int flag, struct FTW *at)
{
	(void)status;
	(void)flag;
	(void)at;
	return remove(path);
}

/* The test's directory is empty then, but for what a test has put there beside the root. */
static inline void remove_root(void)
{
	EXPECT_INT(nftw(test_path("root"), remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- the server --------------------------------------------------------------------------- */

static inline void start(void)
{
	EXPECT_INT(bide_http_start_files(root, "127.0.0.1", "0", &options, &server), 0);
}

static inline bide_stream *client(void)
{
	bide_address address = { 0, { 0 } };
	bide_stream *stream = NULL;
	EXPECT_INT(bide_server_address(server, 0, &address), 0);
	EXPECT_INT(bide_connect_any(&address, 1, NULL, &stream), 0);
	return stream;
}

static inline void open_kit(void)
{
	strcpy(root, test_path("root"));
	EXPECT_INT(mkdir(root, 0755), 0);
	memset(&options, 0, sizeof options);
	server = NULL;
	n_reports = 0;
	bide_set_report(note_report, NULL);
}

/* Nothing is left of the server, nor of its descriptors. */
static inline void close_kit(void)
{
	bide_server_close(server);
	for (int i = 0; i < 10 && bide_all_tasks(NULL, 0) > 1; i++)
		EXPECT_INT(bide_yield(), 0);
	EXPECT_UINT(bide_all_tasks(NULL, 0), 1);
	EXPECT_INT(n_reports, 0);
	remove_root();
}

#define FILES_TEST(name) STACKS_TEST(name, open_kit(), close_kit())

/* ---- responses ---------------------------------------------------------------------------- */

enum { BODY_ROOM = 1 << 20 };

static struct {
	int status;
	char head[8192]; /* as it came */
	char body[BODY_ROOM];
	size_t size; /* of the body */
} answer;

/* The value of a field of the answer, or "". */
static inline const char *field(const char *name)
{
	static char value[2][1024];
	static int turn;
	const size_t size = strlen(name);
	char *at = answer.head;
	turn = !turn;
	value[turn][0] = '\0';
	while ((at = strstr(at, "\r\n")) != NULL) {
		at += 2;
		if (strncasecmp(at, name, size) != 0 || at[size] != ':')
			continue;
		const char *text = at + size + 1 + strspn(at + size + 1, " ");
		snprintf(value[turn], sizeof value[turn], "%.*s", (int)strcspn(text, "\r"), text);
		break;
	}
	return value[turn];
}

/* Reads a response, whose body is there unless it is said not to be. False when none came. */
static inline bool read_answer(bide_stream *stream, bool has_body)
{
	memset(&answer, 0, offsetof(__typeof__(answer), body));
	answer.body[0] = '\0';
	if (!hear_head(stream, answer.head, sizeof answer.head))
		return false;
	if (sscanf(answer.head, "HTTP/1.1 %d ", &answer.status) != 1)
		return false;
	answer.size = has_body ? length_said(answer.head) : 0;
	if (answer.size >= BODY_ROOM)
		return false;
	answer.body[answer.size] = '\0';
	return answer.size == 0 ||
	       bide_stream_read_exactly(stream, answer.body, answer.size) == (ssize_t)answer.size;
}

static inline bool is_at_end(bide_stream *stream)
{
	char byte;
	return bide_stream_read(stream, &byte, 1) == 0;
}

/* Asks for a path on a connection, with fields more. The status, or 0. */
static inline int ask_on(bide_stream *stream, const char *method, const char *path,
                         const char *fields)
{
	static char request[20000];
	snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: test\r\n%s\r\n", method, path,
	         fields);
	const bool has_body = strcmp(method, "HEAD") != 0;
	return say(stream, request) && read_answer(stream, has_body) ? answer.status : 0;
}

/* The same on a connection of its own. */
static inline int ask(const char *method, const char *path, const char *fields)
{
	bide_stream *stream = client();
	int status = ask_on(stream, method, path, fields);
	EXPECT_INT(bide_stream_close(stream), 0);
	return status;
}

static inline int get(const char *path)
{
	return ask("GET", path, "");
}

/* Says a text, which is no request, on a connection of its own: the status of the answer, if the
 * connection has been ended after that; else 0, or minus it. */
static inline int refused(const void *text, size_t size)
{
	bide_stream *stream = client();
	int status = 0;
	if (bide_stream_write(stream, text, size) == (ssize_t)size && read_answer(stream, true))
		status = strcmp(field("Connection"), "close") == 0 && is_at_end(stream)
		                 ? answer.status
		                 : -answer.status;
	EXPECT_INT(bide_stream_close(stream), 0);
	return status;
}

#endif
