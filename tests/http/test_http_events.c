// SPDX-License-Identifier: MIT
/* When what happens to a request, and that the session's hook is told so. */
#include "base/alloc.h"
#include "http/origin.h"

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* What the hook was told: the phases by their names, and what was last. */
static struct {
	char phases[1024];
	char url[256]; /* of the last one */
	void *context;
	int error, status;
	unsigned long long id;
	double time; /* no event is before the one before */
	bool had_method;
	char method[16]; /* of the last one that had one */
} told;

static void note(void *arg, const bide_http_event *event)
{
	CHECK(arg == (void *)&told);
	const double time = event->times->at[event->phase];
	CHECK(time >= told.time);
	told.time = time;
	snprintf(told.phases + strlen(told.phases), sizeof told.phases - strlen(told.phases),
	         "%s%s", told.phases[0] != '\0' ? " " : "", bide_http_phase_name(event->phase));
	snprintf(told.url, sizeof told.url, "%s", event->url != NULL ? event->url : "none");
	told.context = event->context;
	told.error = event->error;
	told.status = event->status;
	told.id = event->id;
	told.had_method = event->method != NULL;
	if (told.had_method)
		snprintf(told.method, sizeof told.method, "%s", event->method);
	if (event->peer != NULL)
		CHECK_INT(event->peer->size, sizeof(struct sockaddr_in));
}

static void start(void)
{
	const bide_http_options options = { .hook = note, .hook_arg = &told };
	origin_start("127.0.0.1");
	open_session(&options);
	memset(&told, 0, sizeof told);
}

static void stop(void)
{
	origin_stop();
}

/* What is told of a request. */
static const char *phases_of(const char *path)
{
	memset(&told, 0, sizeof told);
	(void)got(session, &(bide_http_request){ .url = url_of(path) });
	return told.phases;
}

#define FROM_THE_BEGINNING \
	"queued turn resolving resolved connecting connected sending sent first head"

HTTP_TEST(a_request_is_told_of_phase_by_phase)
{
	CHECK_STR(phases_of("/"), "start " FROM_THE_BEGINNING " body end closed");
	CHECK_STR(phases_of("/"), "start queued turn sending sent first head body end closed");
	CHECK_INT(told.status, 200);
	CHECK_INT(told.error, 0);
	CHECK_STR(told.url, url_of("/"));
	CHECK_STR(phases_of("/pieces"),
	          "start queued turn sending sent first head body body end closed");
}

HTTP_TEST(a_request_that_fails_is_told_of_to_its_failure)
{
	CHECK_STR(phases_of("/closed"),
	          "start queued turn resolving resolved connecting connected sending sent failed");
	CHECK_INT(told.error, -BIDE_EINCOMPLETE);
	CHECK_STR(told.url, url_of("/closed"));
	CHECK(told.had_method);
	CHECK_STR(phases_of("/half"), "start " FROM_THE_BEGINNING " body failed closed");
	bide_http_response *response;
	memset(&told, 0, sizeof told);
	CHECK_INT(bide_http_get(session, "ftp://example.org/", &response), -BIDE_EHTTP_URL);
	CHECK_STR(told.phases, "start failed");
	CHECK_STR(told.url, "none");
	CHECK_INT(told.error, -BIDE_EHTTP_URL);
	memset(&told, 0, sizeof told);
	CHECK_INT(bide_http_get(session, NOBODY, &response), -ECONNREFUSED);
	CHECK_STR(told.phases, "start queued turn resolving resolved connecting failed");
}

/* What the hook is told of a request that fails before it begins. */
static void check_failed(const bide_http_request *request, int error, const char *method)
{
	bide_http_response *response;
	memset(&told, 0, sizeof told);
	EXPECT_INT(bide_http_send(session, request, &response), error);
	EXPECT_STR(told.phases, "start failed");
	EXPECT_STR(told.method, method);
	EXPECT(told.had_method);
	EXPECT_INT(told.error, error);
	EXPECT_STR(told.url, request->url[0] == 'h' ? request->url : "none");
}

