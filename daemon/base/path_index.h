/* SPDX-License-Identifier: MIT */
/*
 * Many paths, of which those at or above any given one are found by one binary search. Pure.
 *
 * They are held in tree order: as strcmp() has it, but with a slash before any other byte, so that
 * what is below a directory follows it at once. The root is the empty text.
 */
#ifndef UW_PATH_INDEX_H
#define UW_PATH_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UW_TREE_NONE SIZE_MAX

struct uw_path_index_node {
	uint32_t group;	  /* paths of different groups have nothing to do with each other */
	const char *path; /* borrowed; without a trailing slash */
	size_t len;
	size_t item; /* the caller's; equal paths are in its order */
	size_t up;   /* the node before this one that has the same path or the nearest above it */
};

struct uw_path_index {
	struct uw_path_index_node *node;
	size_t n;
};

/* Room for `max` paths. Returns 0 or -ENOMEM. */
int uw_path_index_init(struct uw_path_index *tree, size_t max);

/* Accepts an empty tree. */
void uw_path_index_done(struct uw_path_index *tree);

/* Adds a path; a trailing slash is left out. uw_path_index_sort() comes after the last one. */
void uw_path_index_add(struct uw_path_index *tree, uint32_t group, const char *path, size_t len,
		       size_t item);
void uw_path_index_sort(struct uw_path_index *tree);

/*
 * The last node that has this path, or else the nearest above it, or UW_TREE_NONE. All others are
 * found from there by `up`.
 */
size_t uw_path_index_find(const struct uw_path_index *tree, uint32_t group, const char *path,
			  size_t len);

bool uw_path_index_has_group(const struct uw_path_index *tree, uint32_t group);

/* Whether the directory is the path or above it; both without a trailing slash. */
bool uw_path_index_covers(const char *dir, size_t dir_len, const char *path, size_t len);

#endif
