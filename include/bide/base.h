/* SPDX-License-Identifier: MIT */
/* bide/base.h: what every other header needs: the export mark, the version, errors, numbers.
 *
 * Conventions of the whole library:
 *
 *   results     0, a count or a handle; failures are negative errno values (-EINVAL …).
 *               bide's own codes lie from -4096 down to -8191. `errno` is never the result;
 *               each task has its own `errno`, kept while it is suspended.
 *   durations   `double` seconds. INFINITY means no limit, NaN is refused with -EINVAL.
 *   [suspends]  the call may let other tasks run; it returns a cancellation when the task, or
 *               a scope around it, has been cancelled.
 *   [threadsafe] the call may be made from any thread. Everything else belongs to the thread of
 *               its loop: a task's handle used on another thread, and a suspending call outside
 *               a task, abort with a sentence. */
#ifndef BIDE_BASE_H
#define BIDE_BASE_H

#include <stddef.h>
#include <stdint.h>

#define BIDE_VERSION_MAJOR 0
#define BIDE_VERSION_MINOR 1
#define BIDE_VERSION_PATCH 0

/** Marks what the shared library exports. */
#define BIDE_API __attribute__((visibility("default")))
/** Marks calls whose result must be looked at. */
#define BIDE_CHECKED __attribute__((warn_unused_result))

