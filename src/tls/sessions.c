// SPDX-License-Identifier: MIT
/* sessions.c: the sessions that a client has had, by host, so that it can resume them.
 *
 * A session is kept only after the certificate was found valid for the host, and is resumed only
 * with the same host and in the same context, so what is resumed has been checked as it would be
 * now. One of TLS 1.3 is used once, as who sees the same ticket twice knows that it is the same
 * client; one of TLS 1.2 again and again. */
#include "tls/tls.h"

#include <string.h>
#include <time.h>

enum { HOSTS = 256 }; /* at most, in a context: the one used longest ago is forgotten first */

static unsigned hash_of(const char *host)
{
	unsigned hash = 2166136261u;
	for (; *host != '\0'; host++)
		hash = (hash ^ (unsigned char)*host) * 16777619u;
	return hash;
}

static void free_one(struct bide__sessions *sessions)
{
	for (int i = 0; i < BIDE__TICKETS; i++)
		SSL_SESSION_free(sessions->session[i]);
	bide__free(sessions);
}

void bide__sessions_free(bide_tls *tls)
{
	while (tls->sessions != NULL) {
		struct bide__sessions *first = tls->sessions;
		tls->sessions = first->next;
		free_one(first);
	}
}

/* Moves a host to the front of the list. Returns what there is of it, or NULL. */
static struct bide__sessions *find(bide_tls *tls, const char *host)
{
	const unsigned hash = hash_of(host);
	struct bide__sessions **at = &tls->sessions, *found;
	while ((found = *at) != NULL && (found->hash != hash || strcmp(found->host, host) != 0))
		at = &found->next;
	if (found != NULL) {
		*at = found->next;
		found->next = tls->sessions;
		tls->sessions = found;
	}
	return found;
}

static void forget_last(bide_tls *tls)
{
	struct bide__sessions **at = &tls->sessions;
	while ((*at)->next != NULL)
		at = &(*at)->next;
	free_one(*at);
	*at = NULL;
	tls->hosts--;
}

static struct bide__sessions *add(bide_tls *tls, const char *host)
{
	struct bide__sessions *added = bide__calloc(1, sizeof(*added) + strlen(host) + 1);
	if (added == NULL)
		return NULL;
	added->hash = hash_of(host);
	strcpy(added->host, host);
	added->next = tls->sessions;
	tls->sessions = added;
	if (++tls->hosts > HOSTS)
		forget_last(tls);
	return added;
}

/* Takes a session over; false when there is no memory for it. */
static bool put(bide_tls *tls, const char *host, SSL_SESSION *session)
{
	pthread_mutex_lock(&tls->lock);
	struct bide__sessions *sessions = find(tls, host);
	if (sessions == NULL)
		sessions = add(tls, host);
	if (sessions != NULL) {
		SSL_SESSION_free(sessions->session[BIDE__TICKETS - 1]);
		memmove(sessions->session + 1, sessions->session,
		        (BIDE__TICKETS - 1) * sizeof(*sessions->session));
		sessions->session[0] = session;
	}
	pthread_mutex_unlock(&tls->lock);
	return sessions != NULL;
}

static bool is_good(const SSL_SESSION *session)
{
	const long age = (long)time(NULL) - SSL_SESSION_get_time(session);
	return SSL_SESSION_is_resumable(session) && age >= 0 &&
	       age < SSL_SESSION_get_timeout(session);
}

static void drop_first(struct bide__sessions *sessions)
{
	memmove(sessions->session, sessions->session + 1,
	        (BIDE__TICKETS - 1) * sizeof(*sessions->session));
	sessions->session[BIDE__TICKETS - 1] = NULL;
}

SSL_SESSION *bide__sessions_take(bide_tls *tls, const char *host)
{
	SSL_SESSION *session = NULL;
	pthread_mutex_lock(&tls->lock);
	struct bide__sessions *sessions = find(tls, host);
	while (sessions != NULL && session == NULL && (session = sessions->session[0]) != NULL) {
		const bool good = is_good(session);
		if (good && SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION) {
			SSL_SESSION_up_ref(session);
			break;
		}
		drop_first(sessions);
		if (!good) {
			SSL_SESSION_free(session);
			session = NULL;
		}
	}
	pthread_mutex_unlock(&tls->lock);
	return session;
}

/* Called by OpenSSL with a reference to the session: 1 keeps it. */
static int keep(SSL *ssl, SSL_SESSION *session)
{
	const struct bide__connection *connection = SSL_get_app_data(ssl);
	return connection->host != NULL && put(connection->tls, connection->host, session);
}

void bide__sessions_keep(SSL_CTX *context)
{
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, keep);
}
