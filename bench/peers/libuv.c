// SPDX-License-Identifier: MIT
/* libuv.c: the benchmark's rows on libuv, which has callbacks only.
 *
 * There are no tasks that could yield or be awaited, so these rows are missing. A sleeper is a
 * timer and what its callback needs; a result is taken in the callback. Timers count in
 * milliseconds, which are rounded up here so that nobody sleeps less than was asked for. */
#include <uv.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WRONG = 1, USAGE_ERROR = 2, CANNOT = 3 };

/* A timer, and what its owner wants to know when it is over. */
struct sleeper {
	uv_timer_t timer;
	double delay; /* seconds */
};

/* What is known of the results so far. */
static struct {
	long taken;
	long out_of_order;
	double last;
	double longest;
} results;

static void end(int status, const char *sentence)
{
	fprintf(stderr, "libuv: %s\n", sentence);
	exit(status);
}

static void check(int holds, const char *sentence)
{
	if (!holds)
		end(WRONG, sentence);
}

/* Bytes of this process: what it has in memory, and the page tables for that. */
static double memory(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[128];
	double kib = 0;
	long value;

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "VmRSS: %ld", &value) == 1 ||
		    sscanf(line, "VmPTE: %ld", &value) == 1)
			kib += (double)value;
	if (status != NULL)
		fclose(status);
	return kib * 1024;
}

static double seconds(void)
{
	return (double)uv_hrtime() * 1e-9;
}

static double cpu_ns(void)
{
	struct timespec used = { 0, 0 };

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (double)used.tv_sec * 1e9 + (double)used.tv_nsec;
}

static double uniform(double least, double most)
{
	return least + (most - least) * drand48();
}

static struct sleeper *new_sleepers(long n)
{
	struct sleeper *sleepers = malloc((size_t)n * sizeof(*sleepers));

	if (sleepers == NULL)
		end(CANNOT, "not enough memory for this size");
	return sleepers;
}

static void start_timer(uv_loop_t *loop, struct sleeper *sleeper, uv_timer_cb when_over)
{
	int rc = uv_timer_init(loop, &sleeper->timer);

	if (rc == 0)
		rc = uv_timer_start(&sleeper->timer, when_over,
		                    (uint64_t)ceil(sleeper->delay * 1000), 0);
	check(rc == 0, "a timer could not be started");
}

/* ---- sleepers, wait_n --------------------------------------------------------------------- */

static void take_result(uv_timer_t *timer)
{
	const struct sleeper *sleeper = (const struct sleeper *)timer;

	results.taken++;
	results.out_of_order += sleeper->delay < results.last;
	results.last = sleeper->delay;
	if (sleeper->delay > results.longest)
		results.longest = sleeper->delay;
	uv_close((uv_handle_t *)timer, NULL);
}

/* @return the seconds that it took. */
static double wait_all(uv_loop_t *loop, long n, double most, double *ret_bytes)
{
	double before = memory(), start = seconds(), wall;
	struct sleeper *sleepers = new_sleepers(n);

	uv_update_time(loop);
	for (long i = 0; i < n; i++) {
		sleepers[i].delay = uniform(0, most);
		start_timer(loop, &sleepers[i], take_result);
	}
	*ret_bytes = memory() - before;
	uv_run(loop, UV_RUN_DEFAULT);
	wall = seconds() - start;
	free(sleepers);
	check(results.taken == n, "not all results have come");
	return wall;
}

static void sleepers(uv_loop_t *loop, long n)
{
	double bytes, wall = wait_all(loop, n, 10, &bytes);

	printf("tasks %ld\n", results.taken);
	printf("bytes_per_task %f\n", bytes / (double)n);
	printf("beyond_s %f\n", wall - results.longest);
	printf("wall_s %f\n", wall);
	printf("out_of_order %ld\n", results.out_of_order);
}

static void wait_n(uv_loop_t *loop, long n)
{
	double bytes, wall = wait_all(loop, n, n <= 100000 ? 1 : 10, &bytes);

	printf("out_of_order %ld\n", results.out_of_order);
	printf("beyond_ms %f\n", (wall - results.longest) * 1000);
}