#ifdef __cplusplus
#define BIDE__NOTHROW noexcept
extern "C" {
#else
#define BIDE__NOTHROW
#endif

/** The library's own error codes, as X(name, value, text). Most errors are errno values; these
 *  say what no errno value says. */
#define BIDE_ERRORS(X) \
	X(BIDE_EMAPS, 4096, "too many memory maps for stack guards: raise vm.max_map_count") \
	X(BIDE_ELOOP, 4097, "the event loop has ended") \
	X(BIDE_ECLOSED, 4098, "the queue or channel has been closed") \
	X(BIDE_EBROKEN, 4099, "the barrier is broken") \
	X(BIDE_EINCOMPLETE, 4100, "the stream ended too early") \
	X(BIDE_ELIMIT, 4101, "the stream's limit was reached") \
	X(BIDE_ECUT, 4102, "an earlier write was cut off") \
	X(BIDE_EFORKED, 4103, "the event loop is that of the parent process") \
	X(BIDE_ENOHOST, 4110, "there is no such host") \
	X(BIDE_ENOADDRESS, 4111, "the host has no address of the kind that was asked for") \
	X(BIDE_ENOANSWER, 4112, "no name server answered in time") \
	X(BIDE_ENOSERVER, 4113, "no name server can be reached") \
	X(BIDE_ESERVFAIL, 4114, "the name server has failed") \
	X(BIDE_EREFUSED, 4115, "the name server refuses to answer") \
	X(BIDE_EBADANSWER, 4116, "the name server's answer makes no sense") \
	X(BIDE_EBADNAME, 4117, "no host can have such a name") \
	X(BIDE_ENOSERVICE, 4118, "there is no such service") \
	X(BIDE_ETLS, 4130, "the other side broke the TLS protocol") \
	X(BIDE_ETLS_PLAIN, 4131, "the other side does not speak TLS") \
	X(BIDE_ETLS_ALERT, 4132, "the other side refused, by a TLS alert") \
	X(BIDE_ETLS_MISMATCH, 4133, "no TLS version, cipher or protocol in common") \
	X(BIDE_ETRUNCATED, 4134, "the connection was closed without the end of TLS") \
	X(BIDE_ECERT, 4135, "the certificate is not valid") \
	X(BIDE_ECERT_EXPIRED, 4136, "the certificate has expired") \
	X(BIDE_ECERT_NOT_YET, 4137, "the certificate is not valid yet") \
	X(BIDE_ECERT_HOST, 4138, "the certificate is another host's") \
	X(BIDE_ECERT_SELF_SIGNED, 4139, "the certificate is self-signed") \
	X(BIDE_ECERT_ISSUER, 4140, "the certificate's issuer is unknown") \
	X(BIDE_ECERT_REVOKED, 4141, "the certificate has been revoked") \
	X(BIDE_ECERT_MISSING, 4142, "the other side has sent no certificate") \
	X(BIDE_EPEM, 4143, "no certificate or key can be read there") \
	X(BIDE_EKEY, 4144, "the key is not that of the certificate") \
	X(BIDE_EWEAK, 4145, "the certificate or key is too weak") \
	X(BIDE_EHTTP, 4160, "what came is not HTTP") \
	X(BIDE_EHTTP_HEAD, 4161, "the head of the message is too large") \
	X(BIDE_EHTTP_BODY, 4162, "the body is larger than was allowed") \
	X(BIDE_EHTTP_CODING, 4163, "the body cannot be expanded") \
	X(BIDE_EHTTP_REDIRECTS, 4164, "redirected too often") \
	X(BIDE_EHTTP_TIMEOUT, 4165, "the request took too long") \
	X(BIDE_EHTTP_TIMEOUT_POOL, 4166, "the request waited too long for its turn") \
	X(BIDE_EHTTP_TIMEOUT_CONNECT, 4167, "connecting took too long") \
	X(BIDE_EHTTP_TIMEOUT_TLS, 4168, "the TLS handshake took too long") \
	X(BIDE_EHTTP_TIMEOUT_WRITE, 4169, "sending the request took too long") \
	X(BIDE_EHTTP_TIMEOUT_READ, 4170, "the response stalled for too long") \
	X(BIDE_EHTTP_PROXY, 4171, "the proxy does not connect to the host") \
	X(BIDE_EHTTP_PROXY_AUTH, 4172, "the proxy asks for a user and a password") \
	X(BIDE_EHTTP_LENGTH, 4180, "the body has another length than was said") \
	X(BIDE_EHTTP_RANGE, 4181, "the range is not what was asked for") \
	X(BIDE_EHTTP_CHARSET, 4182, "the charset is not known") \
	X(BIDE_EHTTP_URL, 4183, "not a URL of http or https") \
	X(BIDE_EHTTP_LOCATION, 4184, "redirected to what is no URL of http or https") \
	X(BIDE_EHTTP_DOWNGRADE, 4185, "redirected from https to http")

enum bide_error {
#define BIDE__ENUM(name, value, text) name = value,
	BIDE_ERRORS(BIDE__ENUM)
#undef BIDE__ENUM
};

/** The largest number that, negated, is an error. */
#define BIDE_ERROR_MAX 8191

/** Names an error. [threadsafe]
 *
 *  @param error a negative errno value or one of bide's own codes; the sign does not matter.
 *  @return a constant string, never NULL; "unknown error" for numbers that mean nothing. */
BIDE_API const char *bide_strerror(int error) BIDE__NOTHROW;

/** Returns the version of the library that is running, as "0.1.0". [threadsafe] */
BIDE_API const char *bide_version(void) BIDE__NOTHROW;

/** Returns a random number, uniform between @p a and @p b, both possible, like Python's
 *  random.uniform: a may be larger than b. If one of them is NaN the number is; if one is
 *  infinite, the number is that one. Uses the thread's own generator (xoshiro256**, by Blackman
 *  and Vigna), seeded by the system or by bide_seed(). Not for secrets. [threadsafe] */
BIDE_API double bide_uniform(double a, double b) BIDE__NOTHROW;

/** Makes the numbers that bide_uniform() gives on this thread repeatable. [threadsafe] */
BIDE_API void bide_seed(uint64_t seed) BIDE__NOTHROW;

/** The room that bide_format_double() needs, with the final NUL. */
#define BIDE_DOUBLE_MAX 32

/** Writes a number as Python prints it: the shortest digits that read back the same.
 *  [threadsafe]
 *
 *  @param value any double: "0.1", "1e+16", "-0.0", "inf", "nan".
 *  @param buf   BIDE_DOUBLE_MAX bytes of the caller's.
 *  @return buf. */
BIDE_API char *bide_format_double(double value, char *buf) BIDE__NOTHROW;

#ifdef __cplusplus
}
#endif
#endif
