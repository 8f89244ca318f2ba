// SPDX-License-Identifier: MIT
/* Addresses and their texts. */
#include "harness/test.h"

#include <bide.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *again(const char *text)
{
	static char buf[BIDE_ADDRESS_MAX];
	bide_address address;
	int rc = bide_address_parse(text, &address);
	return rc < 0 ? bide_strerror(rc) : bide_address_format(&address, buf);
}

TEST(an_address_is_read_as_it_is_written)
{
	static const char *const texts[] = { "127.0.0.1:0",       "192.0.2.1:65535",
		                             "[::1]:80",          "[2001:db8::1]:443",
		                             "[fe80::1%lo]:7",    "unix:/run/some.sock",
		                             "unix:relative",     "unix:@abstract",
		                             "[::ffff:1.2.3.4]:1" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		CHECK_STR(again(texts[i]), texts[i]);
	CHECK_STR(again("[fe80::1%1]:7"), "[fe80::1%lo]:7");
	CHECK_STR(again("[0:0::1]:080"), "[::1]:80");
}

TEST(what_is_no_address_is_refused)
{
	char path[120];
	static const char *const texts[] = {
		"",           "127.0.0.1", "127.0.0.1:",     "1.2.3.4:-1",   "1.2.3.4:65536",
		"1.2.3.4:8x", "1.2.3:80",  "example.org:80", "::1:80",       "[::1:80",
		"[::1]80",    "[]:80",     "[:80",           "[1.2.3.4]:80", "[fe80::1%nowhere]:80",
		"unix:",      ":80",       "[fe80::1%]:80"
	};
	bide_address address = { 77, { 0 } };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		CHECK_INT(bide_address_parse(texts[i], &address), -EINVAL);
	memset(path, 'x', sizeof path);
	memcpy(path, "unix:", 5);
	path[5 + sizeof(((struct sockaddr_un *)NULL)->sun_path)] = '\0';
	CHECK_INT(bide_address_parse(path, &address), -EINVAL);
	CHECK_UINT(address.size, 77);
	path[4 + sizeof(((struct sockaddr_un *)NULL)->sun_path)] = '\0';
	CHECK_STR(again(path), path);
}

TEST(the_longest_path_that_can_be_bound_is_written)
{
	char text[BIDE_ADDRESS_MAX] = "unix:", buf[BIDE_ADDRESS_MAX];
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	bide_address address = { 0, { 0 } };
	socklen_t size = sizeof address.at.bytes;
	memset(text + 5, 'x', sizeof un.sun_path);
	memcpy(text + 5, test_path(""), strlen(test_path("")));
	memcpy(un.sun_path, text + 5, sizeof un.sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_INT(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	CHECK_INT(getsockname(fd, (struct sockaddr *)address.at.bytes, &size), 0);
	address.size = size;
	CHECK_STR(bide_address_format(&address, buf), text);
	close(fd);
}

TEST(what_has_no_text_is_a_dash)
{
	bide_address none = { 0, { 0 } }, strange = { 16, { 77 } };
	char buf[BIDE_ADDRESS_MAX];
	CHECK_STR(bide_address_format(&none, buf), "-");
	CHECK_STR(bide_address_format(&strange, buf), "-");
}
