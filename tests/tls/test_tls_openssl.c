// SPDX-License-Identifier: MIT
/* Over sockets, with the openssl command as the other side, so that two of the same mistakes do not
 * fit each other. */
#include "harness/test.h"
#include "tls/certs.h"

#include <arpa/inet.h>
#include <bide.h>
#include <bide/tls.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- the command -------------------------------------------------------------------------- */

static struct {
	pid_t pid;
	bide_stream *in, *out; /* its standard input and output, errors among that */
} command = { -1, NULL, NULL };

static void run_openssl(const char *const *arguments)
{
	int in[2], out[2];
	posix_spawn_file_actions_t actions;
	EXPECT_INT(pipe2(in, O_CLOEXEC), 0);
	EXPECT_INT(pipe2(out, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDERR_FILENO);
	EXPECT_INT(posix_spawnp(&command.pid, "openssl", &actions, NULL,
	                        (char *const *)(uintptr_t)arguments, environ),
	           0);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	EXPECT_INT(bide_stream_open(-1, in[1], &command.in), 0);
	EXPECT_INT(bide_stream_open(out[0], -1, &command.out), 0);
}

static void end_openssl(void)
{
	(void)bide_stream_close(command.in);
	(void)bide_stream_close(command.out);
	command.in = command.out = NULL;
	if (command.pid > 0) {
		kill(command.pid, SIGKILL);
		waitpid(command.pid, NULL, 0);
	}
	command.pid = -1;
}

/* Reads what the command prints up to a line in which a text is. Returns what follows that. */
static const char *line_with(const char *text)
{
	char *line;
	while (bide_stream_readline(command.out, &line) > 0) {
		const char *found = strstr(line, text);
		if (found != NULL)
			return found + strlen(text);
	}
	FAIL("openssl does not print \"%s\"", text);
	return "";
}

/* ---- sockets ------------------------------------------------------------------------------ */

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		                     .sin_port = htons((uint16_t)port),
		                     .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

static bide_stream *connect_to(int port)
{
	static struct sockaddr_in address;
	bide_stream *stream = NULL;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address = loopback(port);
	EXPECT_INT(bide_connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	EXPECT_INT(bide_stream_open(fd, fd, &stream), 0);
	return stream;
}

static int listen_at(int *ret_port)
{
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT_INT(bind(fd, (struct sockaddr *)&address, size), 0);
	EXPECT_INT(listen(fd, 5), 0);
	EXPECT_INT(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static bide_stream *accept_from(int listener)
{
	bide_stream *stream = NULL;
	int fd = bide_accept(listener, NULL, NULL);
	EXPECT(fd >= 0);
	EXPECT_INT(bide_stream_open(fd, fd, &stream), 0);
	return stream;
}

/* ---- both sides --------------------------------------------------------------------------- */

static struct cert *server, *client;

static void make_certificates(void)
{
	server = cert_make(&(struct recipe){ .name = "localhost",
	                                     .hosts = "DNS:localhost,IP:127.0.0.1",
	                                     .issuer = cert_authority() });
	client = cert_make(&(struct recipe){ .name = "client", .issuer = cert_authority() });
	test_file("ca.pem", cert_authority()->pem);
	test_file("server.pem", server->pem);
	test_file("server.key", server->key_pem);
	test_file("client.pem", client->pem);
	test_file("client.key", client->key_pem);
}

static const char *in_directory(const char *name)
{
	static char paths[8][256];
	static int next;
	char *path = paths[next++ % 8];
	snprintf(path, sizeof(paths[0]), "%s/%s", test_directory(), name);
	return path;
}

#define SOCKET_TEST(name) \
	static void in_##name(void); \
	static BIDE_ASYNC(void, run_##name, void); \
	static void run_##name(void) \
	{ \
		make_certificates(); \
		in_##name(); \
		end_openssl(); \
	} \
	TEST(name) \
	{ \
		CHECK_INT(bide_try_run(NULL, NULL, run_##name), 0); \
	} \
	static void in_##name(void)

/* Starts openssl's server with one more option and its value. Returns its port. */
static int start_s_server(const char *option, const char *value)
{
	const char *const arguments[] = { "openssl", "s_server",
		                          "-accept", "127.0.0.1:0",
		                          "-cert",   in_directory("server.pem"),
		                          "-key",    in_directory("server.key"),
		                          "-CAfile", in_directory("ca.pem"),
		                          "-rev",    option,
		                          value,     NULL };
	run_openssl(arguments);
	const char *address = line_with("ACCEPT ");
	const char *colon = strrchr(address, ':');
	return atoi(colon != NULL ? colon + 1 : address);
}

/* What a server that turns lines round answers to a line. */
static void turned_round(bide_stream *stream, const char *line, const char *expected)
{
	char *answer;
	CHECK_INT(bide_stream_write(stream, line, strlen(line)), (ssize_t)strlen(line));
	CHECK(bide_stream_readline(stream, &answer) > 0);
	CHECK_STR(answer, expected);
}

static bide_tls *client_context(const bide_tls_options *options)
{
	bide_tls *tls = NULL;
	bide_tls_options all = *options;
	all.ca = cert_authority()->pem;
	EXPECT_INT(bide_tls_open(&all, &tls), 0);
	return tls;
}

static void talk_to_s_server(bide_tls *tls, int port, int version, bool resumed)
{
	bide_stream *stream = connect_to(port);
	EXPECT_INT(bide_start_tls(stream, tls, &(bide_start_tls_options){ .host = "localhost" }),
	           0);
	EXPECT_INT(bide_tls_version(stream), version);
	turned_round(stream, "hello\n", "olleh");
	turned_round(stream, "abcdefgh\n", "hgfedcba");
	EXPECT_INT(bide_tls_resumed(stream), resumed);
	EXPECT_INT(bide_stream_close(stream), 0);
}

SOCKET_TEST(a_client_talks_tls_1_3_to_openssl_and_resumes)
{
	int port = start_s_server("-tls1_3", NULL);
	bide_tls *tls = client_context(&(bide_tls_options){ 0 });
	talk_to_s_server(tls, port, BIDE_TLS_1_3, false);
	talk_to_s_server(tls, port, BIDE_TLS_1_3, true);
	bide_tls_unref(tls);
}

SOCKET_TEST(a_client_talks_tls_1_2_to_openssl_and_resumes)
{
	int port = start_s_server("-tls1_2", NULL);
	bide_tls *tls = client_context(&(bide_tls_options){ 0 });
	talk_to_s_server(tls, port, BIDE_TLS_1_2, false);
	talk_to_s_server(tls, port, BIDE_TLS_1_2, true);
	bide_tls_unref(tls);
}

SOCKET_TEST(a_client_shows_its_certificate_to_openssl)
{
	const bide_tls_certificate identity = { .chain = client->pem, .key = client->key_pem };
	int port = start_s_server("-Verify", "1");
	bide_tls *tls = client_context(
		&(bide_tls_options){ .certificates = &identity, .n_certificates = 1 });
	talk_to_s_server(tls, port, BIDE_TLS_1_3, false);
	bide_tls_unref(tls);
}

SOCKET_TEST(a_client_agrees_on_a_protocol_with_openssl)
{
	int port = start_s_server("-alpn", "h2,http/1.1");
	bide_tls *tls = client_context(&(bide_tls_options){ .alpn = "http/1.1" });
	bide_stream *stream = connect_to(port);
	CHECK_INT(bide_start_tls(stream, tls, &(bide_start_tls_options){ .host = "127.0.0.1" }), 0);
	CHECK_STR(bide_tls_alpn(stream), "http/1.1");
	turned_round(stream, "hello\n", "olleh");
	CHECK_INT(bide_stream_close(stream), 0);
	bide_tls_unref(tls);
}

SOCKET_TEST(a_version_that_openssl_refuses_is_an_alert)
{
	int port = start_s_server("-tls1_3", NULL);
	bide_tls *tls = client_context(&(bide_tls_options){ .most = BIDE_TLS_1_2 });
	bide_stream *stream = connect_to(port);
	CHECK_INT(bide_start_tls(stream, tls, &(bide_start_tls_options){ .host = "localhost" }),
	          -BIDE_ETLS_ALERT);
	CHECK_INT(bide_tls_alert(stream), 70); /* protocol_version */
	CHECK_INT(bide_stream_close(stream), 0);
	bide_tls_unref(tls);
}

/* ---- openssl as the client ---------------------------------------------------------------- */

/* Starts openssl's client with one more option and its value. */
static void start_s_client(int port, const char *option, const char *value)
{
	char address[32];
	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	const char *const arguments[] = { "openssl",
		                          "s_client",
		                          "-connect",
		                          address,
		                          "-CAfile",
		                          in_directory("ca.pem"),
		                          "-cert",
		                          in_directory("client.pem"),
		                          "-key",
		                          in_directory("client.key"),
		                          "-verify_return_error",
		                          "-servername",
		                          "localhost",
		                          option,
		                          value,
		                          NULL };
	run_openssl(arguments);
}

static bide_tls *server_context(const bide_tls_options *options)
{
	const bide_tls_certificate identity = { .chain = server->pem, .key = server->key_pem };
	bide_tls *tls = NULL;
	bide_tls_options all = *options;
	all.server = true;
	all.certificates = &identity;
	all.n_certificates = 1;
	EXPECT_INT(bide_tls_open(&all, &tls), 0);
	return tls;
}

static void serve_s_client(const bide_tls_options *options, const char *option, const char *value,
                           int version)
{
	char *line, subject[32] = "";
	int port, listener = listen_at(&port);
	bide_tls *tls = server_context(options);
	start_s_client(port, option, value);
	bide_stream *stream = accept_from(listener);
	EXPECT_INT(bide_start_tls(stream, tls, NULL), 0);
	EXPECT_INT(bide_tls_version(stream), version);
	EXPECT_STR(bide_tls_server_name(stream), "localhost");
	EXPECT_INT(bide_tls_peer_subject(stream, subject, sizeof(subject)),
	           options->clients != BIDE_TLS_CLIENTS_ANY ? 9 : 0);
	EXPECT_STR(line_with("Verify return code: "), "0 (ok)");
	EXPECT_INT(bide_stream_write(command.in, "hello\n", 6), 6);
	EXPECT_INT(bide_stream_readline(stream, &line), 6);
	EXPECT_STR(line, "hello");
	EXPECT_INT(bide_stream_write(stream, "an answer\n", 10), 10);
	EXPECT_STR(line_with("an "), "answer");
	/* Its command for new keys, of both sides; then it ends. */
	if (version == BIDE_TLS_1_3) {
		EXPECT_INT(bide_stream_write(command.in, "K\n", 2), 2);
		EXPECT_STR(line_with("KEYUPDAT"), "E");
		EXPECT_INT(bide_stream_write(command.in, "again\n", 6), 6);
		EXPECT_INT(bide_stream_readline(stream, &line), 6);
		EXPECT_STR(line, "again");
		EXPECT_INT(bide_stream_write(stream, "one more answer\n", 16), 16);
		EXPECT_STR(line_with("one more "), "answer");
	}
	EXPECT_INT(bide_stream_write(command.in, "Q\n", 2), 2);
	EXPECT_INT(bide_stream_readline(stream, &line), 0);
	EXPECT_INT(bide_stream_close(stream), 0);
	close(listener);
	bide_tls_unref(tls);
}

SOCKET_TEST(a_server_talks_tls_1_3_to_openssl)
{
	serve_s_client(&(bide_tls_options){ 0 }, "-tls1_3", NULL, BIDE_TLS_1_3);
}

SOCKET_TEST(a_server_talks_tls_1_2_to_openssl)
{
	serve_s_client(&(bide_tls_options){ 0 }, "-tls1_2", NULL, BIDE_TLS_1_2);
}

SOCKET_TEST(a_server_looks_at_the_certificate_of_openssl)
{
	serve_s_client(&(bide_tls_options){ .clients = BIDE_TLS_CLIENTS_REQUIRED,
	                                    .ca = cert_authority()->pem },
	               NULL, NULL, BIDE_TLS_1_3);
}

SOCKET_TEST(openssl_finds_the_end_of_a_connection_right)
{
	int port, listener = listen_at(&port);
	bide_tls *tls = server_context(&(bide_tls_options){ 0 });
	start_s_client(port, NULL, NULL);
	bide_stream *stream = accept_from(listener);
	CHECK_INT(bide_start_tls(stream, tls, NULL), 0);
	CHECK_INT(bide_stream_close(stream), 0);
	CHECK_STR(line_with("close"), "d");
	close(listener);
	bide_tls_unref(tls);
}
