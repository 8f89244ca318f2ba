// SPDX-License-Identifier: MIT
/* peers.c: see peers.h. What each is told is in the directory peers/. */
#include "http/peers.h"

#include "harness/test.h"
#include "tls/certs.h"

#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what they all have ------------------------------------------------------------------- */

const unsigned char *peer_pattern(void)
{
	static unsigned char pattern[2 * PATTERN_PERIOD];
	if (pattern[1] == 0)
		for (size_t i = 0; i < sizeof pattern; i++)
			pattern[i] = (unsigned char)(i * 7 + i / 251);
	return pattern;
}

bool peer_pattern_is(const void *data, size_t size, size_t from)
{
	const unsigned char *at = data;
	while (size > 0) {
		const size_t n = size < PATTERN_PERIOD ? size : PATTERN_PERIOD;
		if (memcmp(at, peer_pattern() + from % PATTERN_PERIOD, n) != 0)
			return false;
		at += n;
		from += n;
		size -= n;
	}
	return true;
}

void peer_add_file(size_t size)
{
	char path[100];
	snprintf(path, sizeof path, "%s/files/%zu", programs_directory(), size);
	FILE *file = fopen(path, "w");
	size_t left = size;
	for (size_t n; left > 0 && file != NULL; left -= n) {
		n = left < PATTERN_PERIOD ? left : PATTERN_PERIOD;
		if (fwrite(peer_pattern(), 1, n, file) != n)
			break;
	}
	EXPECT(file != NULL && fclose(file) == 0 && left == 0);
}

static void make_files(void)
{
	static const size_t sizes[] = { 0, 1, 1024, 65535, 65536, 65537, 1 << 20 };
	char path[100];
	snprintf(path, sizeof path, "%s/files", programs_directory());
	EXPECT_INT(mkdir(path, 0755), 0);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		peer_add_file(sizes[i]);
}

static void make_certificate(void)
{
	char hosts[100];
	snprintf(hosts, sizeof hosts, "DNS:localhost,IP:%s", programs_host());
	const struct cert *cert = cert_make(
		&(struct recipe){ .name = "server", .hosts = hosts, .issuer = cert_authority() });
	programs_write("certificate.pem", cert->pem);
	programs_write("key.pem", cert->key_pem);
	programs_define("CERTIFICATE", "%s", cert->pem);
	programs_define("KEY", "%s", cert->key_pem);
	programs_write("both.pem", programs_fill("@CERTIFICATE@@KEY@"));
}

static const char *source(const char *name)
{
	programs_define("NAME", "%s", name);
	return programs_fill(HTTP_PEERS "/@NAME@");
}

/* ---- nginx -------------------------------------------------------------------------------- */

static unsigned prepare_nginx(void)
{
	static const char module[] = "/usr/lib/nginx/modules/ngx_http_echo_module.so";
	static const char places[] =
		"location = /echo { echo_read_request_body; echo_request_body; }\n"
		"location = /slow { echo_sleep 1000; echo late; }\n"
		"location = /stall { echo -n half; echo_flush; echo_sleep 1000; echo half; }\n";
	const char *program = programs_find("nginx");
	if (program == NULL)
		return 0;
	const bool echo = access(module, R_OK) == 0;
	programs_define("PROGRAM", "%s", program);
	programs_define("USER_NGINX", "%s", geteuid() == 0 ? "user root;" : "");
	programs_define("ECHO_MODULE", "load_module %s;", module);
	programs_define("ECHO_PLACES", "%s", echo ? places : "");
	if (!echo)
		programs_define("ECHO_MODULE", "%s", "");
	programs_copy(source("nginx.conf"), "nginx.conf");
	return CAN_CLOSE | CAN_PACK | (echo ? CAN_ECHO | CAN_WAIT : 0);
}

/* ---- Apache ------------------------------------------------------------------------------- */

static void make_script(const char *name, const char *commands)
{
	programs_define("NAME", "%s", name);
	programs_define("COMMANDS", "%s", programs_fill(commands));
	const char *path = programs_write(
		programs_fill("cgi/@NAME@"),
		programs_fill("#!/bin/sh\nprintf 'Content-Type: text/plain\\n'; @COMMANDS@\n"));
	EXPECT_INT(chmod(path, 0755), 0);
}

/* Each first says what it is. What Apache sends it must be read before it writes much, and what it
 * writes at once is measured. */