/* ---- timers ------------------------------------------------------------------------------- */

static void too_early(uv_timer_t *timer)
{
	(void)timer;
	end(WRONG, "a timer has fired");
}

/* @return the numbers below n in random order. */
static long *random_order(long n)
{
	long *order = malloc((size_t)n * sizeof(*order));

	if (order == NULL)
		end(CANNOT, "not enough memory for this size");
	for (long i = 0; i < n; i++) {
		long j = (long)uniform(0, (double)i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	return order;
}

static void timers(uv_loop_t *loop, long n)
{
	struct sleeper *sleepers = new_sleepers(n);
	long *order = random_order(n), active = 0;
	double start, set, cancel;

	memset(sleepers, 0, (size_t)n * sizeof(*sleepers));
	for (long i = 0; i < n; i++)
		sleepers[i].delay = uniform(1, 1000);
	start = cpu_ns();
	for (long i = 0; i < n; i++)
		start_timer(loop, &sleepers[i], too_early);
	set = cpu_ns() - start;
	start = cpu_ns();
	for (long i = 0; i < n / 2; i++)
		uv_timer_stop(&sleepers[order[i]].timer);
	cancel = cpu_ns() - start;
	for (long i = 0; i < n; i++) {
		active += uv_is_active((uv_handle_t *)&sleepers[i].timer);
		uv_close((uv_handle_t *)&sleepers[i].timer, NULL);
	}
	check(active == n - n / 2, "not the timers cancelled");
	uv_run(loop, UV_RUN_DEFAULT);
	free(order);
	free(sleepers);
	printf("set_ns %f\n", set / (double)n);
	printf("cancel_ns %f\n", cancel / (double)((n + 1) / 2));
}

/* ---- empty_run ---------------------------------------------------------------------------- */

static void count_once(uv_idle_t *idle)
{
	results.taken++;
	uv_close((uv_handle_t *)idle, NULL);
}

/* Starts a loop, runs one callback and closes the loop. */
static void run_once(void)
{
	uv_loop_t loop;
	uv_idle_t idle;

	check(uv_loop_init(&loop) == 0, "a loop could not be started");
	uv_idle_init(&loop, &idle);
	uv_idle_start(&idle, count_once);
	uv_run(&loop, UV_RUN_DEFAULT);
	check(uv_loop_close(&loop) == 0, "a loop could not be closed");
}

static void empty_run(uv_loop_t *loop, long n)
{
	(void)loop;
	for (long i = 0; i < n; i++)
		run_once();
	check(results.taken == n, "not all loops have run");
	printf("ops %ld\n", n);
}

/* ---- to_thread ---------------------------------------------------------------------------- */

enum { IN_FLIGHT = 1000 };

/* Work that is sent to a thread again and again. */
struct caller {
	uv_work_t work;
	long number;
	long left;
};

static void next_number(uv_work_t *work)
{
	((struct caller *)work)->number++;
}

static void call_again(uv_work_t *work, int status)
{
	struct caller *caller = (struct caller *)work;

	check(status == 0, "a call was cancelled");
	results.taken++;
	if (--caller->left > 0)
		check(uv_queue_work(work->loop, work, next_number, call_again) == 0,
		      "a call could not be made");
}

static void call_at_once(uv_loop_t *loop, long n, long at_once)
{
	struct caller *callers = calloc((size_t)at_once, sizeof(*callers));
	long total = 0;

	if (callers == NULL)
		end(CANNOT, "not enough memory for this size");
	for (long i = 0; i < at_once; i++) {
		callers[i].left = (n + i) / at_once;
		if (callers[i].left > 0)
			check(uv_queue_work(loop, &callers[i].work, next_number, call_again) == 0,
			      "a call could not be made");
	}
	uv_run(loop, UV_RUN_DEFAULT);
	for (long i = 0; i < at_once; i++)
		total += callers[i].number;
	free(callers);
	check(total == n && results.taken == n, "not all calls were made");
	printf("ops %ld\n", n);
}

static void to_thread(uv_loop_t *loop, long n)
{
	call_at_once(loop, n, 1);
}

static void to_thread_1000(uv_loop_t *loop, long n)
{
	call_at_once(loop, n, IN_FLIGHT);
}

/* ---- echo --------------------------------------------------------------------------------- */

static long to_accept; /* connections that are still to come */

/* There is one buffer, as what was received is sent before anything else is. */
static void give_buffer(uv_handle_t *connection, size_t wanted, uv_buf_t *ret)
{
	static char buf[65536];

	(void)connection;
	(void)wanted;
	*ret = uv_buf_init(buf, sizeof(buf));
}

static void free_connection(uv_handle_t *connection)
{
	results.taken++;
	free(connection);
}

/* Messages are small beside what a socket has room for. */
static void answer(uv_stream_t *connection, ssize_t n, const uv_buf_t *buf)
{
	uv_buf_t answer = uv_buf_init(buf->base, n > 0 ? (unsigned)n : 0);

	check(n >= 0 || n == UV_EOF, "cannot receive");
	if (n == UV_EOF)
		uv_close((uv_handle_t *)connection, free_connection);
	else if (n > 0)
		check(uv_try_write(connection, &answer, 1) == n, "cannot send");
}

static void accept_connection(uv_stream_t *listener, int status)
{
	uv_tcp_t *connection = malloc(sizeof(*connection));

	if (connection == NULL)
		end(CANNOT, "not enough memory for this size");
	check(status == 0 && uv_tcp_init(listener->loop, connection) == 0 &&
	              uv_accept(listener, (uv_stream_t *)connection) == 0,
	      "cannot accept");
	check(uv_read_start((uv_stream_t *)connection, give_buffer, answer) == 0, "cannot receive");
	if (--to_accept == 0)
		uv_close((uv_handle_t *)listener, NULL);
}

/* n connections to the standard input. */
static void echo(uv_loop_t *loop, long n)
{
	uv_tcp_t listener;

	to_accept = n;
	check(uv_tcp_init(loop, &listener) == 0 && uv_tcp_open(&listener, 0) == 0 &&
	              uv_listen((uv_stream_t *)&listener, 4096, accept_connection) == 0,
	      "the standard input does not listen");
	uv_run(loop, UV_RUN_DEFAULT);
	check(results.taken == n, "not all connections have ended");
	printf("ops %ld\n", n);
}

/* ---- the program -------------------------------------------------------------------------- */

static const struct row {
	const char *name;
	void (*run)(uv_loop_t *loop, long n);
} rows[] = {
	{ "sleepers", sleepers },   { "wait_n", wait_n },
	{ "timers", timers },       { "empty_run", empty_run },
	{ "to_thread", to_thread }, { "to_thread_1000", to_thread_1000 },
	{ "echo", echo },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const struct row *find_row(const char *name)
{
	for (int i = 0; i < ROWS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static void measure(const struct row *row, long n)
{
	uv_loop_t loop;

	if (n == 0) {
		run_once();
		return;
	}
	check(uv_loop_init(&loop) == 0, "the loop could not be started");
	row->run(&loop, n);
	check(uv_loop_close(&loop) == 0, "the loop could not be closed");
}

int main(int argc, char **argv)
{
	const struct row *row = argc == 3 ? find_row(argv[1]) : NULL;
	char *rest = NULL;
	long n = argc == 3 ? strtol(argv[2], &rest, 10) : -1;

	if (argc == 2 && strcmp(argv[1], "--rows") == 0) {
		for (int i = 0; i < ROWS; i++)
			puts(rows[i].name);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("libuv %s, C compiler %s, 1 thread\n", uv_version_string(), __VERSION__);
		return 0;
	}
	if (row == NULL || n < 0 || rest == argv[2] || *rest != '\0')
		end(USAGE_ERROR, "usage: libuv ROW N, or --rows, or --version");
	measure(row, n);
	return 0;
}
