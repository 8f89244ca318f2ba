/* SPDX-License-Identifier: MIT */
/* datagrams.h: the sockets that c-ares has, and what goes through those of UDP, many datagrams by
 * one system call. What c-ares sends is kept until it is told to go, or there is no room for more;
 * what has come is taken in one go and handed to c-ares piece by piece.
 *
 * That something could not be sent is an error of the socket, of which c-ares learns when it next
 * reads from that, as it does of what a host far away says. */
#ifndef BIDE_NET_DATAGRAMS_H
#define BIDE_NET_DATAGRAMS_H

#include <ares.h>

struct bide__datagrams;

/* NULL: no memory. */
struct bide__datagrams *bide__datagrams_new(void);

/* Once no channel has sockets. NULL is nothing. */
void bide__datagrams_free(struct bide__datagrams *datagrams);

/* Has a channel open its sockets here. */
void bide__datagrams_serve(struct bide__datagrams *datagrams, ares_channel channel);

/* Sends what has been kept. */
void bide__datagrams_send(struct bide__datagrams *datagrams);

/* A socket from which c-ares is to read though nothing may come any more; ARES_SOCKET_BAD. */
ares_socket_t bide__datagrams_due(const struct bide__datagrams *datagrams);

#endif
