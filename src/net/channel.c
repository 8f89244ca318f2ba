// SPDX-License-Identifier: MIT
/* channel.c: see resolver.h. Source: the manual pages of c-ares, 1.17 and newer.
 *
 * Of servers that all fail or refuse c-ares only says that none could be reached. So such a
 * question is asked once more, on a channel that passes on whatever it is answered. */
#include "net/resolver.h"

#include "net/errors.h"
#include "net/host_name.h"

#include "core/beside.h"

#include <bide/io.h>

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 16, CLASS_IN = 1, DOMAINS_MAX = 16 };

/* ---- sockets ------------------------------------------------------------------------------ */

/* Has whoever attends, or is the next to, end all questions with an error. */
static void fail_all(bide_resolver *resolver, int error)
{
	resolver->failure = error;
	if (resolver->lead_scope != NULL)
		bide_scope_cancel(resolver->lead_scope);
}

static void add_socket(bide_resolver *resolver, int fd, struct epoll_event *event)
{
	if (epoll_ctl(resolver->epoll, EPOLL_CTL_ADD, fd, event) < 0) {
		fail_all(resolver, -errno);
		return;
	}
	resolver->nsockets++;
	resolver->socket = fd;
}

static void remove_socket(bide_resolver *resolver, int fd)
{
	if (epoll_ctl(resolver->epoll, EPOLL_CTL_DEL, fd, NULL) == 0)
		resolver->nsockets--;
	if (resolver->socket == fd)
		resolver->socket = -1;
}

/* c-ares says what it waits for on a socket: for nothing before it closes that. */
static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	bide_resolver *resolver = arg;
	struct epoll_event event = { .data.fd = fd };
	event.events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0);
	if (event.events == 0)
		remove_socket(resolver, fd);
	else if (epoll_ctl(resolver->epoll, EPOLL_CTL_MOD, fd, &event) < 0)
		add_socket(resolver, fd, &event);
}

/* ---- opening ------------------------------------------------------------------------------ */

/* c-ares counts how often it is made ready, without a lock. */
static pthread_once_t library = PTHREAD_ONCE_INIT;

static void library_init(void)
{
	(void)ares_library_init(ARES_LIB_INIT_ALL);
}

/* Cuts a list into its words. Returns their number. */
static int split(char *list, char **ret_words)
{
	int n = 0;
	char *rest = NULL;
	for (char *word = strtok_r(list, " ,", &rest); word != NULL && n < DOMAINS_MAX;
	     word = strtok_r(NULL, " ,", &rest))
		ret_words[n++] = word;
	return n;
}

/* Makes c-ares' options of ours. Returns which of them are set. */
static int choose(const bide_resolver_options *options, int kind, struct ares_options *chosen)
{
	const double ms = options->timeout * 1e3;
	int mask = ARES_OPT_FLAGS | ARES_OPT_SOCK_STATE_CB;
	chosen->flags = kind == BIDE__PLAINLY ? ARES_FLAG_NOCHECKRESP : 0;
	chosen->sock_state_cb = on_socket;
	if (ms > 0) {
		chosen->timeout = ms < 1 ? 1 : ms < INT_MAX ? (int)ms : INT_MAX;
		mask |= ARES_OPT_TIMEOUTMS;
	}
	if (options->tries > 0 || kind == BIDE__PLAINLY) {
		chosen->tries = kind == BIDE__PLAINLY ? 1 : options->tries;
		mask |= ARES_OPT_TRIES;
	}
	if (options->ndots > 0) {
		chosen->ndots = options->ndots;
		mask |= ARES_OPT_NDOTS;
	}
	if (options->config != NULL) {
		chosen->resolvconf_path = (char *)options->config;
		mask |= ARES_OPT_RESOLVCONF;
	}
	return mask | (options->rotate ? ARES_OPT_ROTATE : 0);
}

