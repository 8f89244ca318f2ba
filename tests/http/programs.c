// SPDX-License-Identifier: MIT
/* programs.c: see programs.h.
 *
 * The keeper is a process that is told, through a pipe, of each program's process group, and that
 * does its work when the pipe's other end is closed, which no way to end can leave out. */
#include "http/programs.h"

#include "harness/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 15, TEXTS = 4000, WORDS = 40, GROUPS = 16 };

extern char **environ;

static void must(bool works, const char *what)
{
	if (works)
		return;
	perror(what);
	abort();
}

/* What is kept until the process ends, where leak checkers find it. */
static char *keep(char *text)
{
	static char *kept[TEXTS] __attribute__((used));
	static int n;
	must(text != NULL && n < TEXTS, "memory for a text");
	return kept[n++] = text;
}

static void pause_a_little(void)
{
	const struct timespec t = { 0, 5000000 };
	nanosleep(&t, NULL);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the keeper --------------------------------------------------------------------------- */

static char directory[] = "/tmp/bide-programs-XXXXXX";
static int to_keeper = -1;

static void end_group(pid_t group)
{
	kill(-group, SIGKILL);
	for (int i = 0; i < 100 && kill(-group, 0) == 0; i++)
		pause_a_little();
}

/* A group comes with its number when it begins, and with the negative of it when it has ended. */
static _Noreturn void keep_watch(int from_test)
{
	pid_t groups[GROUPS] = { 0 }, told;
	setpgid(0, 0);
	while (read(from_test, &told, sizeof told) == (ssize_t)sizeof told)
		for (int i = 0; i < GROUPS; i++)
			if (groups[i] == (told > 0 ? 0 : -told)) {
				groups[i] = told > 0 ? told : 0;
				break;
			}
	for (int i = 0; i < GROUPS; i++)
		if (groups[i] > 0)
			end_group(groups[i]);
	execlp("rm", "rm", "-rf", "--", directory, (char *)NULL);
	_exit(1);
}

static void tell_keeper(pid_t group)
{
	must(write(to_keeper, &group, sizeof group) == (ssize_t)sizeof group, "the keeper");
}

const char *programs_directory(void)
{
	int ends[2];
	if (to_keeper >= 0)
		return directory;
	must(mkdtemp(directory) != NULL && chmod(directory, 0755) == 0, "a directory");
	must(pipe2(ends, O_CLOEXEC) == 0, "a pipe");
	fflush(NULL);
	const pid_t pid = fork();
	must(pid >= 0, "a process");
	if (pid == 0) {
		close(ends[1]);
		keep_watch(ends[0]);
	}
	close(ends[0]);
	to_keeper = ends[1];
	return directory;
}

/* ---- addresses ---------------------------------------------------------------------------- */

/* Processes that run at the same time have different ones. */
const char *programs_host(void)
{
	static char text[INET_ADDRSTRLEN];
	const unsigned pid = (unsigned)getpid();
	snprintf(text, sizeof text, "127.%u.%u.%u", 64 + (pid >> 16 & 63), pid >> 8 & 255,
	         1 + (pid & 255) % 254);
	return text;
}

static struct sockaddr_in address_of(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	inet_pton(AF_INET, programs_host(), &address.sin_addr);
	return address;
}

int programs_port(void)
{
	struct sockaddr_in address = address_of(0);
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(fd, (struct sockaddr *)&address, size) == 0 &&
	             getsockname(fd, (struct sockaddr *)&address, &size) == 0,
	     "a port");
	close(fd);
	return ntohs(address.sin_port);
}

