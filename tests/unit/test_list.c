// SPDX-License-Identifier: MIT
/* The intrusive list. */
#include "harness/test.h"

#include "base/list.h"

#include <stdio.h>

struct item {
	int number;
	struct bide__list link;
};

static struct bide__list list;
static struct item items[10];

/* The members' numbers, read forward, after the links back have been found to agree. */
static const char *numbers(const struct bide__list *head)
{
	static char text[64];
	int used = 0;

	text[0] = '\0';
	for (struct bide__list *link = head->next; link != head; link = link->next) {
		CHECK_RET(link->next->prev == link && link->prev->next == link, "broken");
		used += snprintf(text + used, sizeof text - (size_t)used, "%d",
		                 BIDE__CONTAINER(link, struct item, link)->number);
	}
	return text;
}

static void prepare(struct bide__list *head, int from, int end)
{
	bide__list_init(head);
	for (int i = from; i < end; i++) {
		items[i].number = i;
		bide__list_push_back(head, &items[i].link);
	}
}

TEST(a_new_list_is_empty)
{
	bide__list_init(&list);
	CHECK(bide__list_empty(&list));
	CHECK_NULL(bide__list_pop_front(&list));
	CHECK_STR(numbers(&list), "");
}

TEST(members_are_pushed_at_both_ends)
{
	prepare(&list, 0, 3);
	items[7].number = 7;
	bide__list_push_front(&list, &items[7].link);
	CHECK(!bide__list_empty(&list));
	CHECK_STR(numbers(&list), "7012");
}

TEST(members_are_popped_from_the_front)
{
	prepare(&list, 0, 3);
	for (int i = 0; i < 3; i++) {
		struct bide__list *link = bide__list_pop_front(&list);

		CHECK_PTR(link, &items[i].link);
		CHECK(bide__list_empty(link));
	}
	CHECK(bide__list_empty(&list));
}

TEST(any_member_is_removed_and_removing_it_again_does_nothing)
{
	prepare(&list, 0, 5);
	bide__list_remove(&items[2].link);
	CHECK_STR(numbers(&list), "0134");
	bide__list_remove(&items[0].link);
	bide__list_remove(&items[4].link);
	CHECK_STR(numbers(&list), "13");
	bide__list_remove(&items[2].link);
	CHECK_STR(numbers(&list), "13");
	CHECK(bide__list_empty(&items[2].link));
	bide__list_push_back(&list, &items[2].link);
	CHECK_STR(numbers(&list), "132");
}

TEST(a_member_is_inserted_behind_another)
{
	prepare(&list, 0, 3);
	items[8].number = 8;
	bide__list_insert_after(&items[1].link, &items[8].link);
	CHECK_STR(numbers(&list), "0182");
}

TEST(lists_are_joined_in_order)
{
	struct bide__list other;

	prepare(&list, 0, 2);
	prepare(&other, 5, 8);
	bide__list_splice_back(&list, &other);
	CHECK_STR(numbers(&list), "01567");
	CHECK(bide__list_empty(&other));
	bide__list_splice_back(&list, &other);
	CHECK_STR(numbers(&list), "01567");
	bide__list_splice_back(&other, &list);
	CHECK_STR(numbers(&other), "01567");
	CHECK(bide__list_empty(&list));
}

TEST(a_visit_sees_all_in_order_and_may_take_out_where_it_is)
{
	struct bide__list *link, *following;
	int expected = 0;

	prepare(&list, 0, 6);
	BIDE__LIST_FOR_EACH(link, following, &list)
	{
		int number = BIDE__CONTAINER(link, struct item, link)->number;

		CHECK_INT(number, expected++);
		if (number % 2 == 0)
			bide__list_remove(link);
	}
	CHECK_INT(expected, 6);
	CHECK_STR(numbers(&list), "135");
}
