/* SPDX-License-Identifier: MIT */
/* meter.h: a small library as there are many, written for programs without a loop: it has a call
 * that blocks, and readings that come when they come, told by a descriptor. It knows nothing of
 * bide. */
#ifndef METER_H
#define METER_H

struct meter;

/* Opens a meter that has a reading every interval_ms. Returns 0 or a negative errno value. */
int meter_open(int interval_ms, struct meter **ret_meter);

/* Adjusts the meter, which takes a while. Returns by how much it was off. */
int meter_adjust(struct meter *meter);

/* A descriptor that is readable when there is a reading. */
int meter_fd(const struct meter *meter);

/* Takes the next reading. Returns 0, or -EAGAIN when it has not come yet. */
int meter_take(struct meter *meter, int *ret_reading);

/* NULL is no meter. */
void meter_close(struct meter *meter);

#endif