HTTP_TEST(a_request_that_cannot_begin_is_told_of_by_its_method_and_url)
{
	static const char *const form[] = { "a", "b", NULL };
	const bide_http_request no_file = { .url = url_of("/"),
		                            .source = bide_http_from_file("/none/there") };
	const bide_http_request two = { .url = url_of("/"), .form = form, .json = "" };
	const bide_http_request late = { .method = "PUT", .url = url_of("/"), .timeout = -1 };
	const bide_http_request nowhere = { .url = "ftp://example.org/", .json = "{}" };
	check_failed(&no_file, -ENOENT, "POST");
	check_failed(&two, -EINVAL, "POST");
	check_failed(&late, -EINVAL, "PUT");
	check_failed(&nowhere, -BIDE_EHTTP_URL, "POST");
}

HTTP_TEST(a_redirect_is_told_of_and_what_comes_then)
{
	CHECK_STR(phases_of("/to?/echo"), "start " FROM_THE_BEGINNING " body end redirect "
	                                  "queued turn sending sent first head body end closed");
	CHECK_STR(told.url, url_of("/echo"));
}

HTTP_TEST(a_request_that_is_made_again_is_told_of)
{
	CHECK_STR(got(session, &(bide_http_request){ .url = url_of("/last") }), "200 last");
	const char *phases = phases_of("/");
	CHECK(strncmp(phases, "start queued turn sending sent ", 31) == 0);
	CHECK(strstr(phases, " retry " FROM_THE_BEGINNING " body end closed") != NULL);
}

HTTP_TEST(a_request_that_was_not_risked_is_told_of)
{
	CHECK_STR(got(session, &(bide_http_request){ .url = url_of("/once") }), "200 once");
	origin_wait_closed();
	memset(&told, 0, sizeof told);
	const bide_http_request post = { .url = url_of("/"), .body = "x", .body_size = 1 };
	CHECK_STR(got(session, &post), "200 hello");
	CHECK_STR(told.phases, "start " FROM_THE_BEGINNING " body end closed");
}

HTTP_TEST(a_body_that_is_too_large_is_told_of)
{
	const bide_http_options small = { .hook = note, .hook_arg = &told, .body_limit = 2 };
	open_session(&small);
	CHECK_STR(phases_of("/"), "start " FROM_THE_BEGINNING " body failed end closed");
}

HTTP_TEST(a_redirect_whose_body_is_cut_has_not_failed)
{
	CHECK_STR(phases_of("/cut-to?/"), "start " FROM_THE_BEGINNING
	                                  " body redirect " FROM_THE_BEGINNING " body end closed");
}

HTTP_TEST(an_event_names_its_request)
{
	int mine;
	const bide_http_request request = { .url = "http://u:secret@127.0.0.1:1/#x",
		                            .context = &mine };
	bide_http_response *response;
	CHECK_INT(bide_http_send(session, &request, &response), -ECONNREFUSED);
	CHECK_PTR(told.context, &mine);
	CHECK_STR(told.url, NOBODY);
	CHECK_UINT(told.id, 1);
	CHECK_INT(bide_http_send(session, &request, &response), -ECONNREFUSED);
	CHECK_UINT(told.id, 2);
}

