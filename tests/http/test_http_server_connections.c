// SPDX-License-Identifier: MIT
/* Connections of a server: how long they last, in what order they are answered, how they end. */
#include "http/server_kit.h"

#include <math.h>
#include <sys/socket.h>

/* ---- one after the other ------------------------------------------------------------------ */

FILES_TEST(a_connection_is_kept)
{
	put("file", "hello");
	start();
	bide_stream *stream = client();
	for (int i = 0; i < 10; i++) {
		CHECK_INT(ask_on(stream, "GET", "/file", ""), 200);
		CHECK_STR(answer.body, "hello");
	}
	CHECK_INT(ask_on(stream, "GET", "/none", ""), 404);
	CHECK_INT(ask_on(stream, "GET", "/file", "Connection: close\r\n"), 200);
	CHECK_STR(field("Connection"), "close");
	CHECK(is_at_end(stream));
	CHECK_INT(bide_stream_close(stream), 0);
}

FILES_TEST(requests_that_come_at_once_are_answered_in_order)
{
	enum { MANY = 100 };
	static char text[MANY * 64];
	char name[32], *at = text;
	start();
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "f%d", i);
		if (i % 2 == 0)
			put(name, name);
		at += sprintf(at, "GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", name);
	}
	bide_stream *stream = client();
	CHECK(say(stream, text));
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "f%d", i);
		CHECK(read_answer(stream, true));
		CHECK_INT(answer.status, i % 2 == 0 ? 200 : 404);
		if (i % 2 == 0)
			CHECK_STR(answer.body, name);
	}
	CHECK_INT(bide_stream_close(stream), 0);
}

