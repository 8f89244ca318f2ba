// SPDX-License-Identifier: MIT
/* fetch_store.c: see fetch_store.h. */
#include "fetch_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the store ---------------------------------------------------------------------------- */

static int open_directory(struct fetch_store *store, const char *path)
{
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return -errno;
	store->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->directory < 0)
		return -errno;
	return fetch_journal_open(&store->journal, store->directory);
}

/* A file without a name. */
static int open_nameless(const struct fetch_store *store)
{
	struct text path = TEXT_NONE;
	text_format(&path, "%s/bide-fetch-XXXXXX", store->where);
	if (path.failed)
		return -ENOMEM;
	int fd = mkostemp(path.data, O_CLOEXEC);
	const int error = errno;
	if (fd >= 0)
		unlink(path.data);
	text_free(&path);
	return fd >= 0 ? fd : -error;
}

/* What goes wrong with the first of them would with the others. */
static int try_nameless(const struct fetch_store *store)
{
	const int fd = open_nameless(store);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

/* Other methods, and other bodies, are answered by something else. It is put behind the URL's key,
 * where a fragment would stand, of which a key has none. */
static void put_request(struct text *text, const char *method, const char *data)
{
	if (strcmp(method, "GET") != 0 || data != NULL)
		text_format(text, "#%s", method);
	if (data != NULL)
		text_format(text, "-%016" PRIx64, fetch_hash(data));
}

int fetch_store_open(struct fetch_store *store, const char *path, bool resume, const char *method,
                     const char *data)
{
	*store = (struct fetch_store)FETCH_STORE_NONE;
	store->resume = resume;
	store->where = path;
	bide_mutex_init(&store->lock);
	bide_cond_init(&store->turns);
	if (path == NULL)
		return 0;
	store->kind = strcmp(path, "-") == 0 ? FETCH_OUTPUT : FETCH_FILES;
	put_request(&store->request, method, data);
	if (store->request.failed)
		return -ENOMEM;
	if (store->kind == FETCH_FILES)
		return open_directory(store, path);
	const char *directory = getenv("TMPDIR");
	store->where = directory != NULL && *directory != '\0' ? directory : "/tmp";
	return try_nameless(store);
}

void fetch_store_close(struct fetch_store *store)
{
	fetch_journal_close(&store->journal);
	fetch_table_free(&store->taken);
	text_free(&store->request);
	if (store->directory >= 0)
		close(store->directory);
}

/* ---- taking a place ----------------------------------------------------------------------- */

struct part_name {
	char text[FETCH_NAME_MAX + sizeof(".part")];
};

static struct part_name part_of(const struct fetch_place *place)
{
	struct part_name name;
	memcpy(name.text, place->name, strlen(place->name) + 1);
	strcat(name.text, ".part");
	return name;
}

/* The size of a file, or -1 when there is none of that name. */
static int64_t size_of(const struct fetch_store *store, const char *name)
{
	struct stat about;
	if (fstatat(store->directory, name, &about, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(about.st_mode))
		return -1;
	return about.st_size;
}

/* Sees whether there is a piece of it, and what it is a piece of. */
static void find_part(const struct fetch_store *store, const struct fetch_record *record,
                      struct fetch_place *place)
{
	if (record->whole || strcmp(record->validator, "-") == 0)
		return;
	const int64_t size = size_of(store, part_of(place).text);
	text_put(&place->validator, record->validator);
	place->size = store->resume && size > 0 ? (uint64_t)size : 0;
}

static int take_file(struct fetch_store *store, struct fetch_place *place)
{
	struct fetch_record record;
	const uint64_t hash = fetch_journal_hash(&store->journal, place->key.data);
	uint64_t *taken = fetch_table_at(&store->taken, hash);
	if (taken == NULL)
		return -ENOMEM;
	int rc = fetch_journal_find(&store->journal, place->key.data, &record);
	if (rc < 0)
		return rc;
	if (rc == 0)
		rc = fetch_journal_name(&store->journal, place->key.data, place->name);
	else
		memcpy(place->name, record.name, strlen(record.name) + 1);
	const bool known = place->known = rc == 1;
	if (known && record.whole && size_of(store, place->name) == (int64_t)record.size) {
		place->size = record.size;
		rc = *taken ? FETCH_TWICE : FETCH_KEPT;
	} else {
		rc = rc < 0 ? rc : *taken ? FETCH_TWICE : FETCH_WANTED;
	}
	if (known && rc == FETCH_WANTED)
		find_part(store, &record, place);
	*taken = 1;
	return place->validator.failed ? -ENOMEM : rc;
}

int fetch_store_take(struct fetch_store *store, const char *url, struct fetch_place *place)
{
	place->fd = -1;
	place->begun = place->known = false;
	place->name[0] = '\0';
	place->size = 0;
	place->number = store->given++;
	text_clear(&place->key);
	text_clear(&place->validator);
	if (store->kind != FETCH_FILES)
		return FETCH_WANTED;
	fetch_put_key(&place->key, url);
	text_add(&place->key, store->request.data, store->request.size);
	return place->key.failed ? -ENOMEM : take_file(store, place);
}

/* ---- writing ------------------------------------------------------------------------------ */

/* Says in the journal what NAME.part is a piece of from now on, before there is any of it. */
static int note_part(struct fetch_store *store, struct fetch_place *place, const char *validator)
{
	const bool known = place->validator.size > 0;
	text_clear(&place->validator);
	if (validator != NULL)
		text_put(&place->validator, validator);
	if (place->validator.failed)
		return -ENOMEM;
	if (!known && (!store->resume || validator == NULL))
		return 0;
	const struct fetch_record record = { .name = place->name,
		                             .validator = validator != NULL ? validator : "-",
		                             .key = place->key.data };
	int rc = fetch_journal_add(&store->journal, &record);
	place->known |= rc == 0;
	return rc;
}

/* Begins a file anew: whatever was there by that name, as a link, is not written to. */
static int make_part(const struct fetch_store *store, struct fetch_place *place, const char *name)
{
	(void)unlinkat(store->directory, name, 0);
	place->fd = openat(store->directory, name,
	                   O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	return place->fd < 0 ? -errno : 0;
}

/* Goes on with what was looked at before the rest was asked for, if it is still that. */
static int reopen_part(const struct fetch_store *store, struct fetch_place *place, const char *name)
{
	struct stat about;
	place->fd = openat(store->directory, name,
	                   O_WRONLY | O_APPEND | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (place->fd < 0 || fstat(place->fd, &about) < 0)
		return -errno;
	return S_ISREG(about.st_mode) && (uint64_t)about.st_size == place->size ? 0 : -ESTALE;
}

static int open_part(struct fetch_store *store, struct fetch_place *place, bool go_on)
{
	const struct part_name part = part_of(place);
	int rc = (go_on ? reopen_part : make_part)(store, place, part.text);
	place->begun |= rc == 0;
	return rc;
}

int fetch_store_begin(struct fetch_store *store, struct fetch_place *place, bool go_on,
                      const char *validator)
{
	int rc = 0;
	if (place->fd >= 0)
		close(place->fd);
	place->fd = -1;
	if (!go_on)
		place->size = 0;
	if (store->kind == FETCH_FILES)
		rc = open_part(store, place, go_on);
	if (store->kind == FETCH_FILES && rc == 0 && !go_on)
		rc = note_part(store, place, validator);
	if (store->kind == FETCH_OUTPUT)
		rc = place->fd = open_nameless(store);
	return rc < 0 ? rc : 0;
}

int fetch_store_put(struct fetch_place *place, const void *data, size_t size)
{
	for (size_t done = 0; place->fd >= 0 && done < size;) {
		ssize_t n = write(place->fd, (const char *)data + done, size - done);
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
		place->size += n > 0 ? (size_t)n : 0;
	}
	if (place->fd < 0)
		place->size += size;
	return 0;
}

/* ---- the end ------------------------------------------------------------------------------ */

static int close_fd(struct fetch_place *place)
{
	const int fd = place->fd;
	place->fd = -1;
	return fd >= 0 && close(fd) < 0 && errno != EINTR ? -errno : 0;
}

static int give_name(const struct fetch_store *store, struct fetch_place *place)
{
	if (renameat(store->directory, part_of(place).text, store->directory, place->name) < 0)
		return -errno;
	place->begun = false;
	return 0;
}

static int note_whole(struct fetch_store *store, const struct fetch_place *place,
                      const char *validator)
{
	const struct fetch_record record = { .whole = true,
		                             .size = place->size,
		                             .name = place->name,
		                             .validator = validator != NULL ? validator : "-",
		                             .key = place->key.data };
	return fetch_journal_add(&store->journal, &record);
}

/* Whatever ends the program, a file that is not in the journal is somebody's own. So a new name is
 * in there before there is a file of it; without that it is not whole. Of one that the journal
 * knows there may be another file, and that the new one is whole is said when it has taken its
 * place. */
static int finish_file(struct fetch_store *store, struct fetch_place *place, const char *validator)
{
	int rc = close_fd(place);
	if (rc == 0 && !place->known)
		rc = note_whole(store, place, validator);
	if (rc == 0)
		rc = give_name(store, place);
	if (rc == 0 && place->known)
		rc = note_whole(store, place, validator);
	return rc;
}

/* Waits until those before have been written, or have failed. */
static int wait_for_turn(struct fetch_store *store, const struct fetch_place *place)
{
	int rc = bide_mutex_lock(&store->lock);
	if (rc < 0)
		return rc;
	rc = bide_cond_wait_for(&store->turns, &store->lock, store->turn == place->number);
	bide_mutex_unlock(&store->lock);
	return rc;
}

static int finish_output(struct fetch_store *store, struct fetch_place *place)
{
	int rc = wait_for_turn(store, place);
	if (rc < 0)
		return rc;
	if (lseek(place->fd, 0, SEEK_SET) < 0)
		return -errno;
	return bide_copy_fd(STDOUT_FILENO, place->fd, SIZE_MAX, NULL);
}

int fetch_store_finish(struct fetch_store *store, struct fetch_place *place, const char *validator)
{
	switch (store->kind) {
	case FETCH_FILES:
		return finish_file(store, place, validator);
	case FETCH_OUTPUT:
		return finish_output(store, place);
	default:
		return 0;
	}
}

void fetch_store_leave(struct fetch_store *store, struct fetch_place *place)
{
	(void)close_fd(place);
	const bool useful = store->resume && place->validator.size > 0 && place->size > 0;
	if (place->begun && !useful)
		(void)unlinkat(store->directory, part_of(place).text, 0);
	place->begun = false;
	/* Who is cancelled is not waited for: all are. */
	if (store->kind == FETCH_OUTPUT && wait_for_turn(store, place) == 0) {
		store->turn++;
		(void)bide_cond_notify_all(&store->turns);
	}
}
