// SPDX-License-Identifier: MIT
/* fetch_journal.c: see fetch_journal.h. */
#include "fetch_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char name_of_file[] = ".bide-fetch";
static const char first_line[] = "bide-fetch 1\n";

/* ---- lines -------------------------------------------------------------------------------- */

static char *next_field(char **at)
{
	char *field = *at, *tab = strchr(field, '\t');
	if (tab == NULL)
		return NULL;
	*tab = '\0';
	*at = tab + 1;
	return field;
}

/* Takes a line apart, which it changes. */
static bool parse(char *line, struct fetch_record *ret_record)
{
	const char *kind = next_field(&line), *size = kind != NULL ? next_field(&line) : NULL;
	const char *name = size != NULL ? next_field(&line) : NULL;
	const char *validator = name != NULL ? next_field(&line) : NULL;
	char *end;
	if (validator == NULL || !fetch_is_name(name) || *size < '0' || *size > '9')
		return false;
	const bool whole = strcmp(kind, "whole") == 0;
	*ret_record = (struct fetch_record){ .whole = whole,
		                             .size = strtoull(size, &end, 10),
		                             .name = name,
		                             .validator = validator,
		                             .key = line };
	return *end == '\0' && *line != '\0' && (whole || strcmp(kind, "part") == 0);
}

/* Reads the next line, without its end. 1; 2 when it has a NUL in it; 0 at the end, a piece of a
 * line being none; or an error. */
static int read_line(struct fetch_journal *journal, size_t *ret_size)
{
	errno = 0;
	ssize_t n = getline(&journal->line.data, &journal->line.room, journal->lines);
	journal->line.size = 0;
	if (n < 0)
		return ferror(journal->lines) || errno == ENOMEM ? -(errno != 0 ? errno : EIO) : 0;
	if (journal->line.data[n - 1] != '\n')
		return 0;
	journal->line.data[n - 1] = '\0';
	*ret_size = (size_t)n;
	return strlen(journal->line.data) + 1 == (size_t)n ? 1 : 2;
}

uint64_t fetch_journal_hash(const struct fetch_journal *journal, const char *key)
{
	return fetch_keyed_hash(&journal->secret, key, strlen(key));
}

/* Upper and lower case are the same. */
static uint64_t hash_of_name(const struct fetch_journal *journal, const char *name)
{
	char folded[FETCH_NAME_MAX];
	size_t size = 0;
	for (; name[size] != '\0'; size++) {
		const bool upper = name[size] >= 'A' && name[size] <= 'Z';
		folded[size] = (char)(upper ? name[size] | 0x20 : name[size]);
	}
	return fetch_keyed_hash(&journal->secret, folded, size);
}

/* Remembers where the line of a URL begins, and whose its name is. */
static int remember(struct fetch_journal *journal, const struct fetch_record *record, uint64_t at)
{
	const uint64_t key = fetch_journal_hash(journal, record->key);
	uint64_t *place = fetch_table_at(&journal->places, key);
	if (place == NULL)
		return -ENOMEM;
	*place = at + 1;
	uint64_t *owner = fetch_table_at(&journal->names, hash_of_name(journal, record->name));
	if (owner == NULL)
		return -ENOMEM;
	*owner = key;
	return 0;
}

/* ---- opening ------------------------------------------------------------------------------ */

/* What is there must be the beginning of a journal, or a journal. 1: there are lines to be read. */
static int read_head(struct fetch_journal *journal)
{
	char head[sizeof(first_line)];
	const size_t length = sizeof(first_line) - 1;
	const size_t n = fread(head, 1, length, journal->lines);
	if (ferror(journal->lines))
		return -EIO;
	if (memcmp(head, first_line, n) != 0)
		return -EILSEQ;
	if (n == length) {
		journal->size = length;
		return 1;
	}
	if (ftruncate(journal->fd, 0) < 0)
		return -errno;
	const ssize_t written = write(journal->fd, first_line, length);
	if (written != (ssize_t)length)
		return written < 0 ? -errno : -ENOSPC;
	journal->size = length;
	return 0;
}

