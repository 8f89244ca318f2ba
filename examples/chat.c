// SPDX-License-Identifier: MIT
/* chat.c [PLACE]: a chat room, by default at unix:chat.socket. Who connects gives a name, and then
 * sees what the others say.
 *
 * Each member has a queue of lines, and a task that takes them to the client. Who speaks puts his
 * line into all the queues and does not wait: a client that does not read misses lines, and holds
 * nobody up. */
#include <bide.h>
#include <bide/serve.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LINES = 64 }; /* that a slow member may be behind */

struct line {
	char text[240];
};

struct member {
	char name[32];
	bide_queue *lines;
	struct member *next, **link;
};

static struct member *room;

static void say(const char *name, const char *what)
{
	struct line line;
	snprintf(line.text, sizeof(line.text), "%s: %s\n", name, what);
	for (struct member *member = room; member != NULL; member = member->next)
		(void)!bide_queue_try_put(member->lines, &line);
}

BIDE_ASYNC(int, deliver, bide_stream *, struct member *);

int deliver(bide_stream *stream, struct member *member)
{
	struct line line;
	int rc;
	while ((rc = bide_queue_get(member->lines, &line)) == 0) {
		ssize_t n = bide_stream_write(stream, line.text, strlen(line.text));
		if (n < 0)
			return (int)n;
	}
	return rc;
}

static void join(struct member *member)
{
	member->next = room;
	member->link = &room;
	if (room != NULL)
		room->link = &member->next;
	room = member;
	say(member->name, "hello");
}

static void leave(struct member *member)
{
	*member->link = member->next;
	if (member->next != NULL)
		member->next->link = member->link;
	say(member->name, "goodbye");
}

/* A full task: the others point at its member. */
BIDE_ASYNC(int, chat, bide_stream *);

int chat(bide_stream *stream)
{
	const bide_queue_options options = { .bound = LINES };
	struct member self = { .name = "" };
	char *line;
	ssize_t n = bide_stream_readline(stream, &line);
	int rc = n <= 0 ? (int)n : bide_queue_open(struct line, &options, &self.lines);
	if (n <= 0 || rc < 0)
		return rc;
	snprintf(self.name, sizeof(self.name), "%s", line);
	join(&self);
	BIDE_GROUP(group, rc) {
		bide_group_spawn(group, deliver, stream, &self);
		while ((n = bide_stream_readline(stream, &line)) > 0)
			say(self.name, line);
		bide_group_cancel(group);
	}
	leave(&self);
	bide_queue_free(self.lines);
	return n < 0 && rc == 0 ? (int)n : rc;
}

BIDE_ASYNC(int, serve, const char *);

int serve(const char *place)
{
	return bide_serve_forever(place, NULL, NULL, chat);
}

int main(int argc, char **argv)
{
	int rc = bide_run(serve, argc > 1 ? argv[1] : "unix:chat.socket");
	if (rc < 0 && rc != -ECANCELED)
		fprintf(stderr, "%s\n", bide_strerror(rc));
	return rc < 0 && rc != -ECANCELED;
}
