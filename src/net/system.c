// SPDX-License-Identifier: MIT
/* system.c: see lookup.h: names as the system looks them up, by whatever nsswitch.conf(5) says.
 *
 * The job's record is of the heap: a light task's stack is not there while it waits. */
#include "net/lookup.h"

#include "net/host_name.h"

#include "core/beside.h"

#include <bide/thread.h>

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

struct job {
	char host[BIDE__NAME_SIZE]; /* what is looked up, or the name that was found */
	int family;
	bide_address address;  /* whose name is looked up */
	struct addrinfo *list; /* what was found */
};

static int error_of(int code)
{
	switch (code) {
	case 0:
		return 0;
	case EAI_NONAME:
		return -BIDE_ENOHOST;
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return -BIDE_ENOADDRESS;
	case EAI_AGAIN:
		return -BIDE_ENOANSWER;
	case EAI_FAIL:
		return -BIDE_ESERVFAIL;
	case EAI_FAMILY:
		return -EAFNOSUPPORT;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SYSTEM:
		return errno > 0 ? -errno : -EIO;
	default:
		return -EINVAL;
	}
}

static BIDE_ASYNC(int, find_addresses, struct job *);
static int find_addresses(struct job *job)
{
	const struct addrinfo hints = {
		.ai_family = job->family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_CANONNAME,
	};
	return error_of(getaddrinfo(job->host, NULL, &hints, &job->list));
}

static BIDE_ASYNC(int, find_name, struct job *);
static int find_name(struct job *job)
{
	return error_of(getnameinfo((const struct sockaddr *)job->address.at.bytes,
	                            job->address.size, job->host, sizeof(job->host), NULL, 0,
	                            NI_NAMEREQD));
}

static int add_list(const struct addrinfo *list, struct bide__found *found)
{
	int rc = 0;
	if (list->ai_canonname != NULL) {
		found->name = bide__copy_string(list->ai_canonname);
		rc = found->name != NULL ? 0 : -ENOMEM;
	}
	for (; rc == 0 && list != NULL; list = list->ai_next) {
		bide_address address = { .size = list->ai_addrlen };
		struct bide__ip ip;
		unsigned port;
		if (list->ai_addrlen > sizeof(address.at))
			continue;
		memcpy(address.at.bytes, list->ai_addr, list->ai_addrlen);
		if (bide__ip_of_address(&address, &ip, &port))
			rc = bide__found_add(found, &ip);
	}
	return rc == 0 && found->n == 0 ? -BIDE_ENOADDRESS : rc;
}

int bide__system_name(const char *host, int family, struct bide__found *ret_found)
{
	struct job *job = bide__calloc(1, sizeof(*job));
	if (job == NULL)
		return -ENOMEM;
	bide__host_name_copy(host, job->host);
	job->family = family;
	int rc = bide_to_thread(find_addresses, job);
	if (rc == 0)
		rc = add_list(job->list, ret_found);
	if (job->list != NULL)
		freeaddrinfo(job->list);
	bide__free(job);
	return rc;
}

int bide__system_ip(const struct bide__ip *ip, char **ret_name)
{
	struct job *job = bide__calloc(1, sizeof(*job));
	if (job == NULL)
		return -ENOMEM;
	bide__ip_to_address(ip, 0, &job->address);
	int rc = bide_to_thread(find_name, job);
	if (rc == 0) {
		char *name = bide__copy_string(job->host);
		rc = name != NULL ? 0 : -ENOMEM;
		if (rc == 0)
			*ret_name = name;
	}
	bide__free(job);
	return rc;
}
