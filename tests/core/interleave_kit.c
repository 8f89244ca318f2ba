// SPDX-License-Identifier: MIT
/* interleave_kit.c: see interleave_kit.h.
 *
 * A STEP is what a thread does from the turn it was given for one access to just before its next
 * one. At each a thread that wants a turn has said what it is about to do, so the explorer knows
 * the next access of all of them.
 *
 * Which other choices have to be tried where is found out on the way, after P. Abdulla, S. Aronis,
 * B. Jonsson and K. Sagonas, Optimal Dynamic Partial Order Reduction (POPL 2014), by source sets.
 * Two accesses are DEPENDENT when they touch the same memory and one of them changes it. When a
 * thread makes an access that is dependent on an earlier step of another, and nothing that happened
 * in between makes it come after that, the two RACE, and are to be tried in the other order as
 * well: instead of that earlier step one of those is to be made with which an execution can begin
 * that has them so. What happened before what is told by vector clocks.
 *
 * Where all of a choice has been tried, its thread SLEEPS in those after it until something
 * dependent on its access is done, as otherwise what comes has been seen (P. Godefroid,
 * Partial-Order Methods for the Verification of Concurrent Systems, 1996). An execution in which
 * all that could go on sleep is abandoned. */
#include "core/interleave_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = { "begins",
	                             "load",
	                             "store",
	                             "exchange",
	                             "compare-and-exchange",
	                             "add",
	                             "or",
	                             "and",
	                             "lock",
	                             "try",
	                             "unlock",
	                             "destroy",
	                             "wait at",
	                             "return from the wait at",
	                             "wake",
	                             "await",
	                             "another value of",
	                             "join",
	                             "ends",
	                             "free" };

struct interleave__explorer interleave__explorer;

static _Alignas(64) unsigned char stacks[THREADS][STACK_SIZE];

/* ---- what depends on what ----------------------------------------------------------------- */

/* What an access does. That one would change nothing now is not made use of: before another one it
 * might, and what it is dependent on must not hang on its place. */
static unsigned effects_of(const struct thread *thread)
{
	switch (thread->next.kind) {
	case BEGIN:
		return 0;
	case LOAD:
	case CHANGE:
		return READS;
	case BLOCK:
		return READS | QUEUES;
	case RETURN: /* one without a time-out only follows its wake-up */
		return thread->timed ? QUEUES : 0;
	case WAKE:
	case JOIN:
	case END:
		return QUEUES;
	case FREE:
		return READS | WRITES | QUEUES;
	default:
		return READS | WRITES;
	}
}

static bool dependent(const struct step *step, const struct access *access, unsigned effects)
{
	const unsigned touches = READS | WRITES;
	if (step->access.at >= access->at + access->size ||
	    access->at >= step->access.at + step->access.size)
		return false;
	return (step->effects & effects & QUEUES) ||
	       ((step->effects & WRITES) && (effects & touches)) ||
	       ((effects & WRITES) && (step->effects & touches));
}

/* Whether two dependent accesses are never both possible, as one makes the other so. */
static bool exclusive(enum kind before, enum kind after)
{
	return (before == UNLOCK && (after == LOCK || after == UNLOCK)) ||
	       (before == LOCK && after == UNLOCK) || (before == END && after == JOIN);
}

static void join(struct clock *clock, const struct clock *other)
{
	for (int i = 0; i < THREADS; i++)
		if (clock->of[i] < other->of[i])
			clock->of[i] = other->of[i];
}

/* ---- who can go on ------------------------------------------------------------------------ */

static bool is_able(const struct thread *thread)
{
	if (thread->ended)
		return false;
	switch (thread->next.kind) {
	case LOCK:
		return *interleave__owner_of(thread->next.at) == NOBODY;
	case RETURN:
		return thread->woken || thread->timed;
	case AWAIT:
		return get(thread->next.at, thread->next.size) != 0;
	case CHANGE:
		return get(thread->next.at, thread->next.size) != thread->next.value;
	case JOIN:
		return ((const struct thread *)thread->next.at)->ended;
	default:
		return true;
	}
}

static unsigned able_threads(void)
{
	unsigned able = 0;
	for (int i = 0; i < now->nthreads; i++)
		if (is_able(&now->threads[i]))
			able |= bit(i);
	return able;
}

