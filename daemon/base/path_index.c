// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/path_index.h"

int uw_path_index_init(struct uw_path_index *tree, size_t max)
{
	/* One more, as calloc() may return NULL for none. */
	struct uw_path_index_node *node = calloc(max + 1, sizeof(*node));

	if (!node)
		return -ENOMEM;
	*tree = (struct uw_path_index){ .node = node };
	return 0;
}

void uw_path_index_done(struct uw_path_index *tree)
{
	free(tree->node);
	*tree = (struct uw_path_index){ 0 };
}

static size_t trimmed(const char *path, size_t len)
{
	while (len > 0 && path[len - 1] == '/')
		len--;
	return len;
}

void uw_path_index_add(struct uw_path_index *tree, uint32_t group, const char *path, size_t len,
		       size_t item)
{
	tree->node[tree->n++] = (struct uw_path_index_node){
		.group = group,
		.path = path,
		.len = trimmed(path, len),
		.item = item,
	};
}

static int compare_paths(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t n = a_len < b_len ? a_len : b_len, i = 0;

	while (i < n && a[i] == b[i])
		i++;
	if (i == n)
		return (a_len > b_len) - (a_len < b_len);
	if (a[i] == '/' || b[i] == '/')
		return a[i] == '/' ? -1 : 1;
	return (unsigned char)a[i] - (unsigned char)b[i];
}

static int compare_nodes(const void *a, const void *b)
{
	const struct uw_path_index_node *x = a, *y = b;
	int r;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	r = compare_paths(x->path, x->len, y->path, y->len);
	return r ? r : (x->item > y->item) - (x->item < y->item);
}

bool uw_path_index_covers(const char *dir, size_t dir_len, const char *path, size_t len)
{
	return dir_len <= len && !memcmp(dir, path, dir_len) &&
	       (dir_len == len || path[dir_len] == '/');
}

/* The nearest node that covers the path, going up from a node that does not sort after it. */
static size_t climb(const struct uw_path_index *tree, size_t from, uint32_t group, const char *path,
		    size_t len)
{
	while (from != UW_TREE_NONE) {
		const struct uw_path_index_node *node = &tree->node[from];

		if (node->group != group)
			return UW_TREE_NONE;
		if (uw_path_index_covers(node->path, node->len, path, len))
			return from;
		from = node->up;
	}
	return UW_TREE_NONE;
}

void uw_path_index_sort(struct uw_path_index *tree)
{
	qsort(tree->node, tree->n, sizeof(*tree->node), compare_nodes);
	for (size_t i = 0; i < tree->n; i++) {
		struct uw_path_index_node *node = &tree->node[i];

		node->up =
			climb(tree, i ? i - 1 : UW_TREE_NONE, node->group, node->path, node->len);
	}
}

/* The number of nodes that sort before this path or equal it. */
static size_t upper_bound(const struct uw_path_index *tree, uint32_t group, const char *path,
			  size_t len)
{
	size_t low = 0, high = tree->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct uw_path_index_node *node = &tree->node[middle];

		if (node->group < group ||
		    (node->group == group && compare_paths(node->path, node->len, path, len) <= 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t uw_path_index_find(const struct uw_path_index *tree, uint32_t group, const char *path,
			  size_t len)
{
	size_t n;

	len = trimmed(path, len);
	n = upper_bound(tree, group, path, len);
	return climb(tree, n ? n - 1 : UW_TREE_NONE, group, path, len);
}

bool uw_path_index_has_below(const struct uw_path_index *tree, uint32_t group, const char *path,
			     size_t len)
{
	size_t n;

	len = trimmed(path, len);
	n = upper_bound(tree, group, path, len);
	return n < tree->n && tree->node[n].group == group &&
	       uw_path_index_covers(path, len, tree->node[n].path, tree->node[n].len);
}

bool uw_path_index_has_group(const struct uw_path_index *tree, uint32_t group)
{
	size_t n = upper_bound(tree, group, "", 0);

	return (n > 0 && tree->node[n - 1].group == group) ||
	       (n < tree->n && tree->node[n].group == group);
}
