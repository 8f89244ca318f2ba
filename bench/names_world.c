// SPDX-License-Identifier: MIT
/* names_world.c: see names_world.h. The server answers in batches, so that it is not what is
 * measured. */
#include "names_world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	HEADER = 12,
	MESSAGE_MAX = 512,
	BATCH = 64,
	REPLIES = 4096,
	PORT = 53,
	TYPE_A = 1,
	TYPE_AAAA = 28
};
static const char server[] = "127.0.0.53";

/* ---- the server --------------------------------------------------------------------------- */

/* Puts what is behind the question of a query: one address of the type, if the name is known.
 * Returns the size of the reply that the query has become, or 0. */
static size_t make_reply(unsigned char *message, size_t size)
{
	static const unsigned char head[] = { 0xc0, HEADER };
	size_t at = HEADER;
	while (at < size && message[at] != 0)
		at += message[at] + 1U;
	if (size < HEADER || at + 5 > size)
		return 0;
	const unsigned type = message[at + 2];
	const unsigned number = (unsigned)strtoul((const char *)message + HEADER + 2, NULL, 10);
	unsigned char *to = message + at + 5;
	const size_t length = type == TYPE_A ? 4 : 16;
	if (to + 12 + length > message + MESSAGE_MAX)
		return 0;
	message[2] |= 0x80;
	message[3] = 0x80;
	message[7] = 1;
	memset(message + 8, 0, 4);
	memcpy(to, head, 2);
	memcpy(to + 2, (unsigned char[]){ 0, (unsigned char)type, 0, 1, 0, 0, 14, 16, 0 }, 9);
	to[11] = (unsigned char)length;
	memset(to + 12, 0, length);
	if (type == TYPE_A)
		to[12] = 127;
	for (size_t i = 1; i < 4; i++)
		to[12 + length - i] = (unsigned char)(number >> (8 * (i - 1)));
	return (size_t)(to + 12 + length - message);
}

/* Replies that wait until they are to be sent, first in, first out. */
static struct reply {
	double due;
	size_t size;
	struct sockaddr_in to;
	unsigned char message[MESSAGE_MAX];
} replies[REPLIES];
static size_t first, last;

static double now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void send_due(int fd)
{
	struct iovec places[BATCH];
	struct mmsghdr batch[BATCH];
	unsigned n = 0;
	for (const double at = now(); n < BATCH && first != last; n++, first++) {
		struct reply *reply = &replies[first % REPLIES];
		if (reply->due > at)
			break;
		places[n] = (struct iovec){ reply->message, reply->size };
		batch[n].msg_hdr = (struct msghdr){ .msg_name = &reply->to,
			                            .msg_namelen = sizeof(reply->to),
			                            .msg_iov = &places[n],
			                            .msg_iovlen = 1 };
	}
	if (n > 0)
		(void)sendmmsg(fd, batch, n, 0);
}

/* Takes what has come. What finds no room is left for the next time. */
static void receive(int fd, double latency)
{
	struct iovec places[BATCH];
	struct mmsghdr batch[BATCH];
	const size_t room = REPLIES - (last - first);
	const unsigned most = room < BATCH ? (unsigned)room : BATCH;
	for (unsigned i = 0; i < most; i++) {
		struct reply *reply = &replies[(last + i) % REPLIES];
		places[i] = (struct iovec){ reply->message, MESSAGE_MAX };
		batch[i].msg_hdr = (struct msghdr){ .msg_name = &reply->to,
			                            .msg_namelen = sizeof(reply->to),
			                            .msg_iov = &places[i],
			                            .msg_iovlen = 1 };
	}
	const int n = most > 0 ? recvmmsg(fd, batch, most, MSG_DONTWAIT, NULL) : 0;
	const double due = now() + latency;
	for (int i = 0; i < n; i++, last++) {
		struct reply *reply = &replies[last % REPLIES];
		reply->size = make_reply(reply->message, batch[i].msg_len);
		reply->due = due;
	}
}

static void serve(int fd, double latency)
{
	struct pollfd one = { fd, POLLIN, 0 };
	for (;;) {
		const double left = first != last ? replies[first % REPLIES].due - now() : 1;
		const struct timespec patience = { (time_t)left,
			                           (long)((left - (double)(time_t)left) * 1e9) };
		if (left > 0 && ppoll(&one, 1, &patience, NULL) < 0)
			continue;
		receive(fd, latency);
		send_due(fd);
	}
}

static struct sockaddr_in address(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	inet_pton(AF_INET, server, &in.sin_addr);
	return in;
}

static int start_server(double latency)
{
	const struct sockaddr_in in = address();
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 4 << 20;
	if (fd < 0 || bind(fd, (const struct sockaddr *)&in, sizeof(in)) < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	const pid_t parent = getpid(), pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			serve(fd, latency);
		_exit(EXIT_SUCCESS);
	}
	close(fd);
	return pid < 0 ? -1 : 0;
}

/* ---- the world ---------------------------------------------------------------------------- */

static bool put(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return written;
}

/* Makes this user root in name spaces of its own. */
static bool unshare_all(void)
{
	char uids[64], gids[64];
	snprintf(uids, sizeof(uids), "0 %u 1", getuid());
	snprintf(gids, sizeof(gids), "0 %u 1", getgid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) == 0 &&
	       put("/proc/self/setgroups", "deny") && put("/proc/self/uid_map", uids) &&
	       put("/proc/self/gid_map", gids);
}

static bool loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	if (fd >= 0)
		close(fd);
	return up;
}

/* Lays a file over the system's configuration. Nothing of it is left behind: it has no name. */
static bool configure(void)
{
	char path[] = "/tmp/bide-resolv-XXXXXX", text[64];
	const int fd = mkstemp(path);
	if (fd < 0)
		return false;
	snprintf(text, sizeof(text), "nameserver %s\n", server);
	const bool laid = put(path, text) &&
	                  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	                  mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0;
	unlink(path);
	close(fd);
	return laid;
}

int names_world_enter(double latency)
{
	if (unshare_all() && loopback_up() && configure() && start_server(latency) == 0)
		return 0;
	perror("names: a name space with a server of its own");
	return -1;
}

int names_world_connect(void)
{
	const struct sockaddr_in in = address();
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&in, sizeof(in)) == 0)
		return fd;
	close(fd);
	return -1;
}
