// SPDX-License-Identifier: MIT
/* Several loops of which some cannot be had: for want of memory, at every point; of threads; of
 * descriptors; of loops. Then none has begun, and nothing is left behind. */
#include "core/cores_kit.h"

#include "base/alloc.h"
#include "io/seccomp_kit.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static counter entered;

static BIDE_ASYNC(int, begin, void);
static int begin(void)
{
	count_up(&entered);
	return 0;
}

/* ---- memory and threads ------------------------------------------------------------------- */

/* Runs with the k-th request failing on the calling thread, and the j-th on each of the others; 0
 * lets all succeed. Returns whether any failed. */
static bool starve(unsigned n, long k, long j)
{
	entered.n = 0;
	bide__alloc_arm(k);
	bide__alloc_hook.for_threads = j;
	int rc = bide_run_on_cores(n, begin);
	bide__alloc_disarm();
	EXPECT_INT(bide__alloc_hook.live, 0);
	EXPECT_PTR(bide_current_loop(), NULL);
	if (rc == 0)
		EXPECT_UINT(counted(&entered), n);
	else
		EXPECT_INT(counted(&entered), 0);
	EXPECT(rc == 0 || rc == -ENOMEM || rc == -EAGAIN);
	EXPECT((rc == 0) == (bide__alloc_hook.failures == 0));
	return bide__alloc_hook.failures > 0;
}

/* What the process has when it has what it keeps for good. */
static int threads_before, descriptors_before;

static void begin_clean(void)
{
	(void)starve(2, 0, 0);
	threads_before = count_entries("/proc/self/task");
	descriptors_before = count_descriptors();
}

static void expect_clean(void)
{
	EXPECT(threads_are_as(threads_before));
	EXPECT_INT(count_descriptors(), descriptors_before);
}

TEST(cores_without_memory_on_the_calling_thread_do_not_begin)
{
	begin_clean();
	for (unsigned n = 1; n <= 4; n++) {
		long k = 1;
		while (starve(n, k, 0))
			k++;
		EXPECT(k > (long)n + 3); /* the record, the loop and its task; the threads */
	}
	expect_clean();
}

TEST(cores_without_memory_on_the_other_threads_do_not_begin)
{
	begin_clean();
	for (unsigned n = 2; n <= 4; n++) {
		long j = 1;
		while (starve(n, 0, j))
			j++;
		EXPECT(j > 3);
	}
	expect_clean();
}

static BIDE_ASYNC(int, same, int);
static int same(int n)
{
	return n;
}

/* Tasks, their results, a call in a thread, a call from another loop. */
static struct inbox inboxes[MOST];

static BIDE_ASYNC(int, use_all, void);
static int use_all(void)
{
	int rc, sum = 0;
	struct inbox *mine = &inboxes[bide_core_number()];
	const unsigned next = (bide_core_number() + 1) % bide_core_count();
	*mine = (struct inbox){ .wanted = 1, .enough = BIDE_EVENT_INIT };
	count_up(&entered);
	while (counted(&entered) < (int)bide_core_count())
		if ((rc = bide_yield()) < 0)
			return rc;
	BIDE_GROUP(group, rc) {
		for (int i = 0; i < 5; i++)
			bide_group_spawn(group, same, i);
		for (bide_task *t; (t = bide_group_next(group)) != NULL;)
			sum += bide_await(int, t);
	}
	if (rc == 0)
		rc = bide_call_threadsafe(bide_core_loop(next), receive, &inboxes[next]);
	if (rc == 0)
		rc = bide_event_wait(&mine->enough);
	return rc == 0 && sum != 10 ? -ERANGE : rc;
}

/* The program is struck, too, while it runs. */
static bool starve_program(long k, long j)
{
	entered.n = 0;
	bide__alloc_arm(k);
	bide__alloc_hook.for_threads = j;
	int rc = bide_run_on_cores(3, use_all);
	bide__alloc_disarm();
	EXPECT_INT(bide__alloc_hook.live, 0);
	EXPECT(counted(&entered) == 0 || counted(&entered) == 3);
	EXPECT(rc == 0 || rc == -ENOMEM || rc == -EAGAIN);
	EXPECT(rc == 0 || bide__alloc_hook.failures > 0);
	return bide__alloc_hook.failures > 0;
}

TEST(cores_without_memory_at_any_point_leave_nothing)
{
	long k = 1, j = 1;
	TEST_TIMEOUT(100);
	begin_clean();
	while (starve_program(k, 0))
		k++;
	while (starve_program(0, j))
		j++;
	while (--k > 0 && --j > 0)
		(void)starve_program(k, j);
	expect_clean();
}

