// SPDX-License-Identifier: MIT
/* The descriptor by which tools look into a process from outside: here another process reads what
 * there is to know of loops and tasks, through memory and bide_inspect alone. */
#include "harness/test.h"

#include <bide.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the tool ----------------------------------------------------------------------------- */

enum { SEEN_MAX = 64, TEXT_MAX = 64 };

struct seen_task {
	uint64_t at;         /* its record */
	char name[TEXT_MAX]; /* "" when it has none of its own */
	char function[TEXT_MAX];
	char wait[TEXT_MAX]; /* the call, "" when it does not wait */
	unsigned state;
	unsigned slot;
	uint64_t owner; /* record of the task whose group it is in, or 0 */
	int32_t thread; /* of its loop */
	bool current;   /* its loop runs it */
};

static struct {
	pid_t pid;
	struct bide_inspect layout;
	struct seen_task tasks[SEEN_MAX];
	int ntasks;
	int nloops;
} seen;

static bool not_permitted;

static void fetch(uint64_t at, void *to, size_t size)
{
	struct iovec local = { to, size };
	struct iovec remote = { (void *)(uintptr_t)at, size };

	memset(to, 0, size);
	if (process_vm_readv(seen.pid, &local, 1, &remote, 1, 0) == (ssize_t)size)
		return;
	if (errno == EPERM || errno == ENOSYS)
		not_permitted = true;
	else
		FAIL("cannot read %zu bytes at %#llx: %s", size, (unsigned long long)at,
		     strerror(errno));
}

static uint64_t fetch_word(uint64_t at)
{
	uint64_t word;

	fetch(at, &word, sizeof word);
	return word;
}

static uint32_t fetch_u32(uint64_t at)
{
	uint32_t number;

	fetch(at, &number, sizeof number);
	return number;
}

/* Character by character, as what follows it may not be readable. */
static void fetch_text(uint64_t at, char *text)
{
	memset(text, 0, TEXT_MAX);
	for (int i = 0; i < TEXT_MAX - 1; i++) {
		fetch(at + (unsigned)i, &text[i], 1);
		if (text[i] == '\0')
			return;
	}
}

static void see_task(uint64_t at, int32_t thread, uint64_t current)
{
	const struct bide_inspect *layout = &seen.layout;
	struct seen_task *task = &seen.tasks[seen.ntasks];
	uint8_t state;
	uint64_t extra, name, group;

	fetch(at + layout->task_state, &state, sizeof state);
	if (state == 0 || seen.ntasks == SEEN_MAX)
		return;
	*task = (struct seen_task){ .at = at, .state = state - 1u, .thread = thread };
	task->slot = fetch_u32(at + layout->task_slot);
	task->current = at == current;
	fetch_text(fetch_word(fetch_word(at + layout->task_function)), task->function);
	extra = fetch_word(at + layout->task_extra);
	name = extra != 0 ? fetch_word(extra + layout->extra_name) : 0;
	if (name != 0)
		fetch_text(name, task->name);
	if (task->state == BIDE_STATE_WAITING)
		fetch_text(fetch_word(fetch_word(at + layout->task_wait)), task->wait);
	group = fetch_word(at + layout->task_group);
	if (group != 0)
		task->owner = fetch_word(group + layout->group_owner);
	seen.ntasks++;
}

static void see_loop(uint64_t loop)
{
	const struct bide_inspect *layout = &seen.layout;
	uint64_t chunks = fetch_word(loop + layout->loop_chunks);
	uint64_t current = fetch_word(loop + layout->loop_current);
	int32_t thread = (int32_t)fetch_u32(loop + layout->loop_thread);
	uint32_t nchunks = fetch_u32(loop + layout->loop_nchunks);

	seen.nloops++;
	for (uint32_t i = 0; i < nchunks && !not_permitted; i++) {
		uint64_t chunk = fetch_word(chunks + i * sizeof(uint64_t));
		if (chunk == 0)
			continue;
		uint64_t records = fetch_word(chunk + layout->chunk_memory);
		uint32_t end = layout->chunk_count - fetch_u32(chunk + layout->chunk_fresh);
		for (uint32_t j = layout->chunk_first; j < end; j++)
			see_task(records + (uint64_t)j * layout->task_size, thread, current);
	}
}

