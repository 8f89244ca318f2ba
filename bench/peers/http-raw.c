// SPDX-License-Identifier: MIT
/* http-raw.c: the least that a client can take which is written for its one purpose: `http-raw ROW
 * N PORT [CA]` asks for one page over and over, by epoll and llhttp, over TLS by OpenSSL.
 * Descriptors are registered once, edge-triggered, and a system call is tried before anything
 * waits. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <llhttp/llhttp.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WRONG = 1, USAGE_ERROR = 2, FEW = 100, MANY = 3000, SIZE = 1024, ROOM = 16384, BATCH = 512 };

struct connection {
	int fd;
	SSL *ssl; /* or NULL */
	llhttp_t parser;
	size_t body; /* bytes that have come */
	int done;    /* the answer is complete */
	char request[128];
	int request_size;
};

static struct {
	long asked, answered, first, last;
	double before, after;
	int set; /* of epoll's */
	int open;
} load;

static void check(int holds, const char *sentence)
{
	if (holds)
		return;
	fprintf(stderr, "http-raw: %s%s%s\n", sentence, errno != 0 ? ": " : "",
	        errno != 0 ? strerror(errno) : "");
	exit(WRONG);
}

static double cpu_seconds(void)
{
	struct timespec used;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

/* ---- answers ------------------------------------------------------------------------------ */

static int on_body(llhttp_t *parser, const char *at, size_t size)
{
	struct connection *connection = parser->data;
	(void)at;
	connection->body += size;
	return 0;
}

static int on_end(llhttp_t *parser)
{
	struct connection *connection = parser->data;
	check(parser->status_code == 200 && connection->body == SIZE &&
	              llhttp_should_keep_alive(parser),
	      "the answer is another one");
	connection->done = 1;
	return 0;
}

static const llhttp_settings_t settings = { .on_body = on_body, .on_message_complete = on_end };

/* ---- requests ----------------------------------------------------------------------------- */

static void ask(struct connection *connection)
{
	load.asked++;
	connection->body = 0;
	connection->done = 0;
	if (connection->ssl != NULL) {
		check(SSL_write(connection->ssl, connection->request, connection->request_size) ==
		              connection->request_size,
		      "cannot write");
		return;
	}
	check(send(connection->fd, connection->request, (size_t)connection->request_size,
	           MSG_NOSIGNAL) == connection->request_size,
	      "cannot send");
}

/* Bytes, 0 when there are none. */
static int receive(struct connection *connection, char *buf)
{
	if (connection->ssl == NULL) {
		ssize_t n = recv(connection->fd, buf, ROOM, MSG_DONTWAIT);
		check(n > 0 || (n < 0 && errno == EAGAIN), "cannot receive");
		return n > 0 ? (int)n : 0;
	}
	int n = SSL_read(connection->ssl, buf, ROOM);
	check(n > 0 || SSL_get_error(connection->ssl, n) == SSL_ERROR_WANT_READ, "cannot read");
	return n > 0 ? n : 0;
}

static void answered(struct connection *connection)
{
	load.answered++;
	if (load.answered == load.first)
		load.before = cpu_seconds();
	if (load.answered == load.last)
		load.after = cpu_seconds();
	if (load.asked < load.last + load.first)
		ask(connection);
	else
		load.open--;
}

/* Where less has come than there was room for, that was all there was; of TLS a record may be
 * left, and so it is read until there is nothing. */
static void readable(struct connection *connection)
{
	static char buf[ROOM];
	int n;
	while (!connection->done && (n = receive(connection, buf)) > 0)
		check(llhttp_execute(&connection->parser, buf, (size_t)n) == HPE_OK, "no HTTP");
	if (connection->done)
		answered(connection);
}

/* ---- connections -------------------------------------------------------------------------- */

static SSL *start_tls(SSL_CTX *context, int fd)
{
	SSL *ssl = SSL_new(context);
	check(SSL_set_fd(ssl, fd) == 1 && SSL_set1_host(ssl, "localhost") == 1 &&
	              SSL_set_tlsext_host_name(ssl, "localhost") == 1 && SSL_connect(ssl) == 1,
	      "no TLS");
	return ssl;
}

static void open_connection(struct connection *connection, int host, int port, SSL_CTX *context)
{
	const int yes = 1;
	char name[32];
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons((unsigned short)port) };
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = connection };
	snprintf(name, sizeof(name), "127.0.%d.%d", host / 250, host % 250 + 1);
	(void)inet_pton(AF_INET, name, &address.sin_addr);
	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	check(connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) == 0,
	      "cannot connect");
	(void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	connection->ssl = context != NULL ? start_tls(context, connection->fd) : NULL;
	check(fcntl(connection->fd, F_SETFL, O_NONBLOCK) == 0, "cannot be made not to block");
	llhttp_init(&connection->parser, HTTP_RESPONSE, &settings);
	connection->parser.data = connection;
	connection->request_size =
		snprintf(connection->request, sizeof(connection->request),
	                 "GET / HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: raw\r\nAccept: */*\r\n\r\n",
	                 context != NULL ? "localhost" : name, port);
	check(epoll_ctl(load.set, EPOLL_CTL_ADD, connection->fd, &event) == 0, "cannot wait");
}

static SSL_CTX *trust(const char *authority)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	check(SSL_CTX_load_verify_file(context, authority) == 1, "no certificate");
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	/* One system call for a record and not two. */
	SSL_CTX_set_read_ahead(context, 1);
	return context;
}

static void run(long n, int hosts, int port, const char *authority)
{
	struct epoll_event events[BATCH];
	const int at_once = hosts > FEW ? hosts : FEW;
	SSL_CTX *context = authority != NULL ? trust(authority) : NULL;
	struct connection *all = calloc((size_t)at_once, sizeof(*all));
	load.first = n / 10 + 2L * at_once;
	load.last = load.first + n;
	load.set = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < at_once; i++)
		open_connection(&all[i], i % hosts, port, context);
	load.open = at_once;
	for (int i = 0; i < at_once; i++)
		ask(&all[i]);
	while (load.open > 0) {
		int many = epoll_wait(load.set, events, BATCH, -1);
		for (int i = 0; i < many; i++)
			readable(events[i].data.ptr);
	}
	printf("ops %ld\ncpu_us %.3f\n", n, (load.after - load.before) * 1e6 / (double)n);
	/* What is left ends with the process. */
	free(all);
}

/* ---- the program -------------------------------------------------------------------------- */

static const struct row {
	const char *name;
	int hosts;
} rows[] = { { "http", 1 }, { "http_tls", 1 }, { "http_hosts", MANY } };
enum { ROWS = sizeof(rows) / sizeof(*rows) };

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--rows") == 0) {
		for (int i = 0; i < ROWS; i++)
			puts(rows[i].name);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("llhttp %d.%d.%d, %s, 1 thread\n", LLHTTP_VERSION_MAJOR,
		              LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH,
		              OpenSSL_version(OPENSSL_VERSION)) < 0;
	for (int i = 0; (argc == 4 || argc == 5) && i < ROWS; i++) {
		if (strcmp(argv[1], rows[i].name) != 0)
			continue;
		run(strtol(argv[2], NULL, 10), rows[i].hosts, (int)strtol(argv[3], NULL, 10),
		    argc == 5 ? argv[4] : NULL);
		return 0;
	}
	fputs("usage: http-raw ROW N PORT [CA], or --rows, or --version\n", stderr);
	return USAGE_ERROR;
}
