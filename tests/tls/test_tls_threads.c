// SPDX-License-Identifier: MIT
/* Contexts that threads share: each has a loop of its own, makes connections with them, resumes the
 * others' sessions, and has the certificates replaced now and then. */
#include "tls/tls_kit.h"

#include <pthread.h>

enum { THREADS = 3, CONNECTIONS = 20 };

static struct {
	bide_tls *client, *server;
	bide_tls_certificate identity;
	int bad;
} shared;

static BIDE_ASYNC(int, serve_shared, bide_stream *);
static int serve_shared(bide_stream *stream)
{
	char byte;
	int rc = bide_start_tls(stream, shared.server, NULL);
	if (rc == 0 && bide_stream_write(stream, "x", 1) == 1)
		(void)bide_stream_read(stream, &byte, 1);
	(void)bide_stream_close(stream);
	return rc;
}

static BIDE_ASYNC(int, connect_often, void);
static int connect_often(void)
{
	char byte;
	for (int i = 0; i < CONNECTIONS; i++) {
		bide_stream *pair[2];
		int rc = bide_stream_pair(0, pair);
		if (rc < 0)
			return rc;
		bide_task *server = bide_spawn(serve_shared, pair[1]);
		rc = bide_start_tls(pair[0], shared.client,
		                    &(bide_start_tls_options){ .host = "localhost" });
		if (rc == 0 && bide_stream_read(pair[0], &byte, 1) != 1)
			rc = -EIO;
		(void)bide_stream_close(pair[0]);
		const int served = bide_await(int, server);
		if (rc < 0 || served < 0)
			return rc < 0 ? rc : served;
		if (i % 5 == 0)
			rc = bide_tls_reload(shared.server, &shared.identity, 1);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void *thread(void *arg)
{
	const bide_options options = { .backend = BIDE_BACKEND_VIRTUAL };
	int result = -1;
	(void)arg;
	if (bide_try_run(&options, &result, connect_often) < 0 || result < 0)
		__atomic_add_fetch(&shared.bad, 1, __ATOMIC_RELAXED);
	return NULL;
}

TEST(threads_share_contexts_sessions_and_reloads)
{
	pthread_t threads[THREADS];
	net_open();
	shared.identity = net.identity;
	CHECK_INT(bide_tls_open(&net.client_options, &shared.client), 0);
	CHECK_INT(bide_tls_open(&net.server_options, &shared.server), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, thread, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_INT(pthread_join(threads[i], NULL), 0);
	bide_tls_unref(shared.client);
	bide_tls_unref(shared.server);
	CHECK_INT(shared.bad, 0);
}
