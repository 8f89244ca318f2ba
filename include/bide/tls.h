/* SPDX-License-Identifier: MIT */
/* bide/tls.h: TLS 1.2 and 1.3 on a stream, by OpenSSL; asyncio's start_tls and ssl.SSLContext.
 *
 * A library of its own, libbide-tls (pkg-config: bide-tls), as it needs OpenSSL 3.
 *
 *     bide_tls *tls;
 *     int rc = bide_tls_open(NULL, &tls);     // a client that trusts whom the system trusts
 *     …                                       // a stream that is connected to somebody
 *     rc = bide_start_tls(stream, tls, &(bide_start_tls_options){ .host = "example.org" });
 *
 * From then on the stream is read, written and closed as any other, and what goes over the wire is
 * encrypted. A context, what many connections have in common, is made once: it has the certificates
 * read, and keeps the sessions that a client resumes.
 *
 * What the other side proves is checked by default: an error that begins with BIDE_ECERT says what
 * is wrong with its certificate. An end of the connection without the end of TLS, which somebody in
 * between can bring about, is -BIDE_ETRUNCATED and not 0.
 *
 * A close does not wait for the other side. What a server of TLS 1.3 sends unasked, its tickets,
 * may come after it, and then the system resets the connection, and what was written last may be
 * lost. Who has written and reads no answer calls bide_stream_shutdown(), and reads to the end
 * before it closes. */
#ifndef BIDE_TLS_H
#define BIDE_TLS_H

#include <bide/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- contexts ----------------------------------------------------------------------------- */

/** What connections have in common: whom they trust, who they are. */
typedef struct bide_tls bide_tls;

/** Versions of TLS. */
enum bide_tls_version {
	BIDE_TLS_1_2 = 12, /**< TLS 1.2 */
	BIDE_TLS_1_3 = 13  /**< TLS 1.3 */
};

/** What a server wants of a client's certificate. */
enum bide_tls_clients {
	BIDE_TLS_CLIENTS_ANY,     /**< none is asked for */
	BIDE_TLS_CLIENTS_ASKED,   /**< one that is sent must be valid */
	BIDE_TLS_CLIENTS_REQUIRED /**< there must be one, and it must be valid */
};

/** A certificate of one's own and its key, each in a file or in memory, as PEM. */
typedef struct bide_tls_certificate {
	const char *chain_file; /**< the certificate, then those of its issuers, but for the root */
	const char *chain;      /**< or the same as a string */
	const char *key_file;   /**< the key; NULL, with no key either: it is with the chain */
	const char *key;        /**< or the same as a string */
	const char *password;   /**< of the key, or NULL */
} bide_tls_certificate;

/** Options of a context; all zero are those of a client that checks everything. */
typedef struct bide_tls_options {
	bool server;   /**< a server's, which needs a certificate */
	bool insecure; /**< a client that accepts any certificate: anybody can be in between */

	/* Whom to trust. With none of the three: whom the system trusts, or, where the environment
	 * has SSL_CERT_FILE or SSL_CERT_DIR, what is there. */
	const char *ca_file;  /**< certificates of issuers, as PEM */
	const char *ca_dir;   /**< a directory of such, as of openssl-rehash(1) */
	const char *ca;       /**< such, as a string */
	const char *crl_file; /**< lists of revoked certificates: with it, who is not in the list of
	                           his issuer is accepted, and without a list of his nobody is */

	const bide_tls_certificate *certificates; /**< one's own. A server takes the first whose
	                                               names fit what the client asks for, else the
	                                               first; a client has one at most */
	int n_certificates;                       /**< of these */
	enum bide_tls_clients clients;            /**< of a server */

	const char *alpn; /**< protocols spoken over TLS, the best first: "h2,http/1.1"; NULL: none
	                       is named. A server refuses a client with which it has none in common
	                       (but not one that names none) */
	enum bide_tls_version least; /**< 0: TLS 1.2 */
	enum bide_tls_version most;  /**< 0: TLS 1.3 */
	bool no_resumption;          /**< each connection begins from nothing */
} bide_tls_options;

/** Opens a context. It reads files, which blocks the thread for a moment. [threadsafe]
 *
 *  A context may be used by several threads and loops at once.
 *  @param options the options, or NULL for the defaults; copied.
 *  @param ret_tls gets a reference to the context, to be given back by bide_tls_unref(); untouched
 *                 on failure.
 *  @return 0; -EINVAL for options that mean nothing together: a server without a certificate, a
 *          client with several, a least version above the most, names that are empty or too long
 *          in alpn; what opening or reading a file fails with; -BIDE_EPEM when there is no
 *          certificate, key or list in it, or the password is wrong; -BIDE_EKEY when the key is
 *          another certificate's; -BIDE_EWEAK when OpenSSL finds one too weak; -ENOMEM. */
BIDE_API BIDE_CHECKED int bide_tls_open(const bide_tls_options *options,
                                        bide_tls **ret_tls) BIDE__NOTHROW;

/** Takes one more reference to the context. [threadsafe] @return the context. */
BIDE_API bide_tls *bide_tls_ref(bide_tls *tls) BIDE__NOTHROW;

/** Gives a reference back; the last one frees the context. Connections have their own. NULL is
 *  none. [threadsafe] */
BIDE_API void bide_tls_unref(bide_tls *tls) BIDE__NOTHROW;

/** Replaces a context's own certificates: connections that begin from now on have the new ones, all
 *  others keep those with which they began. It reads files. [threadsafe]
 *  @return 0, or as of bide_tls_open(), nothing having changed. */
BIDE_API BIDE_CHECKED int bide_tls_reload(bide_tls *tls, const bide_tls_certificate *certificates,
                                          int n) BIDE__NOTHROW;

