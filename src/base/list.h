/* SPDX-License-Identifier: MIT */
/* Intrusive doubly linked list, a ring from which any member can be taken out.
 *
 * The links lie inside the records, so nothing here allocates or fails. A ring's head is a link
 * itself; an empty head and a link that is in no list point at themselves, so that taking out a
 * link twice is harmless and "is it in a list?" has an answer.
 *
 * This file must know nothing of the records. */
#ifndef BIDE_BASE_LIST_H
#define BIDE_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* The record that holds a link: the address of its member is turned into its own. */
#define BIDE__CONTAINER(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* A ring's head or one of its members. */
struct bide__list {
	struct bide__list *next; /* The first member of a head; itself when alone. */
	struct bide__list *prev; /* The last member of a head; itself when alone. */
};

static inline void bide__list_init(struct bide__list *link)
{
	link->next = link;
	link->prev = link;
}

/* For a head: no members. For a member: in no list. */
static inline bool bide__list_empty(const struct bide__list *link)
{
	return link->next == link;
}

static inline void bide__list_insert_after(struct bide__list *place, struct bide__list *link)
{
	link->prev = place;
	link->next = place->next;
	place->next->prev = link;
	place->next = link;
}

static inline void bide__list_push_front(struct bide__list *head, struct bide__list *link)
{
	bide__list_insert_after(head, link);
}

static inline void bide__list_push_back(struct bide__list *head, struct bide__list *link)
{
	bide__list_insert_after(head->prev, link);
}

/* Takes a link out of its list, if it is in one. */
static inline void bide__list_remove(struct bide__list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	bide__list_init(link);
}

/* Takes the first member out and returns it; NULL when there is none. */
static inline struct bide__list *bide__list_pop_front(struct bide__list *head)
{
	struct bide__list *first = head->next;

	if (first == head)
		return NULL;
	bide__list_remove(first);
	return first;
}

/* Moves all members of from, in their order, behind those of head; from is empty afterwards. */
static inline void bide__list_splice_back(struct bide__list *head, struct bide__list *from)
{
	if (bide__list_empty(from))
		return;
	from->next->prev = head->prev;
	head->prev->next = from->next;
	from->prev->next = head;
	head->prev = from->prev;
	bide__list_init(from);
}

/* Visits the members in order; the loop's body may take out the one it is at, and no other. The
 * second variable holds the member to come. */
#define BIDE__LIST_FOR_EACH(link, following, head) \
	for ((link) = (head)->next, (following) = (link)->next; (link) != (head); \
	     (link) = (following), (following) = (link)->next)

#endif
