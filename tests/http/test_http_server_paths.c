// SPDX-License-Identifier: MIT
/* No path leads out of the directory, and none to what is not to be seen. */
#include "http/server_kit.h"
#include "io/seccomp_kit.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- no way out --------------------------------------------------------------------------- */

FILES_TEST(no_path_leads_out_of_the_root)
{
	put_directory("in");
	put_directory("in/sub");
	put("secret", "secret");
	put("in/file", "file");
	enter("in");
	start();
	static const char *const paths[] = {
		"/../secret",
		"/sub/../../secret",
		"/%2e%2e/secret",
		"/.%2e/secret",
		"/sub/%2E%2E/%2e./secret",
		"/..",
		"/../",
		"/../in/file",
		"/sub/../..",
		"//../secret",
		"/./../secret",
		"/..%2fsecret",
		"/%2e%2e%2fsecret",
		"/..%5csecret",
		"/..%00/secret",
		"/file%00.txt",
		"/sub%2f..%2ffile",
		"/%2fetc%2fpasswd",
		"/%252e%252e/secret",
	};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		int status = get(paths[i]);
		if (!EXPECT(status == 400 || status == 404))
			FAIL("%s: %d", paths[i], status);
		EXPECT(strstr(answer.body, "secret") == NULL);
	}
	CHECK_INT(get("/sub/../file"), 200);
	CHECK_INT(get("/sub/%2e%2e/file"), 200);
	CHECK_INT(get("/./sub//..///file"), 200);
}

static void check_links(bool inside)
{
	put_directory("in");
	put_directory("in/sub");
	put("secret", "secret");
	put("in/file", "file");
	put("in/sub/file", "sub");
	enter("in");
	EXPECT_INT(symlink("file", path_to("to-file")), 0);
	EXPECT_INT(symlink("sub", path_to("to-sub")), 0);
	EXPECT_INT(symlink("../file", path_to("sub/up")), 0);
	EXPECT_INT(symlink("../secret", path_to("out")), 0);
	EXPECT_INT(symlink("..", path_to("out-directory")), 0);
	EXPECT_INT(symlink("/etc/passwd", path_to("absolute")), 0);
	EXPECT_INT(symlink("/proc/self/root", path_to("magic")), 0);
	EXPECT_INT(symlink("nowhere", path_to("broken")), 0);
	EXPECT_INT(symlink("loop", path_to("loop")), 0);
	start();
	CHECK_INT(get("/file"), 200);
	CHECK_INT(get("/sub/file"), 200);
	CHECK_STR(answer.body, "sub");
	CHECK_INT(get("/to-file"), inside ? 200 : 404);
	CHECK_INT(get("/to-sub/file"), inside ? 200 : 404);
	CHECK_INT(get("/sub/up"), inside ? 200 : 404);
	static const char *const paths[] = {
		"/out",      "/out-directory", "/out-directory/", "/out-directory/secret",
		"/absolute", "/magic",         "/magic/",         "/magic/etc/passwd",
		"/broken",   "/loop"
	};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		EXPECT_INT(get(paths[i]), 404);
}

/* Old kernels have it not, nor has Valgrind. */
static bool has_openat2(void)
{
	return syscall(SYS_openat2, AT_FDCWD, ".", NULL, 0) < 0 && errno != ENOSYS &&
	       errno != EPERM;
}

FILES_TEST(links_are_followed_as_far_as_they_stay_inside)
{
	check_links(has_openat2());
}

KINDS_TASKS(without_openat2, open_kit(), close_kit())
static void in_without_openat2(void)
{
	check_links(false);
	CHECK_INT(bide_server_stop(server, 1), 0);
	bide_server_close(server);
	server = NULL;
	put_directory("listed");
	put_directory("listed/deep");
	put("listed/deep/index.html", "deep");
	start();
	CHECK_INT(get("/listed/"), 200);
	CHECK(strstr(answer.body, "deep/") != NULL);
	CHECK_INT(get("/listed/deep/"), 200);
	CHECK_STR(answer.body, "deep");
	CHECK_INT(get("/listed/none/file"), 404);
	CHECK_INT(get("/listed/deep/index.html/x"), 404);
}

static void refuse_openat2(int error)
{
	if (!seccomp_refuse(SYS_openat2, error, ANY_ARGUMENT, 0))
		SKIP("this system has no filters for system calls");
	KINDS_RUN(without_openat2);
}

TEST(an_old_kernel_follows_no_links)
{
	refuse_openat2(ENOSYS);
}

