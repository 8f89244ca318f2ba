// SPDX-License-Identifier: MIT
/* Servers on Unix sockets, and on sockets that the process was given. */
#include "net/server_kit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *directory;
static char where[64]; /* "unix:…" of a path in the directory */
static const char *const path = where + 5;

static void enter_directory(void)
{
	directory = test_path("sockets");
	EXPECT_INT(mkdir(directory, 0700), 0);
	snprintf(where, sizeof where, "unix:%s/socket", directory);
	server = NULL;
}

static void leave_directory(void)
{
	EXPECT_INT(rmdir(directory), 0); /* nothing may be left in it */
	expect_nothing_left();
}

#define UNIX_TEST(name) \
	KINDS_TASKS(name, enter_directory(), leave_directory()) \
	TEST(name) \
	{ \
		bide_set_report(note_report, NULL); \
		KINDS_RUN(name); \
	} \
	static void in_##name(void)

static bool serves(const char *text)
{
	bide_stream *stream = connect_to(text);
	bool right = answers(stream, "hello");
	EXPECT_INT(bide_stream_close(stream), 0);
	return right;
}

/* ---- files -------------------------------------------------------------------------------- */

UNIX_TEST(a_unix_sockets_file_is_there_while_it_listens)
{
	CHECK_INT(bide_start_server(where, NULL, NULL, &server, echo), 0);
	CHECK_STR(text_of(0), where);
	CHECK(serves(where));
	bide_server_close(server);
	CHECK_INT(access(path, F_OK), -1);
}

UNIX_TEST(its_permissions_can_be_chosen)
{
	struct stat status;
	const bide_server_options options = { .mode = 0620 };
	CHECK_INT(bide_start_server(where, NULL, &options, &server, echo), 0);
	CHECK_INT(stat(path, &status), 0);
	CHECK_INT(status.st_mode & 0777, 0620);
	bide_server_close(server);
}

static const char *victim; /* a link to this takes a new socket's place; NULL: none does */

/* What the library calls. */
int bind(int fd, const struct sockaddr *address, socklen_t size)
{
	const int rc = (int)syscall(SYS_bind, fd, address, size);
	if (rc == 0 && victim != NULL) {
		EXPECT_INT(unlink(path), 0);
		EXPECT_INT(symlink(victim, path), 0);
	}
	return rc;
}

UNIX_TEST(the_permissions_of_what_a_link_in_its_place_leads_to_are_left_alone)
{
	struct stat status;
	const bide_server_options options = { .mode = 0620 };
	victim = test_path("victim");
	int fd = open(victim, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	CHECK_INT(bide_start_server(where, NULL, &options, &server, echo), -EEXIST);
	CHECK_INT(fstat(fd, &status), 0);
	CHECK_INT(status.st_mode & 0777, 0600);
	CHECK_INT(lstat(path, &status), 0);
	CHECK(S_ISLNK(status.st_mode));
	CHECK_INT(unlink(path), 0);
	close(fd);
	victim = NULL;
}

static BIDE_ASYNC(int, fail, bide_stream *);
static int fail(bide_stream *stream)
{
	(void)stream;
	return -EPROTO;
}

UNIX_TEST(what_a_peer_calls_itself_is_reported_in_printable_characters)
{
	static const char name[] = "\0a\n\x1b[2J\x7f\xff";
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	CHECK_INT(bide_start_server(where, NULL, NULL, &server, fail), 0);
	n_reports = 0;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(un.sun_path, name, sizeof name - 1);
	CHECK_INT(bind(fd, (struct sockaddr *)&un,
	               offsetof(struct sockaddr_un, sun_path) + sizeof name - 1),
	          0);
	memset(un.sun_path, 0, sizeof un.sun_path);
	strcpy(un.sun_path, path);
	CHECK_INT(connect(fd, (struct sockaddr *)&un, sizeof un), 0);
	while (n_reports == 0)
		CHECK_INT(bide_sleep(0.001), 0);
	CHECK_STR(last_report,
	          "fail failed, with a connection from unix:@a??[2J??: Protocol error");
	close(fd);
	bide_server_close(server);
}

static int bind_there(bool listening)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(un.sun_path, path, strlen(path));
	EXPECT_INT(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	if (listening)
		EXPECT_INT(listen(fd, 1), 0);
	return fd;
}

UNIX_TEST(a_file_that_was_left_is_replaced)
{
	close(bind_there(true));
	CHECK_INT(access(path, F_OK), 0);
	CHECK_INT(bide_start_server(where, NULL, NULL, &server, echo), 0);
	CHECK(serves(where));
	bide_server_close(server);
}

UNIX_TEST(a_file_at_which_somebody_listens_is_not_replaced)
{
	int fd = bind_there(true);
	CHECK_INT(bide_start_server(where, NULL, NULL, &server, echo), -EADDRINUSE);
	CHECK_INT(access(path, F_OK), 0);
	close(fd);
	CHECK_INT(unlink(path), 0);
}

UNIX_TEST(a_file_that_is_no_socket_is_not_replaced)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	close(fd);
	CHECK_INT(bide_start_server(where, NULL, NULL, &server, echo), -EADDRINUSE);
	CHECK_INT(unlink(path), 0);
}

UNIX_TEST(a_file_that_is_no_longer_its_own_is_not_removed)
{
	CHECK_INT(bide_start_server(where, NULL, NULL, &server, echo), 0);
	CHECK_INT(unlink(path), 0);
	int fd = bind_there(true);
	bide_server_close(server);
	CHECK_INT(access(path, F_OK), 0);
	close(fd);
	CHECK_INT(unlink(path), 0);
}

UNIX_TEST(a_directory_that_is_not_there_is_an_error)
{
	CHECK_INT(bide_start_server("unix:/nowhere/at/all", NULL, NULL, &server, echo), -ENOENT);
}

