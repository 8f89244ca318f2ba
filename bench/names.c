// SPDX-License-Identifier: MIT
/* names.c: `names ROW N`: looks N names up, each another one, a hundred at a time, at a server that
 * is a process beside it. It prints the time that passed, and the CPU time of this process without
 * the server's. `names --world SECONDS COMMAND…` runs another program where that
 * server answers, after so many seconds. */
#include "measure.h"
#include "names_world.h"

#include <bide/net.h>

#include <bide.h>

#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE = 100, IN_BUFFER = 80, THREADS = 6, CANNOT = 3 };

static long total, next, found;

/* The number of the next name, or -1. Several threads may ask. */
static long take(char *ret_name, size_t size)
{
	const long number = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
	if (number >= total)
		return -1;
	snprintf(ret_name, size, "n%ld.bench.test", number);
	return number;
}

/* Whether the last bytes of an address are the number of its name. */
static bool belongs(const unsigned char *end, long number)
{
	return end[-1] == (number & 0xff) && end[-2] == (number >> 8 & 0xff);
}

/* ---- bide --------------------------------------------------------------------------------- */

BIDE_ASYNC(int, worker, void);
BIDE_ASYNC_LIGHT(int, light_worker, void);
BIDE_ASYNC(int, look_all_up, int);

int worker(void)
{
	char name[64];
	int rc = 0;
	for (long number; rc == 0 && (number = take(name, sizeof(name))) >= 0;) {
		bide_addresses *addresses;
		rc = bide_getaddrinfo(name, "443", NULL, &addresses);
		if (rc < 0)
			break;
		/* A struct sockaddr_in has 8 bytes behind its address, one of IPv6 has 4. */
		for (size_t i = 0; i < addresses->count; i++) {
			const bide_address *at = &addresses->at[i];
			found +=
				belongs(at->at.bytes + at->size - (at->size == 16 ? 8 : 4), number);
		}
		bide_addresses_free(addresses);
	}
	return rc;
}

int light_worker(void)
{
	return worker();
}

int look_all_up(int light)
{
	int rc;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < AT_ONCE; i++)
			if (light)
				bide_group_spawn(group, light_worker);
			else
				bide_group_spawn(group, worker);
	}
	return rc;
}

static int by_bide(int light)
{
	int rc = bide_run(look_all_up, light);
	if (rc < 0)
		fprintf(stderr, "names: %s\n", bide_strerror(rc));
	return rc;
}

/* ---- getaddrinfo in threads --------------------------------------------------------------- */

static void *thread(void *arg)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char name[64];
	long mine = 0;
	for (long number; (number = take(name, sizeof(name))) >= 0;) {
		struct addrinfo *list;
		int rc = getaddrinfo(name, "443", &hints, &list);
		if (rc != 0) {
			fprintf(stderr, "names: %s: %s\n", name, gai_strerror(rc));
			break;
		}
		for (const struct addrinfo *at = list; at != NULL; at = at->ai_next)
			mine += belongs((const unsigned char *)at->ai_addr + at->ai_addrlen -
			                        (at->ai_family == AF_INET ? 8 : 4),
			                number);
		freeaddrinfo(list);
	}
	__atomic_fetch_add(&found, mine, __ATOMIC_RELAXED);
	return arg;
}

static int by_threads(int unused)
{
	pthread_t threads[THREADS];
	int n = 0;
	(void)unused;
	while (n < THREADS && pthread_create(&threads[n], NULL, thread, NULL) == 0)
		n++;
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return n < THREADS ? -1 : 0;
}

/* ---- the system alone --------------------------------------------------------------------- */

/* Writes a question; its number is that of the name, as far as there is room for it. */
static size_t write_question(unsigned char *to, long number, const char *name, unsigned char type)
{
	const unsigned char head[] = {
		(unsigned char)(number >> 8), (unsigned char)number, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0
	};
	unsigned char *at = to + sizeof(head);
	memcpy(to, head, sizeof(head));
	while (*name != '\0') {
		const size_t length = strcspn(name, ".");
		*at++ = (unsigned char)length;
		memcpy(at, name, length);
		at += length;
		name += length + (name[length] == '.');
	}
	memcpy(at, (unsigned char[]){ 0, 0, type, 0, 1 }, 5);
	return (size_t)(at + 5 - to);
}

/* Asks for both addresses of the next name. */
static bool ask(int fd)
{
	static const unsigned char types[] = { 28, 1 };
	unsigned char question[128];
	char name[64];
	const long number = take(name, sizeof(name));
	for (int i = 0; number >= 0 && i < 2; i++) {
		const size_t size = write_question(question, number, name, types[i]);
		if (send(fd, question, size, 0) != (ssize_t)size)
			return false;
	}
	return true;
}

/* What no program that asks for each name by a datagram can do without: one system call to send
 * each question and one to receive its answer. There are as many names at once as a socket's buffer
 * has room for answers. */
static int by_system(int unused)
{
	unsigned char answer[512];
	const int fd = names_world_connect();
	bool well = fd >= 0;
	(void)unused;
	for (int i = 0; well && i < IN_BUFFER; i++)
		well = ask(fd);
	for (long got = 0; well && got < 2 * total; got++) {
		const ssize_t size = recv(fd, answer, sizeof(answer), 0);
		if (size < 16)
			break;
		/* An address has its number in its last bytes, and a question in its first. */
		found += belongs(answer + size, answer[0] << 8 | answer[1]);
		if (got % 2 == 1)
			well = ask(fd);
	}
	close(fd);
	return well ? 0 : -1;
}

/* ---- the program -------------------------------------------------------------------------- */

static const struct way {
	const char *name;
	int (*run)(int light);
	int light;
	double latency; /* of the server, in seconds */
} ways[] = {
	{ "names", by_bide, 0, 0 },
	{ "names_light", by_bide, 1, 0 },
	{ "names_threads", by_threads, 0, 0 },
	{ "names_bare", by_system, 0, 0 },
	{ "names_far", by_bide, 0, 5e-3 },
	{ "names_far_light", by_bide, 1, 5e-3 },
	{ "names_far_threads", by_threads, 0, 5e-3 },
	{ "names_far_bare", by_system, 0, 5e-3 },
};
static const struct row_names names = ROW_NAMES("names ROW N | --world SECONDS COMMAND…", ways);

static double now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int measure(const struct way *way)
{
	const double began = now(), cpu = process_cpu();
	if (total > 0 && way->run(way->light) < 0)
		return EXIT_FAILURE;
	const double elapsed = now() - began, used = process_cpu() - cpu;
	if (found != 2 * total) {
		fprintf(stderr, "names: %ld addresses instead of %ld\n", found, 2 * total);
		return EXIT_FAILURE;
	}
	printf("ops %ld\nelapsed_us %.3f\ncpu_us %.3f\n", total,
	       elapsed / (double)(total > 0 ? total : 1) * 1e6,
	       used / (double)(total > 0 ? total : 1) * 1e6);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("bide %s, 1 thread\n", bide_version()) < 0;
	if (argc > 3 && strcmp(argv[1], "--world") == 0) {
		if (names_world_enter(strtod(argv[2], NULL)) < 0)
			return CANNOT;
		execvp(argv[3], argv + 3);
		perror(argv[3]);
		return EXIT_FAILURE;
	}
	const struct way *way = argc == 3 ? row_named(&names, argv[1]) : NULL;
	if (way == NULL)
		return tell_rows(&names, argc, argv);
	total = (long)number_in("names", argv[2], 0, 16e6);
	return names_world_enter(way->latency) < 0 ? CANNOT : measure(way);
}