/* ---- what the system refuses -------------------------------------------------------------- */

/* No system has one as large as the test asks for. */
static void use_stacks_of(size_t size)
{
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	EXPECT_INT(pthread_attr_setstacksize(&attributes, size), 0);
	EXPECT_INT(pthread_setattr_default_np(&attributes), 0);
	pthread_attr_destroy(&attributes);
}

TEST(cores_without_threads_do_not_begin)
{
	begin_clean();
	entered.n = 0;
	use_stacks_of((size_t)1 << 52);
	EXPECT_INT(bide_run_on_cores(4, begin), -EAGAIN);
	EXPECT_INT(counted(&entered), 0);
	EXPECT_INT(bide_run_on_cores(1, begin), 0);
	EXPECT_INT(counted(&entered), 1);
	use_stacks_of((size_t)1 << 20);
	EXPECT_INT(bide_run_on_cores(4, begin), 0);
	EXPECT_INT(counted(&entered), 5);
	expect_clean();
}

TEST(cores_that_cannot_be_tied_run_all_the_same)
{
	if (!seccomp_refuse(__NR_sched_setaffinity, EPERM, ANY_ARGUMENT, 0))
		SKIP("this system has no filters for system calls");
	EXPECT_INT(bide_run_on_cores(4, begin), 0);
	EXPECT_INT(counted(&entered), 4);
}

TEST(cores_run_where_the_system_does_not_tell_of_processors)
{
	/* To those who ask in the library's way: with room for 8,192 processors. */
	if (!seccomp_refuse(__NR_sched_getaffinity, EPERM, 1, 8192 / 8))
		SKIP("this system has no filters for system calls");
	EXPECT_INT(bide_run_on_cores(4, begin), 0);
	EXPECT_INT(bide_run_on_cores(0, begin), 0);
	EXPECT_INT(counted(&entered), 4 + (int)sysconf(_SC_NPROCESSORS_ONLN));
}

/* With io_uring asked for by name each loop needs descriptors when it is opened. */
TEST(cores_without_descriptors_do_not_begin)
{
	bide_loop *loop = NULL;
	setenv("BIDE_BACKEND", "io_uring", 1);
	if (bide_loop_open(NULL, &loop) < 0)
		SKIP("io_uring is not to be had here");
	bide_loop_close(loop);
	int refused = 0;
	descriptors_before = count_descriptors();
	for (int more = 0; more < 20; more++) {
		/* Three entries are not open now: two are no descriptors, one was for looking. */
		struct rlimit limit = { (rlim_t)(descriptors_before - 3 + more), 4096 };
		CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		entered.n = 0;
		int rc = bide_run_on_cores(3, begin);
		EXPECT(rc == 0 || rc == -EMFILE);
		EXPECT_INT(counted(&entered), rc == 0 ? 3 : 0);
		refused += rc == -EMFILE;
		limit.rlim_cur = 4096;
		CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		EXPECT_INT(count_descriptors(), descriptors_before);
	}
	EXPECT(refused >= 3 && refused < 20);
}

/* ---- too many loops ----------------------------------------------------------------------- */

static gate all_open, close_now;
static counter open_loops;

static void *hold_a_loop(void *arg)
{
	bide_loop *loop = NULL;
	if (bide_loop_open(NULL, &loop) < 0)
		return arg;
	if (count_up(&open_loops) == 4094)
		gate_open(&all_open);
	gate_wait(&close_now);
	bide_loop_close(loop);
	return arg;
}

static int start_holders(pthread_t *threads, int n)
{
	pthread_attr_t small;
	int started = 0;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 256 * 1024);
	while (started < n && pthread_create(&threads[started], &small, hold_a_loop, NULL) == 0)
		started++;
	pthread_attr_destroy(&small);
	return started;
}

TEST(cores_beyond_the_most_loops_do_not_begin)
{
	enum { HOLDERS = 4094 };
	static pthread_t threads[HOLDERS];
	TEST_TIMEOUT(100);
	setenv("BIDE_BACKEND", "epoll", 1); /* without a descriptor before one is waited for */
	gate_close(&all_open);
	gate_close(&close_now);
	int started = start_holders(threads, HOLDERS);
	if (started == HOLDERS) {
		gate_wait(&all_open);
		EXPECT_INT(bide_run_on_cores(3, begin), -EMFILE);
		EXPECT_INT(counted(&entered), 0);
		EXPECT_INT(bide_run_on_cores(2, begin), 0);
	}
	for (int i = 0; i < started; i++)
		gate_open(&close_now);
	for (int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (started < HOLDERS)
		SKIP("four thousand threads are not to be had here");
}