/* ---- connections -------------------------------------------------------------------------- */

/** Options of a connection; all zero are those of a server's. */
typedef struct bide_start_tls_options {
	/** Whom a client wants to reach, a name or an IP address: it is sent to the server if it is
	 *  a name, the certificate must be for it, and sessions are kept by it. NULL in a
	 *  server, and possible in an insecure client. */
	const char *host;
} bide_start_tls_options;

/** Goes on in TLS on a stream: as the client or the server that the context is for. [suspends]
 *
 *  What has been read ahead on the stream is the beginning of what the other side says in TLS, so
 *  nothing that came in the clear is taken for something that came encrypted. For a deadline put
 *  the call into a BIDE_TIMEOUT block.
 *
 *  A stream on which that has failed is to be closed; the functions below can tell what there was.
 *  Of -EINVAL, -EBUSY, -ENOMEM and a cancellation it is as before if bide_tls_version() is
 *  -ENOTCONN.
 *
 *  A client that a TLS 1.3 server refuses for its certificate may learn that by its first read.
 *
 *  @param options the options, or NULL for the defaults; copied.
 *  @return 0; -EINVAL for a missing host or one that nobody can have, or one in a server; -EBUSY
 *          when a task uses the stream, or something lies in its write buffer; -ENOMEM;
 *          -BIDE_ECERT_EXPIRED, -BIDE_ECERT_NOT_YET, -BIDE_ECERT_HOST, -BIDE_ECERT_SELF_SIGNED,
 *          -BIDE_ECERT_ISSUER, -BIDE_ECERT_REVOKED, -BIDE_ECERT_MISSING, -BIDE_ECERT, for a
 *          certificate; -BIDE_ETLS_ALERT when the other side refuses: see bide_tls_alert();
 *          -BIDE_ETLS_MISMATCH when there is no version, cipher or protocol in common;
 *          -BIDE_ETLS_PLAIN when what comes is not TLS; -BIDE_ETLS when it breaks the protocol;
 *          -BIDE_ETRUNCATED when the other side closes meanwhile; what reading or writing the
 *          stream fails with; or the cancellation. */
BIDE_API BIDE_CHECKED int bide_start_tls(bide_stream *stream, bide_tls *tls,
                                         const bide_start_tls_options *options) BIDE__NOTHROW;

/* What follows tells of a stream's connection after bide_start_tls(), also when that has failed;
 * the results belong to the stream. Of a stream without TLS it is -ENOTCONN or NULL. */

/** Returns an enum bide_tls_version; 0 while none has been agreed upon; -ENOTCONN. */
BIDE_API int bide_tls_version(bide_stream *stream) BIDE__NOTHROW;

/** Returns the standard's name of the cipher, or NULL. */
BIDE_API const char *bide_tls_cipher(bide_stream *stream) BIDE__NOTHROW;

/** Returns the protocol that was chosen of those in alpn, or NULL. */
BIDE_API const char *bide_tls_alpn(bide_stream *stream) BIDE__NOTHROW;

/** Returns the host that the client asked for, or NULL. */
BIDE_API const char *bide_tls_server_name(bide_stream *stream) BIDE__NOTHROW;

/** Tells whether an earlier session was resumed. */
BIDE_API bool bide_tls_resumed(bide_stream *stream) BIDE__NOTHROW;

/** Returns the alert by which the other side refused, a number of RFC 8446, 6.2; 0 for none;
 *  -ENOTCONN. */
BIDE_API int bide_tls_alert(bide_stream *stream) BIDE__NOTHROW;

/** Returns OpenSSL's words for what went wrong with a connection, for a log; or NULL. */
BIDE_API const char *bide_tls_detail(bide_stream *stream) BIDE__NOTHROW;

/** Writes the other side's certificate, as DER.
 *  @param buf @p size bytes; nothing is written if that is too little.
 *  @return its size; 0 when there is none; -ENOMEM; -ENOTCONN. */
BIDE_API ssize_t bide_tls_peer_certificate(bide_stream *stream, void *buf,
                                           size_t size) BIDE__NOTHROW;

/** Writes whom the other side's certificate is for, as of RFC 2253: "CN=example.org,O=Example".
 *  @param buf gets at most @p size bytes, with a NUL; a longer text is cut.
 *  @return the length of the text; 0 when there is no certificate; -ENOMEM; -ENOTCONN. */
BIDE_API ssize_t bide_tls_peer_subject(bide_stream *stream, char *buf, size_t size) BIDE__NOTHROW;

/** Writes one of the names that the other side's certificate is for: "DNS:example.org",
 *  "IP:192.0.2.1", "email:a@example.org", "URI:…".
 *  @param index which one, from 0; those of other kinds are not counted.
 *  @param buf   as of bide_tls_peer_subject(). A byte that is no printable ASCII is written as
 *               "\xNN".
 *  @return the length of the text; 0 when there are not so many; -ENOMEM; -ENOTCONN. */
BIDE_API ssize_t bide_tls_peer_name(bide_stream *stream, int index, char *buf,
                                    size_t size) BIDE__NOTHROW;

/** The bytes of a channel binding. */
#define BIDE_TLS_BINDING_SIZE 32

/** Writes what only the two sides of this connection know, "tls-exporter" of RFC 9266: to bind what
 *  is proved above it to the connection.
 *  @param buf BIDE_TLS_BINDING_SIZE bytes.
 *  @return 0; -EOPNOTSUPP for TLS 1.2 without an extended master secret; -ENOMEM; -ENOTCONN. */
BIDE_API int bide_tls_channel_binding(bide_stream *stream, void *buf) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
