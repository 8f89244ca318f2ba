// SPDX-License-Identifier: MIT
/* The harness's test of itself: blocks that must fail are run by it, and must have failed, for the
 * right reason. */
#include "harness/test.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct test__result result;

static bool says(const char *text)
{
	return strstr(result.output, text) != NULL;
}

/* ---- Passing and failing -------------------------------------------------------------------- */

TEST__HIDDEN(passing, 0, "")
{
	puts("something that nobody wants to read");
	CHECK(1 + 1 == 2);
	CHECK_INT(-3, -3);
	CHECK_UINT(UINT64_MAX, UINT64_MAX);
	CHECK_DOUBLE(0.5, 0.5);
	CHECK_DOUBLE((double)NAN, -(double)NAN);
	CHECK_STR("a", "a");
	CHECK_STR(NULL, NULL);
	CHECK_PTR(&result, &result);
	CHECK_NULL(NULL);
	CHECK_MEM("ab", "abc", 2);
}

TEST(a_test_without_failed_checks_passes)
{
	test__run(&test__case_passing, 20, &result);
	CHECK_INT(result.outcome, TEST__PASSED);
}

static void returns_at_a_failed_check(void)
{
	CHECK_INT(2 + 2, 5);
	printf("reached what is behind the check\n");
}

TEST__HIDDEN(failing_in_a_callee, 0, "")
{
	returns_at_a_failed_check();
	fprintf(stderr, "back in the test\n");
}

TEST(a_failed_check_records_its_place_and_values_and_returns_from_its_function_only)
{
	test__run(&test__case_failing_in_a_callee, 20, &result);
	CHECK_INT(result.outcome, TEST__FAILED);
	CHECK_STR(result.reason, "1 failed check");
	CHECK(says("test_harness.c:"));
	CHECK(says("2 + 2 is 4, not 5"));
	CHECK(!says("reached what is behind the check"));
	CHECK(says("back in the test"));
}

TEST__HIDDEN(expecting, 0, "")
{
	if (!EXPECT(errno == ENOENT && errno == EACCES))
		printf("false\n");
	EXPECT_INT(-1, 1);
	EXPECT_UINT(255, 16);
	EXPECT_DOUBLE(0.0, -0.0);
	EXPECT_DOUBLE((double)NAN, 1.0);
	EXPECT_STR("ab", "ac");
	EXPECT_STR("ab", NULL);
	EXPECT_STR(NULL, "ab");
	EXPECT_PTR(NULL, &result);
	EXPECT_MEM("abc", "abd", 3);
	FAIL("number %d", 11);
}

TEST(expectations_that_fail_are_all_recorded)
{
	test__run(&test__case_expecting, 20, &result);
	CHECK_INT(result.outcome, TEST__FAILED);
	CHECK_STR(result.reason, "11 failed checks");
	CHECK(says("not true: errno == ENOENT && errno == EACCES"));
	CHECK(says("false\n"));
	CHECK(says("-1 is -1, not 1"));
	CHECK(says("255 is 255 (0xff), not 16 (0x10)"));
	CHECK(says("0.0 is 0, not -0"));
	CHECK(says("is nan, not 1"));
	CHECK(says("\"ab\" is \"ab\", not \"ac\""));
	CHECK(says("\"ab\" is \"ab\", not NULL"));
	CHECK(says("NULL is NULL, not \"ab\""));
	CHECK(says("\"abc\": byte 2 of 3 is 0x63, not 0x64"));
	CHECK(says("number 11"));
}

static int checked_value(bool good)
{
	CHECK_RET(good, -7);
	return 3;
}

static int checked_with_clean_up(bool good)
{
	int rc = 1;

	CHECK_OR(good, goto out);
	rc = 2;
out:
	return rc * 10;
}

TEST__HIDDEN(checking_where_something_is_returned, 0, "")
{
	printf("%d %d %d %d\n", checked_value(true), checked_value(false),
	       checked_with_clean_up(true), checked_with_clean_up(false));
}

TEST(checks_return_the_value_or_do_what_they_were_told)
{
	test__run(&test__case_checking_where_something_is_returned, 20, &result);
	CHECK_STR(result.reason, "2 failed checks");
	CHECK(says("3 -7 20 10\n"));
}

static void *fail_on_a_thread(void *arg)
{
	FAIL("on a thread");
	return arg;
}

