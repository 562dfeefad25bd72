// SPDX-License-Identifier: MIT
#include "rules/path_deps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* Adds one element to each array. sort() later drops the duplicates of each. */
static int add(struct uw_path_deps *deps, uint32_t dev, const char *path, size_t len)
{
	struct uw_path_key key = { .dev = dev };
	struct uw_name_key name = { 0 };
	const char *last = memrchr(path, '/', len);
	size_t n = deps->n_paths;

	if (!last)
		return 0; /* the root of a file system cannot be renamed */
	if (!uw_array_room(deps->path, n) || !uw_array_room(deps->name, n))
		return -ENOMEM;
	memcpy(key.path, path, len < UW_KEY_PATH - 1 ? len : UW_KEY_PATH - 1);
	name.len = (uint32_t)(path + len - last - 1);
	memcpy(name.start, last + 1,
	       name.len < sizeof(name.start) - 1 ? name.len : sizeof(name.start) - 1);
	deps->path[deps->n_paths++] = key;
	deps->name[deps->n_names++] = name;
	return 0;
}

/* The last path that was added with all above it. Its device is 0 if there is none. */
struct last_path {
	uint32_t dev;
	size_t len;
	char path[3 * UW_PATH_MAX];
};

/*
 * The length of the directory that is above both paths, its slash included. Mounts that follow one
 * another share most directories.
 */
static size_t common(const struct last_path *last, uint32_t dev, const char *path, size_t len)
{
	size_t n = 0, end = 0;

	if (last->dev != dev)
		return 0;
	for (; n < len && n < last->len && path[n] == last->path[n]; n++)
		if (path[n] == '/')
			end = n + 1;
	return end;
}

/* Adds a path within a file system, and all directories above it that the last one does not share. */
static int add_all_above(struct uw_path_deps *deps, struct last_path *last, uint32_t dev,
			 const char *path, size_t len)
{
	size_t shared = common(last, dev, path, len);
	int r = 0;

	for (size_t i = shared ? shared : 1; i <= len && r == 0; i++)
		if (i == len || path[i] == '/')
			r = add(deps, dev, path, i);
	last->dev = dev;
	last->len = len;
	memcpy(last->path, path, len);
	return r;
}

static int add_mounts(struct uw_path_deps *deps, const struct uw_mounts *mounts)
{
	struct last_path root = { 0 }, point = { 0 };
	char inner[3 * UW_PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < mounts->n && r == 0; i++) {
		const struct uw_mount *m = &mounts->mount[i], *on;
		size_t len;

		if (m->root)
			r = add_all_above(deps, &root, m->dev, m->root, m->root_len);
		if (r < 0 || m->on == SIZE_MAX)
			continue;
		on = &mounts->mount[m->on];
		if (!uw_path_index_covers(on->point, on->point_len, m->point, m->point_len))
			continue;
		len = uw_mount_inner(on, m->point, m->point_len, inner, sizeof(inner));
		if (len != SIZE_MAX)
			r = add_all_above(deps, &point, on->dev, inner, len);
	}
	return r;
}

static int add_links(struct uw_path_deps *deps, const struct uw_mounts *mounts,
		     const struct uw_symlinks *links)
{
	char inner[3 * UW_PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < uw_symlinks_count(links) && r == 0; i++) {
		const char *path = uw_symlinks_path(links, i);
		const struct uw_mount *m = uw_mounts_find(mounts, path, strlen(path));
		size_t len = m ? uw_mount_inner(m, path, strlen(path), inner, sizeof(inner))
			       : SIZE_MAX;

		if (len != SIZE_MAX)
			r = add(deps, m->dev, inner, len);
		deps->links += uw_symlinks_target(links, i) != NULL;
	}
	return r;
}

static int compare_paths(const void *a, const void *b)
{
	const struct uw_path_key *x = a, *y = b;
	int r = (x->dev > y->dev) - (x->dev < y->dev);

	return r ? r : strcmp(x->path, y->path);
}

static int compare_names(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uw_name_key));
}

/* Sorts the array and drops duplicates. Returns how many elements are left. */
static size_t sort(void *array, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	char *first = array;
	size_t kept = 0;

	if (n == 0)
		return 0;
	qsort(array, n, size, compare);
	for (size_t i = 1; i < n; i++)
		if (compare(first + kept * size, first + i * size) != 0 && ++kept != i)
			memcpy(first + kept * size, first + i * size, size);
	return kept + 1;
}

/* Gives back the room of the duplicates. */
static void *shrink(void *array, size_t n, size_t size)
{
	return n ? reallocarray(array, n, size) ?: array : array;
}

int uw_path_deps_init(const struct uw_mounts *mounts, const struct uw_symlinks *links,
		      struct uw_path_deps *ret)
{
	struct uw_path_deps deps = { 0 };
	int r;

	r = add_mounts(&deps, mounts);
	if (r == 0)
		r = add_links(&deps, mounts, links);
	if (r < 0) {
		uw_path_deps_done(&deps);
		return r;
	}
	deps.n_paths = sort(deps.path, deps.n_paths, sizeof(*deps.path), compare_paths);
	deps.n_names = sort(deps.name, deps.n_names, sizeof(*deps.name), compare_names);
	deps.path = shrink(deps.path, deps.n_paths, sizeof(*deps.path));
	deps.name = shrink(deps.name, deps.n_names, sizeof(*deps.name));
	*ret = deps;
	return 0;
}

void uw_path_deps_done(struct uw_path_deps *deps)
{
	free(deps->path);
	free(deps->name);
	*deps = (struct uw_path_deps){ 0 };
}

bool uw_path_deps_same(const struct uw_path_deps *a, const struct uw_path_deps *b)
{
	return a->n_paths == b->n_paths && a->n_names == b->n_names && a->links == b->links &&
	       (a->n_paths == 0 || !memcmp(a->path, b->path, a->n_paths * sizeof(*a->path))) &&
	       (a->n_names == 0 || !memcmp(a->name, b->name, a->n_names * sizeof(*a->name)));
}
