/* SPDX-License-Identifier: MIT */
/* Programs of others that a test starts, on an address of the loopback and in a directory that are
 * the test's own. However the test ends, they are killed and the directory is removed: a process
 * that outlives it sees to that. It must know nothing of the library. */
#ifndef HTTP_PROGRAMS_H
#define HTTP_PROGRAMS_H

#include <stdbool.h>
#include <sys/types.h>

/* That directory, made when it is first asked for. Programs that give up root can read it. */
const char *programs_directory(void);

/* That address, as text. */
const char *programs_host(void);

/* A port of it that nobody uses. */
int programs_port(void);

/* Where a program is, looked for where it may be run and among those of the system; NULL if it is
 * not installed. It lasts until the process ends, as all texts here. */
const char *programs_find(const char *name);

/* Whether a command ends with status 0. What it prints is not shown. */
bool programs_run(const char *const *arguments);

/* Says what @NAME@ stands for in what follows. */
void programs_define(const char *name, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A text with what each @NAME@ stands for. */
const char *programs_fill(const char *text);

/* Writes a text into a file of the directory, and returns its path. */
const char *programs_write(const char *name, const char *text);

/* The same for what a file of the sources has, filled. */
const char *programs_copy(const char *path, const char *name);

struct program {
	const char *arguments[16]; /* filled, NULL at the end */
	int port;                  /* where it listens when it is ready */
	pid_t pid;                 /* 0: it does not run */
};

/* Starts a program and waits until it answers. Fails the test, showing what it said, if it does not
 * in good time. */
bool program_start(struct program *program, const char *const *arguments, int port);

/* Starts it again, as it was. */
bool program_restart(struct program *program);

/* Ends it by a signal, and waits until it has ended and none of its children is left. */
void program_end(struct program *program, int signal_number);

#endif
