// SPDX-License-Identifier: MIT
/* database.c [CONNINFO]: ten queries to a PostgreSQL server at once, by libpq.
 *
 * libpq knows of no event loop. It offers its socket, and says whether it waits to read or to
 * write; bide_wait_fd() suspends the task until that can be done. The socket may be another one
 * after each step, so it is asked for each time. libpq looks names up by itself, and blocks
 * meanwhile: a CONNINFO is to give a hostaddr, or a directory of Unix sockets as host. */
#include <bide.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>

enum { QUERIES = 10 };

static int finish_connecting(PGconn *connection)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;
	while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
		int events = status == PGRES_POLLING_READING ? BIDE_READABLE : BIDE_WRITABLE;
		int rc = bide_wait_fd(PQsocket(connection), events);
		if (rc < 0)
			return rc;
		status = PQconnectPoll(connection);
	}
	return status == PGRES_POLLING_OK ? 0 : -ECONNREFUSED;
}

/* Sends what there is to be sent, and waits for all of a result. */
static int wait_for_result(PGconn *connection)
{
	int left = 1;
	while (left > 0 || PQisBusy(connection)) {
		left = PQflush(connection);
		int events = left > 0 ? BIDE_READABLE | BIDE_WRITABLE : BIDE_READABLE;
		int rc = left < 0 ? -EIO : bide_wait_fd(PQsocket(connection), events);
		if (rc < 0)
			return rc;
		if ((rc & BIDE_READABLE) && !PQconsumeInput(connection))
			return -EIO;
	}
	return 0;
}

/* The number that a query gives, or an error. */
static int ask(PGconn *connection, const char *query)
{
	int answer = -EPROTO;
	int rc = finish_connecting(connection);
	if (rc < 0 || !PQsendQuery(connection, query))
		return rc < 0 ? rc : -EIO;
	rc = wait_for_result(connection);
	if (rc < 0)
		return rc;
	PGresult *result = PQgetResult(connection);
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		sscanf(PQgetvalue(result, 0, 0), "%d", &answer);
	PQclear(result);
	return answer;
}

BIDE_ASYNC(int, square, const char *, int);

int square(const char *conninfo, int n)
{
	char query[80];
	snprintf(query, sizeof(query), "SELECT %d * %d FROM pg_sleep(0.5)", n, n);
	PGconn *connection = PQconnectStart(conninfo);
	int rc = connection == NULL                       ? -ENOMEM
	         : PQstatus(connection) == CONNECTION_BAD ? -ECONNREFUSED
	         : PQsetnonblocking(connection, 1) < 0    ? -EIO
	                                                  : ask(connection, query);
	if (rc < 0)
		fprintf(stderr, "%s", PQerrorMessage(connection));
	PQfinish(connection);
	return rc;
}

BIDE_ASYNC(int, ask_all, const char *);

int ask_all(const char *conninfo)
{
	bide_task *tasks[QUERIES];
	int answers[QUERIES];
	const double begin = bide_time();
	for (int i = 0; i < QUERIES; i++)
		tasks[i] = bide_spawn(square, conninfo, i);
	int rc = bide_gather(tasks, QUERIES, answers);
	for (int i = 0; i < QUERIES && rc == 0; i++)
		printf("%d * %d = %d\n", i, i, answers[i]);
	if (rc == 0 && bide_time() - begin < QUERIES * 0.5)
		printf("ten queries of half a second took less than five\n");
	return rc;
}

int main(int argc, char **argv)
{
	int rc = bide_run(ask_all, argc > 1 ? argv[1] : "");
	if (rc < 0)
		fprintf(stderr, "%s\n", bide_strerror(rc));
	return rc < 0;
}