static int read_all(struct fetch_journal *journal)
{
	struct fetch_record record;
	size_t size = 0;
	int rc = read_head(journal);
	if (rc <= 0)
		return rc;
	while ((rc = read_line(journal, &size)) > 0) {
		if (rc == 1 && parse(journal->line.data, &record))
			rc = remember(journal, &record, journal->size);
		if (rc < 0)
			return rc;
		journal->size += size;
	}
	if (rc == 0 && ftruncate(journal->fd, (off_t)journal->size) < 0)
		rc = -errno;
	return rc;
}

static int open_file(struct fetch_journal *journal, int directory)
{
	struct stat about;
	journal->fd = openat(directory, name_of_file,
	                     O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (journal->fd < 0)
		return -errno;
	if (fstat(journal->fd, &about) < 0 || !S_ISREG(about.st_mode))
		return -EILSEQ;
	if (flock(journal->fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	/* A file of its own: the other one's place would move with each line that is appended. */
	int fd = openat(directory, name_of_file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	journal->lines = fdopen(fd, "r");
	if (journal->lines == NULL) {
		close(fd);
		return -ENOMEM;
	}
	return 0;
}

int fetch_journal_open(struct fetch_journal *journal, int directory)
{
	*journal = (struct fetch_journal){ .directory = directory, .fd = -1 };
	int rc = fetch_secret_draw(&journal->secret);
	if (rc == 0)
		rc = open_file(journal, directory);
	if (rc == 0)
		rc = read_all(journal);
	if (rc < 0)
		fetch_journal_close(journal);
	return rc;
}

void fetch_journal_close(struct fetch_journal *journal)
{
	if (journal->fd >= 0)
		close(journal->fd);
	if (journal->lines != NULL)
		fclose(journal->lines);
	fetch_table_free(&journal->places);
	fetch_table_free(&journal->names);
	text_free(&journal->line);
	*journal = (struct fetch_journal){ .fd = -1 };
}

/* ---- using it ----------------------------------------------------------------------------- */

int fetch_journal_find(struct fetch_journal *journal, const char *key,
                       struct fetch_record *ret_record)
{
	size_t size;
	const uint64_t *place = fetch_table_at(&journal->places, fetch_journal_hash(journal, key));
	if (place == NULL)
		return -ENOMEM;
	if (*place == 0)
		return 0;
	if (fseeko(journal->lines, (off_t)(*place - 1), SEEK_SET) < 0)
		return -errno;
	int rc = read_line(journal, &size);
	if (rc != 1)
		return rc < 0 ? rc : 0;
	return parse(journal->line.data, ret_record) && strcmp(ret_record->key, key) == 0;
}

static bool is_there(const struct fetch_journal *journal, const char *name)
{
	struct stat about;
	return fstatat(journal->directory, name, &about, AT_SYMLINK_NOFOLLOW) == 0;
}

int fetch_journal_name(struct fetch_journal *journal, const char *key,
                       char ret_name[FETCH_NAME_MAX])
{
	const uint64_t hash = fetch_journal_hash(journal, key);
	for (unsigned other = 0;; other++) {
		fetch_make_name(key, other, ret_name);
		uint64_t *owner = fetch_table_at(&journal->names, hash_of_name(journal, ret_name));
		if (owner == NULL)
			return -ENOMEM;
		if (*owner != hash && (*owner != 0 || is_there(journal, ret_name)))
			continue;
		*owner = hash;
		return 0;
	}
}

int fetch_journal_add(struct fetch_journal *journal, const struct fetch_record *record)
{
	struct text *line = &journal->line;
	/* What has a tab in it would end its field, and is no tag: RFC 9110, 8.8.3. */
	const bool clean = strchr(record->validator, '\t') == NULL;
	text_clear(line);
	text_format(line, "%s\t%" PRIu64 "\t%s\t%s\t%s\n", record->whole ? "whole" : "part",
	            record->size, record->name, clean ? record->validator : "-", record->key);
	if (line->failed)
		return -ENOMEM;
	const ssize_t n = write(journal->fd, line->data, line->size);
	if (n != (ssize_t)line->size) {
		const int error = n < 0 ? -errno : -ENOSPC;
		/* What follows must not become part of this line. */
		return n > 0 && ftruncate(journal->fd, (off_t)journal->size) < 0 ? -errno : error;
	}
	int rc = remember(journal, record, journal->size);
	journal->size += line->size;
	return rc;
}
