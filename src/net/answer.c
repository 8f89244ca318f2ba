// SPDX-License-Identifier: MIT
/* answer.c: see answer.h. What comes here was written by anybody. A record counts only if it
 * belongs to the question, by way of the aliases before it, and a name only if a host can have it.
 *
 * Source: RFC 1035, section 4.1; RFC 2308, section 5, for what there is not. */
#include "net/answer.h"

#include "net/host_name.h"
#include "net/ip.h"

#include "core/beside.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum {
	HEADER = 12,
	QUESTION_TAIL = 4, /* type, class */
	RECORD_HEAD = 10,  /* type, class, ttl, length of data */
	SOA_NUMBERS = 20,  /* behind its two names; the last is that for what there is not */
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	CLASS_IN = 1,
	TTL_MAX = 86400,
	NEGATIVE_TTL_MAX = 300
};

/* Result codes of the header. */
enum { NO_ERROR, FORMAT_ERROR, SERVER_FAILURE, NAME_ERROR };

/* A place in a reply; `at` is NULL once it has turned out to make no sense. */
struct reader {
	const unsigned char *at, *end;
	const unsigned char *reply; /* its beginning, from which pointers count */
};

struct record {
	char owner[BIDE__NAME_SIZE];
	unsigned type, class;
	uint32_t ttl;
	struct reader data;
};

/* What is known while the records of an answer are read. */
struct search {
	char name[BIDE__NAME_SIZE]; /* whose records count: the question's, or what an alias says */
	unsigned type;
	uint32_t ttl; /* the shortest of those that count */
};

