// SPDX-License-Identifier: MIT
/* The tests' harness. See test.h.
 *
 * A test runs in a forked process, the leader of a process group of its own, whose standard output
 * and error go to one file; a mapping shared with it carries what it has to tell. When it has ended
 * whatever else is left of its group is killed. When its time is up it gets SIGALRM, whose handler
 * dumps what there is to know and exits; should even that fail, it is killed.
 *
 * Nothing here needs /proc or a second executable, so it runs under emulators and Valgrind. It must
 * know nothing of the library but the name of its dump. */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	TIMED_OUT = 124,    /* The exit status of a test whose time is up. */
	REPORT_FD = 200,    /* Lowest number for the descriptor that checks report to. */
	GRACE_S = 3,        /* For the dump of a test whose time is up. */
	MESSAGE_MAX = 4096, /* Longest message of a check. */
};

/* What a test's process tells. */
struct report {
	atomic_uint failures;   /* Checks that failed. */
	atomic_bool skipped;    /* It skipped itself; the reason is below. */
	atomic_bool finished;   /* The block came to its end. */
	atomic_uint timeout_ms; /* Its time-out, not yet scaled. */
	_Atomic double since;   /* When that began, by CLOCK_MONOTONIC. */
	char reason[256];
	char directory[32]; /* The test's own, or "". */
};

static struct test__case *first_case;
static struct test__case **last_link = &first_case;
static struct report local_report;
static struct report *report = &local_report;
static int report_fd = 2;
static uint64_t seed;
static atomic_bool forgiving;

void bide_dump(int fd) __attribute__((weak));

__attribute__((weak)) void test_dump(void)
{
	if (bide_dump)
		bide_dump(2);
}

uint64_t test_seed(void)
{
	return seed;
}

bool test_everything(void)
{
	const char *text = getenv("BIDE_SWEEP");

	return text && strcmp(text, "all") == 0;
}

void test_forgive(bool forgives)
{
	atomic_store(&forgiving, forgives);
}

void test__register(struct test__case *test)
{
	*last_link = test;
	last_link = &test->next;
}

void test__skip(const char *reason)
{
	snprintf(report->reason, sizeof report->reason, "%s", reason);
	atomic_store(&report->skipped, true);
}

void test__timeout(double seconds)
{
	atomic_store(&report->timeout_ms, (unsigned)(seconds * 1000));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void test_goes_on(void)
{
	atomic_store(&report->since, now());
}

/* ---- Files ---------------------------------------------------------------------------------- */

static void must(bool works, const char *what)
{
	if (works)
		return;
	perror(what);
	abort();
}

const char *test_directory(void)
{
	if (report->directory[0] == '\0') {
		strcpy(report->directory, "/tmp/bide-test-XXXXXX");
		must(mkdtemp(report->directory) != NULL, "a test's directory");
	}
	return report->directory;
}

const char *test_path(const char *name)
{
	static struct kept {
		struct kept *next;
		char path[];
	} * all; /* Where leak checkers find them. */
	const char *directory = test_directory();
	struct kept *kept = malloc(sizeof *kept + strlen(directory) + strlen(name) + 2);

	must(kept != NULL, "memory for a path");
	sprintf(kept->path, "%s/%s", directory, name);
	kept->next = all;
	all = kept;
	return kept->path;
}

const char *test_bytes(const char *name, const void *data, size_t size)
{
	const char *path = test_path(name);
	FILE *file = fopen(path, "w");

	must(file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0, path);
	return path;
}

const char *test_file(const char *name, const char *text)
{
	return test_bytes(name, text, strlen(text));
}

int test_files(void)
{
	DIR *directory = opendir(test_directory());
	int n = -2; /* "." and ".." */

	must(directory != NULL, "a test's directory");
	while (readdir(directory) != NULL)
		n++;
	closedir(directory);
	return n;
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *at)
{
	(void)status;
	(void)flag;
	(void)at;
	return remove(path);
}

/* By the runner, when nothing is left of the test's process. */
static void remove_directory(char *path)
{
	if (path[0] != '\0' && nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
		fprintf(stderr, "%s is left\n", path);
	path[0] = '\0';
}

/* ---- Checks --------------------------------------------------------------------------------- */

static void write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		size -= (size_t)n;
	}
}

/* One write for each message, so that those of several threads do not mix. errno is kept, because
 * checks stand between the call that set it and the check that reads it. */