static unsigned alive_threads(void)
{
	unsigned alive = 0;
	for (int i = 0; i < now->nthreads; i++)
		if (!now->threads[i].ended)
			alive |= bit(i);
	return alive;
}

/* ---- which choices there are -------------------------------------------------------------- */

/* Whether a thread's next access could have been made before a step; not if it has waited for that
 * all along. */
static bool could_come_before(const struct step *step, int depth, const struct thread *thread)
{
	const unsigned self = bit(number_of(thread));
	return (step->able & self) || !(step->alive & self) || thread->last > depth;
}

/* Whether what has that clock happened after any of the first steps of threads. */
static bool follows(const struct clock *clock, unsigned threads, const int *first)
{
	for (int i = 0; i < now->nthreads; i++)
		if ((threads & bit(i)) && clock->of[i] >= first[i])
			return true;
	return false;
}

/* Who could be first when a thread's next access is made before a step, and so is all that was done
 * since and did not happen after that step. */
static unsigned beginners(const struct step *step, int depth, const struct thread *thread)
{
	const unsigned self = bit(number_of(thread)), effects = effects_of(thread);
	int first[THREADS];
	unsigned seen = 0, found = 0;
	bool depends = false;
	for (int i = depth + 1; i < now->depth; i++) {
		const struct step *other = &now->steps[i];
		if (other->clock.of[step->chosen] >= depth)
			continue;
		depends = depends || dependent(other, &thread->next, effects);
		if (seen & bit(other->chosen))
			continue;
		if (!follows(&other->clock, seen, first))
			found |= bit(other->chosen);
		seen |= bit(other->chosen);
		first[other->chosen] = i;
	}
	if (!(seen & self) && !depends && !follows(&thread->clock, seen, first))
		found |= self;
	return found & step->able;
}

/* Sees to it that a step is tried the other way round. */
static void want(struct step *step, unsigned threads)
{
	if (threads == 0)
		step->wanted |= step->able;
	else if (!(threads & (step->wanted | step->asleep)))
		step->wanted |= threads & -threads;
}

/* Looks for steps that a thread's next access could as well come before, with another outcome. What
 * makes a lock free or sets a flag does not order those that want it: another might have. */
static void find_races(const struct thread *thread)
{
	const unsigned effects = effects_of(thread);
	struct clock after = thread->clock;
	for (int depth = now->depth - 1; depth >= 0; depth--) {
		struct step *step = &now->steps[depth];
		if (after.of[step->chosen] >= depth || !dependent(step, &thread->next, effects) ||
		    exclusive(step->access.kind, thread->next.kind))
			continue;
		if (could_come_before(step, depth, thread))
			want(step, beginners(step, depth, thread));
		if (thread->next.kind != AWAIT && thread->next.kind != CHANGE)
			join(&after, &step->clock);
	}
}

/* At the end some may still be about to do what they never can. */
static void find_last_races(void)
{
	for (int i = 0; i < now->nthreads; i++)
		if (!now->threads[i].ended)
			find_races(&now->threads[i]);
}

/* Those that sleep after a step are those that did before it, or have been tried in its place,
 * unless it is dependent on what they are about to do. */
static unsigned still_asleep(const struct step *step)
{
	unsigned asleep = (step->asleep | step->tried) & ~bit(step->chosen);
	for (int i = 0; i < now->nthreads; i++) {
		const struct thread *thread = &now->threads[i];
		if ((asleep & bit(i)) && dependent(step, &thread->next, effects_of(thread)))
			asleep &= ~bit(i);
	}
	return asleep;
}

/* Whom to try first: who runs already. */
static int first_of(unsigned threads, int runs)
{
	return runs != NOBODY && (threads & bit(runs)) ? runs : __builtin_ctz(threads);
}

static bool is_bounded(void)
{
	return now->scenario->preemptions != INTERLEAVE_ALL;
}

/* With a bound, all that it permits are to be tried. */
static void choose_bounded(struct step *step, int runs)
{
	const struct step *before = step - 1;
	bool could_stay = runs != NOBODY && (step->able & bit(runs));
	step->preemptions = 0;
	if (now->depth > 1)
		step->preemptions =
			before->preemptions + ((before->able & bit(before[-1].chosen)) &&
		                               before->chosen != before[-1].chosen);
	step->wanted = could_stay && step->preemptions >= now->scenario->preemptions ? bit(runs)
	                                                                             : step->able;
	step->chosen = first_of(step->wanted, runs);
}

