// SPDX-License-Identifier: MIT
/* far_site.c N each|all PROGRAM [ARGUMENT…]: a site of N pages that is far away, for programs that
 * fetch pages to show what waiting costs: PROGRAM is run with the pages' URLs, each by itself, one
 * after the other, or all at once. Tells how long that took.
 *
 * The site is on this machine, and nothing needs a network: the pages are served by libbide-http,
 * as by `bide serve`, and between that and the program each answer is held back for 0.3 s, about
 * what one from another continent takes. */
#include "lesson.h"

#include <bide.h>
#include <bide/connect.h>
#include <bide/http_server.h>

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const double far = 0.3; /* seconds */

enum { PAGES_MOST = 1000, URL_MAX_SIZE = BIDE_ADDRESS_MAX + 32 };

/* What is to be done. */
struct visit {
	int n; /* pages */
	bool at_once;
	char **command; /* with room for the URLs behind it */
	int words;      /* of the command */
	char directory[32];
	char urls[PAGES_MOST][URL_MAX_SIZE];
};

static BIDE_ASYNC(int, forward, bide_stream *, bide_stream *, double);
static BIDE_ASYNC(int, hold_back, bide_stream *, const bide_address *);
static BIDE_ASYNC(int, run_program, char **);
static BIDE_ASYNC(int, visit_site, struct visit *);

extern char **environ;

/* ---- the distance ------------------------------------------------------------------------- */

/* Passes on what comes, so many seconds later. */
static int forward(bide_stream *from, bide_stream *to, double seconds)
{
	char piece[4096];
	ssize_t n;
	while ((n = bide_stream_read(from, piece, sizeof(piece))) > 0) {
		int rc = seconds > 0 ? bide_sleep(seconds) : 0;
		n = rc < 0 ? rc : bide_stream_write(to, piece, (size_t)n);
		if (n < 0)
			return (int)n;
	}
	return n < 0 ? (int)n : bide_stream_shutdown(to);
}

static int hold_back(bide_stream *client, const bide_address *site)
{
	char host[BIDE_ADDRESS_MAX];
	bide_stream *server;
	char *port = strrchr(bide_address_format(site, host), ':');
	*port++ = '\0';
	int rc = bide_open_connection(host, port, NULL, &server);
	if (rc < 0)
		return rc;
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, forward, client, server, 0.0);
		bide_group_spawn(group, forward, server, client, far);
	}
	bide_stream_abort(server);
	/* Who has seen enough may go. */
	return rc == -ECONNRESET || rc == -EPIPE ? 0 : rc;
}

/* ---- the pages ---------------------------------------------------------------------------- */

static void name_page(const struct visit *visit, int i, char path[64])
{
	snprintf(path, 64, "%s/%d.html", visit->directory, i + 1);
}

static int write_pages(const struct visit *visit)
{
	char path[64];
	for (int i = 0; i < visit->n; i++) {
		name_page(visit, i, path);
		FILE *page = fopen(path, "w");
		if (page == NULL)
			return -errno;
		fprintf(page, "<!DOCTYPE html>\n<title>Page %d</title>\n", i + 1);
		for (int line = 0; line < 10 + i % 20; line++)
			fprintf(page, "<p>Paragraph %d of page %d.</p>\n", line + 1, i + 1);
		if (fclose(page) != 0)
			return -errno;
	}
	return 0;
}

static void remove_pages(const struct visit *visit)
{
	char path[64];
	for (int i = 0; i < visit->n; i++) {
		name_page(visit, i, path);
		unlink(path);
	}
	rmdir(visit->directory);
}

/* ---- the program -------------------------------------------------------------------------- */

/* Runs a program to its end. 0 or an error. */
static int run_program(char **command)
{
	pid_t pid;
	int status;
	int rc = posix_spawnp(&pid, command[0], NULL, NULL, command, environ);
	if (rc != 0)
		return -rc;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? -ECANCELED : WEXITSTATUS(status) != 0 ? -EIO : 0;
}

/* Runs it in a thread, as this program waits for it, with some of the URLs. */
static int run_with(struct visit *visit, int first, int n)
{
	for (int i = 0; i < n; i++)
		visit->command[visit->words + i] = visit->urls[first + i];
	visit->command[visit->words + n] = NULL;
	return bide_to_thread(run_program, visit->command);
}

static int run_all(struct visit *visit)
{
	const double begin = bide_time();
	const int step = visit->at_once ? visit->n : 1;
	int rc = lesson_print("Each answer of %d pages is held back for %.1f s.\n", visit->n, far);
	for (int i = 0; i < visit->n && rc == 0; i += step)
		rc = run_with(visit, i, step);
	return rc < 0 ? rc
	              : lesson_print("%s: %.2f s\n",
	                             visit->at_once ? "All at once" : "One after the other",
	                             bide_time() - begin);
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int name_urls(struct visit *visit, bide_server *relay)
{
	bide_address address;
	char text[BIDE_ADDRESS_MAX];
	int rc = bide_server_address(relay, 0, &address);
	for (int i = 0; i < visit->n && rc == 0; i++)
		snprintf(visit->urls[i], URL_MAX_SIZE, "http://%s/%d.html",
		         bide_address_format(&address, text), i + 1);
	return rc;
}

static int visit_site(struct visit *visit)
{
	bide_server *files = NULL, *relay = NULL;
	bide_address site;
	int rc = write_pages(visit);
	if (rc == 0)
		rc = bide_http_start_files(visit->directory, "127.0.0.1", "0", NULL, &files);
	if (rc == 0)
		rc = bide_server_address(files, 0, &site);
	if (rc == 0)
		rc = bide_start_server("127.0.0.1", "0", NULL, &relay, hold_back, &site);
	if (rc == 0)
		rc = name_urls(visit, relay);
	if (rc == 0)
		rc = run_all(visit);
	bide_server_close(relay);
	bide_server_close(files);
	return rc;
}

int main(int argc, char **argv)
{
	static struct visit visit = { .directory = "/tmp/far_site_XXXXXX" };
	if (argc > 3)
		visit.n = atoi(argv[1]);
	if (visit.n < 1 || visit.n > PAGES_MOST ||
	    (strcmp(argv[2], "each") != 0 && strcmp(argv[2], "all") != 0)) {
		fprintf(stderr, "usage: %s N each|all PROGRAM [ARGUMENT…]\n", argv[0]);
		return 2;
	}
	visit.at_once = strcmp(argv[2], "all") == 0;
	visit.words = argc - 3;
	visit.command = calloc((size_t)visit.words + PAGES_MOST + 1, sizeof(char *));
	if (visit.command == NULL || mkdtemp(visit.directory) == NULL) {
		perror(argv[0]);
		free(visit.command);
		return 1;
	}
	memcpy(visit.command, argv + 3, (size_t)visit.words * sizeof(char *));
	int rc = bide_run(visit_site, &visit);
	remove_pages(&visit);
	free(visit.command);
	return lesson_end(rc);
}
