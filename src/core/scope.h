/* SPDX-License-Identifier: MIT */
/* scope.h: scopes as groups use them: a group is a scope around its body and its tasks. */
#ifndef BIDE_CORE_SCOPE_H
#define BIDE_CORE_SCOPE_H

#include "core/loop.h"

/* Makes a scope the current task's innermost one. */
void bide__scope_push(bide_loop *loop, struct bide_scope *scope);

/* Leaves the innermost scope, which is the caller's to free. */
void bide__scope_pop(bide_loop *loop, struct bide_scope *scope);

/* Aborts unless the scope can be closed now: it is the innermost and holds no open shield. */
void bide__scope_check(const char *call, const struct bide_scope *scope);

#endif