/* Says what can be chosen in a state that is reached for the first time, and chooses. False when
 * the execution ends here. */
static bool arrive(unsigned able)
{
	struct step *step = &now->steps[now->depth];
	int runs = now->depth > 0 ? step[-1].chosen : NOBODY;
	*step = (struct step){ .able = able, .alive = alive_threads() };
	if (able == 0) {
		if (!is_bounded())
			find_last_races();
		return false;
	}
	if (is_bounded()) {
		choose_bounded(step, runs);
		return true;
	}
	step->asleep = now->depth > 0 ? still_asleep(step - 1) : 0;
	now->abandoned = (able & ~step->asleep) == 0;
	if (now->abandoned)
		return false;
	step->chosen = first_of(able & ~step->asleep, runs);
	step->wanted = bit(step->chosen);
	return true;
}

/* Goes back to the last step at which there is something left to try. */
static bool next_execution(void)
{
	while (now->depth > 0) {
		struct step *step = &now->steps[now->depth - 1];
		step->tried |= bit(step->chosen);
		unsigned left = step->wanted & ~step->tried & ~step->asleep;
		if (left != 0) {
			step->chosen = __builtin_ctz(left);
			now->replayed = now->depth;
			return true;
		}
		now->depth--;
	}
	return false;
}

/* ---- steps -------------------------------------------------------------------------------- */

/* Notes what a step is and does, and what happened before it. */
static void note(struct step *step, const struct thread *thread)
{
	step->access = thread->next;
	step->effects = effects_of(thread);
	step->clock = thread->clock;
	if (step->access.kind == RETURN)
		join(&step->clock, &thread->woken_after);
	for (int i = now->depth - 1; i >= 0 && !is_bounded(); i--) {
		const struct step *before = &now->steps[i];
		if (step->clock.of[before->chosen] < i &&
		    dependent(before, &step->access, step->effects))
			join(&step->clock, &before->clock);
	}
	step->clock.of[step->chosen] = (int16_t)now->depth;
}

/* Makes a choice and begins the step; returns who makes it, or NOBODY at the end of the
 * execution. */
static int begin_step(void)
{
	struct step *step = &now->steps[now->depth];
	unsigned able = able_threads();
	if (now->depth == STEPS - 1) {
		interleave_fail("there is no end to it");
		return NOBODY;
	}
	if (now->depth >= now->replayed && !arrive(able))
		return NOBODY;
	struct thread *thread = &now->threads[step->chosen];
	bool replays = now->depth < now->replayed - 1;
	if (!(able & bit(step->chosen)) || (replays && (step->access.kind != thread->next.kind ||
	                                                step->access.at != thread->next.at))) {
		interleave_fail("%s does not do what it did after the same choices", thread->name);
		return NOBODY;
	}
	if (!replays && !is_bounded())
		find_races(thread);
	if (!replays)
		note(step, thread);
	thread->clock = step->clock;
	thread->last = now->depth++;
	return step->chosen;
}

/* ---- contexts ----------------------------------------------------------------------------- */

static void *run_thread(void *arg);

/* Goes on with a thread, or, for NOBODY, with the explorer. */
static void switch_to(int to)
{
	void **saved = now->running != NULL ? &now->running->sp : &now->explorer_sp;
	struct thread *thread = to != NOBODY ? &now->threads[to] : NULL;
	now->running = thread;
	if (thread == NULL) {
		bide__context_switch(saved, now->explorer_sp);
	} else if (thread->sp == NULL) {
		BIDE__UNPOISON(stacks[to], STACK_SIZE);
		bide__context_begin(saved, stacks[to] + STACK_SIZE, run_thread, thread,
		                    &now->control);
	} else {
		bide__context_switch(saved, thread->sp);
	}
}

