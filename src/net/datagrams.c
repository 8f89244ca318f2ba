// SPDX-License-Identifier: MIT
/* datagrams.c: see datagrams.h. Source: ares_set_socket_functions(3).
 *
 * A question without EDNS has a name and 16 bytes more, an answer by UDP has 512 at most: RFC 1035,
 * 4.2.1. One that has more is called truncated, so that c-ares asks again by TCP. */
#include "net/datagrams.h"

#include "core/beside.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BATCH = 32, SOCKETS = 16, QUESTION_MAX = 288, ANSWER_MAX = 512, FLAGS = 2, TRUNCATED = 2 };

struct socket {
	int fd;    /* of UDP, or -1 */
	int error; /* that c-ares is still to be told of, an errno, or 0 */
};

struct bide__datagrams {
	struct socket sockets[SOCKETS]; /* what finds no place here goes its way one by one */

	/* Questions to be sent through a socket. */
	int out_fd;
	unsigned n_out;
	struct mmsghdr out[BATCH];
	struct iovec out_places[BATCH];

	/* Answers that have come through a socket; those before `at` c-ares has read. After them it
	 * is told that there are no more for now, so that what they are for is done between. */
	int in_fd;
	unsigned at, n_in;
	bool pausing;
	struct mmsghdr in[BATCH];
	struct iovec in_places[BATCH];
	struct sockaddr_in6 from[BATCH];
	unsigned char answers[BATCH][ANSWER_MAX];
	unsigned char questions[BATCH][QUESTION_MAX];
};

static struct socket *socket_of(struct bide__datagrams *datagrams, int fd)
{
	int i = 0;
	while (i < SOCKETS && datagrams->sockets[i].fd != fd)
		i++;
	return i < SOCKETS ? &datagrams->sockets[i] : NULL;
}

/* ---- sockets ------------------------------------------------------------------------------ */

static ares_socket_t open_socket(int family, int type, int protocol, void *arg)
{
	const int one = 1, fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	struct socket *place = type == SOCK_DGRAM ? socket_of(arg, -1) : NULL;
	if (fd < 0)
		return ARES_SOCKET_BAD;
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (place != NULL)
		*place = (struct socket){ fd, 0 };
	return fd;
}

/* Nobody waits any more for what is asked, or answered, through it. */
static int close_socket(ares_socket_t fd, void *arg)
{
	struct bide__datagrams *datagrams = arg;
	struct socket *socket = socket_of(datagrams, fd);
	if (socket != NULL)
		*socket = (struct socket){ -1, 0 };
	if (datagrams->out_fd == fd)
		datagrams->n_out = 0;
	if (datagrams->in_fd == fd)
		datagrams->in_fd = -1;
	return close(fd);
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *address, ares_socklen_t size,
                          void *unused)
{
	(void)unused;
	return connect(fd, address, size);
}

/* ---- sending ------------------------------------------------------------------------------ */

/* A socket that cannot take more is no reason to wait: c-ares asks another server. */
static void fail(struct bide__datagrams *datagrams, int fd, int error)
{
	socket_of(datagrams, fd)->error = error == EAGAIN ? ENOBUFS : error;
}

void bide__datagrams_send(struct bide__datagrams *datagrams)
{
	for (unsigned sent = 0; sent < datagrams->n_out;) {
		const int n = sendmmsg(datagrams->out_fd, datagrams->out + sent,
		                       datagrams->n_out - sent, MSG_NOSIGNAL);
		if (n > 0) {
			sent += (unsigned)n;
		} else if (errno != EINTR) {
			fail(datagrams, datagrams->out_fd, errno);
			break;
		}
	}
	datagrams->n_out = 0;
}

static void keep(struct bide__datagrams *datagrams, int fd, const struct iovec *pieces, int n)
{
	unsigned char *to = datagrams->questions[datagrams->n_out];
	struct iovec *place = &datagrams->out_places[datagrams->n_out++];
	place->iov_len = 0;
	for (int i = 0; i < n; i++) {
		memcpy(to + place->iov_len, pieces[i].iov_base, pieces[i].iov_len);
		place->iov_len += pieces[i].iov_len;
	}
	datagrams->out_fd = fd;
}

static ares_ssize_t send_through(ares_socket_t fd, const struct iovec *pieces, int n, void *arg)
{
	struct bide__datagrams *datagrams = arg;
	size_t size = 0;
	for (int i = 0; i < n; i++)
		size += pieces[i].iov_len;
	if (socket_of(datagrams, fd) == NULL || size > QUESTION_MAX)
		return sendmsg(fd,
		               &(struct msghdr){ .msg_iov = (struct iovec *)pieces,
		                                 .msg_iovlen = (size_t)n },
		               MSG_NOSIGNAL);
	if (datagrams->n_out == BATCH || datagrams->out_fd != fd)
		bide__datagrams_send(datagrams);
	keep(datagrams, fd, pieces, n);
	return (ares_ssize_t)size;
}