static unsigned number16(const unsigned char *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static uint32_t number32(const unsigned char *at)
{
	return (uint32_t)number16(at) << 16 | number16(at + 2);
}

/* Takes so many bytes. Returns where they are, or NULL. */
static const unsigned char *take(struct reader *reader, size_t size)
{
	const unsigned char *at = reader->at;
	if (at == NULL || (size_t)(reader->end - at) < size) {
		reader->at = NULL;
		return NULL;
	}
	reader->at += size;
	return at;
}

/* Takes the labels at @p reader, without the pointer or the end behind them, and puts them behind
 * the @p n bytes of the name. Bytes that would end it, or a label, are such as no host has. Returns
 * the byte that ended them, or -1. */
static int take_labels(struct reader *reader, char *name, size_t *n)
{
	enum { LABEL_MAX = 63 };
	const unsigned char *length, *text;
	while ((length = take(reader, 1)) != NULL && *length > 0 && *length <= LABEL_MAX) {
		text = take(reader, *length);
		if (text == NULL || *n + *length + 1 >= BIDE__NAME_SIZE)
			return -1;
		if (*n > 0)
			name[(*n)++] = '.';
		for (unsigned i = 0; i < *length; i++)
			name[(*n)++] = text[i] != '.' && text[i] != '\0' ? (char)text[i] : '?';
	}
	return length != NULL ? *length : -1;
}

/* Reads a name. A pointer leads to before where the part that it ends began, so this ends, too. */
static void read_name(struct reader *reader, char *ret_name)
{
	enum { POINTER = 0xc0 };
	struct reader part = *reader;
	const unsigned char *began = part.at, *low;
	bool jumped = false;
	size_t n = 0;
	int last;
	while ((last = take_labels(&part, ret_name, &n)) >= POINTER) {
		low = take(&part, 1);
		if (low == NULL)
			break;
		if (!jumped)
			reader->at = part.at;
		jumped = true;
		const size_t offset = (size_t)(last & ~POINTER) << 8 | *low;
		if (offset >= (size_t)(began - part.reply))
			break;
		began = part.at = part.reply + offset;
	}
	ret_name[n] = '\0';
	if (last != 0)
		reader->at = NULL;
	else if (!jumped)
		reader->at = part.at;
}

static bool read_record(struct reader *reader, struct record *ret_record)
{
	read_name(reader, ret_record->owner);
	const unsigned char *head = take(reader, RECORD_HEAD);
	const size_t size = head != NULL ? number16(head + 8) : 0;
	const unsigned char *data = take(reader, size);
	if (data == NULL)
		return false;
	ret_record->type = number16(head);
	ret_record->class = number16(head + 2);
	ret_record->ttl = number32(head + 4);
	ret_record->data = (struct reader){ data, data + size, reader->reply };
	return true;
}

/* ---- what there is ------------------------------------------------------------------------ */

static int add_address(const struct record *record, struct bide__answer *answer)
{
	const size_t size = bide__ip_size(record->type == BIDE__TYPE_A ? AF_INET : AF_INET6);
	if ((size_t)(record->data.end - record->data.at) != size)
		return -BIDE_EBADANSWER;
	if (answer->count == BIDE__ANSWER_MAX)
		return 0;
	/* Room for twice as many whenever their number is a power of two. */
	if ((answer->count & (answer->count - 1)) == 0) {
		const size_t room = answer->count > 0 ? 2 * (size_t)answer->count : 1;
		unsigned char *grown = bide__realloc(answer->addresses, room * size);
		if (grown == NULL)
			return -ENOMEM;
		answer->addresses = grown;
	}
	memcpy(answer->addresses + answer->count++ * size, record->data.at, size);
	return 0;
}

/* A name in a record's data: pointers in it lead into the rest of the reply. */
static int read_target(struct record *record, char *ret_name)
{
	read_name(&record->data, ret_name);
	return record->data.at != NULL && bide__host_name_valid(ret_name) ? 0 : -BIDE_EBADANSWER;
}

static int keep_name(const char *name, struct bide__answer *answer)
{
	bide__free(answer->name);
	answer->name = bide__copy_string(name);
	return answer->name != NULL ? 0 : -ENOMEM;
}

/* Looks at a record of the answer section. Of several pointers to names the last one counts. */
static int consider(struct search *search, struct record *record, struct bide__answer *answer)
{
	char target[BIDE__NAME_SIZE];
	if (record->class != CLASS_IN || strcasecmp(record->owner, search->name) != 0 ||
	    (record->type != search->type && record->type != TYPE_CNAME))
		return 0;
	if (record->ttl < search->ttl)
		search->ttl = record->ttl;
	if (record->type == TYPE_CNAME)
		return read_target(record, search->name);
	if (record->type != BIDE__TYPE_PTR)
		return add_address(record, answer);
	const int rc = read_target(record, target);
	return rc < 0 ? rc : keep_name(target, answer);
}

static int read_answers(struct reader *reader, unsigned n, struct search *search,
                        struct bide__answer *answer)
{
	struct record record;
	int rc = 0;
	for (; n > 0 && rc == 0; n--)
		rc = read_record(reader, &record) ? consider(search, &record, answer)
		                                  : -BIDE_EBADANSWER;
	if (rc == 0 && search->type != BIDE__TYPE_PTR && answer->count > 0)
		rc = keep_name(search->name, answer);
	if (rc == 0 && answer->name == NULL)
		rc = -BIDE_ENOADDRESS;
	return rc;
}

/* ---- what there is not -------------------------------------------------------------------- */

/* For how long the authority section says that it can be believed that there is nothing; 0 when it
 * does not say. */
static uint32_t negative_ttl(struct reader *reader, unsigned n)
{
	struct record record;
	char name[BIDE__NAME_SIZE];
	for (; n > 0 && read_record(reader, &record); n--) {
		if (record.type != TYPE_SOA || record.class != CLASS_IN)
			continue;
		read_name(&record.data, name);
		read_name(&record.data, name);
		const unsigned char *numbers = take(&record.data, SOA_NUMBERS);
		if (numbers == NULL)
			return 0;
		const uint32_t least = number32(numbers + SOA_NUMBERS - 4);
		return least < record.ttl ? least : record.ttl;
	}
	return 0;
}

static int error_of(unsigned code)
{
	switch (code) {
	case NO_ERROR:
		return 0;
	case NAME_ERROR:
		return -BIDE_ENOHOST;
	case SERVER_FAILURE:
		return -BIDE_ESERVFAIL;
	/* A server that says that it cannot refuses, too. */
	default:
		return -BIDE_EREFUSED;
	}
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int read_reply(struct reader *reader, unsigned type, struct bide__answer *answer)
{
	struct search search = { .type = type, .ttl = TTL_MAX };
	const unsigned char *header = take(reader, HEADER);
	if (header == NULL || number16(header + 4) != 1)
		return -BIDE_EBADANSWER;
	int rc = error_of(header[3] & 15);
	read_name(reader, search.name);
	(void)take(reader, QUESTION_TAIL);
	if (reader->at == NULL)
		return rc < 0 ? rc : -BIDE_EBADANSWER;
	/* Read in any case: what follows it tells how long there is nothing. */
	const int found = read_answers(reader, number16(header + 6), &search, answer);
	if (rc == 0)
		rc = found;
	if (rc == 0)
		answer->ttl = search.ttl;
	else if (rc == -BIDE_ENOHOST || rc == -BIDE_ENOADDRESS)
		answer->ttl = negative_ttl(reader, number16(header + 8));
	if (rc < 0 && answer->ttl > NEGATIVE_TTL_MAX)
		answer->ttl = NEGATIVE_TTL_MAX;
	return rc;
}

void bide__answer_read(const unsigned char *reply, size_t size, unsigned type,
                       struct bide__answer *ret_answer)
{
	struct reader reader = { reply, reply + size, reply };
	*ret_answer = (struct bide__answer){ 0 };
	int rc = read_reply(&reader, type, ret_answer);
	const unsigned ttl = ret_answer->ttl;
	if (rc < 0)
		bide__answer_finish(ret_answer);
	ret_answer->ttl = ttl;
	ret_answer->error = rc;
}

void bide__answer_finish(struct bide__answer *answer)
{
	bide__free(answer->addresses);
	bide__free(answer->name);
	*answer = (struct bide__answer){ 0 };
}