HTTP_TEST(a_response_knows_its_times)
{
	bide_http_response *response;
	char text[BIDE_ADDRESS_MAX], expected[64];
	void *body;
	const double before = bide_time();
	CHECK_INT(bide_http_get(session, url_of("/pieces"), &response), 0);
	const bide_http_times *times = bide_http_times_of(response);
	CHECK(times->at[BIDE_HTTP_START] > before);
	for (int i = BIDE_HTTP_RESOLVING; i <= BIDE_HTTP_HEAD; i++)
		CHECK(times->at[i] >= times->at[i - 1] || isnan(times->at[i]) ||
		      isnan(times->at[i - 1]));
	CHECK(!isnan(times->at[BIDE_HTTP_CONNECTED]));
	CHECK(!isnan(times->at[BIDE_HTTP_SENT]));
	CHECK(isnan(times->at[BIDE_HTTP_SECURED]));
	CHECK(isnan(times->at[BIDE_HTTP_END]));
	CHECK(times->at[BIDE_HTTP_HEAD] > before);
	CHECK_INT(times->attempts, 1);
	CHECK(!times->reused);
	CHECK_INT(bide_http_bytes(response, &body), 5);
	CHECK(times->at[BIDE_HTTP_END] >= times->at[BIDE_HTTP_FIRST]);
	CHECK(times->at[BIDE_HTTP_END] >= before + 0.002);
	CHECK_UINT(times->received, 5);
	snprintf(expected, sizeof expected, "127.0.0.1:%s", port);
	CHECK_STR(bide_address_format(bide_http_peer_address(response), text), expected);
	bide_http_response_close(response);
	CHECK_INT(bide_http_get(session, url_of("/to?/"), &response), 0);
	CHECK_INT(bide_http_times_of(response)->attempts, 2);
	CHECK(bide_http_times_of(response)->reused);
	CHECK(isnan(bide_http_times_of(response)->at[BIDE_HTTP_CONNECTED]));
	bide_http_response_close(response);
}

/* In a turn of the loop that computes meanwhile. */
HTTP_TEST(times_are_the_very_ones_only_if_somebody_is_told)
{
	const bide_http_options untold = { .limit = 1 };
	bide_http_response *response;
	CHECK(bide_time() > bide_now());
	CHECK_INT(bide_http_get(session, url_of("/"), &response), 0);
	CHECK(bide_http_times_of(response)->at[BIDE_HTTP_HEAD] > bide_now());
	bide_http_response_close(response);
	open_session(&untold);
	const double turn = bide_now();
	CHECK_INT(bide_http_get(session, url_of("/"), &response), 0);
	CHECK_DOUBLE(bide_http_times_of(response)->at[BIDE_HTTP_START], turn);
	CHECK_DOUBLE(bide_http_times_of(response)->at[BIDE_HTTP_HEAD], bide_now());
	bide_http_response_close(response);
}

TEST(phases_have_names)
{
	CHECK_STR(bide_http_phase_name(BIDE_HTTP_START), "start");
	CHECK_STR(bide_http_phase_name(BIDE_HTTP_CLOSED), "closed");
	CHECK_STR(bide_http_phase_name(BIDE_HTTP_N_PHASES), "unknown");
}

static void sleep_in_it(void *arg, const bide_http_event *event)
{
	(void)arg;
	(void)event;
	bide_sleep(0);
}

static BIDE_ASYNC(void, suspend_in_hook, void);
static void suspend_in_hook(void)
{
	const bide_http_options options = { .hook = sleep_in_it };
	bide_http_response *response;
	EXPECT_INT(bide_http_session_open(&options, &session), 0);
	EXPECT(bide_http_get(session, NOBODY, &response) < 0);
}

TEST_ABORTS(a_hook_must_not_suspend, "bide_sleep")
{
	bide_run(suspend_in_hook);
}

/* Whatever fails, the last event is the failure, or the response's end. */
HTTP_TEST(each_allocation_may_fail)
{
	unsigned long failures = 1;
	if (light_tasks_have_stacks())
		SKIP(OWN_STACKS);
	for (long k = 1; failures > 0; k++) {
		bide_http_response *response = NULL;
		memset(&told, 0, sizeof told);
		bide__alloc_arm(k);
		int rc = bide_http_get(session, url_of("/to?/pieces"), &response);
		failures = bide__alloc_hook.failures;
		bide__alloc_disarm();
		bide_http_response_close(response);
		CHECK(failures > 0 || rc == 0);
		CHECK(strcmp(strrchr(told.phases, ' '), rc < 0 ? " failed" : " closed") == 0);
		CHECK_INT(told.error, rc);
	}
}
