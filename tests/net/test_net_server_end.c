// SPDX-License-Identifier: MIT
/* Servers: how they end, and that nothing outlives them. */
#include "net/server_kit.h"

#include <bide/group.h>

/* Ends when it is cancelled, or when it has been told to. */
static bide_event may_end;
static int ended, cancelled;

static BIDE_ASYNC_LIGHT(int, wait_for_event, bide_stream *);
static int wait_for_event(bide_stream *stream)
{
	(void)stream;
	int rc = bide_event_wait(&may_end);
	ended++;
	cancelled += rc == -ECANCELED;
	return rc;
}

static void start_waiting(bide_server_options options, bide_stream **ret_client)
{
	bide_event_init(&may_end);
	ended = cancelled = 0;
	CHECK_INT(bide_start_server("127.0.0.1", "0", &options, &server, wait_for_event), 0);
	*ret_client = client();
	while (bide_server_connections(server) == 0)
		CHECK_INT(bide_sleep(0.001), 0);
}

static bool refused(const bide_address *address)
{
	bide_stream *stream;
	return bide_connect_any(address, 1, NULL, &stream) == -ECONNREFUSED;
}

static BIDE_ASYNC_LIGHT(void, let_end_after, double);
static void let_end_after(double seconds)
{
	if (bide_sleep(seconds) == 0)
		bide_event_set(&may_end);
}

/* ---- a peer that does not read -------------------------------------------------------------- */

/* Writes until that takes too long, and does not mind. */
static BIDE_ASYNC_LIGHT(int, write_on, bide_stream *);
static int write_on(bide_stream *stream)
{
	static char much[8 << 20];
	int late;
	BIDE_TIMEOUT(0.02, late) {
		EXPECT(bide_stream_write(stream, much, sizeof much) < (ssize_t)sizeof much);
	}
	ended++;
	return late == -ETIMEDOUT ? 0 : -EIO;
}

SERVER_TEST(a_handler_that_does_not_mind_that_its_write_is_cut_off_has_not_failed)
{
	char byte;
	ended = 0;
	CHECK_INT(bide_start_server("127.0.0.1", "0", NULL, &server, write_on), 0);
	bide_stream *stream = client();
	CHECK_INT(bide_stream_read(stream, &byte, 1), 1);
	CHECK_INT(bide_server_stop(server, 10), 0);
	bide_stream_abort(stream);
	CHECK_INT(ended, 1);
	CHECK_INT(n_reports, 0);
	bide_server_close(server);
}

/* ---- hooks -------------------------------------------------------------------------------- */

static int n_shut, n_freed;

static void on_shut(void *arg)
{
	EXPECT_PTR(arg, &n_shut);
	n_shut++;
	bide_event_set(&may_end);
}

static void on_free(void *arg)
{
	EXPECT_PTR(arg, &n_shut);
	EXPECT_INT(ended, 1);
	n_freed++;
}

static const bide_server_options hooks = { .on_shut = on_shut,
	                                   .on_free = on_free,
	                                   .hooks_arg = &n_shut };

SERVER_TEST(handlers_can_be_told_that_a_server_is_to_stop)
{
	bide_stream *stream;
	n_shut = n_freed = 0;
	start_waiting(hooks, &stream);
	CHECK_INT(n_shut, 0);
	CHECK_INT(bide_server_stop(server, 10), 0);
	CHECK_INT(ended, 1);
	CHECK_INT(cancelled, 0);
	bide_server_shut(server);
	CHECK_INT(n_shut, 1);
	CHECK_INT(n_freed, 0);
	bide_server_close(server);
	CHECK_INT(n_freed, 1);
	CHECK_INT(bide_stream_close(stream), 0);
}

SERVER_TEST(who_closes_at_once_is_told_when_it_is_freed_only)
{
	bide_stream *stream;
	n_shut = n_freed = 0;
	start_waiting(hooks, &stream);
	bide_server_close(server);
	CHECK_INT(cancelled, 1);
	CHECK_INT(n_shut, 0);
	CHECK_INT(n_freed, 1);
	bide_stream_abort(stream);
}

