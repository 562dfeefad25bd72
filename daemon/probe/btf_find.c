// SPDX-License-Identifier: MIT
#include "probe/btf_find.h"

#include <string.h>

#include <bpf/btf.h>

static void compare(struct uw_btf_wanted *wanted, const char *name, __u32 kind, __u32 id)
{
	if (wanted->kind == kind && !wanted->id && wanted->name && *wanted->name == *name &&
	    !strcmp(wanted->name, name))
		wanted->id = id;
}

void uw_btf_find(const struct btf *btf, struct uw_btf_wanted *wanted, size_t n)
{
	__u32 id, end = btf__type_cnt(btf), kinds = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		wanted[i].id = 0;
		kinds |= 1U << wanted[i].kind;
	}
	for (id = 1; id < end; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		__u32 kind = btf_kind(type);
		const char *name;

		if (!(kinds >> kind & 1))
			continue;
		name = btf__name_by_offset(btf, type->name_off);
		for (i = 0; i < n; i++)
			compare(&wanted[i], name, kind, id);
	}
}
