/* SPDX-License-Identifier: MIT */
/*
 * Finds types in the kernel's BTF by their names. btf__find_by_name_kind(3) goes through all types,
 * more than a hundred thousand, for each name; this goes through them once.
 */
#ifndef UW_BTF_FIND_H
#define UW_BTF_FIND_H

#include <stddef.h>
#include <linux/types.h>

struct btf;

struct uw_btf_wanted {
	const char *name; /* NULL: nothing is wanted */
	__u32 kind;	  /* BTF_KIND_FUNC or another */
	__u32 id;	  /* set: of the first such type, or 0 */
};

void uw_btf_find(const struct btf *btf, struct uw_btf_wanted *wanted, size_t n);

#endif
