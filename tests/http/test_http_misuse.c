// SPDX-License-Identifier: MIT
/* A session that is used where it must not be: that is told by the name of the call, and before
 * anything has been touched that another thread may be using. */
#include "harness/test.h"

#include <bide.h>
#include <bide/http.h>

#include <errno.h>
#include <pthread.h>

static bide_http_session *session;

static int get(void)
{
	bide_http_response *response;
	return bide_http_get(session, "http://127.0.0.1:1/", &response);
}

static BIDE_ASYNC(int, get_here, void);
static int get_here(void)
{
	return get();
}

static BIDE_ASYNC(int, close_here, void);
static int close_here(void)
{
	bide_http_session_close(session);
	return 0;
}

static void *get_without_a_loop(void *arg)
{
	(void)get();
	return arg;
}

static void *get_on_another_loop(void *arg)
{
	(void)bide_run(get_here);
	return arg;
}

static void *close_on_another_loop(void *arg)
{
	(void)bide_run(close_here);
	return arg;
}

typedef void *thread_body(void *arg);

/* Opens the session, and has it used by a thread. */
static BIDE_ASYNC(int, lend, thread_body *);
static int lend(thread_body *thread)
{
	pthread_t id;
	EXPECT_INT(bide_http_session_open(NULL, &session), 0);
	if (thread == NULL)
		return 0;
	EXPECT_INT(pthread_create(&id, NULL, thread, NULL), 0);
	return pthread_join(id, NULL);
}

#define NOT_HERE ": the session is not of this thread's loop"

TEST_ABORTS(a_session_is_not_used_on_another_loop,
            "bide_http_send: in task 'get_here' (#1)" NOT_HERE)
{
	(void)bide_run(lend, get_on_another_loop);
}

TEST_ABORTS(a_session_is_not_used_without_a_loop, "bide_http_send" NOT_HERE)
{
	(void)bide_run(lend, get_without_a_loop);
}

TEST_ABORTS(a_session_is_not_closed_on_another_loop,
            "bide_http_session_close: in task 'close_here' (#1)" NOT_HERE)
{
	(void)bide_run(lend, close_on_another_loop);
}

TEST_ABORTS(a_session_is_not_used_when_its_loop_has_ended, "bide_http_send" NOT_HERE)
{
	(void)bide_run(lend, (thread_body *)NULL);
	(void)get();
}

TEST_ABORTS(a_request_needs_a_session,
            "bide_http_send: in task 'get_here' (#1): there is no session")
{
	(void)bide_run(get_here);
}
