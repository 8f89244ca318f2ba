/* SPDX-License-Identifier: MIT */
/* tls.h: what contexts and connections are in memory, and what the files of libbide-tls have for
 * each other.
 *
 * A context is shared by threads. What may change in it while it is used, its identity and the
 * sessions, is guarded by its lock, which nobody holds while a task suspends. A connection belongs
 * to its stream, and is used by the loop's thread only. */
#ifndef BIDE_TLS_TLS_H
#define BIDE_TLS_TLS_H

#include "core/beside.h"

#include <bide/scope.h>
#include <bide/sync.h>
#include <bide/tls.h>

#include <openssl/ssl.h>
#include <pthread.h>

/* ---- contexts ----------------------------------------------------------------------------- */

/* A context's own certificates, at one time: a context of OpenSSL's for each, or one without. */
struct bide__identity {
	int refs;
	int n;               /* 1 and up */
	SSL_CTX *contexts[]; /* the first is that of whoever asks for nothing else */
};

enum { BIDE__TICKETS = 2 }; /* sessions kept of a host; what servers send */

/* Sessions with a host; one of a list, the one used last first. */
struct bide__sessions {
	struct bide__sessions *next;
	unsigned hash;                       /* of the host */
	SSL_SESSION *session[BIDE__TICKETS]; /* the newest first, then NULLs */
	char host[];
};

/* The comments are lined up by hand. */
/* clang-format off */
struct bide_tls {
	int refs;
	bool server, insecure, no_resumption;
	enum bide_tls_clients clients;
	int least, most;                /* as OpenSSL has them */
	unsigned char *alpn;            /* as in a hello: each with its length before it; or NULL */
	unsigned alpn_size;
	char *protocols;                /* the same as strings, one behind the other; or NULL */
	X509_STORE *trust;              /* NULL: nobody's certificate is looked at */
	STACK_OF(X509_NAME) *issuers;   /* that a server names to clients, or NULL */
	unsigned char ticket_keys[80];  /* of a server, the same for all identities */

	pthread_mutex_t lock;           /* of what follows */
	struct bide__identity *identity;
	struct bide__sessions *sessions; /* of a client */
	int hosts;                      /* in that list */
};
/* clang-format on */

/* pem.c: whom to trust, and certificates of one's own. */

/* Has the context trust whom the options say. 0 or an error. */
int bide__tls_trust(bide_tls *tls, const bide_tls_options *options);

/* Has OpenSSL's context have a certificate of its own. 0 or an error. */
int bide__tls_certify(SSL_CTX *context, const bide_tls_certificate *certificate);

/* context.c */
struct bide__identity *bide__identity_of(bide_tls *tls); /* a reference */
void bide__identity_unref(struct bide__identity *identity);

/* sessions.c: what a client resumes. */

/* Has a client's context of OpenSSL's keep sessions by host. */
void bide__sessions_keep(SSL_CTX *context);

/* Returns a session with a host, to be given back by SSL_SESSION_free(), or NULL. */
SSL_SESSION *bide__sessions_take(bide_tls *tls, const char *host);
void bide__sessions_free(bide_tls *tls);

/* ---- connections -------------------------------------------------------------------------- */

/* Bytes on their way out. */
struct bide__block {
	unsigned char *data; /* NULL when there are none */
	size_t size, room;
};

/* A connection. OpenSSL reads from `in`, which is part of the buffer of the stream below, and
 * writes to `out`; so its calls never suspend, and none is in progress while a task does. */
/* clang-format off */
struct bide__connection {
	SSL *ssl;
	bide_stream *below;
	bide_tls *tls;
	struct bide__identity *identity;
	char *host;                 /* whom a client wants to reach, or NULL */

	const unsigned char *in;    /* what has come and is shown by the stream below */
	size_t in_size, in_used;    /* bytes there, and those that OpenSSL has taken */
	bool filling;               /* a task waits for more */
	bide_event came;            /* set when it has waited */

	struct bide__block out;     /* what OpenSSL has written since the last flush */
	struct bide__block sending; /* what is being sent, or is to be sent before that */
	bide_mutex sender;          /* held by who sends */
	uint64_t queued, sent;      /* bytes ever put into `out`, and ever sent */
	uint64_t owed;              /* `queued` behind the last data of the user's */
	uint64_t answers;           /* `queued` behind what OpenSSL said while it read */
	bool cut;                   /* something was sent in part, so nothing can follow */
	bool starved;               /* there was no memory for `out` */

	bool open;                  /* the handshake is over, one way or the other */
	bide_event opened;          /* set then */
	bool ended;                 /* the other side has said that it sends no more */
	int error;                  /* by which all ended, or 0 */
	unsigned interrupts;        /* how often calls in progress were told to return */
	int alert;                  /* that came */
	const char *detail;         /* of the error, a constant of OpenSSL's; or NULL */
};
/* clang-format on */

/* Results of calls of OpenSSL, beside errors. */
enum { BIDE__TLS_DONE, BIDE__TLS_WANTS_INPUT, BIDE__TLS_ENDED };

/* connection.c */

/* Makes one of OpenSSL's connections read and write through `in` and `out`. 0 or -ENOMEM. */
int bide__tls_attach(struct bide__connection *connection);

/* Prepares for a call of OpenSSL: its queue of errors must be empty. */
void bide__tls_before(void);

/* Looks at what came of it. One of the above, or the error, which is final. */
int bide__tls_after(struct bide__connection *connection, int result);

/* Waits for input, unless calls have been interrupted since. 0, or an error: -BIDE_ETRUNCATED when
 * no more will come. */
int bide__tls_fill(struct bide__connection *connection, unsigned interrupts);

/* Sends all that OpenSSL has written. 0 or an error. */
int bide__tls_flush(struct bide__connection *connection, unsigned interrupts);

/* The same for what is of no use to the caller: at most so many seconds, and it does not matter
 * whether it works. */
void bide__tls_flush_briefly(struct bide__connection *connection, double seconds);

/* Makes room for so many more bytes in `out`. 0 or -ENOMEM. */
int bide__tls_reserve(struct bide__connection *connection, size_t size);

/* transport.c */
extern const bide_transport bide__tls_transport;
struct bide__connection *bide__connection_of(bide_stream *stream); /* or NULL */
void bide__connection_free(struct bide__connection *connection);

/* errors.c: what is in OpenSSL's queue, as one of our errors; the queue is empty then. */
int bide__tls_own_error(void); /* of what is done with certificates and keys of one's own */
int bide__tls_peer_error(struct bide__connection *connection);

#endif