static int open_channel(bide_resolver *resolver, int kind, ares_channel *ret_channel)
{
	const bide_resolver_options *options = &resolver->options;
	struct ares_options chosen = { .sock_state_cb_data = resolver };
	char *words[DOMAINS_MAX], *list = NULL;
	int mask = choose(options, kind, &chosen);
	if (options->domains != NULL) {
		list = bide__copy_string(options->domains);
		if (list == NULL)
			return -ENOMEM;
		chosen.domains = words;
		chosen.ndomains = split(list, words);
		mask |= ARES_OPT_DOMAINS;
	}
	int rc = bide__net_error(ares_init_options(ret_channel, &chosen, mask));
	bide__free(list);
	if (rc < 0)
		return rc;
	bide__datagrams_serve(resolver->datagrams, *ret_channel);
	if (options->servers == NULL)
		return 0;
	rc = bide__net_error(ares_set_servers_ports_csv(*ret_channel, options->servers));
	if (rc < 0)
		ares_destroy(*ret_channel);
	return rc;
}

int bide__channel_of_kind(bide_resolver *resolver, int kind)
{
	ares_channel channel;
	int mask = 0;
	if (resolver->channels[kind] != NULL)
		return 0;
	if (resolver->datagrams == NULL)
		resolver->datagrams = bide__datagrams_new();
	if (resolver->datagrams == NULL)
		return -ENOMEM;
	pthread_once(&library, library_init);
	int rc = open_channel(resolver, kind, &channel);
	if (rc == 0 && kind == BIDE__ORDINARY) {
		rc = bide__net_error(ares_save_options(channel, &resolver->config, &mask));
		if (rc < 0) {
			ares_destroy_options(&resolver->config);
			ares_destroy(channel);
		}
	}
	if (rc == 0)
		resolver->channels[kind] = channel;
	return rc;
}

/* The configuration is read again by opening all anew. Other calls may look at what it was. */
static void renew_configuration(bide_resolver *resolver)
{
	const bool changed = resolver->options.servers == NULL && resolver->calls == 1 &&
	                     bide__file_changed(&resolver->resolv_conf, bide_now());
	if (changed)
		bide__channels_close(resolver);
}

int bide__channel_prepare(bide_resolver *resolver)
{
	renew_configuration(resolver);
	if (resolver->epoll < 0)
		resolver->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (resolver->epoll < 0)
		return -errno;
	return bide__channel_of_kind(resolver, BIDE__ORDINARY);
}

void bide__channels_close(bide_resolver *resolver)
{
	if (resolver->channels[BIDE__ORDINARY] != NULL)
		ares_destroy_options(&resolver->config);
	for (int kind = 0; kind < BIDE__CHANNELS; kind++)
		if (resolver->channels[kind] != NULL)
			ares_destroy(resolver->channels[kind]);
	memset(resolver->channels, 0, sizeof(resolver->channels));
	bide__datagrams_free(resolver->datagrams);
	resolver->datagrams = NULL;
	if (resolver->epoll >= 0)
		(void)close(resolver->epoll);
	resolver->epoll = -1;
}

/* ---- asking ------------------------------------------------------------------------------- */

static void send_question(struct bide__question *question, int kind);

/* 0: the answer is to be waited for, or has come; or an error. */
static int ask_plainly(struct bide__question *question)
{
	int rc = bide__channel_of_kind(question->resolver, BIDE__PLAINLY);
	if (rc < 0)
		return rc;
	question->plainly = true;
	send_question(question, BIDE__PLAINLY);
	return 0;
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *reply, int size)
{
	struct bide__question *question = arg;
	bide_resolver *resolver = question->resolver;
	struct bide__answer answer = { 0 };
	const bool stopped = status == ARES_ECANCELLED || status == ARES_EDESTRUCTION;
	(void)timeouts;
	if (stopped && resolver->forgetting)
		return;
	answer.error = stopped ? resolver->stop_error : bide__net_error(status);
	if (status == ARES_ECONNREFUSED && !question->plainly) {
		answer.error = ask_plainly(question);
		if (answer.error == 0)
			return;
	}
	/* So it is for the others: of two sent through one socket one may not be told. */
	if (answer.error == -BIDE_ENOSERVER && status == ARES_ECONNREFUSED)
		fail_all(resolver, answer.error);
	if (reply != NULL && size > 0 && status != ARES_ENOMEM)
		bide__answer_read(reply, (size_t)size, question->type, &answer);
	bide__question_end(question, &answer);
}

static void send_question(struct bide__question *question, int kind)
{
	ares_query(question->resolver->channels[kind], question->name, CLASS_IN,
	           (int)question->type, on_answer, question);
}

