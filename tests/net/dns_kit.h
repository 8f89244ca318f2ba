/* SPDX-License-Identifier: MIT */
/* A name server of the test's own, in a thread, by UDP and TCP on the loopback. It answers from a
 * zone; what the zone does not have it denies, with a SOA record. How it behaves for a name can be
 * set; "*.many.test" has addresses of its own in 10.0.0.0/8, by its number. */
#ifndef DNS_KIT_H
#define DNS_KIT_H

#include <stdbool.h>
#include <stddef.h>

enum dns_how {
	DNS_ANSWERS,
	DNS_SILENT,   /* says nothing */
	DNS_SLOW,     /* answers after 50 ms */
	DNS_SERVFAIL, /* result codes */
	DNS_REFUSED,
	DNS_NOTIMP,
	DNS_FORMERR,
	DNS_TRUNCATED, /* by UDP nothing but that; by TCP all */
	DNS_GARBAGE,   /* the right header and question, then noise */
	DNS_WRONG_ID,  /* first an answer with another number and other addresses, then its own */
	DNS_OTHER_QUESTION, /* the same with another question */
	DNS_OTHER_OWNER,    /* an answer about another name */
	DNS_DENIES_NOTHING, /* no record, no SOA */
};

struct dns_record {
	const char *name, *type, *data; /* "A", "192.0.2.1"; "AAAA"; "CNAME", "b.test"; "PTR" */
	unsigned ttl;
	enum dns_how how; /* for the name, with or without data */
};

struct dns;

/* Starts a server for a zone, which ends with a record without a name. Its SOA lets what it denies
 * be believed for @p negative_ttl seconds. */
struct dns *dns_start(const struct dns_record *zone, unsigned negative_ttl);

/* Returns its address, as "127.0.0.1:PORT". */
const char *dns_address(const struct dns *dns);

/* Returns how often it was asked for a name, of whatever type, and over TCP once more; NULL: for
 * any. */
unsigned dns_asked(struct dns *dns, const char *name);

void dns_stop(struct dns *dns);

#endif
