// SPDX-License-Identifier: MIT
#include "rules/symlinks.h"

#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"

#define MAX_LINKS 40 /* MAXSYMLINKS of the kernel */

struct lookup {
	char *target; /* NULL: no link */
	char path[];
};

struct uw_symlinks {
	uw_symlinks_read_fn read;
	struct lookup **lookup;
	size_t n;
	void *index; /* of tsearch(3), by path */
};

/* `done` has no links; `rest` has not been read yet. */
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

static void keep_lookup(void *lookup)
{
	(void)lookup;
}

void uw_symlinks_free(struct uw_symlinks *links)
{
	if (!links)
		return;
	tdestroy(links->index, keep_lookup);
	for (size_t i = 0; i < links->n; i++) {
		free(links->lookup[i]->target);
		free(links->lookup[i]);
	}
	free(links->lookup);
	free(links);
}

static int compare_lookups(const void *a, const void *b)
{
	const struct lookup *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/* Reads the link at path into a buffer of PATH_MAX bytes. Returns false if it is not a link. */
static bool read_link(const struct uw_symlinks *links, const char *path, char *buf)
{
	ssize_t n = links->read(path, buf, PATH_MAX);

	/* readlink(2) cuts a target of PATH_MAX bytes or more, which the kernel does not follow. */
	if (n <= 0 || n >= PATH_MAX)
		return false;
	buf[n] = '\0';
	return true;
}

static struct lookup *lookup_new(struct uw_symlinks *links, const char *path)
{
	struct lookup *lookup = malloc(sizeof(*lookup) + strlen(path) + 1);
	char target[PATH_MAX];

	if (!lookup)
		return NULL;
	strcpy(lookup->path, path);
	lookup->target = NULL;
	if (read_link(links, path, target)) {
		lookup->target = strdup(target);
		if (!lookup->target) {
			free(lookup);
			return NULL;
		}
	}
	return lookup;
}

/* Returns the lookup of the path, and reads the path if there is none. NULL if memory is short. */
static struct lookup *look_at(struct uw_symlinks *links, const char *path)
{
	struct lookup *lookup, **found;

	if (!uw_array_room(links->lookup, links->n))
		return NULL;
	lookup = lookup_new(links, path);
	if (!lookup)
		return NULL;
	found = tsearch(lookup, &links->index, compare_lookups);
	if (found && *found == lookup) {
		links->lookup[links->n++] = lookup;
		return lookup;
	}
	free(lookup->target);
	free(lookup);
	return found ? *found : NULL;
}

/* Puts the target of a link before the rest of the path. Returns false if that is too long. */
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

/* Appends a component to `done`. Returns false if that is too long. */
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

/* Handles the next component. Returns 1 to go on, 0 at the end or if too long, or -ENOMEM. */
static int step(struct uw_symlinks *links, struct walk *walk)
{
	const char *name = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(name, "/");
	struct lookup *lookup;

	if (len == 0)
		return 0;
	if (len == 2 && !memcmp(name, "..", 2)) {
		leave_directory(walk);
	} else if (len != 1 || *name != '.') {
		if (!enter(walk, name, len))
			return 0;
		lookup = look_at(links, walk->done);
		if (!lookup)
			return -ENOMEM;
		if (lookup->target && walk->followed++ < MAX_LINKS) {
			memmove(walk->rest, name + len, strlen(name + len) + 1);
			if (!put_before(walk, lookup->target))
				return 0;
			if (lookup->target[0] == '/')
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
	/* A path that became too long, or has too many links, leads nowhere. */
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
		const struct lookup *lookup = links->lookup[i];
		bool is_link = read_link(links, lookup->path, target);

		if (is_link != (lookup->target != NULL) ||
		    (is_link && strcmp(target, lookup->target) != 0))
			return false;
	}
	return true;
}

size_t uw_symlinks_count(const struct uw_symlinks *links)
{
	return links->n;
}

const char *uw_symlinks_path(const struct uw_symlinks *links, size_t i)
{
	return links->lookup[i]->path;
}

const char *uw_symlinks_target(const struct uw_symlinks *links, size_t i)
{
	return links->lookup[i]->target;
}