void test__fail(const char *file, int line, const char *format, ...)
{
	int saved_errno = errno;
	char message[MESSAGE_MAX];
	size_t size;
	va_list args;

	if (atomic_load(&forgiving))
		return;
	atomic_fetch_add(&report->failures, 1);
	snprintf(message, sizeof message, "%s:%d: ", file, line);
	size = strlen(message);
	va_start(args, format);
	vsnprintf(message + size, sizeof message - size - 1, format, args);
	va_end(args);
	size = strlen(message);
	message[size++] = '\n';
	write_all(report_fd, message, size);
	errno = saved_errno;
}

bool test__true(bool holds, const char *file, int line, const char *what)
{
	if (!holds)
		test__fail(file, line, "not true: %s", what);
	return holds;
}

bool test__int(intmax_t a, intmax_t b, const char *file, int line, const char *what)
{
	if (a != b)
		test__fail(file, line, "%s is %jd, not %jd", what, a, b);
	return a == b;
}

bool test__uint(uintmax_t a, uintmax_t b, const char *file, int line, const char *what)
{
	if (a != b)
		test__fail(file, line, "%s is %ju (%#jx), not %ju (%#jx)", what, a, a, b, b);
	return a == b;
}

bool test__double(double a, double b, const char *file, int line, const char *what)
{
	bool same = memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));

	if (!same)
		test__fail(file, line, "%s is %.17g, not %.17g", what, a, b);
	return same;
}

bool test__str(const char *a, const char *b, const char *file, int line, const char *what)
{
	bool same = a == b || (a && b && strcmp(a, b) == 0);
	const char *mark_a = a ? "\"" : "";
	const char *mark_b = b ? "\"" : "";

	if (!same)
		test__fail(file, line, "%s is %s%s%s, not %s%s%s", what, mark_a, a ? a : "NULL",
		           mark_a, mark_b, b ? b : "NULL", mark_b);
	return same;
}

bool test__ptr(const void *a, const void *b, const char *file, int line, const char *what)
{
	if (a != b)
		test__fail(file, line, "%s is %p, not %p", what, a, b);
	return a == b;
}

bool test__mem(const void *a, const void *b, size_t size, const char *file, int line,
               const char *what)
{
	const unsigned char *x = a;
	const unsigned char *y = b;

	for (size_t i = 0; i < size; i++) {
		if (x[i] != y[i]) {
			test__fail(file, line, "%s: byte %zu of %zu is 0x%02x, not 0x%02x", what, i,
			           size, x[i], y[i]);
			return false;
		}
	}
	return true;
}

/* ---- A test's process ----------------------------------------------------------------------- */

static void on_time_out(int signal)
{
	(void)signal;
	test_dump();
	_exit(TIMED_OUT);
}

/* On a stack of its own where the thread has one: a test may be stuck with little stack left. */
static void catch_time_out(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = on_time_out;
	action.sa_flags = SA_ONSTACK;
	sigaction(SIGALRM, &action, NULL);
}

/* What is to die must not leave a core file behind. The default action comes back even where a
 * sanitizer has put a handler of its own. */
static void expect_death(int by_signal)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	signal(by_signal, SIG_DFL);
}

static _Noreturn void run_here(const struct test__case *test, int output, const sigset_t *mask)
{
	int null = open("/dev/null", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	dup2(null, 0);
	dup2(output, 1);
	dup2(output, 2);
	report_fd = fcntl(output, F_DUPFD_CLOEXEC, REPORT_FD);
	if (report_fd < 0)
		report_fd = 2;
	close(output);
	close(null);
	sigprocmask(SIG_SETMASK, mask, NULL);
	catch_time_out();
	if (test->signal)
		expect_death(test->signal);
	test->body();
	atomic_store(&report->finished, true);
	/* Not _exit: leak checkers and coverage counters do their work in exit handlers. */
	exit(0);
}

/* ---- The runner's side ---------------------------------------------------------------------- */

/* BIDE_TEST_TIMEOUT: how much longer everything may take, for slow machines and emulators. */
static double time_scale(void)
{
	const char *text = getenv("BIDE_TEST_TIMEOUT");
	double scale = text ? atof(text) : 1;

	return scale > 0 ? scale : 1;
}

/* Waits for SIGCHLD, which is blocked, for a tenth of a second at most: the test may change its
 * time-out meanwhile. */
static void wait_a_little(void)
{
	struct timespec tenth = { 0, 100000000 };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigtimedwait(&child, NULL, &tenth);
}

/* Waits for the test's process; when its time is up makes it dump and exit, then kills it. Returns
 * the process's status and whether the time was up. */
static int wait_for(pid_t pid, bool *ret_timed_out)
{
	double scale = time_scale();
	bool asked = false;
	bool killed = false;
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		double since = atomic_load(&report->since);
		double over = now() - since - scale * atomic_load(&report->timeout_ms) / 1000;

		if (over >= 0 && !asked) {
			/* To the first thread, whose loop is the likeliest to be of interest. */
			syscall(SYS_tgkill, pid, pid, SIGALRM);
			asked = true;
		} else if (over >= GRACE_S * scale && !killed) {
			kill(pid, SIGKILL);
			killed = true;
		}
		wait_a_little();
	}
	*ret_timed_out = asked;
	return status;
}

