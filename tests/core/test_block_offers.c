// SPDX-License-Identifier: MIT
/* What is offered before a wait is offered less and less often where it is in vain, and not for a
 * long time where it has cost much. */
#include "harness/test.h"

#include "core/block.h"
#include "core/time.h"

/* How many waits begin without an offer before the next one that has it. */
static int waits_without(struct bide__offers *offers)
{
	int n = 0;
	while (!bide__offers_begin(offers))
		n++;
	return n;
}

TEST(offers_that_are_in_vain_are_made_less_often)
{
	struct bide__offers offers = { .rest = 0 };
	static const int without[] = { 0, 1, 3, 7, 15, 31, 63, 63, 63 };
	for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
		CHECK_INT(waits_without(&offers), without[i]);
		bide__offers_end(&offers, false);
	}
	CHECK_INT(waits_without(&offers), 63);
	bide__offers_end(&offers, true);
	CHECK_INT(waits_without(&offers), 0);
}

TEST(an_offer_ends_after_a_while)
{
	struct bide__offers offers = { .rest = 0 };
	CHECK(bide__offers_begin(&offers));
	const uint64_t began_ns = bide__monotonic();
	while (bide__offer(&offers))
		CHECK(bide__monotonic() - began_ns < UINT64_C(10) * 1000 * 1000 * 1000);
	CHECK(bide__monotonic() >= offers.end_ns);
}

/* As if somebody else had kept the processor for half a second. */
static void come_back_late(struct bide__offers *offers)
{
	offers->end_ns -= UINT64_C(500) * 1000 * 1000;
	bide__offers_end(offers, true);
}

TEST(an_offer_that_cost_much_is_not_made_again_soon)
{
	struct bide__offers offers = { .rest = 100 }, many = { .rest = 0 };
	CHECK(bide__offers_begin(&offers));
	come_back_late(&offers);
	CHECK(!bide__offers_begin(&offers));
	CHECK(offers.rest_ns > bide__monotonic() + UINT64_C(40) * 1000 * 1000 * 1000);
	CHECK(bide__offers_begin(&many));
	come_back_late(&many);
	CHECK(bide__offers_begin(&many));
}
