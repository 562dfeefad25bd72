// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/mounts.h"

/* Of a mount whose parent is not to be seen, or is itself: that of the initial root file system. */
#define NO_PARENT UINT32_MAX

/* ---- which can be reached */

enum reach {
	UNDECIDED = 0,
	PENDING, /* its parents are being looked at; met again, they go round in a circle */
	REACHED,
	COVERED, /* reached, but all of it is below another mount */
	HIDDEN,
};

struct id {
	uint32_t id;
	size_t at;
};

struct reach_table {
	enum reach *state;
	struct id *ids; /* sorted */
	size_t n;
};

static int compare_ids(const void *a, const void *b)
{
	const struct id *x = a, *y = b;

	return x->id != y->id ? (x->id > y->id) - (x->id < y->id)
			      : (x->at > y->at) - (x->at < y->at);
}

/* The mount's parent, or SIZE_MAX where the process cannot see that. */
static size_t parent_of(const struct reach_table *table, const struct uw_mount *mount)
{
	size_t low = 0, high = table->n;

	if (mount->parent == mount->id)
		return SIZE_MAX;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->ids[middle].id < mount->parent)
			low = middle + 1;
		else
			high = middle;
	}
	return low < table->n && table->ids[low].id == mount->parent ? table->ids[low].at
								     : SIZE_MAX;
}

/* Of those with one parent, the uppermost hides what is below; of two at one point the last counts.
 */
static int hide_behind_siblings(const struct uw_mounts *mounts, struct reach_table *table)
{
	struct uw_path_index siblings;
	int r;

	r = uw_path_index_init(&siblings, mounts->n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < mounts->n; i++) {
		const struct uw_mount *m = &mounts->mount[i];

		uw_path_index_add(&siblings,
				  parent_of(table, m) == SIZE_MAX ? NO_PARENT : m->parent, m->point,
				  m->point_len, i);
	}
	uw_path_index_sort(&siblings);
	for (size_t i = 0; i < siblings.n; i++) {
		const struct uw_path_index_node *node = &siblings.node[i], *up;

		if (node->up == UW_TREE_NONE)
			continue;
		up = &siblings.node[node->up];
		if (up->len < node->len)
			table->state[node->item] = HIDDEN;
		else {
			table->state[node->item] = table->state[up->item];
			table->state[up->item] = HIDDEN;
		}
	}
	uw_path_index_done(&siblings);
	return 0;
}

/* Not below its parent: one of both has moved while the lines were read. */
static void hide_misplaced(const struct uw_mounts *mounts, struct reach_table *table)
{
	for (size_t i = 0; i < mounts->n; i++) {
		const struct uw_mount *m = &mounts->mount[i], *up;
		size_t parent = parent_of(table, m);

		if (parent == SIZE_MAX)
			continue;
		up = &mounts->mount[parent];
		if (!uw_path_index_covers(up->point, up->point_len, m->point, m->point_len))
			table->state[i] = HIDDEN;
	}
}

/* Twice along the parents, up to one that is decided: to learn the outcome, and to write it down. */
static void decide(const struct uw_mounts *mounts, const struct reach_table *table, size_t start)
{
	enum reach outcome;
	size_t at = start;

	while (at != SIZE_MAX && table->state[at] == UNDECIDED) {
		table->state[at] = PENDING;
		at = parent_of(table, &mounts->mount[at]);
	}
	outcome = at == SIZE_MAX || table->state[at] == REACHED ? REACHED : HIDDEN;
	for (at = start; at != SIZE_MAX && table->state[at] == PENDING;
	     at = parent_of(table, &mounts->mount[at]))
		table->state[at] = outcome;
}

static bool same_point(const struct uw_mount *a, const struct uw_mount *b)
{
	return a->point_len == b->point_len && !memcmp(a->point, b->point, a->point_len);
}

static int decide_all(const struct uw_mounts *mounts, struct reach_table *table)
{
	int r;

	for (size_t i = 0; i < mounts->n; i++)
		table->ids[i] = (struct id){ mounts->mount[i].id, i };
	table->n = mounts->n;
	qsort(table->ids, table->n, sizeof(*table->ids), compare_ids);
	r = hide_behind_siblings(mounts, table);
	if (r < 0)
		return r;
	hide_misplaced(mounts, table);
	for (size_t i = 0; i < mounts->n; i++)
		decide(mounts, table, i);
	for (size_t i = 0; i < mounts->n; i++) {
		size_t parent = parent_of(table, &mounts->mount[i]);

		if (parent != SIZE_MAX &&
		    (table->state[i] == REACHED || table->state[i] == COVERED) &&
		    same_point(&mounts->mount[parent], &mounts->mount[i]))
			table->state[parent] = COVERED;
	}
	return 0;
}