SERVER_TEST(a_server_that_was_not_started_tells_nobody)
{
	n_shut = n_freed = 0;
	CHECK_INT(bide_start_server("192.0.2.1", "1", &hooks, &server, wait_for_event),
	          -EADDRNOTAVAIL);
	CHECK_INT(n_shut, 0);
	CHECK_INT(n_freed, 0);
}

/* ---- ends --------------------------------------------------------------------------------- */

SERVER_TEST(a_stop_waits_for_the_handlers)
{
	bide_address address;
	bide_stream *stream;
	start_waiting((bide_server_options){ 0 }, &stream);
	CHECK_INT(bide_server_address(server, 0, &address), 0);
	bide_detach(bide_spawn(let_end_after, 0.02));
	CHECK_INT(bide_server_stop(server, 10), 0);
	CHECK_INT(ended, 1);
	CHECK_INT(cancelled, 0);
	CHECK(is_at_end(stream));
	CHECK(refused(&address));
	CHECK_INT(bide_server_address(server, 0, &address), -ENOENT);
	CHECK_INT(bide_stream_close(stream), 0);
	CHECK_INT(bide_server_stop(server, 10), 0);
	bide_server_close(server);
}

SERVER_TEST(a_stop_cancels_handlers_when_their_time_is_over)
{
	bide_stream *stream;
	start_waiting((bide_server_options){ 0 }, &stream);
	CHECK_INT(bide_server_stop(server, 0.02), -ETIMEDOUT);
	CHECK_INT(cancelled, 1);
	CHECK_UINT(bide_server_connections(server), 0);
	bide_stream_abort(stream);
	bide_server_close(server);
	CHECK_INT(n_reports, 0);
}

SERVER_TEST(a_stop_that_is_cancelled_cancels_the_handlers)
{
	bide_stream *stream;
	int rc, stopped = 0;
	start_waiting((bide_server_options){ 0 }, &stream);
	BIDE_TIMEOUT(0.02, rc) {
		stopped = bide_server_stop(server, INFINITY);
	}
	CHECK_INT(rc, -ETIMEDOUT);
	CHECK_INT(stopped, -ETIMEDOUT);
	CHECK_INT(cancelled, 1);
	bide_stream_abort(stream);
	bide_server_close(server);
}

SERVER_TEST(a_stop_in_no_number_of_seconds_is_refused)
{
	start_echo(NULL);
	CHECK_INT(bide_server_stop(server, NAN), -EINVAL);
	bide_stream *stream = client();
	CHECK(answers(stream, "still there"));
	bide_stream_abort(stream);
	bide_server_close(server);
}

SERVER_TEST(a_close_does_not_wait_for_handlers_to_end_by_themselves)
{
	bide_stream *stream;
	start_waiting((bide_server_options){ 0 }, &stream);
	bide_server_close(server);
	CHECK_INT(cancelled, 1);
	bide_stream_abort(stream);
	bide_server_close(NULL);
}

SERVER_TEST(a_close_completes_when_its_task_is_cancelled)
{
	bide_stream *stream;
	start_waiting((bide_server_options){ 0 }, &stream);
	BIDE_TIMEOUT(0) {
		bide_server_close(server);
	}
	CHECK_INT(cancelled, 1);
	bide_stream_abort(stream);
}

/* ---- shut --------------------------------------------------------------------------------- */

static BIDE_ASYNC(int, shut_it, bide_stream *);
static int shut_it(bide_stream *stream)
{
	bide_server_shut(server);
	return send_back(stream);
}

SERVER_TEST(a_handler_may_shut_the_server)
{
	bide_address address;
	CHECK_INT(bide_start_server("127.0.0.1", "0", NULL, &server, shut_it), 0);
	CHECK_INT(bide_server_address(server, 0, &address), 0);
	bide_stream *stream = client();
	CHECK(answers(stream, "served on"));
	CHECK(refused(&address));
	CHECK(answers(stream, "and on"));
	CHECK_INT(bide_stream_close(stream), 0);
	CHECK_INT(bide_server_wait(server), 0);
	bide_server_close(server);
}

