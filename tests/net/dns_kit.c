// SPDX-License-Identifier: MIT
/* See dns_kit.h. */
#include "net/dns_kit.h"

#include "harness/test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_MAX = 65535, LOG_MAX = 1 << 18, SLOW_MS = 50 };
enum { A = 1, CNAME = 5, SOA = 6, PTR = 12, AAAA = 28 };

struct dns {
	pthread_t thread;
	pthread_mutex_t lock; /* guards the log */
	const struct dns_record *zone;
	unsigned negative_ttl;
	int udp, tcp, end[2]; /* a byte through the last ends the thread */
	char address[32];
	char *log; /* names that it was asked for, each followed by a newline */
	size_t logged;
	unsigned asked;
};

/* A message that is written. */
struct message {
	unsigned char bytes[MESSAGE_MAX];
	size_t size;
};

struct question {
	char name[256];
	int type;
	size_t end; /* of the question in the message */
};

/* ---- writing ------------------------------------------------------------------------------- */

static void put(struct message *m, const void *bytes, size_t size)
{
	if (m->size + size > sizeof m->bytes)
		return;
	memcpy(m->bytes + m->size, bytes, size);
	m->size += size;
}

static void put16(struct message *m, unsigned number)
{
	put(m, (unsigned char[]){ (unsigned char)(number >> 8), (unsigned char)number }, 2);
}

static void put32(struct message *m, unsigned number)
{
	put16(m, number >> 16);
	put16(m, number & 0xffff);
}

static void put_name(struct message *m, const char *name)
{
	while (*name != '\0') {
		size_t length = strcspn(name, ".");
		put(m, (unsigned char[]){ (unsigned char)length }, 1);
		put(m, name, length);
		name += length + (name[length] == '.');
	}
	put(m, "", 1);
}

static void count_record(struct message *m, int section)
{
	unsigned char *count = m->bytes + 4 + 2 * section;
	unsigned n = (unsigned)(count[0] << 8 | count[1]) + 1;
	count[0] = (unsigned char)(n >> 8);
	count[1] = (unsigned char)n;
}

static void put_record(struct message *m, int section, const char *name, int type, unsigned ttl,
                       const void *data, size_t size)
{
	put_name(m, name);
	put16(m, (unsigned)type);
	put16(m, 1);
	put32(m, ttl);
	put16(m, (unsigned)size);
	put(m, data, size);
	count_record(m, section);
}

static int type_of(const char *type)
{
	return strcmp(type, "A") == 0      ? A
	       : strcmp(type, "AAAA") == 0 ? AAAA
	       : strcmp(type, "PTR") == 0  ? PTR
	                                   : CNAME;
}

static void put_zone_record(struct message *m, const struct dns_record *record)
{
	struct message data = { .size = 0 };
	int type = type_of(record->type);
	if (type == A || type == AAAA) {
		unsigned char address[16];
		inet_pton(type == A ? AF_INET : AF_INET6, record->data, address);
		put(&data, address, type == A ? 4 : 16);
	} else {
		put_name(&data, record->data);
	}
	put_record(m, 1, record->name, type, record->ttl, data.bytes, data.size);
}

/* ---- answering ----------------------------------------------------------------------------- */

static bool read_question(const struct message *query, struct question *ret_question)
{
	size_t at = 12, n = 0;
	if (query->size < at)
		return false;
	while (at < query->size && query->bytes[at] != 0) {
		size_t length = query->bytes[at++];
		if (at + length >= query->size || n + length + 2 > sizeof ret_question->name)
			return false;
		if (n > 0)
			ret_question->name[n++] = '.';
		memcpy(ret_question->name + n, query->bytes + at, length);
		n += length;
		at += length;
	}
	ret_question->name[n] = '\0';
	if (at + 5 > query->size)
		return false;
	ret_question->type = query->bytes[at + 1] << 8 | query->bytes[at + 2];
	ret_question->end = at + 5;
	return true;
}

/* Adds what the zone has; follows aliases. Returns whether the name is there. */
static bool answer_from_zone(const struct dns *dns, const struct question *question,
                             struct message *reply)
{
	const char *name = question->name;
	bool there = false;
	for (const struct dns_record *r = dns->zone; r->name != NULL; r++) {
		if (strcasecmp(r->name, name) != 0)
			continue;
		there = true;
		if (r->type == NULL)
			continue;
		if (type_of(r->type) == question->type)
			put_zone_record(reply, r);
		if (type_of(r->type) == CNAME) {
			put_zone_record(reply, r);
			name = r->data;
			r = dns->zone - 1;
		}
	}
	return there;
}

