/* SPDX-License-Identifier: MIT */
/* names_world.h: a world of its own for a program that looks names up: name spaces in which
 * /etc/resolv.conf names one server, which is a process here. Whatever looks names up there, by the
 * system's configuration, asks that. */
#ifndef BENCH_NAMES_WORLD_H
#define BENCH_NAMES_WORLD_H

/* Enters such a world and starts the server, which knows "nNUMBER.bench.test", with an address of
 * each family for each name, answers after so many seconds, and ends with this process. To be
 * called before there are threads. Returns 0, or -1 after it has said what the system refuses. */
int names_world_enter(double latency);

/* Returns a socket that is connected to its server, or -1. */
int names_world_connect(void);

#endif
