// SPDX-License-Identifier: MIT
/* load.c: sends messages to a server that answers each with itself, and tells what that took the
 * server: see usage().
 *
 * Each connection has one message on its way at any time, and the answer is compared byte by byte
 * before the next one is sent. What is told is the CPU time of the server's process, between two
 * moments at which all connections are busy. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
	USAGE_ERROR = 2,
	MAX_SIZE = 65536,    /* of a message, in bytes */
	BATCH = 512,         /* events that are asked for at once */
	PATIENCE_MS = 10000, /* without any answer */
	WARM_UP = 10         /* one part of so many is sent before the measurement begins */
};

struct connection {
	int fd;
	uint64_t sent; /* messages */
	size_t got;    /* bytes of the answer that is on its way */
};

/* What is asked for. */
static struct {
	int port;
	pid_t server;
	long connections;
	size_t size;
	long messages; /* whose cost is told */
} wanted;

static struct connection *all;

static void end(const char *sentence)
{
	fprintf(stderr, "load: %s%s%s\n", sentence, errno != 0 ? ": " : "",
	        errno != 0 ? strerror(errno) : "");
	exit(EXIT_FAILURE);
}

static void check(int holds, const char *sentence)
{
	if (!holds)
		end(sentence);
}

/* ---- the server's process ----------------------------------------------------------------- */

static double seconds_of(clockid_t clock)
{
	struct timespec time;
	check(clock_gettime(clock, &time) == 0, "cannot read a clock");
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* User and system time of all its threads. */
static double server_cpu(void)
{
	clockid_t clock;
	check(clock_getcpuclockid(wanted.server, &clock) == 0, "the server is gone");
	return seconds_of(clock);
}

/* Bytes of its own memory: neither files nor what the kernel keeps for a socket. */
static double server_memory(void)
{
	char path[64], line[128];
	long kib = -1;
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)wanted.server);
	FILE *status = fopen(path, "r");
	check(status != NULL, "the server is gone");
	while (kib < 0 && fgets(line, sizeof(line), status) != NULL)
		(void)sscanf(line, "RssAnon: %ld", &kib);
	(void)fclose(status);
	check(kib >= 0, "cannot tell the server's memory");
	return (double)kib * 1024;
}

/* ---- messages ----------------------------------------------------------------------------- */

/* No two messages are alike: each is made of its connection's number and its own. */
static const char *message_of(const struct connection *connection, uint64_t number)
{
	static uint64_t words[MAX_SIZE / sizeof(uint64_t)];
	const uint64_t first = (number << 20) + (uint64_t)(connection - all);
	for (size_t i = 0; i < (wanted.size + 7) / sizeof(*words); i++)
		words[i] = (first + i) * 0x9e3779b97f4a7c15u;
	return (const char *)words;
}

static void send_next(struct connection *connection)
{
	const char *message = message_of(connection, connection->sent++);
	ssize_t n = send(connection->fd, message, wanted.size, MSG_NOSIGNAL | MSG_DONTWAIT);
	check(n == (ssize_t)wanted.size, "a message could not be sent");
}

/* Takes what has come of an answer. @return whether that was the rest of it. */
static int receive(struct connection *connection, int flags)
{
	static char piece[MAX_SIZE];
	const char *expected = message_of(connection, connection->sent - 1);
	while (connection->got < wanted.size) {
		/* Asked for is more than there should be, so that nothing is added unnoticed. */
		ssize_t n = recv(connection->fd, piece, sizeof(piece), flags);
		if (n < 0 && errno == EAGAIN && flags != 0)
			return 0;
		check(n >= 0, "cannot receive");
		errno = 0;
		check(n > 0, "the server has closed a connection");
		check((size_t)n <= wanted.size - connection->got &&
		              memcmp(expected + connection->got, piece, (size_t)n) == 0,
		      "the server has answered wrong bytes");
		connection->got += (size_t)n;
	}
	connection->got = 0;
	return 1;
}

static void ask_once(struct connection *connection)
{
	send_next(connection);
	(void)receive(connection, 0);
}

/* ---- connections -------------------------------------------------------------------------- */

/* Ports of connections that were closed are not free at once, so each run has an address of its
 * own. */
static void set_addresses(struct sockaddr_in *ret_ours, struct sockaddr_in *ret_servers)
{
	const uint32_t own = INADDR_LOOPBACK + 1 + (uint32_t)getpid() % 0xfffff;
	memset(ret_ours, 0, sizeof(*ret_ours));
	ret_ours->sin_family = AF_INET;
	*ret_servers = *ret_ours;
	ret_ours->sin_addr.s_addr = htonl(own);
	ret_servers->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ret_servers->sin_port = htons((uint16_t)wanted.port);
}