static bool answer_of_many(const struct question *question, struct message *reply)
{
	unsigned number;
	int end = 0;
	if (sscanf(question->name, "n%u.many.test%n", &number, &end) != 1 || end == 0 ||
	    question->name[end] != '\0')
		return false;
	unsigned char address[] = { 10, (unsigned char)(number >> 16), (unsigned char)(number >> 8),
		                    (unsigned char)number };
	if (question->type == A)
		put_record(reply, 1, question->name, A, 60, address, sizeof address);
	return true;
}

static void deny(const struct dns *dns, struct message *reply)
{
	struct message data = { .size = 0 };
	put_name(&data, "ns.test");
	put_name(&data, "root.test");
	for (int i = 0; i < 4; i++)
		put32(&data, 1);
	put32(&data, dns->negative_ttl);
	put_record(reply, 2, "test", SOA, 3600, data.bytes, data.size);
}

static void begin(const struct message *query, const struct question *question, unsigned code,
                  struct message *reply)
{
	reply->size = 0;
	put(reply, query->bytes, question->end);
	reply->bytes[2] = (unsigned char)(0x80 | (query->bytes[2] & 1));
	reply->bytes[3] = (unsigned char)(0x80 | code);
	memset(reply->bytes + 6, 0, 6);
}

static void answer(const struct dns *dns, const struct message *query,
                   const struct question *question, bool denies, struct message *reply)
{
	begin(query, question, 0, reply);
	bool there = answer_from_zone(dns, question, reply) || answer_of_many(question, reply);
	if (!there)
		reply->bytes[3] |= 3;
	if (reply->bytes[7] == 0 && reply->bytes[6] == 0 && denies)
		deny(dns, reply);
}

static enum dns_how how_for(const struct dns *dns, const char *name)
{
	for (const struct dns_record *r = dns->zone; r->name != NULL; r++)
		if (strcasecmp(r->name, name) == 0)
			return r->how;
	return DNS_ANSWERS;
}

static void note_question(struct dns *dns, const char *name)
{
	size_t length = strlen(name);
	pthread_mutex_lock(&dns->lock);
	dns->asked++;
	if (dns->logged + length + 2 < LOG_MAX) {
		memcpy(dns->log + dns->logged, name, length);
		dns->log[dns->logged + length] = '\n';
		dns->logged += length + 1;
	}
	pthread_mutex_unlock(&dns->lock);
}

/* Sends something that is not the answer, before that. */
static void mislead(const struct message *query, const struct question *question, enum dns_how how,
                    struct message *reply)
{
	static const unsigned char address[] = { 203, 0, 113, 66 };
	begin(query, question, 0, reply);
	if (how == DNS_OTHER_QUESTION)
		reply->bytes[13] ^= 1;
	if (how == DNS_WRONG_ID)
		reply->bytes[1] ^= 0x55;
	put_record(reply, 1, how == DNS_OTHER_OWNER ? "evil.test" : question->name, A, 60, address,
	           sizeof address);
}

/* Makes the reply to a query. False: there is none. @p send is called for one more before it. */
static bool reply_to(struct dns *dns, const struct message *query, bool tcp,
                     void (*send)(void *to, const struct message *), void *to,
                     struct message *reply)
{
	static const unsigned codes[] = {
		[DNS_SERVFAIL] = 2, [DNS_REFUSED] = 5, [DNS_NOTIMP] = 4, [DNS_FORMERR] = 1
	};
	struct question question;
	if (!read_question(query, &question))
		return false;
	note_question(dns, question.name);
	enum dns_how how = how_for(dns, question.name);
	switch (how) {
	case DNS_SILENT:
		return false;
	case DNS_SLOW:
		nanosleep(&(struct timespec){ 0, SLOW_MS * 1000000L }, NULL);
		break;
	case DNS_SERVFAIL:
	case DNS_REFUSED:
	case DNS_NOTIMP:
	case DNS_FORMERR:
		begin(query, &question, codes[how], reply);
		return true;
	case DNS_TRUNCATED:
		if (tcp)
			break;
		begin(query, &question, 0, reply);
		reply->bytes[2] |= 2;
		return true;
	case DNS_GARBAGE:
		begin(query, &question, 0, reply);
		reply->bytes[7] = 3;
		put(reply, "\xc0\xff\x17\x17\x17", 5);
		return true;
	case DNS_WRONG_ID:
	case DNS_OTHER_QUESTION:
		mislead(query, &question, how, reply);
		send(to, reply);
		break;
	case DNS_OTHER_OWNER:
		mislead(query, &question, how, reply);
		return true;
	default:
		break;
	}
	answer(dns, query, &question, how != DNS_DENIES_NOTHING, reply);
	return true;
}

/* ---- the thread ---------------------------------------------------------------------------- */

struct sender {
	int fd;
	struct sockaddr_storage address;
	socklen_t size;
};

