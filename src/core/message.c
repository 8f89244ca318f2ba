// SPDX-License-Identifier: MIT
/* message.c: see message.h. */
#include "core/message.h"

#include "core/thread.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 512 };

pthread_mutex_t bide__report_lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
	void (*fn)(void *arg, const bide_report *report);
	void *arg;
} handler; /* guarded by the lock */

void bide__put(struct bide__text *text, const char *string)
{
	while (*string != '\0' && text->at < text->end)
		*text->at++ = *string++;
}

void bide__put_number(struct bide__text *text, uint64_t number)
{
	char digits[21], *at = &digits[20];
	*at = '\0';
	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	bide__put(text, at);
}

void bide__write_all(int fd, const char *from, const char *to)
{
	while (from < to) {
		ssize_t n = write(fd, from, (size_t)(to - from));
		if (n > 0)
			from += n;
		else if (n == 0 || errno != EINTR)
			return;
	}
}

const char *bide__name(const struct bide__task *task)
{
	return task->extra != NULL && task->extra->name != NULL ? task->extra->name
	                                                        : task->fn->name;
}

void bide_set_report(void (*fn)(void *arg, const bide_report *report), void *arg)
{
	pthread_mutex_lock(&bide__report_lock);
	handler.fn = fn;
	handler.arg = arg;
	pthread_mutex_unlock(&bide__report_lock);
}

static void report_to_stderr(const bide_report *report)
{
	char line[LINE_SIZE];
	struct bide__text text = { line, line + sizeof(line) - 1 };
	bide__put(&text, "bide: ");
	if (report->task != NULL) {
		bide__put(&text, "task '");
		bide__put(&text, report->task);
		bide__put(&text, "' ");
	}
	bide__write_all(STDERR_FILENO, line, text.at);
	bide__write_all(STDERR_FILENO, report->message, report->message + strlen(report->message));
	bide__write_all(STDERR_FILENO, "\n", &"\n"[1]);
}

void bide__report(enum bide_report_kind kind, int error, const char *task, const char *format, ...)
{
	enum { MESSAGE_MAX = 8192 };
	char message[MESSAGE_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	bide_report report = { kind, error, task, message };

	pthread_mutex_lock(&bide__report_lock);
	void (*fn)(void *, const bide_report *) = handler.fn;
	void *arg = handler.arg;
	pthread_mutex_unlock(&bide__report_lock);
	if (fn == NULL) {
		report_to_stderr(&report);
		return;
	}
	/* The handler may be called while a task runs, and must not suspend it. */
	if (bide__loop != NULL)
		bide__loop->no_suspend++;
	fn(arg, &report);
	if (bide__loop != NULL)
		bide__loop->no_suspend--;
}

_Noreturn void bide__abort(const char *call, const char *format, ...)
{
	char line[LINE_SIZE], sentence[LINE_SIZE];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	struct bide__text text = { line, line + sizeof(line) - 1 };
	bide__put(&text, "bide: ");
	bide__put(&text, call);
	bide__put(&text, ": ");
	const struct bide__task *task = bide__loop != NULL ? bide__loop->current : NULL;
	if (task != NULL) {
		bide__put(&text, "in task '");
		bide__put(&text, bide__name(task));
		bide__put(&text, "' (#");
		bide__put_number(&text, task->slot);
		bide__put(&text, "): ");
	} else if (bide__job != NULL) {
		bide__put(&text, "in '");
		bide__put(&text, bide__job->fn->name);
		bide__put(&text, "' in a thread: ");
	}
	bide__put(&text, sentence);
	bide__put(&text, "\n");
	bide__write_all(STDERR_FILENO, line, text.at);
	abort();
}

_Noreturn void bide__refuse_to_suspend(const char *call)
{
	if (bide__loop == NULL)
		bide__abort(call, "no loop on this thread: call it in a task that bide_run() runs");
	if (bide__loop->no_suspend > 0)
		bide__abort(call, "it suspends, inside BIDE_NO_SUSPEND or a callback");
	bide__abort(call, "it suspends, outside a task");
}
