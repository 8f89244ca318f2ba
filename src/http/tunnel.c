// SPDX-License-Identifier: MIT
/* tunnel.c: asking a proxy for a connection to a host: RFC 9110, 9.3.6. */
#include "http/session.h"

#include <errno.h>
#include <sys/uio.h>

static int write_question(const struct bide__http_errand *errand, struct bide__string *head)
{
	const struct bide__url *url = errand->route.url, *proxy = errand->route.proxy;
	const char *agent = errand->session->options.user_agent;
	int rc = 0;
	bide__string_put(head, "CONNECT ");
	bide__http_put_authority(head, url, true);
	bide__string_put(head, " HTTP/1.1\r\nHost: ");
	bide__http_put_authority(head, url, true);
	bide__string_put(head, "\r\n");
	if (agent[0] != '\0') {
		bide__string_put(head, "User-Agent: ");
		bide__string_put(head, agent);
		bide__string_put(head, "\r\n");
	}
	if (proxy->user != NULL)
		rc = bide__http_put_basic(head, "Proxy-Authorization", proxy->user,
		                          proxy->password);
	bide__string_put(head, "\r\n");
	return rc < 0 ? rc : head->failed ? -ENOMEM : 0;
}

static int ask(const struct bide__http_errand *errand, bide_stream *stream)
{
	struct bide__string head = { NULL, 0, 0, false };
	int rc = write_question(errand, &head);
	if (rc == 0)
		rc = bide__http_send_all(stream, &(struct iovec){ head.data, head.size }, 1);
	bide__string_free(&head);
	return rc;
}

/* What the proxy has answered; nothing may have come behind it, as the host has not been spoken
 * to. */
static int judge(struct bide__http_errand *errand, struct bide__http_connection *connection)
{
	const int status = connection->parser.llhttp.status_code;
	const void *data;
	if (status >= 200 && status < 300)
		return bide__http_next(connection) == BIDE__HTTP_END &&
		                       bide_stream_peek(connection->stream, 0, &data) == 0
		               ? 0
		               : -BIDE_EHTTP;
	errand->trace.status = status;
	if (errand->request->proxy_status != NULL)
		*errand->request->proxy_status = status;
	return status == 407 ? -BIDE_EHTTP_PROXY_AUTH : -BIDE_EHTTP_PROXY;
}

int bide__http_tunnel(struct bide__http_errand *errand, bide_stream *stream)
{
	struct bide__http_connection connection = { .stream = stream, .trace = &errand->trace };
	bide__http_note(&errand->trace, BIDE_HTTP_TUNNELING, 0);
	int rc = ask(errand, stream);
	bide__http_parser_init(&connection.parser, HTTP_RESPONSE);
	bide__http_expect(&connection, true, errand->session->options.timeout_read);
	connection.answered = true;
	if (rc == 0 || bide__http_is_closed(rc))
		rc = bide__http_receive_head(&connection);
	if (rc == 0)
		rc = judge(errand, &connection);
	bide__http_parser_finish(&connection.parser);
	if (rc == 0)
		bide__http_note(&errand->trace, BIDE_HTTP_TUNNELED, 0);
	return rc;
}
