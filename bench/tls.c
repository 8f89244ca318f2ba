// SPDX-License-Identifier: MIT
/* tls.c: `tls ROW N`: what TLS costs: a server that answers each of N messages of 4 KiB with
 * itself, over 50 connections that are all busy, and a client that makes N connections one after
 * the other, with a certificate to be verified; by bide, and by OpenSSL alone on the simplest loop
 * that there is. What is told is the CPU time of the process that is looked at; the other side is a
 * process of its own, the same for both, and checks what it gets. */
#include "measure.h"
#include "tls_sides.h"

#include <bide.h>
#include <bide/tls.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 50 };

void tls_check(int holds, const char *sentence)
{
	if (holds)
		return;
	fprintf(stderr, "tls: %s\n", sentence);
	exit(EXIT_FAILURE);
}

/* ---- servers ------------------------------------------------------------------------------ */

static struct tls_identity identity;
static bide_tls *server_tls, *client_tls;

static BIDE_ASYNC(int, answer, int);

static int answer(int fd)
{
	char buf[TLS_ROOM];
	bide_stream *stream = NULL;
	int rc = bide_stream_open(fd, fd, &stream);
	if (rc == 0)
		rc = bide_start_tls(stream, server_tls, NULL);
	ssize_t n = rc;
	while (n >= 0 && (n = bide_stream_read(stream, buf, sizeof(buf))) > 0)
		n = bide_stream_write(stream, buf, (size_t)n);
	(void)bide_stream_close(stream);
	return 0;
}

static BIDE_ASYNC(int, serve, int);

static int serve(int listener)
{
	int fd;
	while ((fd = bide_accept(listener, NULL, NULL)) >= 0) {
		const int yes = 1;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		bide_detach(bide_spawn(answer, fd));
	}
	return fd;
}

static void serve_by_bide(int listener)
{
	const bide_tls_certificate certificate = { .chain = identity.chain, .key = identity.key };
	const bide_tls_options options = { .server = true,
		                           .certificates = &certificate,
		                           .n_certificates = 1 };
	tls_check(bide_tls_open(&options, &server_tls) == 0, "no context");
	(void)bide_run(serve, listener);
}

static pid_t start_server(void (*by)(int listener), int *ret_port)
{
	int listener = tls_listen(ret_port);
	pid_t server = fork();
	tls_check(server >= 0, "no process");
	if (server == 0) {
		by(listener);
		_exit(EXIT_FAILURE);
	}
	close(listener);
	return server;
}

static void end_server(pid_t server)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static double cpu_of(pid_t process)
{
	clockid_t clock;
	struct timespec time;
	tls_check(clock_getcpuclockid(process, &clock) == 0 && clock_gettime(clock, &time) == 0,
	          "the server is gone");
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* ---- a client's connection ---------------------------------------------------------------- */

static void trust_authority(bool fresh)
{
	const bide_tls_options options = { .ca = identity.authority, .no_resumption = fresh };
	tls_check(bide_tls_open(&options, &client_tls) == 0, "no context");
}

static bide_stream *connect_once(int port)
{
	bide_stream *stream = NULL;
	int fd = tls_connect(port);
	tls_check(bide_stream_open(fd, fd, &stream) == 0, "no stream");
	int rc = bide_start_tls(stream, client_tls,
	                        &(bide_start_tls_options){ .host = "localhost" });
	tls_check(rc == 0, bide_strerror(rc));
	return stream;
}

/* ---- messages ----------------------------------------------------------------------------- */

static struct {
	pid_t server;
	int port;
	size_t size;
	long asked, answered; /* messages */
	long first, last;     /* between which the server is looked at */
	double before, after; /* its CPU time then */
} load;

static BIDE_ASYNC(int, ask, int);

static int ask(int number)
{
	char message[TLS_ROOM], got[TLS_ROOM];
	bide_stream *stream = connect_once(load.port);
	memset(message, number, load.size);
	while (load.asked++ < load.last + load.first) {
		memcpy(message, &load.asked, sizeof(load.asked));
		ssize_t n = bide_stream_write(stream, message, load.size);
		if (n > 0)
			n = bide_stream_read_exactly(stream, got, load.size);
		tls_check(n == (ssize_t)load.size && memcmp(message, got, load.size) == 0,
		          "the server has answered something else");
		load.answered++;
		if (load.answered == load.first)
			load.before = cpu_of(load.server);
		if (load.answered == load.last)
			load.after = cpu_of(load.server);
	}
	return bide_stream_close(stream);
}

static BIDE_ASYNC(int, ask_all, int);

static int ask_all(int connections)
{
	int rc;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < connections; i++)
			bide_group_spawn(group, ask, i);
	}
	return rc;
}

