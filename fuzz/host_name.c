// SPDX-License-Identifier: MIT
/* host_name.c: names as programs are given them, and the forms in which they are looked for. */
#include "fuzz.h"

#include "net/host_name.h"
#include "net/ip.h"

FUZZ(bytes, size)
{
	char *domains[] = { "example.org", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p" };
	char form[BIDE__NAME_SIZE];
	struct bide__ip ip;
	char *text = text_of(bytes, size);
	struct bide__search search = { text, domains, 2, 1, 0 };
	(void)bide__ip_parse(text, &ip);
	if (bide__host_name_valid(text)) {
		int forms = 0;
		HOLDS(!bide__ip_parse(text, &ip));
		for (; bide__search_next(&search, form); forms++) {
			HOLDS(bide__host_name_valid(form));
			HOLDS(form[strlen(form) - 1] != '.');
			(void)bide__host_name_is_local(form);
		}
		HOLDS(forms >= 1 && forms <= 3);
	}
	free(text);
}
