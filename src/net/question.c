// SPDX-License-Identifier: MIT
/* question.c: see resolver.h and cache.h. */
#include "net/resolver.h"

#include <errno.h>

static void link_asked(bide_resolver *resolver, struct bide__question *question)
{
	question->asking = true;
	question->after = NULL;
	question->before = resolver->last;
	*(resolver->last != NULL ? &resolver->last->after : &resolver->first) = question;
	resolver->last = question;
	resolver->nasking++;
}

static void unlink_asked(bide_resolver *resolver, struct bide__question *question)
{
	question->asking = false;
	*(question->before != NULL ? &question->before->after : &resolver->first) = question->after;
	*(question->after != NULL ? &question->after->before : &resolver->last) = question->before;
	if (--resolver->nasking == 0)
		resolver->failure = 0;
}

static void use(struct bide__question *question)
{
	if (question->users++ == 0 && question->asking)
		question->resolver->nwanted++;
}

int bide__ask(bide_resolver *resolver, const char *name, unsigned type,
              struct bide__question **ret_question)
{
	struct bide__question *question =
		bide__cache_find(&resolver->cache, name, type, bide_now());
	if (question == NULL) {
		question = bide__cache_add(&resolver->cache, name, type);
		if (question == NULL)
			return -ENOMEM;
		question->resolver = resolver;
		link_asked(resolver, question);
		use(question);
		bide__channel_ask(question);
	} else {
		use(question);
	}
	*ret_question = question;
	return 0;
}

void bide__question_end(struct bide__question *question, const struct bide__answer *answer)
{
	bide_resolver *resolver = question->resolver;
	unlink_asked(resolver, question);
	if (question->users > 0)
		resolver->nwanted--;
	question->answer = *answer;
	question->good_until = bide_now() + answer->ttl;
	if (resolver->leading == question && resolver->lead_scope != NULL)
		bide_scope_cancel(resolver->lead_scope);
	bide_event_set(&question->ended);
	if (answer->ttl == 0 || resolver->cache.limit == 0)
		bide__cache_remove(&resolver->cache, question);
	else
		bide__cache_keep(&resolver->cache, question);
}

/* Has somebody else attend to the sockets, if anybody waits. */
static void pass_on(const bide_resolver *resolver)
{
	struct bide__question *question = resolver->first;
	while (question != NULL && question->waiting == 0)
		question = question->after;
	if (question != NULL)
		bide_event_set(&question->ended);
}

static int follow(struct bide__question *question)
{
	bide_event_clear(&question->ended);
	question->waiting++;
	int rc = bide_event_wait(&question->ended);
	question->waiting--;
	return rc;
}

int bide__question_await(struct bide__question *question)
{
	bide_resolver *resolver = question->resolver;
	int rc = 0;
	while (question->asking && rc == 0) {
		if (resolver->leading != NULL) {
			rc = follow(question);
			continue;
		}
		resolver->leading = question;
		rc = bide__channel_attend(resolver);
		resolver->leading = NULL;
	}
	if (resolver->leading == NULL)
		pass_on(resolver);
	return question->asking ? rc : 0;
}

void bide__question_leave(struct bide__question *question)
{
	bide_resolver *resolver = question->resolver;
	if (--question->users == 0 && question->asking)
		resolver->nwanted--;
	bide__question_free_unneeded(question);
	if (resolver->nwanted == 0 && resolver->nasking > 0)
		bide__channel_stop(resolver, -ECANCELED);
}

int bide__ask_when_there_is_room(bide_resolver *resolver)
{
	int rc = 0;
	while (rc == 0 && resolver->nasking + 2 > BIDE__ASKING_MAX) {
		struct bide__question *question = resolver->first;
		use(question);
		rc = bide__question_await(question);
		bide__question_leave(question);
	}
	return rc;
}