/* A fork has everything where its parent has it. */
static void see_process(pid_t pid)
{
	memset(&seen, 0, sizeof seen);
	seen.pid = pid;
	fetch(fetch_word((uintptr_t)&bide_inspect), &seen.layout, sizeof seen.layout);
	for (uint64_t loop = (uintptr_t)seen.layout.loops; loop != 0 && !not_permitted;
	     loop = fetch_word(loop + seen.layout.loop_next))
		see_loop(loop);
}

static const struct seen_task *find(const char *name)
{
	static const struct seen_task none;

	for (int i = 0; i < seen.ntasks; i++) {
		const struct seen_task *task = &seen.tasks[i];
		if (strcmp(task->name[0] != '\0' ? task->name : task->function, name) == 0)
			return task;
	}
	FAIL("there is no task '%s' among %d", name, seen.ntasks);
	return &none;
}

/* ---- the program that is looked at -------------------------------------------------------- */

static int ready[2];  /* what is to be seen is there */
static int finish[2]; /* it has been seen */

static void stand_still(void)
{
	char byte = 0;

	EXPECT_INT(write(ready[1], &byte, 1), 1);
	EXPECT_INT(read(finish[0], &byte, 1), 1);
}

BIDE_ASYNC(int, sleeper, double);
int sleeper(double seconds)
{
	return bide_sleep(seconds);
}

BIDE_ASYNC_LIGHT(int, waiter, int);
int waiter(int fd)
{
	return bide_wait_fd(fd, BIDE_READABLE);
}

BIDE_ASYNC(int, awaiter, bide_task *);
int awaiter(bide_task *task)
{
	return bide_await(int, task);
}

BIDE_ASYNC_LIGHT(int, yielder, int);
int yielder(int i)
{
	for (;;) {
		int rc = bide_yield();
		if (rc < 0)
			return rc + 0 * i;
	}
}

BIDE_ASYNC(int, owner, int);
int owner(int n)
{
	const bide_group_options limit = { .limit = 2 };
	const int fd = eventfd(0, 0);
	int rc;

	BIDE_GROUP_WITH(&limit, group, rc) {
		for (int i = 0; i < n; i++)
			bide_group_spawn(group, waiter, fd);
	}
	return rc;
}

static bide_task *spawn_named(const char *name, double seconds)
{
	const bide_task_options options = { .name = name };

	return bide_spawn_with(&options, sleeper, seconds);
}

BIDE_ASYNC(int, program, int);
int program(int fd)
{
	bide_task *rip = spawn_named("Rip van Winkle", 1e9);
	bide_task *tasks[] = { bide_spawn(awaiter, rip), bide_spawn(waiter, fd),
		               bide_spawn(yielder, 0), spawn_named("done soon", 0) };
	int rc;

	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, sleeper, 1e9);
		for (int i = 0; i < 5; i++)
			bide_yield();
		stand_still();
		bide_group_cancel(group);
	}
	bide_cancel(rip);
	for (int i = 0; i < 4; i++)
		bide_cancel(tasks[i]);
	for (int i = 0; i < 4; i++)
		bide_join(tasks[i]);
	return rc;
}

static void run_program(void)
{
	bide_set_report(NULL, NULL);
	bide_run(program, eventfd(0, 0));
}

/* Lets a process run the body and looks at it when it stands still. */
static bool look_at(void (*body)(void))
{
	char byte = 0;
	int status = -1;
	pid_t pid;

	CHECK_RET(pipe(ready) == 0 && pipe(finish) == 0, false);
	pid = fork();
	CHECK_RET(pid >= 0, false);
	if (pid == 0) {
		body();
		_exit(0);
	}
	EXPECT_INT(read(ready[0], &byte, 1), 1);
	see_process(pid);
	EXPECT_INT(write(finish[1], &byte, 1), 1);
	EXPECT_INT(waitpid(pid, &status, 0), pid);
	EXPECT_INT(status, 0);
	return !not_permitted;
}

#define NOT_PERMITTED "this system lets no process read another's memory"

/* ---- tests -------------------------------------------------------------------------------- */

TEST(inspect_says_what_it_is)
{
	EXPECT_MEM(bide_inspect->magic, "bide\0\0\0\x08", 8);
	EXPECT_UINT(bide_inspect->version, 1);
	EXPECT_UINT(bide_inspect->size, sizeof(struct bide_inspect));
	EXPECT_PTR(bide_inspect->loops, NULL);
}