static void read_output(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while ((n = pread(fd, text + used, size - 1 - used, (off_t)used)) > 0)
		used += (size_t)n;
	/* What comes after a NUL would be lost to the functions for strings. */
	for (size_t i = 0; i < used; i++)
		if (text[i] == '\0')
			text[i] = '?';
	text[used] = '\0';
}

static void failed(struct test__result *result, const char *format, ...) TEST__PRINTF(2);

static void failed(struct test__result *result, const char *format, ...)
{
	va_list args;

	result->outcome = TEST__FAILED;
	va_start(args, format);
	vsnprintf(result->reason, sizeof result->reason, format, args);
	va_end(args);
}

static void judge_death(const struct test__case *test, int status, struct test__result *result)
{
	if (!WIFSIGNALED(status))
		failed(result, "was to end by signal %d (%s), and did not", test->signal,
		       strsignal(test->signal));
	else if (WTERMSIG(status) != test->signal)
		failed(result, "was to end by signal %d, not by %d (%s)", test->signal,
		       WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (!strstr(result->output, test->text))
		failed(result, "ended as it should, but without saying \"%s\"", test->text);
}

static void judge(const struct test__case *test, int status, bool timed_out,
                  struct test__result *result)
{
	unsigned failures = atomic_load(&report->failures);

	if (timed_out)
		failed(result, "timed out after %g s",
		       time_scale() * atomic_load(&report->timeout_ms) / 1000);
	else if (failures > 0)
		failed(result, "%u failed check%s", failures, failures == 1 ? "" : "s");
	else if (test->signal && !atomic_load(&report->skipped))
		judge_death(test, status, result);
	else if (WIFSIGNALED(status))
		failed(result, "ended by signal %d (%s)", WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		failed(result, "exit status %d", WEXITSTATUS(status));
	else if (!atomic_load(&report->finished))
		failed(result, "ended its process before the test was over");
	else if (atomic_load(&report->skipped))
		result->outcome = TEST__SKIPPED;
}

static int run_child(const struct test__case *test, int output, bool *ret_timed_out)
{
	sigset_t child, mask;
	pid_t pid;
	int status;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &mask);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_here(test, output, &mask);
	if (pid < 0) {
		perror("fork");
		exit(1);
	}
	setpgid(pid, pid);
	status = wait_for(pid, ret_timed_out);
	kill(-pid, SIGKILL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return status;
}

void test__run(const struct test__case *test, double timeout, struct test__result *ret_result)
{
	struct report *outer = report;
	int output = memfd_create("test output", MFD_CLOEXEC);
	bool timed_out;
	int status;

	report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	              0);
	if (output < 0 || report == MAP_FAILED) {
		perror("a place for what a test tells");
		exit(1);
	}
	test__timeout(timeout);
	test_goes_on();
	status = run_child(test, output, &timed_out);
	ret_result->outcome = TEST__PASSED;
	snprintf(ret_result->reason, sizeof ret_result->reason, "%s", report->reason);
	read_output(output, ret_result->output, sizeof ret_result->output);
	judge(test, status, timed_out, ret_result);
	remove_directory(report->directory);
	munmap(report, sizeof *report);
	report = outer;
	close(output);
}

/* ---- The program ---------------------------------------------------------------------------- */

struct options {
	bool list;       /* Print the names, run nothing. */
	bool in_process; /* For debuggers: no process of its own, no time-out. */
	double timeout;  /* Seconds, for tests that do not say. */
	int pattern_count;
	const char *const *patterns; /* Tests to be run, with wildcards; none means all. */
};

static const char usage[] =
	"usage: %s [--list] [--in-process] [--timeout SECONDS] [PATTERN...]\n"
	"\n"
	"Runs the tests whose names match a pattern (all, when there is none) and reports in TAP.\n"
	"  --list        print their names instead\n"
	"  --in-process  run them in this process, for a debugger\n"
	"  --timeout     seconds a test may take (20)\n"
	"environment: BIDE_TEST_TIMEOUT, a factor for all time-outs; BIDE_TEST_SEED, a number\n";

static bool parse(int argc, const char *const *argv, struct options *ret_options)
{
	int i;

	*ret_options = (struct options){ .timeout = 20 };
	for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--list") == 0)
			ret_options->list = true;
		else if (strcmp(argv[i], "--in-process") == 0)
			ret_options->in_process = true;
		else if (strcmp(argv[i], "--timeout") == 0 && i + 1 < argc)
			ret_options->timeout = atof(argv[++i]);
		else
			return false;
	}
	ret_options->pattern_count = argc - i;
	ret_options->patterns = argv + i;
	return ret_options->timeout > 0;
}