/* ---- wait --------------------------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(int, wait_for_server, void);
static int wait_for_server(void)
{
	return bide_server_wait(server);
}

SERVER_TEST(who_waits_is_told_of_the_end)
{
	start_echo(NULL);
	bide_task *first = bide_spawn(wait_for_server), *second = bide_spawn(wait_for_server);
	CHECK_INT(bide_sleep(0.01), 0);
	CHECK(!bide_task_done(first));
	bide_server_close(server);
	CHECK_INT(bide_await(int, first), 0);
	CHECK_INT(bide_await(int, second), 0);
}

SERVER_TEST(a_wait_that_times_out_ends_nothing)
{
	int rc;
	start_echo(NULL);
	BIDE_TIMEOUT(0.01, rc) {
		EXPECT_INT(bide_server_wait(server), -ETIMEDOUT);
	}
	CHECK_INT(rc, -ETIMEDOUT);
	bide_stream *stream = client();
	CHECK(answers(stream, "still there"));
	CHECK_INT(bide_stream_close(stream), 0);
	bide_server_close(server);
}

/* ---- for ever ----------------------------------------------------------------------------- */

static char path[64];

static BIDE_ASYNC_LIGHT(int, serve_forever, double);
static int serve_forever(double grace)
{
	const bide_server_options options = { .grace = grace };
	return bide_serve_forever(path, NULL, &options, wait_for_event);
}

static void serve_and_cancel(double grace, double end_after)
{
	bide_event_init(&may_end);
	ended = cancelled = 0;
	snprintf(path, sizeof path, "unix:@bide-end-%d", (int)getpid());
	bide_task *task = bide_spawn(serve_forever, grace);
	CHECK_INT(bide_sleep(0.01), 0);
	bide_stream *stream = connect_to(path);
	CHECK(stream != NULL);
	CHECK_INT(bide_sleep(0.01), 0);
	bide_cancel(task);
	bide_task *timer = bide_spawn(let_end_after, end_after);
	CHECK_INT(bide_join(task), -ECANCELED);
	CHECK_INT(bide_join(timer), 0);
	bide_stream_abort(stream);
}

SERVER_TEST(serving_ends_when_the_task_is_cancelled)
{
	serve_and_cancel(0, 0.02);
	CHECK_INT(cancelled, 1);
}

SERVER_TEST(handlers_have_their_grace)
{
	serve_and_cancel(10, 0.02);
	CHECK_INT(ended, 1);
	CHECK_INT(cancelled, 0);
}

SERVER_TEST(serving_where_nobody_can_is_an_error)
{
	CHECK_INT(bide_serve_forever("192.0.2.1", "0", NULL, echo), -EADDRNOTAVAIL);
}

/* ---- ends of runs ------------------------------------------------------------------------- */

static int clients_fd;

static BIDE_ASYNC(int, leave_open, void);
static int leave_open(void)
{
	bide_event_init(&may_end);
	EXPECT_INT(bide_start_server("127.0.0.1", "0", NULL, &server, wait_for_event), 0);
	clients_fd = connect_plainly();
	while (bide_server_connections(server) == 0)
		EXPECT_INT(bide_sleep(0.001), 0);
	return 7;
}

TEST(what_is_left_open_ends_with_the_run)
{
	char byte;
	int result;
	ended = cancelled = 0;
	CHECK_INT(bide_try_run(NULL, &result, leave_open), 0);
	CHECK_INT(result, 7);
	CHECK_INT(cancelled, 1);
	CHECK_INT(read(clients_fd, &byte, 1), -1);
	CHECK_INT(errno, ECONNRESET);
	close(clients_fd);
}

/* A server may be closed in the next run of its loop, or be left to the loop's end. */
static BIDE_ASYNC(int, close_it, void);
static int close_it(void)
{
	EXPECT_INT(bide_server_wait(server), 0);
	bide_server_close(server);
	return 0;
}

TEST(a_server_outlives_its_run_as_a_record_only)
{
	bide_loop *loop;
	int result;
	CHECK_INT(bide_loop_open(NULL, &loop), 0);
	CHECK_INT(bide_loop_run(loop, &result, leave_open), 0);
	CHECK_INT(bide_loop_run(loop, &result, close_it), 0);
	close(clients_fd);
	CHECK_INT(bide_loop_run(loop, &result, leave_open), 0);
	close(clients_fd);
	bide_loop_close(loop);
}
