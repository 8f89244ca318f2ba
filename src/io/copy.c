// SPDX-License-Identifier: MIT
/* copy.c: from one descriptor to another: see bide/io.h. Sources: sendfile(2), splice(2), recv(2),
 * tcp(7).
 *
 * What is taken from where it comes is never more than what goes where it is to go, so that a
 * cancellation, or an error, loses nothing: the kernel moves from a file, and between a pipe and
 * anything else, in one call; what a socket has is looked at, written, and only then taken. A pipe
 * between two sockets would hold what one has given and the other does not take. */
#include "io/now.h"

#include "core/block.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 16 };

static const struct bide__wait wait_sendfile = { "bide_sendfile", NULL, NULL };
static const struct bide__wait wait_copy = { "bide_copy_fd", NULL, NULL };

/* What is copied, and how. */
struct copy {
	int to, from;
	/* Moves some: bytes, 0 at the end, or an error; suspends. */
	int (*step)(struct copy *copy, size_t size);
	char *buffer;     /* BUFFER bytes, NULL unless it is needed */
	bool can_discard; /* the socket needs no memory to take what is not wanted */
	int error;        /* of the last step, although it has moved some */
};

static int enter(const struct bide__wait *wait)
{
	const struct bide__task *task = bide__suspending(wait);
	return task->flags & BIDE__TASK_PENDING ? bide__refuse(bide__loop, wait) : 0;
}

/* ---- sendfile ----------------------------------------------------------------------------- */

static int send_some(int to, int from, off_t *offset, size_t size)
{
	int rc;
	while ((rc = bide__now_sendfile(to, from, offset, size)) == -EAGAIN) {
		rc = bide_wait_fd(to, BIDE_WRITABLE);
		if (rc < 0)
			return rc;
	}
	return rc;
}

ssize_t bide_sendfile(int to, int from, off_t *offset, size_t size)
{
	int rc = enter(&wait_sendfile);
	return rc < 0 ? rc : send_some(to, from, offset, size);
}

/* ---- steps of a copy ---------------------------------------------------------------------- */

static int step_sendfile(struct copy *copy, size_t size)
{
	return send_some(copy->to, copy->from, NULL, size);
}

static int step_splice(struct copy *copy, size_t size)
{
	int rc;
	while ((rc = bide__now_splice(copy->to, copy->from, size)) == -EAGAIN) {
		rc = bide__is_readable(copy->from) ? bide_wait_fd(copy->to, BIDE_WRITABLE)
		                                   : bide_wait_fd(copy->from, BIDE_READABLE);
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* Takes what has been looked at and written. What is not there any more somebody else has taken. */
static int discard(const struct copy *copy, size_t size)
{
	const int flags = MSG_DONTWAIT | (copy->can_discard ? MSG_TRUNC : 0);
	while (size > 0) {
		ssize_t n = recv(copy->from, copy->buffer, size, flags);
		if (n == 0 || (n < 0 && errno == EAGAIN && !bide__is_readable(copy->from)))
			break;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int step_peek(struct copy *copy, size_t size)
{
	ssize_t n = bide_recv(copy->from, copy->buffer, size < BUFFER ? size : BUFFER, MSG_PEEK);
	if (n > 0)
		n = bide_write(copy->to, copy->buffer, (size_t)n);
	if (n > 0)
		copy->error = discard(copy, (size_t)n);
	return (int)n;
}

static int write_all(struct copy *copy, size_t size)
{
	size_t done = 0;
	ssize_t n = 0;
	BIDE_SHIELD {
		while (done < size && n >= 0) {
			n = bide_write(copy->to, copy->buffer + done, size - done);
			done += n > 0 ? (size_t)n : 0;
		}
	}
	return n < 0 ? (int)n : (int)done;
}

static int step_read(struct copy *copy, size_t size)
{
	ssize_t n = bide_wait_fd(copy->to, BIDE_WRITABLE);
	if (n > 0)
		n = bide_read(copy->from, copy->buffer, size < PIPE_BUF ? size : PIPE_BUF);
	return n > 0 ? write_all(copy, (size_t)n) : (int)n;
}

/* ---- how ---------------------------------------------------------------------------------- */

static int option(int fd, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);
	return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -errno : value;
}

/* Through memory of this process. */
static int choose_memory(struct copy *copy, mode_t from)
{
	const int type = S_ISSOCK(from) ? option(copy->from, SO_TYPE) : SOCK_STREAM;
	if (type != SOCK_STREAM)
		return type < 0 ? type : -EINVAL;
	copy->can_discard = S_ISSOCK(from) && option(copy->from, SO_PROTOCOL) == IPPROTO_TCP;
	copy->step = S_ISSOCK(from) ? step_peek : step_read;
	copy->buffer = bide__block_new(&bide__loop->pool, BUFFER);
	return copy->buffer != NULL ? 0 : -ENOMEM;
}

static int choose(struct copy *copy, mode_t *ret_from)
{
	struct stat from, to;
	if (fstat(copy->from, &from) < 0 || fstat(copy->to, &to) < 0)
		return -errno;
	*ret_from = from.st_mode;
	if (S_ISFIFO(from.st_mode) || S_ISFIFO(to.st_mode))
		copy->step = step_splice;
	else if (S_ISREG(from.st_mode) || S_ISBLK(from.st_mode))
		copy->step = step_sendfile;
	else
		return choose_memory(copy, from.st_mode);
	return 0;
}

static unsigned closes_of(const struct copy *copy)
{
	return bide__fd_closes(bide__loop, copy->to) + bide__fd_closes(bide__loop, copy->from);
}

/* Others have their turn after each step. */
static int copy_all(struct copy *copy, mode_t from, size_t size, size_t *copied)
{
	const unsigned closes = closes_of(copy);
	int rc = 0;
	while (*copied < size) {
		rc = copy->step(copy, size - *copied);
		if (rc == -EINVAL && copy->buffer == NULL) {
			rc = choose_memory(copy, from);
			if (rc == 0)
				continue;
		}
		if (rc <= 0)
			return rc;
		*copied += (size_t)rc;
		rc = copy->error;
		if (rc == 0 && *copied < size)
			rc = bide_yield();
		if (rc == 0 && closes_of(copy) != closes)
			rc = -EBADF;
		if (rc < 0)
			return rc;
	}
	return 0;
}

int bide_copy_fd(int to, int from, size_t size, size_t *ret_copied)
{
	struct copy copy = { .to = to, .from = from };
	size_t copied = 0;
	mode_t mode = 0;
	int rc = enter(&wait_copy);
	if (rc == 0)
		rc = choose(&copy, &mode);
	if (rc == 0)
		rc = copy_all(&copy, mode, size, &copied);
	if (copy.buffer != NULL)
		bide__block_free(&bide__loop->pool, copy.buffer, BUFFER);
	if (ret_copied != NULL)
		*ret_copied = copied;
	return rc;
}