static void send_datagram(void *to, const struct message *m)
{
	const struct sender *sender = to;
	(void)sendto(sender->fd, m->bytes, m->size, 0, (const struct sockaddr *)&sender->address,
	             sender->size);
}

/* Whoever asked may have gone. */
static void send_framed(void *to, const struct message *m)
{
	const struct sender *sender = to;
	unsigned char frame[2] = { (unsigned char)(m->size >> 8), (unsigned char)m->size };
	if (send(sender->fd, frame, 2, MSG_NOSIGNAL) != 2)
		return;
	for (size_t n = 0; n < m->size;) {
		ssize_t rc = send(sender->fd, m->bytes + n, m->size - n, MSG_NOSIGNAL);
		if (rc <= 0)
			return;
		n += (size_t)rc;
	}
}

static void serve_udp(struct dns *dns, struct message *query, struct message *reply)
{
	struct sender sender = { .fd = dns->udp, .size = sizeof sender.address };
	ssize_t n = recvfrom(dns->udp, query->bytes, sizeof query->bytes, MSG_DONTWAIT,
	                     (struct sockaddr *)&sender.address, &sender.size);
	if (n < 0)
		return;
	query->size = (size_t)n;
	if (reply_to(dns, query, false, send_datagram, &sender, reply))
		send_datagram(&sender, reply);
}

static void serve_tcp(struct dns *dns, struct message *query, struct message *reply)
{
	unsigned char frame[2];
	struct sender sender = { .fd = accept(dns->tcp, NULL, NULL) };
	if (sender.fd < 0)
		return;
	while (recv(sender.fd, frame, 2, MSG_WAITALL) == 2) {
		query->size = (size_t)(frame[0] << 8 | frame[1]);
		if (recv(sender.fd, query->bytes, query->size, MSG_WAITALL) != (ssize_t)query->size)
			break;
		if (reply_to(dns, query, true, send_framed, &sender, reply))
			send_framed(&sender, reply);
	}
	close(sender.fd);
}

static void *serve(void *arg)
{
	struct dns *dns = arg;
	struct message *both = calloc(2, sizeof *both);
	struct pollfd fds[] = { { dns->end[0], POLLIN, 0 },
		                { dns->udp, POLLIN, 0 },
		                { dns->tcp, POLLIN, 0 } };
	while (poll(fds, 3, -1) >= 0 && !fds[0].revents) {
		if (fds[1].revents)
			serve_udp(dns, &both[0], &both[1]);
		if (fds[2].revents)
			serve_tcp(dns, &both[0], &both[1]);
	}
	free(both);
	return NULL;
}

/* ---- from outside -------------------------------------------------------------------------- */

/* Opens both sockets on one port. */
static bool open_sockets(struct dns *dns)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof in;
	dns->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	dns->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(dns->udp, (struct sockaddr *)&in, sizeof in) == 0 &&
	    getsockname(dns->udp, (struct sockaddr *)&in, &size) == 0 &&
	    bind(dns->tcp, (struct sockaddr *)&in, sizeof in) == 0 && listen(dns->tcp, 64) == 0) {
		snprintf(dns->address, sizeof dns->address, "127.0.0.1:%d", ntohs(in.sin_port));
		return true;
	}
	close(dns->udp);
	close(dns->tcp);
	return false;
}

struct dns *dns_start(const struct dns_record *zone, unsigned negative_ttl)
{
	struct dns *dns = calloc(1, sizeof *dns);
	dns->zone = zone;
	dns->negative_ttl = negative_ttl;
	dns->log = calloc(1, LOG_MAX);
	pthread_mutex_init(&dns->lock, NULL);
	bool opened = false;
	for (int i = 0; i < 200 && !opened; i++)
		opened = open_sockets(dns);
	EXPECT(opened);
	EXPECT_INT(pipe(dns->end), 0);
	EXPECT_INT(pthread_create(&dns->thread, NULL, serve, dns), 0);
	return dns;
}

const char *dns_address(const struct dns *dns)
{
	return dns->address;
}

unsigned dns_asked(struct dns *dns, const char *name)
{
	pthread_mutex_lock(&dns->lock);
	unsigned n = name == NULL ? dns->asked : 0;
	size_t length = name != NULL ? strlen(name) : 0;
	for (const char *at = dns->log, *end; name != NULL && (end = strchr(at, '\n')) != NULL;
	     at = end + 1)
		n += (size_t)(end - at) == length && strncasecmp(at, name, length) == 0;
	pthread_mutex_unlock(&dns->lock);
	return n;
}

void dns_stop(struct dns *dns)
{
	EXPECT_INT(write(dns->end[1], "", 1), 1);
	pthread_join(dns->thread, NULL);
	close(dns->udp);
	close(dns->tcp);
	close(dns->end[0]);
	close(dns->end[1]);
	free(dns->log);
	free(dns);
}
