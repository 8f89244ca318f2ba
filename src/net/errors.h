/* SPDX-License-Identifier: MIT */
/* errors.h: what c-ares fails with, as an error of bide's. */
#ifndef BIDE_NET_ERRORS_H
#define BIDE_NET_ERRORS_H

/* Returns 0 for ARES_SUCCESS, else a negative error. */
int bide__net_error(int ares_status);

#endif
