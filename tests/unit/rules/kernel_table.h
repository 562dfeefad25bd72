/* SPDX-License-Identifier: MIT */
/* Imitates the kernel's look-up in the table of paths, for tests that compare it with the rules. */
#ifndef UW_TEST_KERNEL_TABLE_H
#define UW_TEST_KERNEL_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "rules/filter.h"

/*
 * Returns what the trie finds. The kernel program cuts a path of more than 247 bytes and appends a
 * slash. With to_the_letter the byte that follows in the path stays instead.
 */
static inline uint64_t look_up(const struct uw_filter *filter, uint32_t dev, const char *inner,
			       size_t len, bool to_the_letter)
{
	const struct uw_path_entry *best = NULL;
	char key[UW_KEY_PATH];
	size_t n;

	while (len > 0 && inner[len - 1] == '/')
		len--;
	n = len < UW_KEY_PATH - 1 ? len : UW_KEY_PATH - 1;
	memcpy(key, inner, n);
	key[n] = to_the_letter && len > n ? inner[n] : '/';
	n++;
	if (!filter->tables.masks.check_paths)
		return UINT64_MAX;
	for (size_t i = 0; i < filter->tables.n_paths; i++) {
		const struct uw_path_entry *e = &filter->tables.paths[i];
		size_t bytes = e->key.prefixlen / 8 - sizeof(dev);

		if (e->key.dev == dev && bytes <= n && !memcmp(e->key.path, key, bytes) &&
		    (!best || e->key.prefixlen > best->key.prefixlen))
			best = e;
	}
	return best ? best->value.rules : UINT64_MAX;
}

#endif
