// SPDX-License-Identifier: MIT
/* raw.c: the benchmark's rows of input and output by the system's interfaces alone: the least that
 * a server can take which is written for its one purpose.
 *
 * With epoll a descriptor is registered once, edge-triggered, and a system call is tried before
 * anything waits. With io_uring there are two ways: an operation for each message, or one that
 * receives on and on into buffers that the ring is given. */
#define _GNU_SOURCE
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
	WRONG = 1,
	USAGE_ERROR = 2,
	LISTENER = STDIN_FILENO,
	BATCH = 512,
	ENTRIES = 1024,     /* of a ring */
	ROOM = 4096,        /* bytes of a buffer */
	LARGE_ROOM = 65536, /* where there is but one */
	BUFFERS = 1024      /* a power of two */
};

static void end(int status, const char *sentence)
{
	fprintf(stderr, "raw: %s\n", sentence);
	exit(status);
}

static void check(int holds, const char *sentence)
{
	if (!holds)
		end(WRONG, sentence);
}

/* ---- epoll -------------------------------------------------------------------------------- */

static void epoll_add(int set, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };
	check(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0, "cannot wait for a descriptor");
}

/* Messages are small beside what a socket has room for. Where less was received than would have
 * found room, that was all there was. @return whether the connection has ended. */
static int epoll_answer(int fd, int may_have_ended)
{
	static char buf[LARGE_ROOM];
	ssize_t n;
	do {
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return 0;
		check(n >= 0, "cannot receive");
		check(n == 0 || send(fd, buf, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) == n,
		      "cannot send");
	} while (n == sizeof(buf) || (n > 0 && may_have_ended));
	return n == 0;
}

static void echo_epoll(long connections)
{
	struct epoll_event events[BATCH];
	int set = epoll_create1(EPOLL_CLOEXEC);
	epoll_add(set, LISTENER, EPOLLIN);
	while (connections > 0) {
		int n = epoll_wait(set, events, BATCH, -1);
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == LISTENER) {
				epoll_add(set, accept4(fd, NULL, NULL, SOCK_CLOEXEC),
				          EPOLLIN | EPOLLRDHUP | EPOLLET);
			} else if (epoll_answer(fd, (events[i].events & ~(uint32_t)EPOLLIN) != 0)) {
				(void)close(fd);
				connections--;
			}
		}
	}
}

/* ---- io_uring ----------------------------------------------------------------------------- */

/* An entry of the ring's says whose it is by an address: of the listener's, NULL. */
static struct io_uring ring;

static void open_ring(void)
{
	check(io_uring_queue_init(ENTRIES, &ring,
	                          IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) == 0,
	      "no io_uring here, or no new one");
}

static struct io_uring_sqe *new_sqe(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	if (sqe == NULL) {
		check(io_uring_submit(&ring) > 0, "cannot submit");
		sqe = io_uring_get_sqe(&ring);
	}
	return sqe;
}

static void accept_next(void)
{
	struct io_uring_sqe *sqe = new_sqe();
	io_uring_prep_accept(sqe, LISTENER, NULL, NULL, SOCK_CLOEXEC);
	io_uring_sqe_set_data(sqe, NULL);
}

/* Has each completion looked at, until so many say that a connection has ended. */
static void serve(long connections, void *(*accepted)(int fd),
                  int (*completed)(void *data, const struct io_uring_cqe *cqe))
{
	struct io_uring_cqe *cqes[BATCH];
	long to_accept = connections;
	accept_next();
	while (connections > 0) {
		int rc = io_uring_submit_and_wait(&ring, 1);
		check(rc >= 0 || rc == -EINTR, "cannot submit");
		unsigned n = io_uring_peek_batch_cqe(&ring, cqes, BATCH);
		for (unsigned i = 0; i < n; i++) {
			void *data = io_uring_cqe_get_data(cqes[i]);
			if (data != NULL) {
				connections -= completed(data, cqes[i]);
				continue;
			}
			check(cqes[i]->res >= 0 && accepted(cqes[i]->res) != NULL, "cannot accept");
			if (--to_accept > 0)
				accept_next();
		}
		io_uring_cq_advance(&ring, n);
	}
}

/* ---- io_uring, an operation for each message ---------------------------------------------- */

struct connection {
	int fd;
	unsigned left; /* bytes that are still to be sent; 0: it receives */
	char *from;    /* where they are */
	char buf[ROOM];
};

static void receive_next(struct connection *connection)
{
	struct io_uring_sqe *sqe = new_sqe();
	io_uring_prep_recv(sqe, connection->fd, connection->buf, ROOM, 0);
	io_uring_sqe_set_data(sqe, connection);
}

static void send_next(struct connection *connection)
{
	struct io_uring_sqe *sqe = new_sqe();
	io_uring_prep_send(sqe, connection->fd, connection->from, connection->left, MSG_NOSIGNAL);
	io_uring_sqe_set_data(sqe, connection);
}

static void *single_accepted(int fd)
{
	struct connection *connection = malloc(sizeof(*connection));
	if (connection != NULL) {
		connection->fd = fd;
		connection->left = 0;
		receive_next(connection);
	}
	return connection;
}