/* The system resets a connection that is closed before all has been read. */
FILES_TEST(requests_behind_the_last_one_do_not_harm_its_answer)
{
	enum { SIZE = 1000000, MORE = 5000, AT_ONCE = 100 };
	static const char one[] = "GET /file HTTP/1.1\r\nHost: a\r\n\r\n";
	char more[AT_ONCE * sizeof one] = "";
	for (int i = 0; i < AT_ONCE; i++)
		strcat(more, one);
	put("file", "");
	CHECK_INT(truncate(path_to("file"), SIZE), 0);
	start();
	bide_stream *stream = client();
	CHECK(say(stream, "GET /file HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
	for (int i = 0; i < MORE; i += AT_ONCE)
		CHECK(say(stream, more));
	CHECK(read_answer(stream, true));
	CHECK_INT(answer.status, 200);
	CHECK_UINT(answer.size, SIZE);
	CHECK(is_at_end(stream));
	CHECK_INT(bide_stream_close(stream), 0);
}

FILES_TEST(an_old_client_s_connection_is_kept_if_it_asks_for_it)
{
	put("file", "hello");
	start();
	bide_stream *stream = client();
	for (int i = 0; i < 2; i++) {
		CHECK(say(stream, "GET /file HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
		CHECK(read_answer(stream, true));
		CHECK_STR(field("Connection"), "keep-alive");
	}
	CHECK(say(stream, "GET /file HTTP/1.0\r\n\r\n"));
	CHECK(read_answer(stream, true));
	CHECK_STR(field("Connection"), "close");
	CHECK(is_at_end(stream));
	CHECK_INT(bide_stream_close(stream), 0);
}

FILES_TEST(the_other_side_may_end_what_it_sends_first)
{
	put("file", "hello");
	start();
	bide_stream *stream = client();
	CHECK(say(stream, "GET /file HTTP/1.1\r\nHost: a\r\n\r\n"));
	CHECK_INT(bide_stream_shutdown(stream), 0);
	CHECK(read_answer(stream, true));
	CHECK_STR(answer.body, "hello");
	CHECK(is_at_end(stream));
	CHECK_INT(bide_stream_close(stream), 0);
}

FILES_TEST(a_request_that_is_cut_off_is_not_answered)
{
	put("index.html", "hello");
	start();
	static const char *const texts[] = {
		"G",
		"GET / HTTP/1.1\r\nHost: a\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		bide_stream *stream = client();
		CHECK(say(stream, texts[i]));
		CHECK_INT(bide_stream_shutdown(stream), 0);
		CHECK(is_at_end(stream));
		CHECK_INT(bide_stream_close(stream), 0);
	}
}

/* ---- bodies ------------------------------------------------------------------------------- */

FILES_TEST(a_body_is_read_and_dropped)
{
	put("file", "hello");
	start();
	bide_stream *stream = client();
	CHECK(say(stream, "POST /file HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n\r\n"
	                  "GET /secret HTTP/1.1\r\nHost: a\r\n\r\n\r\n"
	                  "PUT /file HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	                  "3;x=y\r\nGET\r\n2\r\n /\r\n0\r\nX: y\r\n\r\n"
	                  "GET /file HTTP/1.1\r\nHost: a\r\n\r\n"));
	CHECK(read_answer(stream, true));
	CHECK_INT(answer.status, 405);
	CHECK(read_answer(stream, true));
	CHECK_INT(answer.status, 405);
	CHECK(read_answer(stream, true));
	CHECK_INT(answer.status, 200);
	CHECK_STR(answer.body, "hello");
	CHECK_INT(bide_stream_close(stream), 0);
}

FILES_TEST(a_body_that_is_too_large_is_refused)
{
	static char large[3000];
	options.server.body_limit = 1000;
	put("file", "hello");
	start();
	int n = sprintf(large, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
	CHECK_INT(refused(large, (size_t)n), 413);
	n = sprintf(large, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 400; i++)
		n += sprintf(large + n, "1\r\nx\r\n");
	CHECK_INT(refused(large, (size_t)n), 413);
	bide_stream *stream = client();
	n = sprintf(large, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
	CHECK_INT(bide_stream_write(stream, large, (size_t)n + 1000), n + 1000);
	CHECK(read_answer(stream, true));
	CHECK_INT(answer.status, 405);
	CHECK_INT(ask_on(stream, "GET", "/file", ""), 200);
	CHECK_INT(bide_stream_close(stream), 0);
}

/* The other side is still sending when it is told, and must be able to hear it. */
FILES_TEST(who_sends_too_much_hears_of_it)
{
	enum { MUCH = 900000 };
	static char much[MUCH];
	start();
	for (int i = 0; i < 5; i++) {
		bide_stream *stream = client();
		CHECK(say(stream, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n"));
		CHECK_INT(bide_stream_write(stream, much, MUCH), MUCH);
		CHECK(read_answer(stream, true));
		CHECK_INT(answer.status, 413);
		CHECK_INT(bide_stream_close(stream), 0);
	}
}

FILES_TEST(who_asks_before_it_sends_is_answered_at_once)
{
	start();
	bide_stream *stream = client();
	CHECK(say(stream, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
	                  "Content-Length: 5\r\n\r\n"));
	CHECK(read_answer(stream, true));
	CHECK_INT(answer.status, 405);
	CHECK_STR(field("Connection"), "close");
	CHECK_INT(bide_stream_shutdown(stream), 0);
	CHECK(is_at_end(stream));
	CHECK_INT(bide_stream_close(stream), 0);
}

/* ---- slow clients ------------------------------------------------------------------------- */

FILES_TEST(a_head_that_comes_too_slowly_is_refused)
{
	options.server.timeout_head = 0.03;
	start();
	bide_stream *stream = client();
	CHECK(say(stream, "GET / HTTP/1.1\r\n"));
	CHECK(read_answer(stream, true));
	CHECK_INT(answer.status, 408);
	CHECK_STR(field("Connection"), "close");
	CHECK(is_at_end(stream));
	CHECK_INT(bide_stream_close(stream), 0);
}

/* Each byte in time is not enough. */
FILES_TEST(a_head_that_trickles_is_refused)
{
	options.server.timeout_head = 0.05;
	start();
	bide_stream *stream = client();
	const double begun = bide_now();
	CHECK(say(stream, "GET / HTTP/1.1\r\nX: "));
	while (bide_now() < begun + 0.1) {
		if (!say(stream, "x"))
			break;
		CHECK_INT(bide_sleep(0.005), 0);
	}
	CHECK(read_answer(stream, true));
	CHECK_INT(answer.status, 408);
	CHECK_INT(bide_stream_close(stream), 0);
}

FILES_TEST(a_body_that_comes_too_slowly_is_refused)
{
	options.server.timeout_body = 0.03;
	start();
	bide_stream *stream = client();
	CHECK(say(stream, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell"));
	CHECK(read_answer(stream, true));
	CHECK_INT(answer.status, 408);
	CHECK_INT(bide_stream_close(stream), 0);
}

/* Asks on a connection that may have to wait for its turn, but not for long. The status, or 0. */
static int ask_soon(bide_stream *stream)
{
	int status = 0, fired;
	BIDE_TIMEOUT(2, fired)
		status = ask_on(stream, "GET", "/file", "");
	return fired == 0 ? status : 0;
}

FILES_TEST(when_there_is_no_room_who_has_been_idle_longest_makes_it)
{
	options.server.listen.limit = 2;
	put("file", "hello");
	start();
	bide_stream *first = client(), *second = client();
	CHECK_INT(ask_soon(first), 200);
	CHECK_INT(ask_soon(second), 200);
	bide_stream *third = client();
	CHECK_INT(ask_soon(third), 200);
	CHECK(is_at_end(first));
	CHECK_INT(ask_soon(second), 200);
	CHECK_INT(ask_soon(third), 200);
	CHECK_INT(bide_stream_close(first), 0);
	CHECK_INT(bide_stream_close(second), 0);
	CHECK_INT(bide_stream_close(third), 0);
}

/* Who has asked nothing yet may be about to. */
FILES_TEST(when_nobody_is_idle_the_next_one_makes_room)
{
	options.server.listen.limit = 1;
	put("file", "hello");
	start();
	bide_stream *first = client();
	while (bide_server_connections(server) == 0)
		CHECK_INT(bide_sleep(0.001), 0);
	bide_stream *second = client();
	CHECK_INT(bide_sleep(0.02), 0);
	CHECK_INT(ask_soon(first), 200);
	CHECK(is_at_end(first));
	CHECK_INT(ask_soon(second), 200);
	CHECK_INT(ask_soon(second), 200);
	CHECK_INT(bide_stream_close(first), 0);
	CHECK_INT(bide_stream_close(second), 0);
}

FILES_TEST(a_connection_that_nobody_uses_is_closed)
{
	options.server.timeout_idle = 0.2;
	put("file", "hello");
	start();
	bide_stream *fresh = client(), *used = client();
	CHECK_INT(ask_on(used, "GET", "/file", ""), 200);
	CHECK(is_at_end(fresh));
	CHECK(is_at_end(used));
	CHECK_INT(bide_stream_close(fresh), 0);
	CHECK_INT(bide_stream_close(used), 0);
}

FILES_TEST(who_does_not_read_is_given_up)
{
	options.server.timeout_write = 0.03;
	put("large", "");
	CHECK_INT(truncate(path_to("large"), 64 << 20), 0);
	start();
	bide_stream *stream = client();
	CHECK(say(stream, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"));
	while (bide_server_connections(server) > 0)
		CHECK_INT(bide_sleep(0.005), 0);
	bide_stream_abort(stream);
}

/* Sends requests until one waits for room, which is when the server takes no more of them. */
static bide_stream *client_that_does_not_read(const char *request)
{
	int fired = 0;
	bide_stream *stream = client();
	while (fired == 0)
		BIDE_TIMEOUT(0.1, fired)
			(void)bide_stream_write(stream, request, strlen(request));
	EXPECT_INT(fired, -ETIMEDOUT);
	return stream;
}

/* Also where the room was lost to answers before, so that nothing of this one goes. */
FILES_TEST(who_has_not_read_what_came_before_is_given_up_in_the_same_time)
{
	static const char one[] = "GET /file HTTP/1.1\r\nHost: a\r\n\r\n";
	enum { AT_ONCE = 1000 };
	static char many[AT_ONCE * sizeof one], host[576];
	char *end = many;
	for (int i = 0; i < AT_ONCE; i++)
		end = stpcpy(end, one);
	options.server.timeout_write = 1;
	put("file", "");
	CHECK_INT(truncate(path_to("file"), 8192), 0);
	snprintf(host, sizeof host, "unix:%s", path_to("socket"));
	EXPECT_INT(bide_http_start_files(root, host, NULL, &options, &server), 0);
	bide_stream *stream = client_that_does_not_read(many);
	CHECK_INT(bide_sleep(1.5), 0);
	CHECK_UINT(bide_server_connections(server), 0);
	bide_stream_abort(stream);
}

/* How many descriptors a connection has that does not read what is large: its own, the client's,
 * and what it takes to send that. */
static int descriptors_for(const char *request)
{
	const int before = count_descriptors();
	bide_stream *stream = client();
	char byte;
	EXPECT(say(stream, request));
	EXPECT_INT(bide_stream_read(stream, &byte, 1), 1);
	const int more = count_descriptors() - before;
	bide_stream_abort(stream);
	while (bide_server_connections(server) > 0)
		EXPECT_INT(bide_sleep(0.005), 0);
	return more;
}

FILES_TEST(who_does_not_read_a_page_holds_a_file_and_no_directory)
{
	put_directory("sub");
	put("sub/index.html", "");
	CHECK_INT(truncate(path_to("sub/index.html"), 64 << 20), 0);
	start();
	const char *page = "GET /sub/index.html HTTP/1.1\r\nHost: a\r\n\r\n";
	(void)descriptors_for(page); /* with the first one the loop opens its own */
	CHECK_INT(descriptors_for(page), 3);
	CHECK_INT(descriptors_for("GET /sub/ HTTP/1.1\r\nHost: a\r\n\r\n"), 3);
}

/* Asks for a path, and takes a little at a time, long before there is room for more at the server;
 * then the rest. Bytes, or an error. */
static ssize_t read_slowly(const char *path)
{
	enum { STEP = 16384, SLOWLY = 32 };
	char some[STEP], request[100];
	ssize_t n = 1, size = 0;
	bide_stream *stream = client();
	snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", path);
	EXPECT(say(stream, request));
	for (int i = 0; n > 0; i++, size += n) {
		EXPECT_INT(bide_sleep(i < SLOWLY ? 0.05 : 0), 0);
		n = bide_stream_read(stream, some, sizeof some);
	}
	EXPECT_INT(bide_stream_close(stream), 0);
	return n < 0 ? n : size;
}

/* The time that there is for taking something is not that for all of it, or for much. */
FILES_TEST(who_reads_slowly_gets_all)
{
	enum { NAMES = 2000, LONG = 200, LARGE = 1 << 20 };
	char name[LONG + 16], host[576];
	options.server.timeout_write = 0.6;
	memset(name, 'x', LONG);
	for (int i = 0; i < NAMES; i++) {
		snprintf(name + LONG, 16, "%d", i);
		put(name, "");
	}
	put("large", "");
	CHECK_INT(truncate(path_to("large"), LARGE), 0);
	snprintf(host, sizeof host, "unix:%s", path_to("socket"));
	EXPECT_INT(bide_http_start_files(root, host, NULL, &options, &server), 0);
	CHECK(read_slowly("/") > 2 * NAMES * LONG);
	CHECK(read_slowly("/large") > LARGE);
}

/* ---- who is gone -------------------------------------------------------------------------- */

FILES_TEST(a_client_that_is_gone_in_the_midst_harms_nobody)
{
	char some[1000];
	put("large", "");
	put("file", "hello");
	CHECK_INT(truncate(path_to("large"), 256 << 20), 0);
	start();
	for (int i = 0; i < 8; i++) {
		bide_stream *stream = client();
		CHECK(say(stream, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"));
		CHECK_INT(bide_stream_read_exactly(stream, some, sizeof some), sizeof some);
		if (i % 2 == 0)
			bide_stream_abort(stream);
		else
			CHECK_INT(bide_stream_close(stream), 0);
	}
	CHECK_INT(get("/file"), 200);
	while (bide_server_connections(server) > 0)
		CHECK_INT(bide_sleep(0.005), 0);
}

FILES_TEST(a_file_that_becomes_shorter_ends_the_connection)
{
	static char much[1 << 20];
	put("large", "");
	CHECK_INT(truncate(path_to("large"), 64 << 20), 0);
	start();
	bide_stream *stream = client();
	CHECK(say(stream, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"));
	CHECK(bide_stream_read(stream, much, sizeof much) > 0);
	CHECK_INT(truncate(path_to("large"), 1000), 0);
	ssize_t n;
	size_t size = 0;
	while ((n = bide_stream_read(stream, much, sizeof much)) > 0)
		size += (size_t)n;
	CHECK_INT(n, 0);
	CHECK(size < 64 << 20);
	CHECK_INT(bide_stream_close(stream), 0);
}

/* ---- large files -------------------------------------------------------------------------- */

FILES_TEST(a_file_of_a_gigabyte_takes_no_memory)
{
	static char piece[1 << 18];
	TEST_TIMEOUT(120);
	put("sparse", "");
	CHECK_INT(truncate(path_to("sparse"), 1 << 30), 0);
	start();
	bide_stream *stream = client();
	CHECK_INT(ask_on(stream, "HEAD", "/sparse", ""), 200);
	CHECK_STR(field("Content-Length"), "1073741824");
	memset(piece, 1, sizeof piece);
	const long before = peak_kib();
	CHECK(say(stream, "GET /sparse HTTP/1.1\r\nHost: a\r\n\r\n"));
	CHECK(read_answer(stream, false));
	CHECK_STR(field("Content-Length"), "1073741824");
	size_t left = 1 << 30;
	while (left > 0) {
		ssize_t n =
			bide_stream_read(stream, piece, left < sizeof piece ? left : sizeof piece);
		CHECK(n > 0);
		left -= (size_t)n;
	}
	CHECK_INT(piece[0], 0);
	CHECK(peak_kib() - before < 4096);
	CHECK_INT(ask_on(stream, "GET", "/sparse", "Range: bytes=1073741823-\r\n"), 206);
	CHECK_UINT(answer.size, 1);
	CHECK_INT(bide_stream_close(stream), 0);
}

/* ---- the end ------------------------------------------------------------------------------ */

FILES_TEST(idle_connections_do_not_hold_up_a_stop)
{
	put("file", "hello");
	start();
	bide_stream *fresh = client(), *used = client();
	CHECK_INT(ask_on(used, "GET", "/file", ""), 200);
	CHECK_INT(bide_server_stop(server, 30), 0);
	CHECK(is_at_end(fresh));
	CHECK(is_at_end(used));
	CHECK_INT(bide_stream_close(fresh), 0);
	CHECK_INT(bide_stream_close(used), 0);
}

static BIDE_ASYNC(int, stop_server, double);
static int stop_server(double seconds)
{
	return bide_server_stop(server, seconds);
}

FILES_TEST(what_is_being_sent_when_a_server_stops_is_sent_to_its_end)
{
	static char piece[1 << 18];
	enum { SIZE = 32 << 20 };
	put("large", "");
	CHECK_INT(truncate(path_to("large"), SIZE), 0);
	start();
	bide_stream *stream = client();
	CHECK(say(stream, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"));
	CHECK(read_answer(stream, false));
	bide_task *stop = bide_spawn(stop_server, 30.0);
	size_t size = 0;
	ssize_t n;
	while ((n = bide_stream_read(stream, piece, sizeof piece)) > 0)
		size += (size_t)n;
	CHECK_INT(n, 0);
	CHECK_UINT(size, SIZE);
	CHECK_INT(bide_await(int, stop), 0);
	CHECK_INT(bide_stream_close(stream), 0);
}

FILES_TEST(who_does_not_read_does_not_hold_up_a_stop_for_long)
{
	put("large", "");
	CHECK_INT(truncate(path_to("large"), 64 << 20), 0);
	start();
	bide_stream *stream = client();
	CHECK(say(stream, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"));
	CHECK(read_answer(stream, false));
	CHECK_INT(bide_server_stop(server, 0.02), -ETIMEDOUT);
	bide_stream_abort(stream);
}

/* ---- limits and logs ---------------------------------------------------------------------- */

FILES_TEST(a_connection_more_than_the_limit_waits)
{
	int late = 0;
	char byte;
	put("file", "hello");
	options.server.listen.limit = 1;
	start();
	bide_stream *first = client(), *second = client();
	CHECK(say(first, "GET /file HTTP/1.1\r\nHost: a\r\n"));
	CHECK(say(second, "GET /file HTTP/1.1\r\nHost: a\r\n\r\n"));
	BIDE_TIMEOUT(0.02, late) {
		(void)bide_stream_read(second, &byte, 1);
	}
	CHECK_INT(late, -ETIMEDOUT);
	CHECK_INT(bide_stream_close(first), 0);
	CHECK(read_answer(second, true));
	CHECK_STR(answer.body, "hello");
	CHECK_INT(bide_stream_close(second), 0);
}

static char logged[4096];

static void log_line(void *arg, const bide_http_access *access)
{
	const size_t size = strlen(logged);
	EXPECT_PTR(arg, logged);
	EXPECT_UINT(access->peer->size, 16);
	EXPECT(access->seconds >= 0);
	snprintf(logged + size, sizeof logged - size, "%s %s %s %d %llu;", access->method,
	         access->target, access->protocol, access->status, access->sent);
}

static void note_sent(void *arg, const bide_http_access *access)
{
	*(unsigned long long *)arg = access->sent;
}

FILES_TEST(what_could_not_be_sent_is_not_logged)
{
	enum { NAMES = 1000, LONG = 200 };
	char name[LONG + 16], host[576];
	static unsigned long long sent;
	sent = 0;
	options.server.timeout_write = 0.1;
	options.server.log = note_sent;
	options.server.log_arg = &sent;
	memset(name, 'x', LONG);
	for (int i = 0; i < NAMES; i++) {
		snprintf(name + LONG, 16, "%d", i);
		put(name, "");
	}
	snprintf(host, sizeof host, "unix:%s", path_to("socket"));
	EXPECT_INT(bide_http_start_files(root, host, NULL, &options, &server), 0);
	bide_stream *stream = client();
	CHECK(say(stream, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	while (sent == 0)
		CHECK_INT(bide_sleep(0.005), 0);
	CHECK(sent < 2 * NAMES * LONG);
	bide_stream_abort(stream);
}

FILES_TEST(requests_are_logged)
{
	logged[0] = '\0';
	options.server.log = log_line;
	options.server.log_arg = logged;
	put("file", "hello");
	start();
	CHECK_INT(get("/file?a"), 200);
	CHECK_INT(ask("HEAD", "/file", ""), 200);
	CHECK_INT(get("/none"), 404);
	CHECK_INT(get("http://user:password@host/file"), 200);
	CHECK_INT(ask("GET", "/file", "Range: bytes=1-2\r\n"), 206);
	CHECK_INT(refused("nothing\r\n\r\n", 11), 400);
	CHECK_STR(logged, "GET /file?a HTTP/1.1 200 5;HEAD /file HTTP/1.1 200 0;"
	                  "GET /none HTTP/1.1 404 14;GET /file HTTP/1.1 200 5;"
	                  "GET /file HTTP/1.1 206 2;- - HTTP/1.1 400 16;");
}
