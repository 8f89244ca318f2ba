/* SPDX-License-Identifier: MIT */
/* A process for what ends its process, or changes it for good: the test looks at what it said and
 * how it ended. Must know nothing of the library. */
#ifndef CHILD_KIT_H
#define CHILD_KIT_H

#include "harness/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	int status;      /* As waitpid() gives it. */
	char text[8192]; /* What it wrote to its standard error. */
};

/* A fault is to have its default action even where a sanitizer has put a handler of its own, and
 * what is to die leaves no core file behind. */
static inline void child_prepare(int to)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	dup2(to, STDERR_FILENO);
}

/* Runs the body in a process of its own, which exits with status 0 when the body returns. */
static inline void child_run(struct child *child, void (*body)(void))
{
	int ends[2];
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	memset(child, 0, sizeof *child);
	child->status = -1;
	CHECK(pipe(ends) == 0);
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		close(ends[0]);
		child_prepare(ends[1]);
		close(ends[1]);
		body();
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], child->text + used, sizeof child->text - 1 - used)) > 0)
		used += (size_t)n;
	close(ends[0]);
	CHECK_INT(waitpid(pid, &child->status, 0), pid);
}

static inline bool child_died_by(const struct child *child, int by)
{
	if (WIFSIGNALED(child->status) && WTERMSIG(child->status) == by)
		return true;
	FAIL("status %#x instead of death by signal %d; it said: %s", (unsigned)child->status, by,
	     child->text);
	return false;
}

static inline bool child_exited(const struct child *child, int with)
{
	if (WIFEXITED(child->status) && WEXITSTATUS(child->status) == with)
		return true;
	FAIL("status %#x instead of exit %d; it said: %s", (unsigned)child->status, with,
	     child->text);
	return false;
}

static inline bool child_said(const struct child *child, const char *what)
{
	if (strstr(child->text, what) != NULL)
		return true;
	FAIL("did not say \"%s\"; it said: %s", what, child->text);
	return false;
}

#endif
