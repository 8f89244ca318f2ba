// SPDX-License-Identifier: MIT
/* hosts.c: see hosts.h. */
#include "net/hosts.h"

#include "net/host_name.h"

#include "core/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 16 << 20 };

/* ---- the table ---------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const struct bide__host *one = a, *other = b;
	const int names = strcmp(one->name, other->name);
	return names != 0 ? names : (one->line > other->line) - (one->line < other->line);
}

static int add(struct bide__hosts *hosts, const struct bide__host *host)
{
	/* Room for twice as many whenever their number is a power of two. */
	if ((hosts->n & (hosts->n - 1)) == 0) {
		const size_t room = hosts->n > 0 ? 2 * hosts->n : 1;
		struct bide__host *grown =
			bide__realloc(hosts->hosts, room * sizeof(*hosts->hosts));
		if (grown == NULL)
			return -ENOMEM;
		hosts->hosts = grown;
	}
	hosts->hosts[hosts->n++] = *host;
	return 0;
}

/* A line: an address and names. What is not an address, or no name, is passed over. */
static int read_line(struct bide__hosts *hosts, char *text, unsigned line)
{
	struct bide__host host = { .line = line };
	char *rest = NULL;
	text[strcspn(text, "#")] = '\0';
	const char *word = strtok_r(text, " \t\r", &rest);
	if (word == NULL || !bide__ip_parse(word, &host.ip))
		return 0;
	for (char *name; (name = strtok_r(NULL, " \t\r", &rest)) != NULL;) {
		if (!bide__host_name_valid(name))
			continue;
		bide__host_name_copy(name, name);
		if (host.first == NULL)
			host.first = name;
		host.name = name;
		int rc = add(hosts, &host);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int bide__hosts_read(struct bide__hosts *hosts, char *text)
{
	unsigned line = 0;
	int rc = 0;
	hosts->text = text;
	for (char *at = text, *end; rc == 0 && at != NULL; at = end) {
		end = strchr(at, '\n');
		if (end != NULL)
			*end++ = '\0';
		rc = read_line(hosts, at, line++);
	}
	if (hosts->n > 0)
		qsort(hosts->hosts, hosts->n, sizeof(*hosts->hosts), by_name);
	return rc;
}

/* How many entries have a smaller name. */
static size_t place_of(const struct bide__hosts *hosts, const char *name)
{
	size_t low = 0, high = hosts->n;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (strcmp(hosts->hosts[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t bide__hosts_find(const struct bide__hosts *hosts, const char *name,
                        const struct bide__host **ret_first)
{
	const size_t place = place_of(hosts, name);
	size_t n = 0;
	while (place + n < hosts->n && strcmp(hosts->hosts[place + n].name, name) == 0)
		n++;
	if (n > 0)
		*ret_first = &hosts->hosts[place];
	return n;
}

const char *bide__hosts_name_of(const struct bide__hosts *hosts, const struct bide__ip *ip)
{
	const struct bide__host *found = NULL;
	for (size_t i = 0; i < hosts->n; i++) {
		const struct bide__host *host = &hosts->hosts[i];
		if (host->ip.family == ip->family &&
		    memcmp(host->ip.bytes, ip->bytes, sizeof(ip->bytes)) == 0 &&
		    (found == NULL || host->line < found->line))
			found = host;
	}
	return found != NULL ? found->first : NULL;
}

/* ---- the file ----------------------------------------------------------------------------- */

static void clear(struct bide__hosts *hosts)
{
	bide__free(hosts->hosts);
	bide__free(hosts->text);
	hosts->hosts = NULL;
	hosts->text = NULL;
	hosts->n = 0;
}

/* Reads what an open file has, up to so many bytes; a signal only delays it. Returns how many. */
static size_t read_all(int fd, char *text, size_t size)
{
	size_t n = 0;
	while (n < size) {
		ssize_t rc = read(fd, text + n, size - n);
		if (rc <= 0 && !(rc < 0 && errno == EINTR))
			break;
		n += rc > 0 ? (size_t)rc : 0;
	}
	return n;
}

static int read_file(struct bide__hosts *hosts, int fd)
{
	const size_t size =
		hosts->file.as.st_size < FILE_MAX ? (size_t)hosts->file.as.st_size : FILE_MAX;
	char *text = bide__malloc(size + 1);
	if (text == NULL)
		return -ENOMEM;
	const size_t n = read_all(fd, text, size);
	/* A NUL is no end of the file. */
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = '#';
	text[n] = '\0';
	return bide__hosts_read(hosts, text);
}

int bide__hosts_refresh(struct bide__hosts *hosts, double now)
{
	if (!bide__file_changed(&hosts->file, now))
		return 0;
	clear(hosts);
	const int fd = open(hosts->file.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return 0;
	int rc = S_ISREG(hosts->file.as.st_mode) ? read_file(hosts, fd) : 0;
	(void)close(fd);
	if (rc < 0) {
		clear(hosts);
		bide__file_forget(&hosts->file);
	}
	return rc;
}

void bide__hosts_finish(struct bide__hosts *hosts)
{
	clear(hosts);
}
