// SPDX-License-Identifier: MIT
/* listen.c: opening what a server listens on. Sources: socket(7), ip(7), ipv6(7), unix(7),
 * sd_listen_fds(3).
 *
 * Where to listen is a text of several places, separated by commas. Each has a form: a host, which
 * is combined with each of the services, a Unix socket, or what the process was started with. */
#include "net/server.h"

#include "core/beside.h"
#include "net/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- the list ----------------------------------------------------------------------------- */

/* Takes a descriptor over, with the file of a Unix socket if it has made one; closes it on
 * failure. */
static int add(bide_server *server, int fd, const struct stat *file)
{
	const size_t size = (server->count + 1) * sizeof(*server->listeners);
	struct bide__listener *listeners = bide__realloc(server->listeners, size);
	if (listeners == NULL) {
		close(fd);
		return -ENOMEM;
	}
	server->listeners = listeners;
	listeners[server->count++] =
		(struct bide__listener){ .fd = fd,
		                         .device = file != NULL ? file->st_dev : 0,
		                         .inode = file != NULL ? file->st_ino : 0 };
	return 0;
}

/* Removes a Unix socket's file, if it is still the one that was made. */
static void remove_file(const struct bide__listener *listener)
{
	struct sockaddr_un un = { 0 };
	socklen_t size = sizeof(un) - 1;
	struct stat now;
	if (getsockname(listener->fd, (struct sockaddr *)(void *)&un, &size) == 0 &&
	    lstat(un.sun_path, &now) == 0 && now.st_dev == listener->device &&
	    now.st_ino == listener->inode)
		(void)unlink(un.sun_path);
}

void bide__listener_close(const bide_server *server, struct bide__listener *listener)
{
	const bool here = server->pid == getpid();
	if (listener->fd < 0)
		return;
	if (listener->inode != 0 && here)
		remove_file(listener);
	if (here)
		(void)bide_close(listener->fd);
	else
		(void)close(listener->fd);
	listener->fd = -1;
}

void bide__listeners_free(bide_server *server)
{
	for (size_t i = 0; i < server->count; i++)
		bide__listener_close(server, &server->listeners[i]);
	bide__free(server->listeners);
	server->listeners = NULL;
	server->count = 0;
}

/* ---- one socket --------------------------------------------------------------------------- */

/* Somebody who listens takes a connection, or lets it wait. */
static bool is_stale(const bide_address *address)
{
	int rc, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	do
		rc = connect(fd, bide__sockaddr(address), address->size) < 0 ? -errno : 0;
	while (rc == -EINTR);
	close(fd);
	return rc == -ECONNREFUSED;
}

static int bind_to(int fd, const bide_address *address)
{
	return bind(fd, bide__sockaddr(address), address->size) < 0 ? -errno : 0;
}

/* The path of a Unix socket that is a file, or NULL. */
static const char *path_of(const bide_address *address)
{
	const struct sockaddr_un *un = (const void *)address->at.bytes;
	return bide__family(address) == AF_UNIX && un->sun_path[0] != '\0' ? un->sun_path : NULL;
}

/* The file of a server that ended without removing it is in the way. */
static int bind_in_place_of_stale(int fd, const bide_address *address)
{
	struct stat there;
	const char *path = path_of(address);
	int rc = bind_to(fd, address);
	if (rc != -EADDRINUSE || path == NULL || lstat(path, &there) < 0 ||
	    !S_ISSOCK(there.st_mode) || !is_stale(address))
		return rc;
	return unlink(path) < 0 ? -errno : bind_to(fd, address);
}

static int prepare(int fd, int family, const bide_server_options *options)
{
	int rc = 0;
	if (family == AF_INET6)
		rc = bide__set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options->v6_only);
	if (rc == 0 && family != AF_UNIX)
		rc = bide__set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (rc == 0 && options->reuse_port)
		rc = bide__set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	return rc < 0 ? rc : bide__tune(fd, family, options->nagle, options->keep_alive);
}

/* What the file of a new socket is. Whoever may write to its directory may have put something else
 * in its place, to which no mode is given. 0 or an error. */