static void tell_steps(void)
{
	char *text = now->result->text;
	size_t used = strlen(text);
	for (int i = 0; i < now->depth && used < sizeof now->result->text - 200; i++) {
		const struct step *step = &now->steps[i];
		const struct interleave_place *place = &step->access.place;
		used += (size_t)snprintf(text + used, 200, "\n  %3d %s: %s%s%s%s%s", i,
		                         now->threads[step->chosen].name, kinds[step->access.kind],
		                         place->what != NULL ? " " : "",
		                         place->what != NULL ? place->what : "",
		                         place->function != NULL ? " in " : "",
		                         place->function != NULL ? place->function : "");
	}
}

void interleave_fail(const char *format, ...)
{
	va_list args;
	if (!now->result->failed) {
		va_start(args, format);
		vsnprintf(now->result->text, 1000, format, args);
		va_end(args);
		now->result->failed = true;
		tell_steps();
	}
	if (now->running != NULL)
		switch_to(NOBODY);
}

/* Has the running thread wait for its turn to make an access. */
void interleave__take_turn(struct access access)
{
	struct thread *me = now->running;
	me->next = access;
	int chosen = begin_step();
	if (chosen != number_of(me))
		switch_to(chosen);
	if (interleave__is_freed(access.at))
		interleave_fail("%s touches memory that has been freed: %s in %s", me->name,
		                access.place.what, access.place.function);
}

/* What a mutant has put off for long enough is done. */
static void see_to_late(struct thread *me)
{
	if (!me->is_late || me->put_off-- > 0)
		return;
	me->is_late = false;
	interleave__take_turn(me->late);
	put(me->late.at, me->late.size, me->late.value);
}

/* Before an access of the running thread. Outside of threads all is done at once. */
void interleave__before(struct access access)
{
	if (now->running == NULL)
		return;
	see_to_late(now->running);
	interleave__take_turn(access);
}

static void *run_thread(void *arg)
{
	struct thread *me = arg;
	(void)me->body(me->arg);
	me->put_off = 0;
	see_to_late(me);
	interleave__take_turn((struct access){ .kind = END, .at = (uintptr_t)me, .size = 1 });
	me->ended = true;
	switch_to(begin_step());
	return NULL;
}

void interleave_thread(const char *name, void *(*body)(void *arg), void *arg)
{
	if (now->nthreads == THREADS) {
		interleave_fail("too many threads");
		return;
	}
	struct thread *thread = &now->threads[now->nthreads++];
	*thread = (struct thread){ .name = name,
		                   .body = body,
		                   .arg = arg,
		                   .last = NOBODY,
		                   .timeouts = now->scenario->timeouts };
	if (now->running != NULL)
		thread->clock = now->running->clock;
	else
		memset(&thread->clock, 0xff, sizeof thread->clock);
}

void interleave_may_wait(void)
{
	now->running->may_wait = true;
}

/* ---- executions --------------------------------------------------------------------------- */

/* Who waits for ever, or NULL. */
static const struct thread *stuck_thread(void)
{
	for (int i = 0; i < now->nthreads; i++)
		if (!now->threads[i].ended && !now->threads[i].may_wait)
			return &now->threads[i];
	return NULL;
}

static void check_end(void)
{
	const struct thread *stuck = stuck_thread();
	if (stuck != NULL)
		interleave_fail("%s waits for ever: %s %s", stuck->name, kinds[stuck->next.kind],
		                stuck->next.place.what);
	else if (now->scenario->check != NULL)
		now->scenario->check();
}

static void execute(void)
{
	interleave__take_back();
	now->depth = now->nthreads = 0;
	now->tickets = 0;
	now->refusals = now->scenario->refusals;
	now->abandoned = false;
	now->running = NULL;
	now->scenario->set_up();
	int first = now->result->failed ? NOBODY : begin_step();
	if (first != NOBODY)
		switch_to(first);
	now->running = NULL;
	if (!now->abandoned && !now->result->failed)
		check_end();
	interleave__check_freed();
}

bool interleave_explore(const struct interleave_scenario *scenario,
                        struct interleave_result *ret_result)
{
	memset(ret_result, 0, sizeof *ret_result);
	now->scenario = scenario;
	now->result = ret_result;
	now->replayed = 0;
	bide__control_get(&now->control);
	do {
		execute();
		ret_result->executions += !now->abandoned;
		ret_result->abandoned += now->abandoned;
		if (ret_result->steps < now->depth)
			ret_result->steps = now->depth;
	} while (!ret_result->failed && next_execution());
	return !ret_result->failed;
}
