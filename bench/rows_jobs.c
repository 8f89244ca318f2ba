// SPDX-License-Identifier: MIT
/* rows_jobs.c: the same job in five ways: one item after the other, by tasks of one loop, by
 * threads, by processes, and by tasks that have threads do what would hold up the loop.
 *
 * An item waits, or computes, or waits and then computes. What it waits for is a descriptor, as for
 * the answer of a server: here it is the kernel's timer, so that a wait takes no processor. Time
 * and CPU time are those of the whole job, with the start and the end of whatever does it. */
#include "core.h"
#include "measure.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* What an item does; bits. */
enum { WAITS = 1, COMPUTES = 2 };

enum { WAIT_NS = 5000000, WORKERS = 32, PRIMES = 3245 };

/* So many numbers are looked at by an item that computes, which takes about a millisecond. It is
 * read anew for each, lest a compiler find out that the answer is always the same. */
static volatile long below = 30000;

/* A job. It lies in memory that the processes share, and whoever does it takes item by item. */
struct job {
	int kind;  /* what its items do */
	long n;    /* how many there are */
	int limit; /* how many threads or processes do them */
	long next; /* the first that nobody has taken, or more */
	long done; /* what the items found: each the primes, or 1 */
	int error; /* a negative errno, if an item went wrong */
};

/* ---- an item ------------------------------------------------------------------------------ */

static long count_primes(void)
{
	long found = 0, end = below;

	for (long number = 2; number < end; number++) {
		long divisor = 2;

		while (divisor * divisor <= number && number % divisor != 0)
			divisor++;
		found += divisor * divisor > number;
	}
	return found;
}

