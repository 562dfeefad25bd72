// SPDX-License-Identifier: MIT
#include "rules/symlinks.h"

#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_LINKS 40 /* MAXSYMLINKS of the kernel */

struct place {
	char *target; /* NULL: no link */
	char path[];
};

struct uw_symlinks {
	uw_symlinks_read_fn read;
	struct place **place;
	size_t n;
	void *index; /* of tsearch(3), by path */
};

/* A walk: `done` has no links, `rest` is still to be looked at. */
struct walk {
	char done[PATH_MAX], rest[PATH_MAX];
	size_t done_len;
	unsigned int followed;
};

ssize_t uw_symlinks_system(const char *path, char *buf, size_t size)
{
	return readlink(path, buf, size);
}

int uw_symlinks_new(uw_symlinks_read_fn read, struct uw_symlinks **ret)
{
	struct uw_symlinks *links = calloc(1, sizeof(*links));

	if (!links)
		return -ENOMEM;
	links->read = read;
	*ret = links;
	return 0;
}

static void keep_place(void *place)
{
	(void)place;
}

void uw_symlinks_free(struct uw_symlinks *links)
{
	if (!links)
		return;
	tdestroy(links->index, keep_place);
	for (size_t i = 0; i < links->n; i++) {
		free(links->place[i]->target);
		free(links->place[i]);
	}
	free(links->place);
	free(links);
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/* What is there now, in a buffer of PATH_MAX bytes. False where that is no link. */
static bool read_link(const struct uw_symlinks *links, const char *path, char *buf)
{
	ssize_t n = links->read(path, buf, PATH_MAX);

	/* One of PATH_MAX bytes was cut: the kernel does not follow such a link either. */
	if (n <= 0 || n >= PATH_MAX)
		return false;
	buf[n] = '\0';
	return true;
}

static struct place *place_new(struct uw_symlinks *links, const char *path)
{
	struct place *place = malloc(sizeof(*place) + strlen(path) + 1);
	char target[PATH_MAX];

	if (!place)
		return NULL;
	strcpy(place->path, path);
	place->target = NULL;
	if (read_link(links, path, target)) {
		place->target = strdup(target);
		if (!place->target) {
			free(place);
			return NULL;
		}
	}
	return place;
}

/* The place of that path: each is looked at once. NULL where memory is short. */
static struct place *look_at(struct uw_symlinks *links, const char *path)
{
	struct place *place, **list, **found;

	/* Room first: no capacity is kept, it doubles at each power of two. */
	if ((links->n & (links->n - 1)) == 0) {
		list = reallocarray(links->place, links->n ? 2 * links->n : 1, sizeof(*list));
		if (!list)
			return NULL;
		links->place = list;
	}
	place = place_new(links, path);
	if (!place)
		return NULL;
	found = tsearch(place, &links->index, compare_places);
	if (found && *found == place) {
		links->place[links->n++] = place;
		return place;
	}
	free(place->target);
	free(place);
	return found ? *found : NULL;
}

/* Puts a link's text before the rest of the path. False where that gets too long. */
static bool put_before(struct walk *walk, const char *target)
{
	size_t target_len = strlen(target), rest_len = strlen(walk->rest);

	if (target_len + 1 + rest_len >= sizeof(walk->rest))
		return false;
	memmove(walk->rest + target_len + 1, walk->rest, rest_len + 1);
	memcpy(walk->rest, target, target_len);
	walk->rest[target_len] = '/';
	return true;
}

static void leave_directory(struct walk *walk)
{
	while (walk->done_len > 0 && walk->done[--walk->done_len] != '/')
		;
	walk->done[walk->done_len] = '\0';
}

/* Adds one component to what is done. False where that gets too long. */
static bool enter(struct walk *walk, const char *name, size_t len)
{
	if (walk->done_len + len + 2 > sizeof(walk->done))
		return false;
	walk->done[walk->done_len++] = '/';
	memcpy(walk->done + walk->done_len, name, len);
	walk->done_len += len;
	walk->done[walk->done_len] = '\0';
	return true;
}

/* One component of the rest. Returns 1 where there is more, 0 at the end, or -ENOMEM. */
static int step(struct uw_symlinks *links, struct walk *walk)
{
	const char *name = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(name, "/");
	struct place *place;

	if (len == 0)
		return 0;
	if (len == 2 && !memcmp(name, "..", 2)) {
		leave_directory(walk);
	} else if (len != 1 || *name != '.') {
		if (!enter(walk, name, len))
			return 0;
		place = look_at(links, walk->done);
		if (!place)
			return -ENOMEM;
		if (place->target && walk->followed++ < MAX_LINKS) {
			memmove(walk->rest, name + len, strlen(name + len) + 1);
			if (!put_before(walk, place->target))
				return 0;
			if (place->target[0] == '/')
				walk->done_len = 0;
			else
				leave_directory(walk);
			walk->done[walk->done_len] = '\0';
			return 1;
		}
	}
	memmove(walk->rest, name + len, strlen(name + len) + 1);
	return 1;
}

int uw_symlinks_follow(struct uw_symlinks *links, const char *path, char **ret)
{
	struct walk walk = { 0 };
	const char *result;
	int r = 0;

	if (strlen(path) >= sizeof(walk.rest))
		return -EINVAL;
	strcpy(walk.rest, path);
	while ((r = step(links, &walk)) > 0)
		;
	if (r < 0)
		return r;
	/* What was too long, or went round in a circle, leads nowhere. */
	if (walk.followed > MAX_LINKS || walk.rest[strspn(walk.rest, "/")])
		result = path;
	else
		result = walk.done_len ? walk.done : "/";
	*ret = strdup(result);
	return *ret ? 0 : -ENOMEM;
}

bool uw_symlinks_hold(const struct uw_symlinks *links)
{
	char target[PATH_MAX];

	for (size_t i = 0; i < links->n; i++) {
		const struct place *place = links->place[i];
		bool is_link = read_link(links, place->path, target);

		if (is_link != (place->target != NULL) ||
		    (is_link && strcmp(target, place->target) != 0))
			return false;
	}
	return true;
}

size_t uw_symlinks_count(const struct uw_symlinks *links)
{
	return links->n;
}

const char *uw_symlinks_place(const struct uw_symlinks *links, size_t i)
{
	return links->place[i]->path;
}

const char *uw_symlinks_target(const struct uw_symlinks *links, size_t i)
{
	return links->place[i]->target;
}
