// SPDX-License-Identifier: MIT
/* links.c SITE PATH: asks for all that a page of a site links to, many at once, and prints what is
 * not there. Links to other sites are left alone. */
#include <bide.h>
#include <bide/http.h>
#include <stdio.h>
#include <string.h>

enum { LINK_SIZE = 256, AT_A_TIME = 20 };

/* Each task gets a copy: the next one is found while it waits. */
struct link {
	char path[LINK_SIZE];
};

/* Takes the next link out of a page, from *at on; false: there is none. */
static bool next_link(const char **at, struct link *link)
{
	static const char mark[] = "href=\"/";
	while ((*at = strstr(*at, mark)) != NULL) {
		const char *path = *at + sizeof(mark) - 2; /* at the slash */
		size_t size = strcspn(path, "\"#");
		*at = path + size;
		if (size < LINK_SIZE) {
			memcpy(link->path, path, size);
			link->path[size] = '\0';
			return true;
		}
	}
	return false;
}

BIDE_ASYNC(int, check, bide_http_session *, const char *, struct link);

int check(bide_http_session *session, const char *site, struct link link)
{
	bide_http_response *response;
	char url[2 * LINK_SIZE];
	snprintf(url, sizeof(url), "%s%s", site, link.path);
	int rc = bide_http_head(session, url, &response);
	if (rc < 0) {
		printf("%s: %s\n", link.path, bide_strerror(rc));
		return 0; /* the others are checked all the same */
	}
	if (bide_http_status(response) >= 400)
		printf("%s: %d\n", link.path, bide_http_status(response));
	bide_http_response_close(response);
	return 0;
}

static int check_all(bide_http_session *session, const char *site, const char *page)
{
	struct link link;
	int rc;
	BIDE_GROUP(group, rc) {
		while (next_link(&page, &link))
			bide_group_spawn(group, check, session, site, link);
	}
	return rc;
}

BIDE_ASYNC(int, check_page, const char *, const char *);

int check_page(const char *site, const char *path)
{
	const bide_http_options options = { .limit = AT_A_TIME, .timeout = 30 };
	bide_http_session *session;
	bide_http_response *response;
	char url[2 * LINK_SIZE], *page;
	snprintf(url, sizeof(url), "%s%s", site, path);
	int rc = bide_http_session_open(&options, &session);
	if (rc < 0)
		return rc;
	rc = bide_http_get(session, url, &response);
	if (rc == 0) {
		ssize_t size = bide_http_text(response, &page);
		rc = size < 0 ? (int)size : check_all(session, site, page);
		bide_http_response_close(response); /* the page is its */
	}
	bide_http_session_close(session);
	return rc;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: links SITE PATH\n");
		return 2;
	}
	int rc = bide_run(check_page, argv[1], argv[2]);
	if (rc < 0)
		fprintf(stderr, "%s\n", bide_strerror(rc));
	return rc < 0;
}