void bide__channel_ask(struct bide__question *question)
{
	question->plainly = false;
	send_question(question, BIDE__ORDINARY);
}

void bide__channel_flush(bide_resolver *resolver)
{
	if (resolver->lead_scope == NULL)
		return;
	bide__datagrams_send(resolver->datagrams);
	if (bide__datagrams_due(resolver->datagrams) != ARES_SOCKET_BAD)
		bide_scope_cancel(resolver->lead_scope);
}

void bide__channel_stop(bide_resolver *resolver, int error)
{
	resolver->stop_error = error;
	for (int kind = 0; kind < BIDE__CHANNELS; kind++)
		if (resolver->channels[kind] != NULL)
			ares_cancel(resolver->channels[kind]);
}

/* ---- attending ---------------------------------------------------------------------------- */

/* Seconds until c-ares wants to be called; INFINITY: it does not. It counts in milliseconds, and
 * what is less than one it calls none. */
static double patience(const bide_resolver *resolver)
{
	const double least = 1e-3;
	double patience = INFINITY;
	for (int kind = 0; kind < BIDE__CHANNELS; kind++) {
		struct timeval buffer;
		const struct timeval *until = NULL;
		if (resolver->channels[kind] != NULL)
			until = ares_timeout(resolver->channels[kind], NULL, &buffer);
		if (until == NULL)
			continue;
		const double seconds = (double)until->tv_sec + (double)until->tv_usec / 1e6;
		if (seconds < patience)
			patience = seconds;
	}
	return patience < least ? least : patience;
}

static void process(const bide_resolver *resolver, ares_socket_t readable, ares_socket_t writable)
{
	for (int kind = 0; kind < BIDE__CHANNELS; kind++)
		if (resolver->channels[kind] != NULL)
			ares_process_fd(resolver->channels[kind], readable, writable);
}

/* Has c-ares look at the sockets that are ready, and at the time. */
static void process_ready(const bide_resolver *resolver)
{
	struct epoll_event events[EVENTS];
	/* With one only, nothing has to be asked. */
	if (resolver->nsockets == 1 && resolver->socket >= 0) {
		process(resolver, resolver->socket, resolver->socket);
		return;
	}
	/* It does not wait; what interrupts it leaves the set as it is. */
	const int n = epoll_wait(resolver->epoll, events, EVENTS, 0);
	if (n <= 0)
		process(resolver, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	for (int i = 0; i < n; i++) {
		const int fd = events[i].data.fd;
		const bool failed = (events[i].events & (EPOLLERR | EPOLLHUP)) != 0;
		process(resolver, failed || (events[i].events & EPOLLIN) ? fd : ARES_SOCKET_BAD,
		        failed || (events[i].events & EPOLLOUT) ? fd : ARES_SOCKET_BAD);
	}
}

/* Has c-ares read what it need not wait for. Returns whether there was something. */
static bool process_due(const bide_resolver *resolver)
{
	bool any = false;
	for (ares_socket_t fd; (fd = bide__datagrams_due(resolver->datagrams)) != ARES_SOCKET_BAD;
	     any = true)
		process(resolver, fd, ARES_SOCKET_BAD);
	return any;
}

static int wait_and_process(bide_resolver *resolver)
{
	bide_scope *scope;
	bide__datagrams_send(resolver->datagrams);
	if (process_due(resolver))
		return 0;
	int rc = bide_scope_open(patience(resolver), &scope);
	if (rc < 0)
		return rc;
	resolver->lead_scope = scope;
	rc = bide_wait_fd(resolver->epoll, BIDE_READABLE);
	resolver->lead_scope = NULL;
	/* What ended it from inside, the time or an answer that came otherwise, is no error. */
	if (bide_scope_close(scope) == 0 && rc < 0)
		return rc;
	if (rc > 0)
		process_ready(resolver);
	else
		process(resolver, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	(void)process_due(resolver);
	return 0;
}

int bide__channel_attend(bide_resolver *resolver)
{
	int rc = bide_yield();
	if (rc == 0 && resolver->failure == 0)
		rc = wait_and_process(resolver);
	if (resolver->failure < 0)
		bide__channel_stop(resolver, resolver->failure);
	return rc;
}
