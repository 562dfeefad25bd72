// SPDX-License-Identifier: MIT
/*
 * Parses a mountinfo of any bytes: the parsed lines stay the same when they are written and parsed
 * again, and a path of the host that leads to a place is one of the paths of that place.
 */
#include "fuzz.h"
#include "rules/mounts.h"

static void write_path(FILE *f, const char *path, size_t len)
{
	if (len == 0)
		fputc('/', f);
	for (size_t i = 0; i < len; i++)
		fprintf(f, path[i] <= ' ' || path[i] == '\\' ? "\\%03o" : "%c",
			(unsigned char)path[i]);
}

static void write_mount(FILE *f, const struct uw_mount *m)
{
	fprintf(f, "%u %u %u:%u ", m->id, m->parent, m->dev >> 20, m->dev & 0xfffff);
	if (m->root)
		write_path(f, m->root, m->root_len);
	else
		fputs("net:[4026531840]", f);
	fputc(' ', f);
	write_path(f, m->point, m->point_len);
	fputs(" rw,relatime shared:1 - ext4 /dev/root rw\n", f);
}

static bool same_mount(const struct uw_mount *a, const struct uw_mount *b)
{
	return a->id == b->id && a->parent == b->parent && a->dev == b->dev &&
	       !a->root == !b->root &&
	       (!a->root || same((struct uw_str){ a->root, a->root_len },
				 (struct uw_str){ b->root, b->root_len })) &&
	       same((struct uw_str){ a->point, a->point_len },
		    (struct uw_str){ b->point, b->point_len });
}

static void check_lines(const uint8_t *data, size_t size)
{
	char *lines = copy_of(data, size), *written = NULL;
	struct uw_mount *mount, *again;
	size_t n, m, length = 0;
	FILE *f = open_memstream(&written, &length);

	CHECK(f && uw_mountinfo_parse(lines, size, &mount, &n) == 0);
	for (size_t i = 0; i < n; i++)
		write_mount(f, &mount[i]);
	fclose(f);
	CHECK(uw_mountinfo_parse(written, length, &again, &m) == 0 && m == n);
	for (size_t i = 0; i < n; i++)
		CHECK(same_mount(&mount[i], &again[i]));
	free(mount);
	free(again);
	free(lines);
	free(written);
}

/* Goes from a path in the mount to its place. The path must be one of the paths of the place. */
static void check_both_ways(const struct uw_mounts *mounts, const struct uw_mount *m,
			    const char *name)
{
	static struct uw_host_paths paths;
	static char path[2 * UW_PATH_MAX], inner[3 * UW_PATH_MAX];
	size_t len = m->point_len + strlen(name), n, found;
	bool met = false;

	memcpy(path, m->point, m->point_len);
	memcpy(path + m->point_len, name, strlen(name));
	if (uw_mounts_find(mounts, path, len) != m)
		return; /* another mount is there */
	n = uw_mount_inner(m, path, len, inner, sizeof(inner));
	CHECK((n == SIZE_MAX) == !m->root);
	if (!m->root)
		return;
	CHECK(uw_mounts_know(mounts, m->dev));
	uw_host_paths_begin(&paths, mounts, m->dev, inner, n, true);
	while (uw_host_paths_next(&paths, &found)) {
		CHECK(paths.visible == (uw_mounts_find(mounts, paths.path, found) == paths.mount));
		CHECK(found > 0 && paths.path[0] == '/' && paths.path[found] == '\0');
		met = met ||
		      (paths.visible && same((struct uw_str){ paths.path, found },
					     len ? (struct uw_str){ path, len } : text("/")));
	}
	CHECK(met);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uw_mounts *mounts;

	check_lines(data, size);
	CHECK(uw_mounts_parse((const char *)data, size, &mounts) == 0);
	for (size_t i = 0; i < mounts->n; i++) {
		const struct uw_mount *m = &mounts->mount[i];

		CHECK((uw_mounts_find(mounts, m->point, m->point_len) == m) == m->visible);
		check_both_ways(mounts, m, "");
		check_both_ways(mounts, m, "/x/y");
	}
	uw_mounts_free(mounts);
	return 0;
}