/* @return a descriptor that becomes readable after WAIT_NS, or a negative errno. */
static int ask(void)
{
	const struct itimerspec later = { .it_value = { .tv_nsec = WAIT_NS } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), rc;

	if (fd < 0 || timerfd_settime(fd, 0, &later, NULL) == 0)
		return fd < 0 ? -errno : fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* Reads from the descriptor, which blocks until it is readable, and closes it.
 * @return 0 or a negative errno. */
static int take_answer(int fd)
{
	uint64_t expirations;
	int rc = read(fd, &expirations, sizeof(expirations)) == sizeof(expirations) ? 0 : -EIO;

	close(fd);
	return rc;
}

static BIDE_ASYNC(long, do_item, int);

/* An item as synchronous code does it. @return what it found, or a negative errno. */
static long do_item(int kind)
{
	if (kind & WAITS) {
		int fd = ask();
		int rc = fd < 0 ? fd : take_answer(fd);

		if (rc < 0)
			return rc;
	}
	return kind & COMPUTES ? count_primes() : 1;
}

/* How many threads or processes there are to be. Who computes needs a processor; who waits does
 * not. */
static int workers(int kind)
{
	cpu_set_t set;
	int processors = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return kind & WAITS || processors > WORKERS ? WORKERS : processors;
}

/* ---- without a loop ----------------------------------------------------------------------- */

/* Does items until there are none left. */
static void *work(void *arg)
{
	struct job *job = arg;

	while (__atomic_fetch_add(&job->next, 1, __ATOMIC_RELAXED) < job->n) {
		long found = do_item(job->kind);

		if (found < 0)
			__atomic_store_n(&job->error, (int)found, __ATOMIC_RELAXED);
		else
			__atomic_fetch_add(&job->done, found, __ATOMIC_RELAXED);
	}
	return NULL;
}

static int sequential(const struct request *request, struct job *job)
{
	(void)request;
	work(job);
	return job->error;
}

static int threads(const struct request *request, struct job *job)
{
	pthread_t started[WORKERS];
	int error = 0, n = 0;

	(void)request;
	while (n < job->limit && (error = pthread_create(&started[n], NULL, work, job)) == 0)
		n++;
	while (n > 0)
		pthread_join(started[--n], NULL);
	return error != 0 ? -error : job->error;
}

static int processes(const struct request *request, struct job *job)
{
	int rc = 0, n = 0, status;

	(void)request;
	while (n < job->limit && rc == 0) {
		pid_t pid = fork();

		if (pid == 0) {
			work(job);
			_exit(EXIT_SUCCESS);
		}
		rc = pid < 0 ? -errno : 0;
		n += pid > 0;
	}
	for (; n > 0; n--)
		if (wait(&status) < 0 || status != 0)
			rc = -ECHILD;
	return rc < 0 ? rc : job->error;
}

/* ---- on a loop ---------------------------------------------------------------------------- */

/* As ask() and take_answer(), while other tasks run. */
static int wait_in_loop(void)
{
	int fd = ask();
	int rc = fd < 0 ? fd : bide_wait_fd(fd, BIDE_READABLE);

	if (rc > 0)
		return take_answer(fd);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* An item as a task does it. With threads, one of them computes; where nothing is computed it does
 * the wait, as if that were a call that can only block. */
static inline long do_item_in_task(int kind, bool with_threads)
{
	int waits = with_threads && kind == WAITS ? 0 : kind & WAITS;
	int rc = waits ? wait_in_loop() : 0;

	if (rc < 0)
		return rc;
	return with_threads ? bide_to_thread(do_item, kind - waits) : do_item(kind - waits);
}

static BIDE_ASYNC(long, item, int, bool);
static BIDE_ASYNC_LIGHT(long, item_light, int, bool);

static long item(int kind, bool with_threads)
{
	return do_item_in_task(kind, with_threads);
}

static long item_light(int kind, bool with_threads)
{
	return do_item_in_task(kind, with_threads);
}

static BIDE_ASYNC(int, do_in_tasks, const struct request *, struct job *, bool);

static int do_in_tasks(const struct request *request, struct job *job, bool with_threads)
{
	int kind = job->kind, rc;

	BIDE_GROUP(group, rc) {
		for (long i = 0; i < job->n; i++)
			(void)(request->light
			               ? bide_group_spawn(group, item_light, kind, with_threads)
			               : bide_group_spawn(group, item, kind, with_threads));
		for (bide_task *task; (task = bide_group_next(group));)
			job->done += bide_await(long, task);
	}
	return rc;
}

static int coroutines(const struct request *request, struct job *job)
{
	return RUN_ROW(do_in_tasks, request, request, job, false);
}

static int both(const struct request *request, struct job *job)
{
	/* Where something is computed it is that alone which is done in threads. */
	int kind = job->kind & COMPUTES ? COMPUTES : WAITS;
	const bide_thread_pool pool = { .limit = (size_t)workers(kind) };
	int rc = bide_thread_pool_set(&pool);

	return rc < 0 ? rc : RUN_ROW(do_in_tasks, request, request, job, true);
}

/* ---- the rows ----------------------------------------------------------------------------- */

typedef int method(const struct request *request, struct job *job);

/* CPU time of this process and of its children that have ended, in seconds. */
static double all_cpu(void)
{
	struct rusage ended;

	(void)getrusage(RUSAGE_CHILDREN, &ended);
	return process_cpu() + (double)(ended.ru_utime.tv_sec + ended.ru_stime.tv_sec) +
	       (double)(ended.ru_utime.tv_usec + ended.ru_stime.tv_usec) * 1e-6;
}

static int do_job(const struct request *request, struct job *job, method *how)
{
	long expected = job->n * (job->kind & COMPUTES ? PRIMES : 1);
	double start = bide_time(), cpu = all_cpu();
	int rc = run_failed(how(request, job));
	double elapsed = bide_time() - start, used = all_cpu() - cpu;

	if (rc < 0)
		return rc;
	if (job->done != expected)
		return wrong("what all items found", (double)job->done, (double)expected);
	print_figure("ops", (double)job->n);
	print_figure("elapsed_ms", elapsed * 1e3);
	print_figure("cpu_ms", used * 1e3);
	return 0;
}

static int run(const struct request *request, int kind, method *how)
{
	struct job *job =
		mmap(NULL, sizeof(*job), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int rc;

	if (job == MAP_FAILED)
		return run_failed(-errno);
	job->kind = kind;
	job->n = request->n;
	job->limit = workers(kind);
	rc = do_job(request, job, how);
	munmap(job, sizeof(*job));
	return rc;
}

/* Each kind of item in each of the ways. */
#define ROWS(ROW) \
	KIND(ROW, cpu, COMPUTES, "compute") \
	KIND(ROW, io, WAITS, "wait") \
	KIND(ROW, mixed, WAITS | COMPUTES, "wait, then compute")
#define KIND(ROW, name, kind, what) \
	ROW(name, kind, what, sequential, "one after the other") \
	ROW(name, kind, what, coroutines, "in as many tasks") \
	ROW(name, kind, what, threads, "in threads") \
	ROW(name, kind, what, processes, "in processes") \
	ROW(name, kind, what, both, "in as many tasks, with threads")

#define FUNCTION(name, kind, what, way, how) \
	static int job_##name##_##way(const struct request *request) \
	{ \
		return run(request, kind, way); \
	}
#define ENTRY(name, kind, what, way, how) \
	{ "job_" #name "_" #way, job_##name##_##way, "items that " what ", " how },

ROWS(FUNCTION)

const struct row rows_jobs[] = {
	ROWS(ENTRY) /* each ends with a comma */
	{ NULL, NULL, NULL },
};