TEST(a_container_follows_no_links)
{
	refuse_openat2(EPERM);
}

FILES_TEST(a_directory_that_becomes_a_link_is_not_followed)
{
	put_directory("in");
	put_directory("in/sub");
	put_directory("other");
	put("in/sub/file", "inside");
	put("other/file", "secret");
	enter("in");
	start();
	CHECK_INT(get("/sub/file"), 200);
	CHECK_INT(rename(path_to("sub"), test_path("root/in/gone")), 0);
	CHECK_INT(symlink("../other", path_to("sub")), 0);
	CHECK_INT(get("/sub/file"), 404);
}

FILES_TEST(only_files_are_opened)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CHECK_INT(mkfifo(path_to("fifo"), 0644), 0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(address.sun_path, path_to("socket"));
	CHECK_INT(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	start();
	CHECK_INT(get("/fifo"), 404);
	CHECK_INT(get("/socket"), 404);
	CHECK_INT(get("/fifo/"), 404);
	close(fd);
}

/* By somebody from whom files can be kept, as they cannot from root. */
static bool be_anybody(void)
{
	enum { NOBODY = 65534 };
	return geteuid() != 0 || seteuid(NOBODY) == 0;
}

/* The test's process is what it was at its end, when it is looked through for leaks. */
static void be_oneself(void)
{
	EXPECT_INT(seteuid(getuid()), 0);
	EXPECT_INT(prctl(PR_SET_DUMPABLE, 1), 0);
}

#define ANYBODYS_TEST(name) \
	KINDS_TASKS(name, open_kit(), close_kit()) \
	TEST(name) \
	{ \
		if (!be_anybody()) \
			SKIP("root cannot become somebody else here"); \
		KINDS_RUN(name); \
		be_oneself(); \
	} \
	static void in_##name(void)

/* What lies outside is the same to who asks as what is not there, whatever it is. */
ANYBODYS_TEST(links_to_outside_do_not_tell_what_is_there)
{
	put_directory("in");
	put_directory("closed");
	put("closed/file", "x");
	CHECK_INT(mkfifo(path_to("fifo"), 0644), 0);
	CHECK_INT(chmod(path_to("closed"), 0), 0);
	enter("in");
	EXPECT_INT(symlink("../fifo", path_to("to-fifo")), 0);
	EXPECT_INT(symlink("../closed/file", path_to("to-closed")), 0);
	EXPECT_INT(symlink("../closed/nothing", path_to("to-nothing")), 0);
	start();
	CHECK_INT(get("/to-fifo"), 404);
	CHECK_INT(get("/to-closed"), 404);
	CHECK_INT(get("/to-nothing"), 404);
	CHECK_INT(chmod(test_path("root/closed"), 0700), 0);
}

ANYBODYS_TEST(what_may_not_be_read_is_forbidden)
{
	put("file", "x");
	put_directory("closed");
	CHECK_INT(chmod(path_to("file"), 0), 0);
	CHECK_INT(chmod(path_to("closed"), 0), 0);
	start();
	CHECK_INT(get("/file"), 403);
	CHECK_INT(get("/closed/"), 403);
	CHECK_INT(chmod(path_to("closed"), 0700), 0);
}

FILES_TEST(what_begins_with_a_dot_is_hidden)
{
	put(".secret", "x");
	put_directory(".git");
	put(".git/config", "x");
	put_directory(".well-known");
	put(".well-known/security.txt", "x");
	start();
	CHECK_INT(get("/.secret"), 404);
	CHECK_INT(get("/%2esecret"), 404);
	CHECK_INT(get("/.git/config"), 404);
	CHECK_INT(get("/.git/../.secret"), 404);
	CHECK_INT(get("/.well-known/security.txt"), 200);
	CHECK_INT(get("/"), 200);
	CHECK(strstr(answer.body, "secret") == NULL);
	CHECK(strstr(answer.body, ".git") == NULL);
}

FILES_TEST(what_is_hidden_is_served_when_that_is_wanted)
{
	put(".secret", "x");
	options.hidden = true;
	start();
	CHECK_INT(get("/.secret"), 200);
	CHECK_INT(get("/"), 200);
	CHECK(strstr(answer.body, "href=\".secret\"") != NULL);
	CHECK_INT(get("/../x"), 400);
}

FILES_TEST(names_that_are_too_long_are_not_found)
{
	char path[700] = "/";
	memset(path + 1, 'x', 600);
	path[601] = '\0';
	start();
	CHECK_INT(get(path), 404);
}
