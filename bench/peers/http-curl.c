// SPDX-License-Identifier: MIT
/* http-curl.c: `http-curl ROW N PORT [CA]`: the rows of HTTP clients by libcurl: one multi handle,
 * driven by curl_multi_poll(), with an easy handle for each request that is on its way, which is
 * used again for the next one. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WRONG = 1, USAGE_ERROR = 2, FEW = 100, MANY = 3000, SIZE = 1024 };

struct transfer {
	CURL *easy;
	size_t body; /* bytes that have come */
};

static struct {
	long n, port;
	const char *authority;
	long asked, answered, first, last;
	double before, after;
	CURLM *multi;
} load;

static void check(int holds, const char *sentence)
{
	if (holds)
		return;
	fprintf(stderr, "http-curl: %s\n", sentence);
	exit(WRONG);
}

static double cpu_seconds(void)
{
	struct timespec used;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

/* ---- transfers ---------------------------------------------------------------------------- */

static size_t on_body(char *data, size_t one, size_t size, void *object)
{
	struct transfer *transfer = object;
	(void)data;
	transfer->body += one * size;
	return one * size;
}

static void set_url(struct transfer *transfer, int host, const char *path)
{
	char url[64];
	if (load.authority != NULL)
		snprintf(url, sizeof(url), "https://localhost:%ld%s", load.port, path);
	else
		snprintf(url, sizeof(url), "http://127.0.%d.%d:%ld%s", host / 250, host % 250 + 1,
		         load.port, path);
	check(curl_easy_setopt(transfer->easy, CURLOPT_URL, url) == CURLE_OK, "no memory");
}

static void begin(struct transfer *transfer)
{
	load.asked++;
	transfer->body = 0;
	check(curl_multi_add_handle(load.multi, transfer->easy) == CURLM_OK, "cannot begin");
}

static void make(struct transfer *transfer, int host, const char *path)
{
	transfer->easy = curl_easy_init();
	check(transfer->easy != NULL, "no memory");
	set_url(transfer, host, path);
	curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(transfer->easy, CURLOPT_NOSIGNAL, 1L);
	if (load.authority != NULL) {
		/* The system's directory of authorities is read for each connection otherwise. */
		curl_easy_setopt(transfer->easy, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(transfer->easy, CURLOPT_CAINFO, load.authority);
	}
}

/* Goes on until all that has been asked has been answered; of each answer `then` is told. */
static void go_on(void (*then)(struct transfer *))
{
	int running = 1, left;
	while (load.answered < load.asked) {
		check(curl_multi_perform(load.multi, &running) == CURLM_OK, "cannot go on");
		for (CURLMsg *message;
		     (message = curl_multi_info_read(load.multi, &left)) != NULL;) {
			struct transfer *transfer;
			long status;
			CURL *easy = message->easy_handle;
			check(message->data.result == CURLE_OK,
			      curl_easy_strerror(message->data.result));
			curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
			curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
			check(status == 200 && transfer->body == SIZE, "another answer");
			curl_multi_remove_handle(load.multi, easy);
			load.answered++;
			then(transfer);
		}
		if (load.answered < load.asked)
			check(curl_multi_poll(load.multi, NULL, 0, 1000, NULL) == CURLM_OK,
			      "cannot wait");
	}
}

/* ---- rows --------------------------------------------------------------------------------- */

static void ask_again(struct transfer *transfer)
{
	if (load.answered == load.first)
		load.before = cpu_seconds();
	if (load.answered == load.last)
		load.after = cpu_seconds();
	if (load.asked < load.last + load.first)
		begin(transfer);
}

static void measure_time(int hosts)
{
	const int at_once = hosts > FEW ? hosts : FEW;
	struct transfer *all = calloc((size_t)at_once, sizeof(*all));
	check(all != NULL, "no memory");
	load.first = load.n / 10 + 2L * at_once;
	load.last = load.first + load.n;
	curl_multi_setopt(load.multi, CURLMOPT_MAXCONNECTS, (long)at_once);
	for (int i = 0; i < at_once; i++) {
		make(&all[i], i % hosts, "/");
		begin(&all[i]);
	}
	go_on(ask_again);
	printf("cpu_us %.3f\n", (load.after - load.before) * 1e6 / (double)load.n);
}

static void nothing(struct transfer *transfer)
{
	(void)transfer;
}

static void end_transfer(struct transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
}

static void ask_once(const char *path)
{
	struct transfer one;
	make(&one, 0, path);
	begin(&one);
	go_on(end_transfer);
}

static long visited;

static void visit_next(struct transfer *transfer)
{
	if (visited == load.n) {
		end_transfer(transfer);
		return;
	}
	set_url(transfer, (int)visited++, "/");
	begin(transfer);
}

static void measure_memory(int hosts)
{
	struct transfer some[FEW], *all = calloc((size_t)load.n, sizeof(*all));
	(void)hosts;
	check(all != NULL, "no memory");
	curl_multi_setopt(load.multi, CURLMOPT_MAXCONNECTS, load.n);
	ask_once("/begin");
	for (int i = 0; i < FEW && visited < load.n; i++) {
		make(&some[i], (int)visited++, "/");
		begin(&some[i]);
	}
	go_on(visit_next);
	ask_once("/idle");
	for (int i = 0; i < load.n; i++) {
		make(&all[i], i, "/held");
		begin(&all[i]);
	}
	go_on(nothing);
}

/* ---- the program -------------------------------------------------------------------------- */

static const struct row {
	const char *name;
	void (*measure)(int hosts);
	int hosts;
} rows[] = {
	{ "http", measure_time, 1 },
	{ "http_tls", measure_time, 1 },
	{ "http_hosts", measure_time, MANY },
	{ "http_memory", measure_memory, 0 },
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--rows") == 0) {
		for (int i = 0; i < ROWS; i++)
			puts(rows[i].name);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("libcurl %s with %s, 1 thread\n",
		              curl_version_info(CURLVERSION_NOW)->version,
		              curl_version_info(CURLVERSION_NOW)->ssl_version) < 0;
	for (int i = 0; (argc == 4 || argc == 5) && i < ROWS; i++) {
		if (strcmp(argv[1], rows[i].name) != 0)
			continue;
		load.n = strtol(argv[2], NULL, 10);
		load.port = strtol(argv[3], NULL, 10);
		load.authority = argc == 5 ? argv[4] : NULL;
		check(curl_global_init(CURL_GLOBAL_ALL) == 0, "no libcurl");
		load.multi = curl_multi_init();
		check(load.multi != NULL, "no memory");
		rows[i].measure(rows[i].hosts);
		printf("ops %ld\n", load.n);
		/* What is left ends with the process. */
		return 0;
	}
	fputs("usage: http-curl ROW N PORT [CA], or --rows, or --version\n", stderr);
	return USAGE_ERROR;
}