static int connect_once(void)
{
	const int yes = 1;
	struct sockaddr_in ours, servers;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	set_addresses(&ours, &servers);
	check(fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) == 0 &&
	              setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes)) == 0 &&
	              bind(fd, (struct sockaddr *)&ours, sizeof(ours)) == 0,
	      "cannot open a socket");
	check(connect(fd, (struct sockaddr *)&servers, sizeof(servers)) == 0, "cannot connect");
	return fd;
}

/* Each asks once before the next is made, so that the server has it, and its memory is in use.
 * @return the server's memory when it had one. */
static double connect_all(void)
{
	double one = 0;
	all = calloc((size_t)wanted.connections, sizeof(*all));
	check(all != NULL, "not enough memory");
	for (long i = 0; i < wanted.connections; i++) {
		all[i].fd = connect_once();
		ask_once(&all[i]);
		if (i == 0)
			one = server_memory();
	}
	return one;
}

static void close_all(void)
{
	for (long i = 0; i < wanted.connections; i++)
		(void)close(all[i].fd);
	free(all);
}

/* ---- what can be measured ----------------------------------------------------------------- */

static long idle(void)
{
	const double one = connect_all(), memory = server_memory();
	for (long i = 0; i < wanted.connections; i++)
		ask_once(&all[i]);
	close_all();
	printf("bytes_each %f\n", (memory - one) / (double)(wanted.connections - 1));
	return wanted.connections;
}

/* A moment, by how many answers have come, and what the server had taken by then. */
struct mark {
	long answers;
	double cpu, time;
};

static void look_at(struct mark *mark, long answers)
{
	if (answers != mark->answers)
		return;
	mark->cpu = server_cpu();
	mark->time = seconds_of(CLOCK_MONOTONIC);
}

static int watch_all(void)
{
	int set = epoll_create1(EPOLL_CLOEXEC);
	for (long i = 0; i < wanted.connections; i++) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = &all[i] };
		check(epoll_ctl(set, EPOLL_CTL_ADD, all[i].fd, &event) == 0, "cannot wait");
	}
	return set;
}

/* Asks on every connection, and again when an answer has come, until so many have been asked for
 * and come that all are busy from the first mark to the last. */
static void ask_all(struct mark *first, struct mark *last)
{
	const long enough = last->answers + wanted.connections;
	struct epoll_event events[BATCH];
	int set = watch_all();
	long answers = 0;
	for (long i = 0; i < wanted.connections; i++)
		send_next(&all[i]);
	while (answers < enough) {
		errno = 0;
		int n = epoll_wait(set, events, BATCH, PATIENCE_MS);
		check(n > 0 || (n < 0 && errno == EINTR), "no answer comes");
		for (int i = 0; i < n; i++) {
			if (!receive(events[i].data.ptr, MSG_DONTWAIT))
				continue;
			look_at(first, ++answers);
			look_at(last, answers);
			if (answers <= last->answers)
				send_next(events[i].data.ptr);
		}
	}
	(void)close(set);
}

static long echo(void)
{
	struct mark first = { .answers = wanted.messages / WARM_UP + wanted.connections };
	struct mark last = { .answers = first.answers + wanted.messages };
	(void)connect_all();
	ask_all(&first, &last);
	close_all();
	const double cpu = last.cpu - first.cpu, time = last.time - first.time;
	printf("cpu_us %f\n", cpu * 1e6 / (double)wanted.messages);
	printf("busy_percent %f\n", cpu / time * 100);
	return wanted.messages;
}

/* ---- the program -------------------------------------------------------------------------- */

static void usage(void)
{
	fputs("usage: load PORT SERVER CONNECTIONS SIZE MESSAGES\n"
	      "Connects so often to 127.0.0.1:PORT, and sends messages of SIZE bytes, each of\n"
	      "which is to be answered with itself, on all connections at once. Tells the CPU\n"
	      "time that a message takes the process SERVER, and how busy it is meanwhile.\n"
	      "With no MESSAGES the connections are only held, and it tells how much memory\n"
	      "each takes.\n",
	      stderr);
	exit(USAGE_ERROR);
}

static long number(const char *text, long least, long most)
{
	char *rest;
	long value = strtol(text, &rest, 10);
	if (rest == text || *rest != '\0' || value < least || value > most)
		usage();
	return value;
}

int main(int argc, char **argv)
{
	if (argc != 6)
		usage();
	wanted.port = (int)number(argv[1], 1, 65535);
	wanted.server = (pid_t)number(argv[2], 1, 1 << 30);
	wanted.connections = number(argv[3], 2, 1000000);
	wanted.size = (size_t)number(argv[4], 1, MAX_SIZE);
	wanted.messages = number(argv[5], 0, 1000000000);
	errno = 0;
	printf("ops %ld\n", wanted.messages > 0 ? echo() : idle());
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
