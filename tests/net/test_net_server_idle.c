// SPDX-License-Identifier: MIT
/* What an idle connection costs. The clients are a process of their own. */
#include "net/server_kit.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { BEFORE = 500, CONNECTIONS = 3000 };

static BIDE_ASYNC_LIGHT(int, answer_lines, bide_stream *);
static int answer_lines(bide_stream *stream)
{
	char *line;
	ssize_t n;
	while ((n = bide_stream_readline(stream, &line)) > 0) {
		n = bide_stream_write(stream, "yes\n", 4);
		if (n < 0)
			break;
	}
	return (int)n;
}

/* Bytes of memory of the process's own. */
static long memory(void)
{
	char line[256];
	long kilobytes = -1;
	FILE *status = fopen("/proc/self/status", "re");
	while (status != NULL && fgets(line, sizeof line, status) != NULL)
		if (sscanf(line, "RssAnon: %ld", &kilobytes) == 1)
			break;
	if (status != NULL)
		fclose(status);
	return kilobytes < 0 ? -1 : 1024 * kilobytes;
}

/* Connects so often, asks each time once, and stays. */
static void be_clients(const bide_address *address)
{
	char answer[4];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0 || connect(fd, (const void *)address->at.bytes, address->size) < 0 ||
		    write(fd, "are you there\n", 14) != 14 || read(fd, answer, 4) != 4)
			_exit(1);
	}
	pause();
	_exit(0);
}

static void wait_for_connections(size_t n)
{
	for (int i = 0; i < 1000 && bide_server_connections(server) < n; i++)
		EXPECT_INT(bide_sleep(0.01), 0);
	EXPECT(bide_server_connections(server) >= n);
}

static bool have_descriptors(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > CONNECTIONS + 100;
}

static BIDE_ASYNC(void, serve_idle, void);
static void serve_idle(void)
{
	bide_address address;
	CHECK_INT(bide_start_server("127.0.0.1", "0", NULL, &server, answer_lines), 0);
	CHECK_INT(bide_server_address(server, 0, &address), 0);
	pid_t clients = fork();
	if (clients == 0)
		be_clients(&address);
	wait_for_connections(BEFORE);
	const size_t n = bide_server_connections(server);
	const long before = memory();
	wait_for_connections(CONNECTIONS);
	CHECK_INT(bide_sleep(0.05), 0);
	const long each = (memory() - before) / (long)(CONNECTIONS - n);
	kill(clients, SIGKILL);
	waitpid(clients, NULL, 0);
	bide_set_report(note_report, NULL);
	bide_server_close(server);
	printf("%ld bytes for each\n", each);
	EXPECT(each <= 1024);
}

TEST(an_idle_connection_takes_less_than_a_kilobyte)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	SKIP("sanitizers keep memory of their own");
#endif
#if defined(BIDE_CONTEXT_UCONTEXT)
	SKIP("ucontext keeps three kilobytes of registers on the stack");
#endif
	if (!have_descriptors() || memory() < 0)
		SKIP("three thousand descriptors are not to be had");
	const bide_options options = { .light = BIDE_LIGHT_SHARED };
	CHECK_INT(bide_try_run(&options, NULL, serve_idle), 0);
}