TEST__HIDDEN(failing_on_a_thread_and_in_a_process, 0, "")
{
	pthread_t thread;
	pid_t pid;

	pthread_create(&thread, NULL, fail_on_a_thread, NULL);
	pthread_join(thread, NULL);
	pid = fork();
	if (pid == 0) {
		FAIL("in a process");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

TEST(checks_count_on_threads_and_in_forked_processes)
{
	test__run(&test__case_failing_on_a_thread_and_in_a_process, 20, &result);
	CHECK_STR(result.reason, "2 failed checks");
	CHECK(says("on a thread"));
	CHECK(says("in a process"));
}

TEST__HIDDEN(failing_with_its_output_closed, 0, "")
{
	close(1);
	close(2);
	CHECK_INT(1, 2);
}

TEST(a_failed_check_is_told_though_standard_error_is_closed)
{
	test__run(&test__case_failing_with_its_output_closed, 20, &result);
	CHECK_STR(result.reason, "1 failed check");
	CHECK(says("1 is 1, not 2"));
}

/* ---- Ends of the process -------------------------------------------------------------------- */

TEST__HIDDEN(exiting, 0, "")
{
	exit(0);
}

TEST__HIDDEN(exiting_badly, 0, "")
{
	exit(3);
}

TEST__HIDDEN(killed, 0, "")
{
	raise(SIGKILL);
}

TEST(a_test_that_ends_its_process_fails)
{
	test__run(&test__case_exiting, 20, &result);
	CHECK_INT(result.outcome, TEST__FAILED);
	CHECK_STR(result.reason, "ended its process before the test was over");
	test__run(&test__case_exiting_badly, 20, &result);
	CHECK_STR(result.reason, "exit status 3");
	test__run(&test__case_killed, 20, &result);
	CHECK_STR(result.reason, "ended by signal 9 (Killed)");
}

TEST__HIDDEN(skipping, 0, "")
{
	SKIP("no such thing here");
	FAIL("not reached");
}

TEST(a_skip_ends_the_test_and_carries_its_reason)
{
	test__run(&test__case_skipping, 20, &result);
	CHECK_INT(result.outcome, TEST__SKIPPED);
	CHECK_STR(result.reason, "no such thing here");
}

TEST__HIDDEN(failing_then_skipping, 0, "")
{
	FAIL("first");
	SKIP("then");
}

TEST(a_skip_does_not_hide_a_failed_check)
{
	test__run(&test__case_failing_then_skipping, 20, &result);
	CHECK_INT(result.outcome, TEST__FAILED);
}

/* ---- Expected deaths ------------------------------------------------------------------------ */

TEST_ABORTS(an_abort_with_the_right_words_passes, "the right words")
{
	fprintf(stderr, "these are the right words.\n");
	abort();
}

TEST_SIGNAL(a_death_by_the_right_signal_passes, SIGSEGV, "going")
{
	fprintf(stderr, "going\n");
	raise(SIGSEGV);
}

TEST__HIDDEN(aborting_with_other_words, SIGABRT, "the right words")
{
	fprintf(stderr, "other words\n");
	abort();
}

TEST__HIDDEN(surviving, SIGABRT, "the right words")
{
	fprintf(stderr, "the right words\n");
}

TEST__HIDDEN(terminated, SIGABRT, "the right words")
{
	fprintf(stderr, "the right words\n");
	raise(SIGTERM);
}

TEST(a_death_that_is_not_the_expected_one_fails)
{
	test__run(&test__case_aborting_with_other_words, 20, &result);
	CHECK_STR(result.reason, "ended as it should, but without saying \"the right words\"");
	test__run(&test__case_surviving, 20, &result);
	CHECK_STR(result.reason, "was to end by signal 6 (Aborted), and did not");
	test__run(&test__case_terminated, 20, &result);
	CHECK_STR(result.reason, "was to end by signal 6, not by 15 (Terminated)");
	CHECK_INT(result.outcome, TEST__FAILED);
}

/* ---- Time-outs ------------------------------------------------------------------------------ */

/* As the tests of a library would define it, to see that it is called. */
void test_dump(void)
{
	static const char text[] = "the dump\n";

	if (write(2, text, sizeof text - 1) < 0)
		_exit(1);
}

TEST__HIDDEN(hanging, 0, "")
{
	for (;;)
		pause();
}

TEST(a_test_that_hangs_dumps_and_fails)
{
	test__run(&test__case_hanging, 0.2, &result);
	CHECK_INT(result.outcome, TEST__FAILED);
	CHECK(strncmp(result.reason, "timed out after ", 16) == 0);
	CHECK(says("the dump\n"));
}

TEST__HIDDEN(hanging_with_its_own_time_out, 0, "")
{
	TEST_TIMEOUT(0.3);
	for (;;)
		pause();
}

TEST(a_test_may_set_its_own_time_out)
{
	test__run(&test__case_hanging_with_its_own_time_out, 1000, &result);
	CHECK(strncmp(result.reason, "timed out after ", 16) == 0);
}

TEST__HIDDEN(going_on_for_longer_than_its_time, 0, "")
{
	for (int i = 0; i < 4; i++) {
		usleep(500000);
		test_goes_on();
	}
}

TEST(a_test_that_goes_on_has_its_time_again)
{
	test__run(&test__case_going_on_for_longer_than_its_time, 1.5, &result);
	CHECK_INT(result.outcome, TEST__PASSED);
}

TEST__HIDDEN(hanging_for_good, 0, "")
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;)
		pause();
}

