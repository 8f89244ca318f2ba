// SPDX-License-Identifier: MIT
/* The target of fuzz/stream.c with its seeds, with parts of them put together, and with bytes
 * at random: what every compiler can run. */
#include "harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 8, SEED_MAX = 512, TIMES = 3000 };

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static struct {
	unsigned char data[SEED_MAX];
	size_t size;
} seeds[SEEDS];
static int n;

static uint64_t state;

static size_t below(size_t most)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(state >> 33) % most;
}

static void read_seeds(void)
{
	for (int i = 0; i < SEEDS; i++) {
		char path[512];
		snprintf(path, sizeof path, FUZZ_SEEDS "/stream/%d", i);
		FILE *file = fopen(path, "rb");
		if (file == NULL)
			continue;
		seeds[n].size = fread(seeds[n].data, 1, SEED_MAX, file);
		fclose(file);
		n++;
	}
}

TEST(fuzz_stream_with_its_seeds)
{
	read_seeds();
	CHECK(n > 0);
	for (int i = 0; i < n; i++)
		LLVMFuzzerTestOneInput(seeds[i].data, seeds[i].size);
}

/* Pieces of seeds one after the other, with some bytes changed. */
TEST(fuzz_stream_with_parts_of_its_seeds)
{
	unsigned char data[4 * SEED_MAX];
	state = test_seed();
	read_seeds();
	CHECK(n > 0);
	for (int i = 0; i < TIMES; i++) {
		size_t size = 0;
		for (size_t parts = 1 + below(4); parts > 0; parts--) {
			const size_t which = below((size_t)n), from = below(seeds[which].size);
			const size_t length = 1 + below(seeds[which].size - from);
			memcpy(data + size, seeds[which].data + from, length);
			size += length;
		}
		for (size_t changes = below(4); changes > 0; changes--)
			data[below(size)] = (unsigned char)below(256);
		LLVMFuzzerTestOneInput(data, size);
	}
}

TEST(fuzz_stream_with_bytes_at_random)
{
	unsigned char data[SEED_MAX];
	state = test_seed();
	for (int i = 0; i < TIMES; i++) {
		const size_t size = below(SEED_MAX);
		/* Small numbers are more often something to be done. */
		const size_t most = below(2) == 0 ? 256 : 20;
		for (size_t k = 0; k < size; k++)
			data[k] = (unsigned char)below(most);
		LLVMFuzzerTestOneInput(data, size);
	}
}