UNIX_TEST(when_one_place_cannot_be_had_none_is)
{
	char both[128];
	snprintf(both, sizeof both, "%s,unix:/nowhere/at/all", where);
	CHECK_INT(bide_start_server(both, NULL, NULL, &server, echo), -ENOENT);
	CHECK_INT(access(path, F_OK), -1);
}

UNIX_TEST(an_abstract_name_needs_no_file)
{
	char name[64];
	snprintf(name, sizeof name, "unix:@bide-test-%d", (int)getpid());
	CHECK_INT(bide_start_server(name, NULL, NULL, &server, echo), 0);
	CHECK_STR(text_of(0), name);
	CHECK(serves(name));
	bide_server_close(server);
}

/* Ends a child in which nothing may be left to do. */
static int close_in_child(void)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		bide_server_close(server);
		_exit(access(path, F_OK) == 0 ? 0 : 1);
	}
	EXPECT_INT(waitpid(pid, &status, 0), pid);
	return status;
}

UNIX_TEST(a_server_that_is_closed_in_a_child_goes_on_in_its_parent)
{
	CHECK_INT(bide_start_server(where, NULL, NULL, &server, echo), 0);
	bide_stream *stream = connect_to(where);
	CHECK(answers(stream, "before"));
	CHECK_INT(close_in_child(), 0);
	CHECK(answers(stream, "after"));
	CHECK_INT(bide_stream_close(stream), 0);
	CHECK(serves(where));
	bide_server_close(server);
}

/* ---- what was given ----------------------------------------------------------------------- */

UNIX_TEST(a_socket_that_listens_already_is_served)
{
	int fd = bind_there(true);
	const bide_server_options options = { .fds = &fd, .n_fds = 1 };
	CHECK_INT(bide_start_server("", NULL, &options, &server, echo), 0);
	CHECK(serves(where));
	bide_server_close(server);
	CHECK_INT(access(path, F_OK), 0);
	CHECK_INT(bide_start_server("", NULL, &options, &server, echo), 0);
	CHECK(serves(where));
	bide_server_close(server);
	CHECK_INT(close(fd), 0);
	CHECK_INT(unlink(path), 0);
}

UNIX_TEST(a_socket_that_does_not_listen_is_refused)
{
	int fd = bind_there(false), none = -1;
	bide_server_options options = { .fds = &fd, .n_fds = 1 };
	CHECK_INT(bide_start_server("", NULL, &options, &server, echo), -EINVAL);
	options.fds = &none;
	CHECK_INT(bide_start_server("", NULL, &options, &server, echo), -EINVAL);
	CHECK_INT(close(fd), 0);
	CHECK_INT(unlink(path), 0);
}

/* ---- socket activation -------------------------------------------------------------------- */

static int listen_at_port(unsigned short *ret_port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT_INT(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	EXPECT_INT(listen(fd, 8), 0);
	EXPECT_INT(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	*ret_port = in.sin_port;
	return fd;
}

/* Whether an echo answers at a port, without a loop. */
static bool answers_at(unsigned short port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		                  .sin_port = port,
		                  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct timeval second = { 1, 0 };
	char buf[4] = "";
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
	EXPECT_INT(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
	EXPECT_INT(write(fd, "act", 3), 3);
	bool right = read(fd, buf, 3) == 3 && strcmp(buf, "act") == 0;
	close(fd);
	return right;
}

static BIDE_ASYNC(int, serve_activated, const char *);
static int serve_activated(const char *host)
{
	return bide_serve_forever(host, NULL, NULL, echo);
}

/* As the service manager starts a program: with the sockets from 3 on, and told of them. The two
 * may have those numbers already. */
static void be_started(const char *host, int first, int second)
{
	char pid[16];
	first = fcntl(first, F_DUPFD, 100);
	second = fcntl(second, F_DUPFD, 100);
	dup2(first, 3);
	dup2(second, 4);
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "web:admin", 1);
	_exit(-bide_run(serve_activated, host) & 0xff);
}

static pid_t start_activated(const char *host, unsigned short ports[2])
{
	int first = listen_at_port(&ports[0]), second = listen_at_port(&ports[1]);
	pid_t pid = fork();
	if (pid == 0)
		be_started(host, first, second);
	close(first);
	close(second);
	return pid;
}

static int status_of(pid_t pid)
{
	int status = 0;
	EXPECT_INT(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(sockets_that_the_process_was_started_with_are_served)
{
	unsigned short ports[2];
	pid_t pid = start_activated("systemd", ports);
	CHECK(answers_at(ports[0]));
	CHECK(answers_at(ports[1]));
	CHECK_INT(kill(pid, SIGINT), 0);
	CHECK_INT(status_of(pid), ECANCELED);
}

TEST(they_can_be_chosen_by_name)
{
	unsigned short ports[2];
	pid_t pid = start_activated("systemd:admin", ports);
	CHECK(answers_at(ports[1]));
	CHECK(!answers_at(ports[0]));
	CHECK_INT(kill(pid, SIGINT), 0);
	CHECK_INT(status_of(pid), ECANCELED);
}

TEST(a_name_that_none_has_is_an_error)
{
	unsigned short ports[2];
	CHECK_INT(status_of(start_activated("systemd:adm", ports)), ENOENT);
}

TEST(what_another_process_was_started_with_is_not_taken)
{
	setenv("LISTEN_PID", "1", 1);
	setenv("LISTEN_FDS", "2", 1);
	CHECK_INT(bide_run(serve_activated, "systemd"), -ENOENT);
	unsetenv("LISTEN_PID");
	CHECK_INT(bide_run(serve_activated, "systemd"), -ENOENT);
}