static void make_scripts(void)
{
	mkdir(programs_fill("@DIR@/cgi"), 0755);
	mkdir(programs_fill("@DIR@/spool"), 0700);
	EXPECT_INT(chmod(programs_fill("@DIR@/spool"), 0777), 0);
	make_script("echo", "cat >@DIR@/spool/$$; echo; cat @DIR@/spool/$$; rm @DIR@/spool/$$");
	make_script("stream", "echo; sleep 0.1; exec cat @DIR@/files/${PATH_INFO##*/}");
	make_script("slow", "exec sleep 1000");
	make_script("stall", "printf 'Content-Length: 8\\n\\nhalf'; exec sleep 1000");
}

static bool find_apache(void)
{
	static const char modules[] = "/usr/lib/apache2/modules";
	const char *program = programs_find("apache2");
	if (program == NULL || access(modules, R_OK) < 0)
		return false;
	programs_define("PROGRAM", "%s", program);
	programs_define("APACHE_MODULES", "%s", modules);
	/* It does not serve as root. */
	programs_define("USER_APACHE", "%s", geteuid() == 0 ? "User nobody\nGroup nogroup" : "");
	return true;
}

static unsigned prepare_apache(void)
{
	if (!find_apache())
		return 0;
	make_scripts();
	programs_copy(source("apache.conf"), "apache.conf");
	return CAN_ECHO | CAN_CLOSE | CAN_PACK | CAN_BROTLI | CAN_WAIT;
}

static unsigned prepare_apache_proxy(void)
{
	if (!find_apache())
		return 0;
	programs_write("users", "user:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"); /* "password" */
	programs_copy(source("apache_proxy.conf"), "apache_proxy.conf");
	return ~0u;
}

/* ---- Node --------------------------------------------------------------------------------- */

static unsigned prepare_node(void)
{
	const char *program = programs_find("node");
	if (program == NULL)
		return 0;
	programs_define("PROGRAM", "%s", program);
	return CAN_ECHO | CAN_CLOSE | CAN_PACK | CAN_BROTLI | CAN_WAIT | CAN_CUT;
}

/* ---- Go ----------------------------------------------------------------------------------- */

/* Compiles it beside the tests, if none of them has. */
static bool compile_go(const char *compiler)
{
	char itself[500] = "";
	struct stat made, from;
	EXPECT(readlink("/proc/self/exe", itself, sizeof itself - 1) > 0);
	programs_define("GO", "%s/peer-go", dirname(itself));
	mkdir(programs_fill("@GO@"), 0755);
	const char *program = programs_fill("@GO@/peer"), *text = source("go.go");
	FILE *lock = fopen(programs_fill("@GO@/lock"), "w");
	if (!EXPECT(lock != NULL && flock(fileno(lock), LOCK_EX) == 0 && stat(text, &from) == 0))
		return false;
	bool works = stat(program, &made) == 0 && made.st_mtime >= from.st_mtime;
	if (!works) {
		setenv("GOCACHE", programs_fill("@GO@/cache"), 1);
		setenv("GOPATH", programs_fill("@GO@/path"), 1);
		setenv("GO111MODULE", "off", 1);
		works = programs_run(
			(const char *[]){ compiler, "build", "-o", program, text, NULL });
	}
	fclose(lock);
	programs_define("PROGRAM", "%s", program);
	return EXPECT(works);
}

static unsigned prepare_go(void)
{
	const char *compiler = programs_find("go");
	TEST_TIMEOUT(120);
	return compiler != NULL && compile_go(compiler)
	               ? CAN_ECHO | CAN_CLOSE | CAN_PACK | CAN_WAIT | CAN_CUT
	               : 0;
}

/* ---- aiohttp ------------------------------------------------------------------------------ */

/* The first Python may not be the one for which it is installed. */
static unsigned prepare_aiohttp(void)
{
	const char *const pythons[] = { programs_find("python3"), "/usr/bin/python3" };
	for (int i = 0; i < 2; i++) {
		if (pythons[i] == NULL || access(pythons[i], X_OK) < 0 ||
		    !programs_run((const char *[]){ pythons[i], "-c", "import aiohttp", NULL }))
			continue;
		programs_define("PROGRAM", "%s", pythons[i]);
		return CAN_ECHO | CAN_PACK | CAN_WAIT | CAN_CUT;
	}
	return 0;
}

/* ---- HAProxy ------------------------------------------------------------------------------ */