static int see_to_file(const char *path, mode_t mode, struct stat *ret_file)
{
	char same[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	const int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = fstat(fd, ret_file) < 0 ? -errno : !S_ISSOCK(ret_file->st_mode) ? -EEXIST : 0;
	snprintf(same, sizeof(same), "/proc/self/fd/%d", fd);
	if (rc == 0 && mode != 0 && (ret_file->st_mode & ALLPERMS) != mode && chmod(same, mode) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* Nobody can connect before it listens, so the mode is in time. The file has that of the socket at
 * first, less the umask. */
static int bind_and_listen(int fd, const bide_address *address, const bide_server_options *options,
                           struct stat *ret_file)
{
	const char *path = path_of(address);
	const mode_t mode = (mode_t)options->mode;
	if (path != NULL && mode != 0)
		(void)fchmod(fd, mode);
	int rc = bind_in_place_of_stale(fd, address);
	if (rc < 0)
		return rc;
	if (path != NULL)
		rc = see_to_file(path, mode, ret_file);
	if (rc == 0 && listen(fd, options->backlog > 0 ? options->backlog : SOMAXCONN) < 0)
		rc = -errno;
	/* What somebody else has put there is his. */
	if (rc < 0 && rc != -EEXIST && path != NULL)
		(void)unlink(path);
	return rc;
}

/* Listens at one address. */
static int listen_at(bide_server *server, const bide_address *address)
{
	struct stat file = { .st_ino = 0 };
	const int family = bide__family(address);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int rc = prepare(fd, family, &server->options);
	if (rc == 0)
		rc = bind_and_listen(fd, address, &server->options, &file);
	if (rc == 0)
		return add(server, fd, &file);
	close(fd);
	return rc;
}

/* ---- sockets that listen already ---------------------------------------------------------- */

static bool listens(int fd)
{
	int on = 0;
	socklen_t size = sizeof(on);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) == 0 && on;
}

/* Serves a copy of a socket. */
static int adopt(bide_server *server, int original)
{
	bide_address address = { 0, { 0 } };
	socklen_t size = sizeof(address.at.bytes);
	if (!listens(original))
		return -EINVAL;
	int fd = fcntl(original, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	const int flags = fcntl(fd, F_GETFL);
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    getsockname(fd, (struct sockaddr *)(void *)address.at.bytes, &size) < 0) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	address.size = size;
	(void)bide__tune(fd, bide__family(&address), server->options.nagle,
	                 server->options.keep_alive);
	return add(server, fd, NULL);
}

/* Whether the name that begins here, among those of $LISTEN_FDNAMES, is this one. */
static bool is_named(const char *names, const char *name)
{
	const size_t length = strlen(name);
	return names != NULL && strncmp(names, name, length) == 0 &&
	       (names[length] == ':' || names[length] == '\0');
}

static const char *next_name(const char *names)
{
	const char *colon = names != NULL ? strchr(names, ':') : NULL;
	return colon != NULL ? colon + 1 : NULL;
}

/* Serves the sockets that the process was started with; a name of NULL: all of them. */
static int adopt_activated(bide_server *server, const char *name)
{
	enum { FIRST = 3 };
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"),
		   *names = getenv("LISTEN_FDNAMES");
	const size_t before = server->count;
	int rc = 0;
	if (pid == NULL || fds == NULL || strtol(pid, NULL, 10) != getpid())
		return -ENOENT;
	const long end = FIRST + strtol(fds, NULL, 10);
	for (int fd = FIRST; fd < end && rc == 0; fd++, names = next_name(names)) {
		if (name != NULL && !is_named(names, name))
			continue;
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		rc = adopt(server, fd);
	}
	return rc == 0 && server->count == before ? -ENOENT : rc;
}

/* ---- places ------------------------------------------------------------------------------- */

enum { PLACE_MAX = 256 };

/* Takes the next piece off a list that is separated by commas, into PLACE_MAX bytes. 1; 0 at the
 * end; -EINVAL for one that is too long. */
static int next_piece(const char **list, char *ret_piece)
{
	const char *from = *list;
	if (from == NULL)
		return 0;
	const size_t length = strcspn(from, ",");
	if (length >= PLACE_MAX)
		return -EINVAL;
	memcpy(ret_piece, from, length);
	ret_piece[length] = '\0';
	*list = from[length] == ',' ? from + length + 1 : NULL;
	return 1;
}

/* An address that this machine does not have, or a kind of them, counts only if there is no other
 * of the name: "localhost" is one, also where there is no IPv6. */
static int listen_at_all(bide_server *server, const bide_addresses *addresses)
{
	const size_t before = server->count;
	int missing = 0;
	for (size_t i = 0; i < addresses->count; i++) {
		int rc = listen_at(server, &addresses->at[i]);
		if (rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT)
			missing = rc;
		else if (rc < 0)
			return rc;
	}
	return server->count > before ? 0 : missing;
}

static int listen_on_host(bide_server *server, const char *host, const char *service)
{
	const bide_lookup lookup = { .passive = true };
	bide_addresses *addresses;
	int rc = bide_getaddrinfo(host, service, &lookup, &addresses);
	if (rc < 0)
		return rc;
	rc = listen_at_all(server, addresses);
	bide_addresses_free(addresses);
	return rc;
}

/* All addresses of this machine: one socket for both kinds, where that can be. */
static int listen_anywhere(bide_server *server, const char *service)
{
	int rc = listen_on_host(server, "::", service);
	if (rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT || (rc == 0 && server->options.v6_only))
		rc = listen_on_host(server, "0.0.0.0", service);
	return rc;
}

static int listen_on_services(bide_server *server, const char *host, const char *services)
{
	char service[PLACE_MAX];
	int rc = services == NULL ? -EINVAL : 0, more = 1;
	while (rc == 0 && (more = next_piece(&services, service)) > 0)
		rc = host != NULL ? listen_on_host(server, host, service)
		                  : listen_anywhere(server, service);
	return rc < 0 ? rc : more;
}

static int listen_on_unix(bide_server *server, const char *text)
{
	bide_address address;
	int rc = bide_address_parse(text, &address);
	return rc < 0 ? rc : listen_at(server, &address);
}

static int listen_on_place(bide_server *server, const char *place, const char *services)
{
	if (strncmp(place, "unix:", 5) == 0)
		return listen_on_unix(server, place);
	if (strcmp(place, "systemd") == 0)
		return adopt_activated(server, NULL);
	if (strncmp(place, "systemd:", 8) == 0)
		return adopt_activated(server, place + 8);
	return listen_on_services(server, place, services);
}

static int listen_on_places(bide_server *server, const char *hosts, const char *services)
{
	char place[PLACE_MAX];
	int rc = 0, more = 1;
	if (hosts == NULL)
		return listen_on_services(server, NULL, services);
	if (hosts[0] == '\0')
		return 0;
	while (rc == 0 && (more = next_piece(&hosts, place)) > 0)
		rc = listen_on_place(server, place, services);
	return rc < 0 ? rc : more;
}

int bide__listen(bide_server *server, const char *hosts, const char *services)
{
	int rc = listen_on_places(server, hosts, services);
	for (size_t i = 0; rc == 0 && i < server->options.n_fds; i++)
		rc = adopt(server, server->options.fds[i]);
	if (rc == 0 && server->count == 0)
		rc = -EINVAL;
	if (rc < 0)
		bide__listeners_free(server);
	return rc;
}
