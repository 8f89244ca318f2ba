// SPDX-License-Identifier: MIT
/* What is read up to separators does not depend on the pieces in which it comes: split at each
 * byte, in single bytes, and at random, compared with a search that is too simple to be wrong. */
#include "io/streams_kit.h"

#include "base/random.h"

enum { TEXT_MAX = 400, SEPARATORS_MAX = 4 };

/* A set of separators, and a text in which they, and beginnings of them, come. */
struct set {
	bide_bytes separators[SEPARATORS_MAX];
	int n;
	char text[TEXT_MAX];
	size_t size;
};

/* The pieces in which a text is written. */
static struct {
	const char *text;
	size_t size;
	size_t first;   /* bytes of the first piece */
	size_t most;    /* and of the others, at most */
	bool at_random; /* they are of any size up to that */
} pieces;

static struct bide__random numbers;

/* ---- the simple search -------------------------------------------------------------------- */

static bool ends_with(const char *text, size_t size, const bide_bytes *separator)
{
	return size >= separator->size &&
	       memcmp(text + size - separator->size, separator->data, separator->size) == 0;
}

/* Bytes up to the first separator that ends, or 0. */
static size_t search(const struct set *set, const char *text, size_t size)
{
	for (size_t end = 1; end <= size; end++)
		for (int i = 0; i < set->n; i++)
			if (ends_with(text, end, &set->separators[i]))
				return end;
	return 0;
}

/* ---- writing in pieces -------------------------------------------------------------------- */

static BIDE_ASYNC_LIGHT(int, write_pieces, void);
static int write_pieces(void)
{
	size_t n = pieces.first;
	for (size_t at = 0; at < pieces.size; at += n, n = pieces.most) {
		if (pieces.at_random)
			n = 1 + bide__random_below(&numbers, pieces.most);
		if (n > pieces.size - at)
			n = pieces.size - at;
		if (n > 0 && bide_stream_write(far, pieces.text + at, n) != (ssize_t)n)
			return -EIO;
		/* So that whoever reads has it before the next. */
		for (int i = 0; i < 3; i++)
			bide_yield();
	}
	return 0;
}

/* ---- reading and comparing ---------------------------------------------------------------- */

/* Takes what is there whole, as it has no separator in so many bytes. */
static size_t take(const char *text, size_t size)
{
	char buf[TEXT_MAX];
	EXPECT_INT(bide_stream_read_exactly(near, buf, size), (ssize_t)size);
	EXPECT_MEM(buf, text, size);
	return size;
}

static size_t compare_one(const struct set *set, const char *text, size_t size, size_t limit)
{
	const void *data = NULL;
	size_t expected = search(set, text, size < limit ? size : limit);
	if (expected == 0 && size < limit)
		return take(text, size);
	ssize_t n = bide_stream_read_until(near, set->separators, set->n, &data);
	if (expected == 0) {
		EXPECT_INT(n, -BIDE_ELIMIT);
		return take(text, limit);
	}
	if (EXPECT_INT(n, (ssize_t)expected))
		EXPECT_MEM(data, text, expected);
	return expected;
}

/* The text of a set, in such pieces. */
static void compare(const struct set *set, size_t first, size_t most, size_t limit)
{
	pieces.text = set->text;
	pieces.size = set->size;
	pieces.first = first;
	pieces.most = most;
	bide_task *writer = bide_spawn(write_pieces);
	for (size_t at = 0; at < pieces.size;)
		at += compare_one(set, pieces.text + at, pieces.size - at, limit);
	EXPECT_INT(bide_await(int, writer), 0);
}

/* ---- sets --------------------------------------------------------------------------------- */

#define BYTES(text) \
	{ \
		text, sizeof(text) - 1 \
	}
#define TEXT(text) text, sizeof(text) - 1