TEST(inspect_shows_tasks_from_outside)
{
	if (!look_at(run_program))
		SKIP(NOT_PERMITTED);
	EXPECT_INT(seen.nloops, 1);
	EXPECT_INT(seen.ntasks, 7);
	EXPECT_STR(find("program")->function, "program");
	EXPECT_STR(find("program")->name, "");
	EXPECT_STR(find("Rip van Winkle")->function, "sleeper");
	EXPECT_UINT(find("program")->state, BIDE_STATE_RUNNING);
	EXPECT(find("program")->current);
	EXPECT_UINT(find("yielder")->state, BIDE_STATE_READY);
	EXPECT_UINT(find("done soon")->state, BIDE_STATE_DONE);
	EXPECT(!find("yielder")->current);
}

TEST(inspect_shows_what_tasks_wait_in)
{
	if (!look_at(run_program))
		SKIP(NOT_PERMITTED);
	EXPECT_UINT(find("waiter")->state, BIDE_STATE_WAITING);
	EXPECT_STR(find("waiter")->wait, "bide_wait_fd");
	EXPECT_STR(find("Rip van Winkle")->wait, "bide_sleep");
	EXPECT_STR(find("awaiter")->wait, "bide_await");
	EXPECT_STR(find("yielder")->wait, "");
}

TEST(inspect_shows_whose_group_a_task_is_in)
{
	if (!look_at(run_program))
		SKIP(NOT_PERMITTED);
	EXPECT_UINT(find("sleeper")->owner, find("program")->at);
	EXPECT_UINT(find("waiter")->owner, 0);
	EXPECT_UINT(find("Rip van Winkle")->owner, 0);
}

/* Slots are the numbers that messages name tasks by. */
TEST(inspect_shows_each_task_by_a_number_of_its_own)
{
	if (!look_at(run_program))
		SKIP(NOT_PERMITTED);
	for (int i = 0; i < seen.ntasks; i++)
		for (int j = 0; j < i; j++)
			EXPECT(seen.tasks[i].slot != seen.tasks[j].slot);
}

/* ---- held, and many ----------------------------------------------------------------------- */

BIDE_ASYNC(int, program_with_limit, int);
int program_with_limit(int n)
{
	bide_task *t = bide_spawn(owner, n);

	for (int i = 0; i < 5; i++)
		bide_yield();
	stand_still();
	bide_cancel(t);
	return bide_join(t);
}

static void run_program_with_limit(void)
{
	bide_run(program_with_limit, 5);
}

TEST(inspect_shows_tasks_that_wait_for_their_turn_in_a_group)
{
	int waiting = 0, held = 0;

	if (!look_at(run_program_with_limit))
		SKIP(NOT_PERMITTED);
	EXPECT_INT(seen.ntasks, 7);
	EXPECT_STR(find("owner")->wait, "bide_group_close");
	for (int i = 0; i < seen.ntasks; i++) {
		const struct seen_task *task = &seen.tasks[i];
		if (strcmp(task->function, "waiter") != 0)
			continue;
		EXPECT_UINT(task->owner, find("owner")->at);
		waiting += task->state == BIDE_STATE_WAITING;
		held += task->state == BIDE_STATE_READY;
	}
	EXPECT_INT(waiting, 2);
	EXPECT_INT(held, 3);
}

/* ---- several loops ------------------------------------------------------------------------ */

static atomic_bool there;

BIDE_ASYNC(int, elsewhere, int);
int elsewhere(int fd)
{
	atomic_store(&there, true);
	return bide_wait_fd(fd, BIDE_READABLE);
}

static void *run_on_thread(void *arg)
{
	bide_run(elsewhere, *(int *)arg);
	return arg;
}

static void run_two_loops(void)
{
	const uint64_t one = 1;
	int ends = eventfd(0, 0);
	pthread_t thread;

	pthread_create(&thread, NULL, run_on_thread, &ends);
	while (!atomic_load(&there))
		sched_yield();
	bide_run(program, eventfd(0, 0));
	EXPECT_INT(write(ends, &one, sizeof one), sizeof one);
	pthread_join(thread, NULL);
}

TEST(inspect_shows_every_loop_and_its_thread)
{
	if (!look_at(run_two_loops))
		SKIP(NOT_PERMITTED);
	EXPECT_INT(seen.nloops, 2);
	EXPECT_INT(find("program")->thread, seen.pid);
	EXPECT(find("elsewhere")->thread > 0);
	EXPECT(find("elsewhere")->thread != seen.pid);
}