static int single_completed(void *data, const struct io_uring_cqe *cqe)
{
	struct connection *connection = data;
	const int received = connection->left == 0;
	check(cqe->res >= 0, "cannot receive or send");
	if (received && cqe->res == 0) {
		(void)close(connection->fd);
		free(connection);
		return 1;
	}
	connection->from = received ? connection->buf : connection->from + cqe->res;
	connection->left = received ? (unsigned)cqe->res : connection->left - (unsigned)cqe->res;
	if (connection->left > 0)
		send_next(connection);
	else
		receive_next(connection);
	return 0;
}

static void echo_uring(long connections)
{
	open_ring();
	serve(connections, single_accepted, single_completed);
}

/* ---- io_uring, with buffers that are the ring's ------------------------------------------- */

/* What is received goes into whichever buffer is free, is sent from there, and then it is free
 * again. A connection is an address in `descriptors`, a buffer that is sent one in `sends`. */
static char buffers[BUFFERS][ROOM];
static struct send {
	int fd;
	unsigned left;
	char *from;
} sends[BUFFERS];
static struct io_uring_buf_ring *free_buffers;
static char descriptors[65536];

static void give(int i)
{
	io_uring_buf_ring_add(free_buffers, buffers[i], ROOM, (unsigned short)i,
	                      io_uring_buf_ring_mask(BUFFERS), 0);
	io_uring_buf_ring_advance(free_buffers, 1);
}

static void open_buffers(void)
{
	struct io_uring_buf_reg reg = { .ring_entries = BUFFERS };
	check(posix_memalign((void **)&free_buffers, 4096, BUFFERS * sizeof(struct io_uring_buf)) ==
	              0,
	      "not enough memory");
	reg.ring_addr = (uintptr_t)free_buffers;
	check(io_uring_register_buf_ring(&ring, &reg, 0) == 0, "io_uring is too old");
	io_uring_buf_ring_init(free_buffers);
	for (int i = 0; i < BUFFERS; i++)
		give(i);
}

static void receive_on(int fd)
{
	struct io_uring_sqe *sqe = new_sqe();
	io_uring_prep_recv(sqe, fd, NULL, 0, 0);
	sqe->ioprio |= IORING_RECV_MULTISHOT;
	sqe->flags |= IOSQE_BUFFER_SELECT;
	io_uring_sqe_set_data(sqe, &descriptors[fd]);
}

static void send_rest(struct send *send)
{
	struct io_uring_sqe *sqe = new_sqe();
	io_uring_prep_send(sqe, send->fd, send->from, send->left, MSG_NOSIGNAL);
	io_uring_sqe_set_data(sqe, send);
}

static void *multishot_accepted(int fd)
{
	receive_on(fd);
	return &descriptors[fd];
}

static void sent(struct send *send, int res)
{
	check(res >= 0, "cannot send");
	send->from += res;
	send->left -= (unsigned)res;
	if (send->left > 0)
		send_rest(send);
	else
		give((int)(send - sends));
}

static void received(int fd, const struct io_uring_cqe *cqe)
{
	unsigned i = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
	sends[i] = (struct send){ fd, (unsigned)cqe->res, buffers[i] };
	send_rest(&sends[i]);
}

static int multishot_completed(void *data, const struct io_uring_cqe *cqe)
{
	char *descriptor = data;
	if (descriptor < descriptors || descriptor >= descriptors + sizeof(descriptors)) {
		sent(data, cqe->res);
		return 0;
	}
	int fd = (int)(descriptor - descriptors);
	check(cqe->res >= 0 || cqe->res == -ENOBUFS, "cannot receive");
	if (cqe->res == 0) {
		(void)close(fd);
		return 1;
	}
	if (cqe->res > 0)
		received(fd, cqe);
	if (!(cqe->flags & IORING_CQE_F_MORE))
		receive_on(fd);
	return 0;
}

static void echo_multishot(long connections)
{
	open_ring();
	open_buffers();
	serve(connections, multishot_accepted, multishot_completed);
}

/* ---- the program -------------------------------------------------------------------------- */

static const struct row {
	const char *name;
	void (*run)(long n);
} rows[] = {
	{ "echo_epoll", echo_epoll },
	{ "echo_uring", echo_uring },
	{ "echo_multishot", echo_multishot },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const struct row *find_row(const char *name)
{
	for (int i = 0; i < ROWS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static void print_version(void)
{
	struct utsname kernel;
	(void)uname(&kernel);
	printf("Linux %s, liburing " LIBURING_VERSION ", C compiler %s, 1 thread\n", kernel.release,
	       __VERSION__);
}

int main(int argc, char **argv)
{
	const struct row *row = argc == 3 ? find_row(argv[1]) : NULL;
	char *rest = NULL;
	long n = argc == 3 ? strtol(argv[2], &rest, 10) : -1;

	if (argc == 2 && strcmp(argv[1], "--rows") == 0) {
		for (int i = 0; i < ROWS; i++)
			puts(rows[i].name);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		print_version();
		return 0;
	}
	if (row == NULL || n < 0 || rest == argv[2] || *rest != '\0')
		end(USAGE_ERROR, "usage: raw ROW N, or --rows, or --version");
	if (n > 0)
		row->run(n);
	return 0;
}
