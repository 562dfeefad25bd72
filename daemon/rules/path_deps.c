// SPDX-License-Identifier: MIT
#include "rules/path_deps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Both arrays grow together, one of each for a place, until the repeated ones are dropped. */
static int add(struct uw_path_deps *places, uint32_t dev, const char *path, size_t len)
{
	struct uw_path_key place = { .dev = dev };
	struct uw_name_key name = { 0 };
	const char *last = memrchr(path, '/', len);
	size_t n = places->n_places, room = n ? 2 * n : 1;
	struct uw_path_key *list;
	struct uw_name_key *names;

	if (!last)
		return 0; /* the root has no name */
	/* No capacity is kept: the arrays double at each power of two. */
	if ((n & (n - 1)) == 0) {
		list = reallocarray(places->place, room, sizeof(*list));
		if (!list)
			return -ENOMEM;
		places->place = list;
		names = reallocarray(places->name, room, sizeof(*names));
		if (!names)
			return -ENOMEM;
		places->name = names;
	}
	memcpy(place.path, path, len < UW_KEY_PATH - 1 ? len : UW_KEY_PATH - 1);
	name.len = (uint32_t)(path + len - last - 1);
	memcpy(name.start, last + 1,
	       name.len < sizeof(name.start) - 1 ? name.len : sizeof(name.start) - 1);
	places->place[places->n_places++] = place;
	places->name[places->n_names++] = name;
	return 0;
}

/* A path within a file system, and the directories above it. */
static int add_all_above(struct uw_path_deps *places, uint32_t dev, const char *path, size_t len)
{
	int r = 0;

	for (size_t i = 1; i <= len && r == 0; i++)
		if (i == len || path[i] == '/')
			r = add(places, dev, path, i);
	return r;
}

static int add_mounts(struct uw_path_deps *places, const struct uw_mounts *mounts)
{
	char inner[3 * UW_PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < mounts->n && r == 0; i++) {
		const struct uw_path_index_node *node = &mounts->points.node[i];
		const struct uw_mount *m = &mounts->mount[node->item], *on;
		size_t len;

		if (m->root)
			r = add_all_above(places, m->dev, m->root, m->root_len);
		if (r < 0 || node->up == UW_TREE_NONE)
			continue;
		on = &mounts->mount[mounts->points.node[node->up].item];
		len = uw_mount_inner(on, m->point, m->point_len, inner, sizeof(inner));
		if (len != SIZE_MAX)
			r = add_all_above(places, on->dev, inner, len);
	}
	return r;
}

static int add_links(struct uw_path_deps *places, const struct uw_mounts *mounts,
		     const struct uw_symlinks *links)
{
	char inner[3 * UW_PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < uw_symlinks_count(links) && r == 0; i++) {
		const char *path = uw_symlinks_place(links, i);
		const struct uw_mount *m = uw_mounts_find(mounts, path, strlen(path));
		size_t len = m ? uw_mount_inner(m, path, strlen(path), inner, sizeof(inner))
			       : SIZE_MAX;

		if (len != SIZE_MAX)
			r = add(places, m->dev, inner, len);
		places->links += uw_symlinks_target(links, i) != NULL;
	}
	return r;
}

static int compare_places(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uw_path_key));
}

static int compare_names(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uw_name_key));
}

/* Sorts, and drops what is there twice. Returns how many are left. */
static size_t sort(void *array, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	char *first = array;
	size_t kept = 0;

	if (n == 0)
		return 0;
	qsort(array, n, size, compare);
	for (size_t i = 1; i < n; i++)
		if (compare(first + kept * size, first + i * size) != 0)
			memmove(first + ++kept * size, first + i * size, size);
	return kept + 1;
}

int uw_path_deps_init(const struct uw_mounts *mounts, const struct uw_symlinks *links,
		      struct uw_path_deps *ret)
{
	struct uw_path_deps places = { 0 };
	int r;

	r = add_mounts(&places, mounts);
	if (r == 0)
		r = add_links(&places, mounts, links);
	if (r < 0) {
		uw_path_deps_done(&places);
		return r;
	}
	places.n_places =
		sort(places.place, places.n_places, sizeof(*places.place), compare_places);
	places.n_names = sort(places.name, places.n_names, sizeof(*places.name), compare_names);
	*ret = places;
	return 0;
}

void uw_path_deps_done(struct uw_path_deps *places)
{
	free(places->place);
	free(places->name);
	*places = (struct uw_path_deps){ 0 };
}

bool uw_path_deps_same(const struct uw_path_deps *a, const struct uw_path_deps *b)
{
	return a->n_places == b->n_places && a->n_names == b->n_names && a->links == b->links &&
	       (a->n_places == 0 || !memcmp(a->place, b->place, a->n_places * sizeof(*a->place))) &&
	       (a->n_names == 0 || !memcmp(a->name, b->name, a->n_names * sizeof(*a->name)));
}
