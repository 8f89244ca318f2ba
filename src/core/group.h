/* SPDX-License-Identifier: MIT */
/* group.h: groups as tasks see them. */
#ifndef BIDE_CORE_GROUP_H
#define BIDE_CORE_GROUP_H

#include "core/loop.h"

/* Makes a new task a member. Returns true when it must wait for others to end before it may be put
 * into the ready queue. */
bool bide__group_add(struct bide_group *group, struct bide__task *task);

/* A member has ended. Returns true when the group has freed it. */
bool bide__group_ended(bide_loop *loop, struct bide_group *group, struct bide__task *task);

/* A member that has ended is awaited: the group is not left before its awaiter has taken it. */
void bide__group_owes(struct bide_group *group, struct bide__task *task);

/* Nobody awaits a member that has ended any longer. It is among those that the group gives out,
 * unless it was lent before. */
void bide__group_gets_back(bide_loop *loop, struct bide_group *group, struct bide__task *task);

/* A member is being freed. */
void bide__group_remove(struct bide_group *group, struct bide__task *task);

/* The group fails with an error: the first one is kept and cancels it. */
void bide__group_failed(bide_loop *loop, struct bide_group *group, int error);

#endif
