// SPDX-License-Identifier: MIT
/* hops.c: the places that have redirected a request, in their order. */
#include "http/session.h"

#include "base/alloc.h"

#include <string.h>

static int make_room(struct bide__http_hops *hops)
{
	enum { FIRST_ROOM = 4 };
	if (hops->n < hops->room)
		return 0;
	const int room = hops->room > 0 ? 2 * hops->room : FIRST_ROOM;
	struct bide__http_hop *at = bide__realloc(hops->at, (size_t)room * sizeof(*hops->at));
	if (at == NULL)
		return -ENOMEM;
	hops->at = at;
	hops->room = room;
	return 0;
}

int bide__http_hops_add(struct bide__http_hops *hops, int status, const char *url)
{
	const size_t size = strlen(url) + 1;
	if (make_room(hops) < 0)
		return -ENOMEM;
	char *copy = bide__malloc(size);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, url, size);
	hops->at[hops->n++] = (struct bide__http_hop){ status, copy };
	return 0;
}

struct bide__http_hops bide__http_hops_take(struct bide__http_hops *hops)
{
	const struct bide__http_hops taken = *hops;
	*hops = (struct bide__http_hops){ NULL, 0, 0 };
	return taken;
}

void bide__http_hops_free(struct bide__http_hops *hops)
{
	for (int i = 0; i < hops->n; i++)
		bide__free(hops->at[i].url);
	bide__free(hops->at);
	*hops = (struct bide__http_hops){ NULL, 0, 0 };
}

int bide_http_redirects(const bide_http_response *response)
{
	return response->hops.n;
}

const char *bide_http_history(const bide_http_response *response, int i, int *ret_status)
{
	if (i < 0 || i >= response->hops.n)
		return NULL;
	if (ret_status != NULL)
		*ret_status = response->hops.at[i].status;
	return response->hops.at[i].url;
}
