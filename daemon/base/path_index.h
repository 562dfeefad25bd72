/* SPDX-License-Identifier: MIT */
/*
 * An index of paths. One binary search finds the entries that equal a given path or are above it.
 * Pure.
 *
 * The index is sorted in tree order: as strcmp(), but a slash sorts before any other byte, so that
 * the paths below a directory follow it immediately. The root is the empty string.
 */
#ifndef UW_PATH_INDEX_H
#define UW_PATH_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UW_TREE_NONE SIZE_MAX

struct uw_path_index_node {
	uint32_t group;	  /* a path covers only paths of its own group */
	const char *path; /* borrowed; without a trailing slash */
	size_t len;
	size_t item; /* the caller's; equal paths are sorted by it */
	size_t up;   /* the node before this one that has the same path or the nearest above it */
};

struct uw_path_index {
	struct uw_path_index_node *node;
	size_t n;
};

/* Makes room for `max` paths. Returns 0 or -ENOMEM. */
int uw_path_index_init(struct uw_path_index *tree, size_t max);

/* Accepts zeroes. */
void uw_path_index_done(struct uw_path_index *tree);

/* Adds a path, without its trailing slashes. Call uw_path_index_sort() after the last one. */
void uw_path_index_add(struct uw_path_index *tree, uint32_t group, const char *path, size_t len,
		       size_t item);
void uw_path_index_sort(struct uw_path_index *tree);

/*
 * Returns the last node that has this path, or else the nearest one above it, or UW_TREE_NONE. Its
 * `up` leads to the others.
 */
size_t uw_path_index_find(const struct uw_path_index *tree, uint32_t group, const char *path,
			  size_t len);

/* Whether a node is below this path. */
bool uw_path_index_has_below(const struct uw_path_index *tree, uint32_t group, const char *path,
			     size_t len);

bool uw_path_index_has_group(const struct uw_path_index *tree, uint32_t group);

/* True if dir equals the path or is above it. Neither may have a trailing slash. */
bool uw_path_index_covers(const char *dir, size_t dir_len, const char *path, size_t len);

#endif
