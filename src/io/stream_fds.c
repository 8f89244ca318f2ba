// SPDX-License-Identifier: MIT
/* stream_fds.c: streams over descriptors: one for both directions, or one for each. */
#include "core/backend.h"
#include "io/stream.h"

#include "core/message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

struct fds {
	int in, out; /* -1: none, which all calls refuse */
	bool in_is_socket, out_is_socket;
	int error;       /* what sending has failed with, if that was the connection's */
	bide_loop *loop; /* whose pool this is from */
};

int bide__fds_fd(const void *object)
{
	const struct fds *fds = object;
	return fds->in >= 0 ? fds->in : fds->out >= 0 ? fds->out : -EBADF;
}

static ssize_t fds_read(void *object, void *buf, size_t size)
{
	const struct fds *fds = object;
	if (!fds->in_is_socket)
		return bide_read(fds->in, buf, size);
	ssize_t n = bide_recv(fds->in, buf, size, 0);
	return n == 0 && fds->in == fds->out ? fds->error : n;
}

static int fds_wait(void *object)
{
	const struct fds *fds = object;
	int rc = bide_wait_fd(fds->in, BIDE_READABLE);
	return rc < 0 ? rc : 0;
}

static ssize_t send_buffers(int fd, const struct iovec *buffers, int n)
{
	if (n == 1)
		return bide_send(fd, buffers->iov_base, buffers->iov_len, 0);
	const struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)buffers,
		                        .msg_iovlen = (size_t)n };
	return bide_sendmsg(fd, &message, 0);
}

/* That a connection is broken the system tells once, to who sends or to who receives; the other one
 * would read the end of the stream. */
static ssize_t fds_write(void *object, const struct iovec *buffers, int n)
{
	struct fds *fds = object;
	if (!fds->out_is_socket)
		return bide_writev(fds->out, buffers, n);
	ssize_t sent = send_buffers(fds->out, buffers, n);
	if (sent < 0 && sent != -EPIPE && bide__stream_is_final((int)sent))
		fds->error = (int)sent;
	return sent;
}

/* What is read by a descriptor of its own sees the end when that one is closed. */
static int fds_shutdown(void *object)
{
	struct fds *fds = object;
	if (fds->out_is_socket)
		return bide_shutdown(fds->out, SHUT_WR);
	if (fds->out == fds->in)
		return -ENOTSUP;
	int fd = fds->out;
	fds->out = -1;
	return bide_close(fd);
}

static void fds_interrupt(void *object)
{
	const struct fds *fds = object;
	if (fds->in >= 0)
		(void)bide__fd_clear(fds->loop, fds->in);
	if (fds->out >= 0 && fds->out != fds->in)
		(void)bide__fd_clear(fds->loop, fds->out);
}

/* What is closed with something unsent, or unread, ends in a reset; but not by the child of a fork,
 * whose parent has the connection, too. */
static void reset_on_close(int fd)
{
	const struct linger at_once = { 1, 0 };
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static int fds_close(void *object, bool abort)
{
	struct fds *fds = object;
	const int in = fds->in, out = fds->out;
	int rc = 0;
	if (abort && fds->out_is_socket && out >= 0 && !fds->loop->forked)
		reset_on_close(out);
	bide__block_free(&fds->loop->pool, fds, sizeof(*fds));
	if (out >= 0 && out != in)
		rc = bide_close(out);
	int closed = in >= 0 ? bide_close(in) : 0;
	return rc < 0 ? rc : closed;
}

static bool fds_has_input(void *object)
{
	struct pollfd fd = { ((const struct fds *)object)->in, POLLIN, 0 };
	return poll(&fd, 1, 0) > 0;
}

const bide_transport bide__transport_fds = {
	"descriptors", fds_read,  fds_wait, fds_write,     fds_shutdown,
	fds_interrupt, fds_close, NULL,     fds_has_input,
};

static bool is_socket(int fd)
{
	struct stat status;
	return fd >= 0 && fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* A socket of messages would drop what of one is not asked for. */
static bool may_be_stream(int fd)
{
	int type = SOCK_STREAM;
	socklen_t size = sizeof(type);
	return !is_socket(fd) || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	       type == SOCK_STREAM;
}

static bool is_open(int fd)
{
	return fd == -1 || fcntl(fd, F_GETFD) >= 0;
}

int bide_stream_open(int in, int out, bide_stream **ret_stream)
{
	bide_loop *loop = bide__loop;
	if (loop == NULL)
		bide__abort("bide_stream_open", "no loop on this thread");
	if ((in == -1 && out == -1) || !is_open(in) || !is_open(out))
		return -EBADF;
	if (!may_be_stream(in) || !may_be_stream(out))
		return -EINVAL;
	struct fds *fds = bide__block_new(&loop->pool, sizeof(*fds));
	if (fds == NULL)
		return -ENOMEM;
	*fds = (struct fds){ in, out, is_socket(in), is_socket(out), 0, loop };
	bide_stream *stream;
	int rc = bide_stream_new(&bide__transport_fds, fds, &stream);
	if (rc < 0) {
		bide__block_free(&loop->pool, fds, sizeof(*fds));
		return rc;
	}
	stream->read_error = in < 0 ? -EBADF : 0;
	stream->write_error = out < 0 ? -EBADF : 0;
	*ret_stream = stream;
	return 0;
}
