// SPDX-License-Identifier: MIT
/* fetch_list.c: see fetch_list.h. */
#include "fetch_list.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONGEST = 65536 }; /* bytes of a line, as of a URL */

static uint64_t size_of(const struct fetch_list *list, int fd)
{
	struct stat about;
	uint64_t size = 0;
	if (fd >= 0 && (fstat(fd, &about) < 0 || !S_ISREG(about.st_mode)))
		return 0;
	for (char **url = list->urls; *url != NULL; url++)
		size += strlen(*url) + 1;
	return fd >= 0 ? size + (uint64_t)about.st_size : size;
}

int fetch_list_open(struct fetch_list *list, char **urls, const char *file)
{
	int fd = -1, rc = 0;
	*list = (struct fetch_list){ .urls = urls };
	bide_mutex_init(&list->reading);
	if (file != NULL) {
		fd = strcmp(file, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
		                            : open(file, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		rc = bide_stream_open(fd, -1, &list->stream);
		if (rc == 0)
			rc = bide_stream_set_limit(list->stream, LONGEST);
		else
			close(fd);
	}
	list->size = rc == 0 ? size_of(list, fd) : 0;
	return rc;
}

static const char blanks[] = " \t\r\n";

/* Where it begins: behind blanks and, in the first line of all, the mark that some editors put
 * before UTF-8. */
static const char *begin_of(struct fetch_list *list, const char *line)
{
	static const char mark[] = "\xef\xbb\xbf";
	if (!list->begun && strncmp(line, mark, sizeof(mark) - 1) == 0)
		line += sizeof(mark) - 1;
	list->begun = true;
	return line + strspn(line, blanks);
}

/* Passes by a line that is too long. Bytes, or an error. */
static ssize_t skip_line(bide_stream *stream, bool *ret_comment)
{
	const void *data;
	size_t size = 0;
	for (;;) {
		ssize_t n = bide_stream_peek(stream, 1, &data);
		if (n <= 0)
			return n < 0 ? n : (ssize_t)size;
		if (size == 0)
			*ret_comment = *(const char *)data == '#';
		const char *end = memchr(data, '\n', (size_t)n);
		const size_t used =
			end != NULL ? (size_t)(end - (const char *)data) + 1 : (size_t)n;
		bide_stream_consume(stream, used);
		size += used;
		if (end != NULL)
			return (ssize_t)size;
	}
}

/* A line that is too long, unless it is a comment, is told of in place of what is in it. */
static int pass_by(struct fetch_list *list, struct text *text, uint64_t *ret_size)
{
	bool comment = false;
	const ssize_t n = skip_line(list->stream, &comment);
	list->begun = true;
	*ret_size += n > 0 ? (uint64_t)n : 0;
	if (n < 0)
		return (int)n;
	if (comment)
		return FETCH_LINE_URL;
	text_put(text, "(a line that is too long)");
	return FETCH_LINE_BAD;
}

/* The next line of the file, without blanks around it; nothing of what is none that counts. */
static int next_line(struct fetch_list *list, struct text *text, uint64_t *ret_size)
{
	char *found = NULL;
	ssize_t n = bide_stream_readline(list->stream, &found);
	if (n == -BIDE_ELIMIT)
		return pass_by(list, text, ret_size);
	if (n <= 0)
		return n < 0 ? (int)n : FETCH_LINE_END;
	*ret_size += (uint64_t)n;
	const bool whole = (ssize_t)strlen(found) >= n - 2;
	const char *line = begin_of(list, found);
	size_t size = strlen(line);
	while (size > 0 && strchr(blanks, line[size - 1]) != NULL)
		size--;
	if (*line == '#')
		return FETCH_LINE_URL;
	text_add(text, line, size);
	return whole ? FETCH_LINE_URL : FETCH_LINE_BAD;
}

static int next(struct fetch_list *list, struct text *text, uint64_t *ret_size)
{
	if (*list->urls != NULL) {
		text_put(text, *list->urls);
		*ret_size = strlen(*list->urls++) + 1;
		return FETCH_LINE_URL;
	}
	int rc = list->stream == NULL ? FETCH_LINE_END : FETCH_LINE_URL;
	while (rc == FETCH_LINE_URL && text->size == 0 && !text->failed)
		rc = next_line(list, text, ret_size);
	list->ended = rc == FETCH_LINE_END;
	return text->failed ? -ENOMEM : rc;
}

int fetch_list_next(struct fetch_list *list, struct text *text, uint64_t *ret_size)
{
	text_clear(text);
	*ret_size = 0;
	int rc = bide_mutex_lock(&list->reading);
	if (rc < 0)
		return rc;
	rc = list->ended ? FETCH_LINE_END : next(list, text, ret_size);
	bide_mutex_unlock(&list->reading);
	return rc;
}

void fetch_list_close(struct fetch_list *list)
{
	if (list->stream != NULL)
		bide_stream_abort(list->stream);
	list->stream = NULL;
}
