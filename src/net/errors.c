// SPDX-License-Identifier: MIT
/* errors.c: see errors.h. */
#include "net/errors.h"

#include <bide/base.h>

#include <ares.h>
#include <errno.h>

int bide__net_error(int ares_status)
{
	switch (ares_status) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ENOTFOUND:
		return -BIDE_ENOHOST;
	case ARES_ENODATA:
		return -BIDE_ENOADDRESS;
	case ARES_ETIMEOUT:
		return -BIDE_ENOANSWER;
	case ARES_ECONNREFUSED:
		return -BIDE_ENOSERVER;
	case ARES_ESERVFAIL:
		return -BIDE_ESERVFAIL;
	/* A server that says that it cannot refuses, too. */
	case ARES_EREFUSED:
	case ARES_ENOTIMP:
	case ARES_EFORMERR:
		return -BIDE_EREFUSED;
	case ARES_EBADRESP:
		return -BIDE_EBADANSWER;
	case ARES_EBADNAME:
		return -BIDE_EBADNAME;
	case ARES_ESERVICE:
		return -BIDE_ENOSERVICE;
	case ARES_ENOMEM:
		return -ENOMEM;
	case ARES_ECANCELLED:
	case ARES_EDESTRUCTION:
		return -ECANCELED;
	case ARES_EFILE:
		return -EIO;
	default:
		return -EINVAL;
	}
}