static bool answers(int port)
{
	const struct sockaddr_in address = address_of(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const bool connected = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
	close(fd);
	return connected;
}

/* ---- texts -------------------------------------------------------------------------------- */

static struct {
	const char *name, *value;
} words[WORDS];

void programs_define(const char *name, const char *format, ...)
{
	char *value = NULL;
	va_list args;
	va_start(args, format);
	must(vasprintf(&value, format, args) >= 0, "memory for a word");
	va_end(args);
	for (int i = 0; i < WORDS; i++)
		if (words[i].name == NULL || strcmp(words[i].name, name) == 0) {
			words[i].name = name;
			words[i].value = keep(value);
			return;
		}
	must(false, "room for a word");
}

/* What is between two @, if it is a word. */
static const char *meaning(const char *at, size_t size)
{
	for (int i = 0; i < WORDS && words[i].name != NULL; i++)
		if (strlen(words[i].name) == size && strncmp(words[i].name, at, size) == 0)
			return words[i].value;
	return NULL;
}

const char *programs_fill(const char *text)
{
	char *filled = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&filled, &size);
	while (*text != '\0') {
		const char *end = *text == '@' ? strchr(text + 1, '@') : NULL;
		const char *value =
			end != NULL ? meaning(text + 1, (size_t)(end - text - 1)) : NULL;
		if (value != NULL) {
			fputs(value, out);
			text = end + 1;
		} else {
			fputc(*text++, out);
		}
	}
	must(fclose(out) == 0, "memory for a text");
	return keep(filled);
}

const char *programs_write(const char *name, const char *text)
{
	char *path = NULL;
	must(asprintf(&path, "%s/%s", programs_directory(), name) > 0, "memory for a path");
	FILE *file = fopen(keep(path), "w");
	must(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0, path);
	return path;
}

const char *programs_copy(const char *path, const char *name)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = fopen(path, "r");
	must(file != NULL && getdelim(&text, &size, '\0', file) > 0, path);
	fclose(file);
	return programs_write(name, programs_fill(keep(text)));
}

/* ---- programs ----------------------------------------------------------------------------- */

const char *programs_find(const char *name)
{
	const char *path = getenv("PATH");
	char *list = NULL, *found = NULL;
	must(asprintf(&list, "%s:/usr/local/sbin:/usr/sbin:/sbin", path != NULL ? path : "") > 0,
	     "memory for a path");
	for (char *at = keep(list), *one; (one = strsep(&at, ":")) != NULL;) {
		must(asprintf(&found, "%s/%s", one, name) > 0, "memory for a path");
		if (access(keep(found), X_OK) == 0)
			return found;
	}
	return NULL;
}

/* In a process group of its own, so that its children can be ended with it. */
static pid_t spawn(const char *const *arguments, const char *output)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, usual;
	pid_t pid = -1;
	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGALRM);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
	                                              POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &usual);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0644);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	errno = posix_spawn(&pid, arguments[0], &actions, &attributes,
	                    (char *const *)(uintptr_t)arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	must(errno == 0, arguments[0]);
	return pid;
}

bool programs_run(const char *const *arguments)
{
	int status;
	const pid_t pid = spawn(arguments, "/dev/null");
	while (waitpid(pid, &status, 0) < 0)
		must(errno == EINTR, "waitpid");
	return status == 0;
}

static const char *log_of(const struct program *program)
{
	char *path = NULL;
	must(asprintf(&path, "%s/%d.log", programs_directory(), program->port) > 0,
	     "memory for a path");
	return keep(path);
}

static void show_log(const struct program *program)
{
	char line[1000];
	FILE *file = fopen(log_of(program), "r");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		printf("%s: %s", program->arguments[0], line);
	if (file != NULL)
		fclose(file);
	fflush(stdout);
}

bool program_restart(struct program *program)
{
	const double until = now() + PATIENCE;
	program->pid = spawn(program->arguments, log_of(program));
	tell_keeper(program->pid);
	while (!answers(program->port)) {
		const bool ended = waitpid(program->pid, NULL, WNOHANG) != 0;
		if (ended || now() > until) {
			show_log(program);
			FAIL("%s %s", program->arguments[0], ended ? "has ended" : "is silent");
			return false;
		}
		pause_a_little();
	}
	return true;
}

bool program_start(struct program *program, const char *const *arguments, int port)
{
	enum { MAX = sizeof program->arguments / sizeof *program->arguments - 1 };
	memset(program, 0, sizeof *program);
	for (int i = 0; i < MAX && arguments[i] != NULL; i++)
		program->arguments[i] = programs_fill(arguments[i]);
	program->port = port;
	return program_restart(program);
}

void program_end(struct program *program, int signal_number)
{
	if (program->pid == 0)
		return;
	/* One that is killed has no time to end its children. */
	kill(signal_number == SIGKILL ? -program->pid : program->pid, signal_number);
	while (waitpid(program->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	end_group(program->pid);
	tell_keeper(-program->pid);
	program->pid = 0;
}
