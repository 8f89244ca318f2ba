// SPDX-License-Identifier: MIT
/* meter.c: see meter.h. Its readings are 1, 2, 3 and so on. */
#include "meter.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct meter {
	int fd;          /* a timer: it counts the readings that have come since it was read */
	uint64_t coming; /* how many have come and were not taken */
	int taken;
};

int meter_open(int interval_ms, struct meter **ret_meter)
{
	const struct timespec interval = { interval_ms / 1000, interval_ms % 1000 * 1000000L };
	const struct itimerspec timer = { interval, interval };
	struct meter *meter = calloc(1, sizeof(*meter));
	if (meter == NULL)
		return -ENOMEM;
	meter->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (meter->fd < 0 || timerfd_settime(meter->fd, 0, &timer, NULL) < 0) {
		int rc = -errno;
		meter_close(meter);
		return rc;
	}
	*ret_meter = meter;
	return 0;
}

int meter_adjust(struct meter *meter)
{
	const struct timespec time = { 0, 50000000 };
	nanosleep(&time, NULL);
	return meter->taken + 3;
}

int meter_fd(const struct meter *meter)
{
	return meter->fd;
}

int meter_take(struct meter *meter, int *ret_reading)
{
	uint64_t more;
	if (meter->coming == 0 && read(meter->fd, &more, sizeof(more)) == sizeof(more))
		meter->coming = more;
	if (meter->coming == 0)
		return -EAGAIN;
	meter->coming--;
	*ret_reading = ++meter->taken;
	return 0;
}

void meter_close(struct meter *meter)
{
	if (meter == NULL)
		return;
	if (meter->fd >= 0)
		close(meter->fd);
	free(meter);
}