static unsigned prepare_haproxy(void)
{
	const char *program = programs_find("haproxy");
	if (program == NULL)
		return 0;
	programs_define("PROGRAM", "%s", program);
	programs_copy(source("haproxy.cfg"), "haproxy.cfg");
	return ~0u;
}

/* ---- all ---------------------------------------------------------------------------------- */

/* Those that are programs of the test's own are told alike. */
#define ITS_ARGUMENTS "@HOST@", "@PORT@", "@TLS_PORT@", "@DIR@", "@IDLE_MS@", "@LARGE_FIELD@", NULL

const struct peer_kind peer_kinds[PEER_KINDS] = {
	{ "nginx",
	  "there is no nginx here",
	  prepare_nginx,
	  { "-p", "@DIR@", "-c", "@DIR@/nginx.conf", "-e", "stderr", NULL },
	  NULL,
	  false,
	  0 },
	{ "Apache",
	  "there is no Apache here",
	  prepare_apache,
	  { "-DFOREGROUND", "-f", "@DIR@/apache.conf", NULL },
	  NULL,
	  false,
	  0 },
	{ "Node",
	  "there is no Node here",
	  prepare_node,
	  { HTTP_PEERS "/node.js", ITS_ARGUMENTS },
	  NULL,
	  false,
	  1 },
	{ "Go", "there is no Go here", prepare_go, { ITS_ARGUMENTS }, NULL, false, 0 },
	{ "aiohttp",
	  "there is no aiohttp here",
	  prepare_aiohttp,
	  { HTTP_PEERS "/aiohttp_peer.py", ITS_ARGUMENTS },
	  NULL,
	  false,
	  0 },
	{ "HAProxy",
	  "there is no HAProxy here, or nothing for it to stand before",
	  prepare_haproxy,
	  { "-db", "-f", "@DIR@/haproxy.cfg", NULL },
	  &peer_kinds[2],
	  false,
	  0 },
	{ "Apache as a proxy",
	  "there is no Apache here, or nothing behind it",
	  prepare_apache_proxy,
	  { "-DFOREGROUND", "-f", "@DIR@/apache_proxy.conf", NULL },
	  &peer_kinds[2],
	  true,
	  1 },
};

static void prepare_all(double idle)
{
	struct stat there;
	programs_define("DIR", "%s", programs_directory());
	programs_define("HOST", "%s", programs_host());
	programs_define("IDLE_MS", "%.0f", idle * 1000);
	programs_define("LARGE_FIELD", "%d", LARGE_FIELD);
	char half[LARGE_FIELD / 2 + 1] = "";
	memset(half, 'h', sizeof half - 1);
	programs_define("LARGE_HALF", "%s", half);
	if (stat(programs_fill("@DIR@/files"), &there) < 0) {
		make_files();
		make_certificate();
	}
}

/* Finds it, and where it is to listen; starts it. */
static unsigned start(struct peer *peer, const struct peer_kind *kind, struct program *program)
{
	const char *arguments[11] = { "@PROGRAM@" };
	peer->port = programs_port();
	peer->tls_port = programs_port();
	programs_define("PORT", "%d", peer->port);
	programs_define("TLS_PORT", "%d", peer->tls_port);
	const unsigned can = kind->prepare();
	memcpy(arguments + 1, kind->arguments, sizeof kind->arguments);
	return can != 0 && program_start(program, arguments, peer->port) ? can : 0;
}

bool peer_start(struct peer *peer, const struct peer_kind *kind, double idle)
{
	unsigned can = ~0u;
	memset(peer, 0, sizeof *peer);
	prepare_all(idle);
	if (kind->behind != NULL)
		can = start(peer, kind->behind, &peer->behind);
	programs_define("BACK_PORT", "%d", peer->port);
	programs_define("BACK_TLS_PORT", "%d", peer->tls_port);
	const int port = peer->port, tls_port = peer->tls_port;
	peer->can = can != 0 ? can & start(peer, kind, &peer->program) : 0;
	if (!kind->proxy || peer->can == 0)
		return peer->can != 0;
	snprintf(peer->proxy, sizeof peer->proxy, "http://user:password@%s:%d", programs_host(),
	         peer->port);
	peer->can |= CAN_REFUSE;
	peer->port = port;
	peer->tls_port = tls_port;
	return true;
}

void peer_end(struct peer *peer)
{
	program_end(&peer->program, SIGTERM);
	program_end(&peer->behind, SIGTERM);
}