TEST(a_test_that_cannot_even_dump_is_killed)
{
	TEST_TIMEOUT(60);
	test__run(&test__case_hanging_for_good, 0.1, &result);
	CHECK(strncmp(result.reason, "timed out after ", 16) == 0);
	CHECK(!says("the dump\n"));
}

static int left_behind[2];

TEST__HIDDEN(leaving_a_process_behind, 0, "")
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		for (;;)
			pause();
}

TEST(what_a_test_leaves_behind_is_killed)
{
	char byte;

	CHECK_INT(pipe(left_behind), 0);
	test__run(&test__case_leaving_a_process_behind, 20, &result);
	CHECK_INT(result.outcome, TEST__PASSED);
	/* End of file comes when nobody has the other end open any more. */
	close(left_behind[1]);
	CHECK_INT(read(left_behind[0], &byte, 1), 0);
}

/* The outer test's process has a directory, too, which outlasts this one's. */
TEST__HIDDEN(leaving_files_behind, SIGABRT, "/tmp/")
{
	char line[100] = "";
	FILE *file = fopen(test_file("file", "what it says\n"), "r");

	CHECK(file != NULL && fgets(line, sizeof line, file) != NULL);
	CHECK_STR(line, "what it says\n");
	CHECK_INT(mkdir(test_path("directory"), 0755), 0);
	CHECK_INT(test_files(), 2);
	CHECK_INT(symlink("/", test_path("directory/link")), 0);
	puts(test_directory());
	fflush(stdout);
	abort();
}

TEST(a_tests_directory_is_gone_however_it_ends)
{
	const char *own = test_file("own", "");

	test__run(&test__case_leaving_files_behind, 20, &result);
	CHECK_INT(result.outcome, TEST__PASSED);
	CHECK(strncmp(result.output, "/tmp/", 5) == 0);
	CHECK(strncmp(result.output, test_directory(), strlen(test_directory())) != 0);
	*strchr(result.output, '\n') = '\0';
	CHECK_INT(access(result.output, F_OK), -1);
	CHECK_INT(access(own, F_OK), 0);
}

/* ---- The program ---------------------------------------------------------------------------- */

/* Runs the program's main in a process of its own and keeps what it prints. */
static int run_main(const char *const *argv)
{
	int argc = 0;
	FILE *file = tmpfile();
	int status;
	size_t n;
	pid_t pid;

	CHECK_RET(file != NULL, -1);
	while (argv[argc])
		argc++;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(fileno(file), 1);
		status = test__main(argc, argv);
		fflush(NULL);
		_exit(status);
	}
	CHECK_RET(waitpid(pid, &status, 0) == pid, -1);
	rewind(file);
	n = fread(result.output, 1, sizeof result.output - 1, file);
	result.output[n] = '\0';
	fclose(file);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(tests_are_listed_in_the_order_they_are_written_in)
{
	const char *argv[] = { "program", "--list", NULL };
	const char *first;
	const char *second;

	CHECK_INT(run_main(argv), 0);
	first = strstr(result.output, "a_test_without_failed_checks_passes\n");
	second = strstr(result.output, "expectations_that_fail_are_all_recorded\n");
	CHECK(first == result.output);
	CHECK(second > first);
	CHECK(!says("hanging"));
}

TEST(patterns_choose_tests_and_the_plan_counts_them)
{
	const char *argv[] = { "program", "an_abort_*", "a_skip_e*", NULL };

	setenv("BIDE_TEST_SEED", "17", 1);
	CHECK_INT(run_main(argv), 0);
	CHECK_STR(result.output, "1..2\n# seed 17\n"
	                         "ok 1 - a_skip_ends_the_test_and_carries_its_reason\n"
	                         "ok 2 - an_abort_with_the_right_words_passes\n");
}

TEST(a_pattern_that_matches_nothing_is_a_failure)
{
	const char *argv[] = { "program", "no_such_test", NULL };

	CHECK_INT(run_main(argv), 1);
	CHECK(strncmp(result.output, "1..0\n", 5) == 0);
}

TEST(an_unknown_option_is_refused)
{
	const char *argv[] = { "program", "--unknown", NULL };

	CHECK_INT(run_main(argv), 2);
	CHECK_STR(result.output, "");
}