static const struct set sets[] = {
	{ { BYTES("\n") }, 1, TEXT("\none\n\ntwo\r\nthree\n") },
	{ { BYTES("\r\n") }, 1, TEXT("one\r\n\r\n\n\r\r\ntwo\rthree\nfour\r\n") },
	{ { BYTES("\r\n"), BYTES("\n") }, 2, TEXT("one\r\ntwo\n\r\n\r\r\nthree\rfour\n") },
	{ { BYTES("\r\n\r\n") }, 1, TEXT("a: b\r\nc: d\r\n\r\nbody\r\n\r\r\n\r\n\r\n\r\n") },
	{ { BYTES("\n\n"), BYTES("\r\n\r\n"), BYTES("\n\r\n") },
	  3,
	  TEXT("a\n\nb\r\n\r\nc\n\r\nd\r\r\n\n\r\n\r\n\n") },
	{ { BYTES("aab") }, 1, TEXT("aaabaabaaaabababaaab") },
	{ { BYTES("aab"), BYTES("aaab") }, 2, TEXT("aabaaabaaaabbaaaaabab") },
	{ { BYTES("aaab"), BYTES("ab"), BYTES("b") }, 3, TEXT("aaabaabbabaaaabb") },
	{ { BYTES("abcabd") }, 1, TEXT("abcabcabdabcabcabcabdabcab") },
	{ { BYTES("\0"), BYTES("\xff\0\xff") }, 2, TEXT("\0a\xff\0\xff\xff\0\0b") },
	{ { BYTES("------boundary"), BYTES("----") }, 2, TEXT("---x----boundary------boundary-") },
};

enum { SETS = sizeof(sets) / sizeof(sets[0]) };

STREAMS_TEST(separators_split_at_every_byte)
{
	for (int i = 0; i < SETS; i++)
		for (size_t at = 0; at <= sets[i].size; at++)
			compare(&sets[i], at, TEXT_MAX, BIDE_STREAM_LIMIT);
}

STREAMS_TEST(separators_in_single_bytes)
{
	for (int i = 0; i < SETS; i++)
		compare(&sets[i], 1, 1, BIDE_STREAM_LIMIT);
}

/* ---- at random ---------------------------------------------------------------------------- */

/* Of few letters, so that much is repeated. */
static void random_text(char *text, size_t size)
{
	static const char letters[] = "ab\r\n";
	const uint64_t n = 2 + bide__random_below(&numbers, 3);
	for (size_t i = 0; i < size; i++)
		text[i] = letters[bide__random_below(&numbers, n)];
}

/* Long texts, in which separators are rare, and short ones. */
static void random_set(char (*memory)[8], struct set *ret_set)
{
	const size_t longest = 1 + bide__random_below(&numbers, 8);
	ret_set->n = 1 + (int)bide__random_below(&numbers, SEPARATORS_MAX);
	for (int i = 0; i < ret_set->n; i++) {
		const size_t size = 1 + bide__random_below(&numbers, longest);
		random_text(memory[i], size);
		ret_set->separators[i] = (bide_bytes){ memory[i], size };
	}
	ret_set->size = 1 + bide__random_below(&numbers, TEXT_MAX);
	random_text(ret_set->text, ret_set->size);
}

STREAMS_TEST(separators_and_pieces_at_random)
{
	enum { TIMES = 100 };
	char memory[SEPARATORS_MAX][8];
	struct set *set = malloc(sizeof(*set));
	TEST_TIMEOUT(60);
	bide__random_seed(&numbers, test_seed());
	pieces.at_random = true;
	for (int i = 0; i < TIMES; i++) {
		random_set(memory, set);
		const size_t most = 1 + bide__random_below(&numbers, TEXT_MAX);
		size_t limit = BIDE_STREAM_LIMIT;
		if (bide__random_below(&numbers, 2) == 0)
			limit = 1 + bide__random_below(&numbers, TEXT_MAX);
		EXPECT_INT(bide_stream_set_limit(near, limit), 0);
		compare(set, 0, most, limit);
	}
	free(set);
}

/* ---- the end ------------------------------------------------------------------------------ */

/* Every beginning of a text, and then the end. */
STREAMS_TEST(separators_that_the_end_cuts_are_none)
{
	static const bide_bytes separator = BYTES("\r\n\r\n");
	const void *data;
	char buf[4];
	for (size_t size = 0; size < separator.size; size++) {
		close_streams();
		open_streams();
		CHECK_INT(bide_stream_write(far, separator.data, size), (ssize_t)size);
		CHECK_INT(bide_stream_shutdown(far), 0);
		CHECK_INT(bide_stream_read_until(near, &separator, 1, &data),
		          size > 0 ? -BIDE_EINCOMPLETE : 0);
		CHECK_INT(bide_stream_read_exactly(near, buf, sizeof buf), (ssize_t)size);
		CHECK(bide_stream_at_end(near));
	}
}