/* ---- receiving ---------------------------------------------------------------------------- */

/* 0, or -1 and an errno. */
static int fill(struct bide__datagrams *datagrams, int fd)
{
	for (int i = 0; i < BATCH; i++)
		datagrams->in[i].msg_hdr.msg_namelen = sizeof(datagrams->from[i]);
	const int n = recvmmsg(fd, datagrams->in, BATCH, MSG_DONTWAIT, NULL);
	datagrams->in_fd = fd;
	datagrams->at = 0;
	datagrams->n_in = n > 0 ? (unsigned)n : 0;
	datagrams->pausing = n > 0;
	return n > 0 ? 0 : -1;
}

static bool has_unread(const struct bide__datagrams *datagrams, int fd)
{
	return datagrams->in_fd == fd && datagrams->at < datagrams->n_in;
}

static ares_ssize_t take(struct bide__datagrams *datagrams, void *data, size_t cap,
                         struct sockaddr *from, ares_socklen_t *from_size)
{
	const unsigned i = datagrams->at++;
	const struct msghdr *header = &datagrams->in[i].msg_hdr;
	const size_t size = datagrams->in[i].msg_len < cap ? datagrams->in[i].msg_len : cap;
	if ((header->msg_flags & MSG_TRUNC) != 0)
		datagrams->answers[i][FLAGS] |= TRUNCATED;
	memcpy(data, datagrams->answers[i], size);
	if (from != NULL && *from_size >= header->msg_namelen) {
		memcpy(from, &datagrams->from[i], header->msg_namelen);
		*from_size = header->msg_namelen;
	}
	return (ares_ssize_t)size;
}

static int fail_with(int error)
{
	errno = error;
	return -1;
}

static ares_ssize_t receive(ares_socket_t fd, void *data, size_t cap, int flags,
                            struct sockaddr *from, ares_socklen_t *from_size, void *arg)
{
	struct bide__datagrams *datagrams = arg;
	struct socket *socket = socket_of(datagrams, fd);
	if (socket == NULL)
		return recvfrom(fd, data, cap, flags, from, from_size);
	if (has_unread(datagrams, fd))
		return take(datagrams, data, cap, from, from_size);
	const int error = socket->error;
	socket->error = 0;
	if (error != 0)
		return fail_with(error);
	if (datagrams->in_fd == fd && datagrams->pausing) {
		datagrams->pausing = false;
		return fail_with(EAGAIN);
	}
	return fill(datagrams, fd) < 0 ? -1 : take(datagrams, data, cap, from, from_size);
}

ares_socket_t bide__datagrams_due(const struct bide__datagrams *datagrams)
{
	for (int i = 0; i < SOCKETS; i++) {
		const struct socket *socket = &datagrams->sockets[i];
		if (socket->error != 0 || (socket->fd >= 0 && has_unread(datagrams, socket->fd)))
			return socket->fd;
	}
	return ARES_SOCKET_BAD;
}

/* ---- the whole ---------------------------------------------------------------------------- */

struct bide__datagrams *bide__datagrams_new(void)
{
	struct bide__datagrams *datagrams = bide__malloc(sizeof(*datagrams));
	if (datagrams == NULL)
		return NULL;
	memset(datagrams, 0, offsetof(struct bide__datagrams, from));
	datagrams->out_fd = datagrams->in_fd = -1;
	for (int i = 0; i < SOCKETS; i++)
		datagrams->sockets[i].fd = -1;
	for (int i = 0; i < BATCH; i++) {
		datagrams->out_places[i].iov_base = datagrams->questions[i];
		datagrams->out[i].msg_hdr.msg_iov = &datagrams->out_places[i];
		datagrams->out[i].msg_hdr.msg_iovlen = 1;
		datagrams->in_places[i] = (struct iovec){ datagrams->answers[i], ANSWER_MAX };
		datagrams->in[i].msg_hdr.msg_iov = &datagrams->in_places[i];
		datagrams->in[i].msg_hdr.msg_iovlen = 1;
		datagrams->in[i].msg_hdr.msg_name = &datagrams->from[i];
	}
	return datagrams;
}

void bide__datagrams_free(struct bide__datagrams *datagrams)
{
	bide__free(datagrams);
}

void bide__datagrams_serve(struct bide__datagrams *datagrams, ares_channel channel)
{
	static const struct ares_socket_functions functions = {
		open_socket, close_socket, connect_socket, receive, send_through,
	};
	ares_set_socket_functions(channel, &functions, datagrams);
}
