/* SPDX-License-Identifier: MIT */
/* A server for tests of what goes wrong on the way to it, or with the client: in a process of its
 * own, which no fault of the test's reaches. Its places:
 *
 *     /length   a body of RESPONDER_BODY bytes, and how many they are
 *     /chunks   the same in chunks
 *     /end      the same up to the end of the connection
 *     /echo     what was sent
 *     /to       a redirect to /length
 *     /once     the same as /length, but that the connection ends behind it
 *     /packed   "hello" by gzip
 *
 * Byte i of a body is responder_byte(i). */
#ifndef HTTP_RESPONDER_H
#define HTTP_RESPONDER_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	RESPONDER_BODY = 6000,
	RESPONDER_SENT = 20000 /* the largest body that /echo takes */
};

struct responder {
	struct sockaddr_in plain, secure; /* where it listens, at 127.0.0.1 */
	pid_t pid;
};

/* Starts one, whose certificate is by cert_authority(); before any loop is opened in this
 * process. */
void responder_start(struct responder *responder);

void responder_end(struct responder *responder);

static inline unsigned char responder_byte(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

#endif
