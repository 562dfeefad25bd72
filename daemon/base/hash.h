/* SPDX-License-Identifier: MIT */
/* FNV-1a with 64 bits, and a hash of numbers. They do not resist deliberate collisions. Pure. */
#ifndef UW_HASH_H
#define UW_HASH_H

#include <stddef.h>
#include <stdint.h>

#define UW_HASH_START UINT64_C(0xcbf29ce484222325)

/* Adds bytes to a hash, which starts as UW_HASH_START. */
static inline uint64_t uw_hash(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len--)
		hash = (hash ^ *p++) * UINT64_C(0x100000001b3);
	return hash;
}

/* The same of a number, in one step. */
static inline uint64_t uw_hash_number(uint64_t hash, uint64_t number)
{
	hash = (hash ^ number) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

#endif