static bool wanted(const struct test__case *test, const struct options *options)
{
	for (int i = 0; i < options->pattern_count; i++)
		if (fnmatch(options->patterns[i], test->name, 0) == 0)
			return true;
	return options->pattern_count == 0;
}

static int count_wanted(const struct options *options)
{
	int count = 0;

	for (struct test__case *test = first_case; test; test = test->next)
		count += wanted(test, options);
	return count;
}

static void print_names(const struct options *options)
{
	for (struct test__case *test = first_case; test; test = test->next)
		if (wanted(test, options))
			puts(test->name);
}

static void print_commented(const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		printf("#   %.*s\n", (int)length, text);
		text += length + (text[length] == '\n');
	}
}

static void print_result(int number, const struct test__case *test,
                         const struct test__result *result)
{
	switch (result->outcome) {
	case TEST__PASSED:
		printf("ok %d - %s\n", number, test->name);
		break;
	case TEST__SKIPPED:
		printf("ok %d - %s # SKIP %s\n", number, test->name, result->reason);
		break;
	case TEST__FAILED:
		printf("not ok %d - %s\n# %s (%s:%d): %s\n", number, test->name, test->name,
		       test->file, test->line, result->reason);
		print_commented(result->output);
		break;
	}
	fflush(stdout);
}

/* A test that is to die, dies: in this mode that is for the debugger to see. */
static void run_in_process(const struct test__case *test, struct test__result *ret_result)
{
	local_report = (struct report){ .failures = 0 };
	*ret_result = (struct test__result){ .outcome = TEST__PASSED };
	test->body();
	atomic_store(&report->finished, true);
	snprintf(ret_result->reason, sizeof ret_result->reason, "%s", report->reason);
	judge(test, 0, false, ret_result);
	remove_directory(report->directory);
}

static void choose_seed(void)
{
	const char *text = getenv("BIDE_TEST_SEED");
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	seed = text ? strtoull(text, NULL, 0)
	            : ((uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec) % 1000000000U;
}

/* A parent may have had signals ignored, as shells do for background jobs; a test of what they do
 * would find that they do nothing. */
static void restore_signals(void)
{
	static const int inherited[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGCHLD };

	for (size_t i = 0; i < sizeof inherited / sizeof inherited[0]; i++)
		signal(inherited[i], SIG_DFL);
}

int test__main(int argc, const char *const *argv)
{
	static struct test__result result;
	struct options options;
	int number = 0;
	int bad = 0;

	if (!parse(argc, argv, &options)) {
		fprintf(stderr, usage, argv[0]);
		return 2;
	}
	if (options.list) {
		print_names(&options);
		return 0;
	}
	choose_seed();
	restore_signals();
	printf("1..%d\n# seed %llu\n", count_wanted(&options), (unsigned long long)seed);
	for (struct test__case *test = first_case; test; test = test->next) {
		if (!wanted(test, &options))
			continue;
		if (options.in_process)
			run_in_process(test, &result);
		else
			test__run(test, options.timeout, &result);
		print_result(++number, test, &result);
		bad += result.outcome == TEST__FAILED;
	}
	if (number == 0)
		printf("# no test has such a name\n");
	return bad > 0 || number == 0;
}

int main(int argc, char **argv)
{
	return test__main(argc, (const char *const *)argv);
}