static int drop_hidden(struct uw_mounts *mounts)
{
	struct reach_table table = {
		.state = calloc(mounts->n + 1, sizeof(*table.state)),
		.ids = calloc(mounts->n + 1, sizeof(*table.ids)),
	};
	size_t kept = 0;
	int r = -ENOMEM;

	if (table.state && table.ids)
		r = decide_all(mounts, &table);
	for (size_t i = 0; r == 0 && i < mounts->n; i++)
		if (table.state[i] == REACHED)
			mounts->mount[kept++] = mounts->mount[i];
	mounts->n = kept;
	free(table.state);
	free(table.ids);
	return r;
}

/* ---- the whole */

static int index_mounts(struct uw_mounts *mounts)
{
	int r;

	r = uw_path_index_init(&mounts->points, mounts->n);
	if (r == 0)
		r = uw_path_index_init(&mounts->roots, mounts->n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < mounts->n; i++) {
		const struct uw_mount *m = &mounts->mount[i];

		uw_path_index_add(&mounts->points, 0, m->point, m->point_len, i);
		if (m->root)
			uw_path_index_add(&mounts->roots, m->dev, m->root, m->root_len, i);
	}
	uw_path_index_sort(&mounts->points);
	uw_path_index_sort(&mounts->roots);
	return 0;
}

int uw_mounts_parse(const char *text, size_t size, struct uw_mounts **ret)
{
	struct uw_mounts *mounts = calloc(1, sizeof(*mounts));
	int r = -ENOMEM;

	if (!mounts)
		return r;
	mounts->text = malloc(size + 1);
	mounts->original = malloc(size + 1);
	mounts->size = size;
	if (mounts->text && mounts->original) {
		if (size > 0) {
			memcpy(mounts->text, text, size);
			memcpy(mounts->original, text, size);
		}
		mounts->text[size] = '\0';
		r = uw_mountinfo_parse(mounts->text, size, &mounts->mount, &mounts->n);
	}
	if (r == 0)
		r = drop_hidden(mounts);
	if (r == 0)
		r = index_mounts(mounts);
	if (r < 0) {
		uw_mounts_free(mounts);
		return r;
	}
	*ret = mounts;
	return 0;
}

void uw_mounts_free(struct uw_mounts *mounts)
{
	if (!mounts)
		return;
	uw_path_index_done(&mounts->points);
	uw_path_index_done(&mounts->roots);
	free(mounts->mount);
	free(mounts->text);
	free(mounts->original);
	free(mounts);
}

const struct uw_mount *uw_mounts_find(const struct uw_mounts *mounts, const char *path, size_t len)
{
	size_t at = uw_path_index_find(&mounts->points, 0, path, len);

	return at == UW_TREE_NONE ? NULL : &mounts->mount[mounts->points.node[at].item];
}

/* Puts two paths one below the other. Returns the length, or SIZE_MAX where there is no room. */
static size_t join(char *buf, size_t size, const char *a, size_t a_len, const char *b, size_t b_len)
{
	if (a_len > size || b_len > size - a_len)
		return SIZE_MAX;
	memcpy(buf, a, a_len);
	memcpy(buf + a_len, b, b_len);
	return a_len + b_len;
}

size_t uw_mount_inner(const struct uw_mount *mount, const char *path, size_t len, char *buf,
		      size_t size)
{
	while (len > 0 && path[len - 1] == '/')
		len--;
	if (!mount->root || len < mount->point_len)
		return SIZE_MAX;
	return join(buf, size, mount->root, mount->root_len, path + mount->point_len,
		    len - mount->point_len);
}

bool uw_mounts_know(const struct uw_mounts *mounts, uint32_t dev)
{
	return uw_path_index_has_group(&mounts->roots, dev);
}

void uw_host_paths_begin(struct uw_host_paths *paths, const struct uw_mounts *mounts, uint32_t dev,
			 const char *inner, size_t len, bool hidden)
{
	while (len > 0 && inner[len - 1] == '/')
		len--;
	paths->mounts = mounts;
	paths->inner = inner;
	paths->len = len;
	paths->hidden = hidden;
	paths->at = uw_path_index_find(&mounts->roots, dev, inner, len);
}

bool uw_host_paths_next(struct uw_host_paths *paths, size_t *ret_len)
{
	const struct uw_mounts *mounts = paths->mounts;

	while (paths->at != UW_TREE_NONE) {
		const struct uw_path_index_node *node = &mounts->roots.node[paths->at];
		const struct uw_mount *m = &mounts->mount[node->item];
		size_t len;

		paths->at = node->up;
		len = join(paths->path, sizeof(paths->path) - 1, m->point, m->point_len,
			   paths->inner + m->root_len, paths->len - m->root_len);
		if (len == SIZE_MAX ||
		    (!paths->hidden && uw_mounts_find(mounts, paths->path, len) != m))
			continue;
		if (len == 0)
			paths->path[len++] = '/';
		paths->path[len] = '\0';
		*ret_len = len;
		return true;
	}
	return false;
}