/* Microseconds of the server's CPU a message. */
static double echo(void (*by)(int listener), long messages)
{
	load.size = 4096;
	load.first = messages / 10 + CONNECTIONS;
	load.last = load.first + messages;
	load.server = start_server(by, &load.port);
	trust_authority(false);
	tls_check(bide_run(ask_all, CONNECTIONS) == 0, "the load has failed");
	end_server(load.server);
	return (load.after - load.before) * 1e6 / (double)messages;
}

static double echo_by_bide(long messages)
{
	return echo(serve_by_bide, messages);
}

static void serve_by_openssl(int listener)
{
	tls_openssl_serve(&identity, listener);
}

static double echo_by_openssl(long messages)
{
	return echo(serve_by_openssl, messages);
}

/* ---- connections -------------------------------------------------------------------------- */

static double own_cpu(void)
{
	struct rusage usage;
	tls_check(getrusage(RUSAGE_SELF, &usage) == 0, "no figures");
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static BIDE_ASYNC(int, connect_often, int, long);

static int connect_often(int port, long n)
{
	char byte = 'x';
	for (long i = 0; i < n; i++) {
		bide_stream *stream = connect_once(port);
		tls_check(bide_stream_write(stream, &byte, 1) == 1 &&
		                  bide_stream_read(stream, &byte, 1) == 1,
		          "no answer");
		(void)bide_stream_close(stream);
	}
	return 0;
}

/* Microseconds of the client's CPU a connection. */
static double connect_by_bide(bool fresh, long n)
{
	int port;
	pid_t server = start_server(serve_by_bide, &port);
	trust_authority(fresh);
	tls_check(bide_run(connect_often, port, 10L) == 0, "a connection has failed");
	const double before = own_cpu();
	tls_check(bide_run(connect_often, port, n) == 0, "a connection has failed");
	const double after = own_cpu();
	end_server(server);
	return (after - before) * 1e6 / (double)n;
}

static double connect_afresh(long n)
{
	return connect_by_bide(true, n);
}

static double resume(long n)
{
	return connect_by_bide(false, n);
}

static double connect_by_openssl(long n)
{
	int port;
	pid_t server = start_server(serve_by_bide, &port);
	struct ssl_ctx_st *context = tls_openssl_client(&identity);
	for (int i = 0; i < 10; i++)
		tls_openssl_connect(context, port);
	const double before = own_cpu();
	for (long i = 0; i < n; i++)
		tls_openssl_connect(context, port);
	const double after = own_cpu();
	end_server(server);
	return (after - before) * 1e6 / (double)n;
}

/* ---- the program -------------------------------------------------------------------------- */

static const struct row {
	const char *name;
	double (*run)(long n);
} rows[] = {
	{ "tls_echo", echo_by_bide },      { "tls_echo_openssl", echo_by_openssl },
	{ "tls_connect", connect_afresh }, { "tls_connect_openssl", connect_by_openssl },
	{ "tls_connect_resumed", resume },
};
static const struct row_names names = ROW_NAMES("tls ROW N", rows);

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("bide %s, %s\n", bide_version(), tls_openssl_version()) < 0;
	const struct row *row = argc == 3 ? row_named(&names, argv[1]) : NULL;
	if (row == NULL)
		return tell_rows(&names, argc, argv);
	const long n = (long)number_in("tls", argv[2], 1, 1e9);
	signal(SIGPIPE, SIG_IGN);
	tls_make_identity(&identity);
	printf("ops %ld\ncpu_us %.3f\n", n, row->run(n));
	return EXIT_SUCCESS;
}
