// SPDX-License-Identifier: MIT
#include "rules/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define MAX_ID	  INT32_MAX
#define MAX_MAJOR ((1u << 12) - 1) /* include/linux/kdev_t.h */
#define MAX_MINOR ((1u << 20) - 1)

/* The kernel appends this to the path of a directory that was removed. */
#define DELETED "//deleted"

/* The parent of a mount whose parent the process cannot see, or that is its own parent. */
#define NO_PARENT UINT32_MAX

/* ---- the lines of mountinfo */

struct field {
	char *s;
	size_t len;
};

/* Cuts the next field, up to a space, off a line. At the end of the line it is empty. */
static struct field next_field(char **s, char *end)
{
	struct field field = { *s, 0 };
	char *space = memchr(*s, ' ', (size_t)(end - *s));

	field.len = (size_t)((space ? space : end) - *s);
	*s = space ? space + 1 : end;
	return field;
}

static bool parse_number(const char *s, size_t len, uint32_t max, uint32_t *ret)
{
	uint64_t value = 0;

	if (len == 0 || len > 10)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		value = 10 * value + (uint64_t)(s[i] - '0');
	}
	*ret = (uint32_t)value;
	return value <= max;
}

static bool parse_dev(struct field field, uint32_t *ret)
{
	char *colon = memchr(field.s, ':', field.len);
	uint32_t major, minor;
	size_t len;

	if (!colon)
		return false;
	len = (size_t)(colon - field.s);
	if (!parse_number(field.s, len, MAX_MAJOR, &major) ||
	    !parse_number(colon + 1, field.len - len - 1, MAX_MINOR, &minor))
		return false;
	*ret = major << 20 | minor;
	return true;
}

static bool is_octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' &&
	       s[2] <= '7';
}

/* Undoes in place the octal escapes that seq_path() writes for spaces, newlines and backslashes. */
static void unescape(struct field *field)
{
	size_t in = 0, out = 0;

	while (in < field->len) {
		const char *s = field->s + in;

		if (*s == '\\' && field->len - in >= 4 && is_octal(s + 1)) {
			field->s[out++] =
				(char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			in += 4;
		} else {
			field->s[out++] = *s;
			in++;
		}
	}
	field->len = out;
}

static bool parse_path(struct field field, const char **ret, size_t *ret_len)
{
	unescape(&field);
	if (field.len == 0 || field.len >= UW_PATH_MAX || memchr(field.s, '\0', field.len))
		return false;
	while (field.len > 0 && field.s[field.len - 1] == '/')
		field.len--;
	*ret = field.s;
	*ret_len = field.len;
	return true;
}

/*
 * 36 35 98:0 /root /mount/point rw,noatime master:1 - ext3 /dev/root rw
 * id parent dev                          any number ^ type
 */
static bool parse_line(char *s, char *end, struct uw_mount *ret)
{
	struct field id = next_field(&s, end), parent = next_field(&s, end),
		     dev = next_field(&s, end), root = next_field(&s, end),
		     point = next_field(&s, end), field = next_field(&s, end);
	struct uw_mount m;

	if (field.len == 0 || !parse_number(id.s, id.len, MAX_ID, &m.id) ||
	    !parse_number(parent.s, parent.len, MAX_ID, &m.parent) || !parse_dev(dev, &m.dev))
		return false;
	do
		field = next_field(&s, end);
	while (field.len > 0 && !(field.len == 1 && field.s[0] == '-'));
	if (field.len == 0 || next_field(&s, end).len == 0 || point.s[0] != '/' ||
	    !parse_path(root, &m.root, &m.root_len) || !parse_path(point, &m.point, &m.point_len))
		return false;
	/* A namespace has a root such as "net:[4026531840]", and a removed directory has no path. */
	if (root.s[0] != '/' ||
	    (m.root_len >= strlen(DELETED) &&
	     !memcmp(m.root + m.root_len - strlen(DELETED), DELETED, strlen(DELETED))))
		m.root = NULL;
	*ret = m;
	return true;
}

int uw_mountinfo_parse(char *text, size_t size, struct uw_mount **ret, size_t *ret_n)
{
	char *s = text, *end = text + size, *stop;
	struct uw_mount *mount;
	size_t max = 1, n = 0;

	for (size_t i = 0; i < size; i++)
		max += text[i] == '\n';
	mount = calloc(max, sizeof(*mount));
	if (!mount)
		return -ENOMEM;
	for (; s < end; s = stop + 1) {
		stop = memchr(s, '\n', (size_t)(end - s));
		if (!stop)
			stop = end;
		n += parse_line(s, stop, &mount[n]);
	}
	*ret = mount;
	*ret_n = n;
	return 0;
}

/* ---- visible mounts: those that a walk from the root directory reaches */

enum reach {
	UNDECIDED = 0,
	PENDING, /* decide() is at one of its ancestors; if it comes back, they form a circle */
	REACHED,
	COVERED, /* reached, but another mount lies on its root */
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

/* Returns the index of the mount's parent, or SIZE_MAX if mountinfo does not have it. */
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

/*
 * Among mounts with the same parent, one at /a hides one at /a/b. Of two at the same point, the
 * later one hides the earlier.
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

/* A mount that is not below its parent: one of the two moved while the kernel wrote the lines. */
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

/* Walks up to an ancestor that is decided, then walks again and gives its outcome to all of them. */
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

static int find_visible(struct uw_mounts *mounts)
{
	struct reach_table table = {
		.state = calloc(mounts->n + 1, sizeof(*table.state)),
		.ids = calloc(mounts->n + 1, sizeof(*table.ids)),
	};
	int r = -ENOMEM;

	if (table.state && table.ids)
		r = decide_all(mounts, &table);
	for (size_t i = 0; r == 0 && i < mounts->n; i++) {
		mounts->mount[i].visible = table.state[i] == REACHED;
		mounts->mount[i].on = parent_of(&table, &mounts->mount[i]);
	}
	free(table.state);
	free(table.ids);
	return r;
}

/* ---- all mounts */

static int index_mounts(struct uw_mounts *mounts)
{
	int r;

	r = uw_path_index_init(&mounts->points, mounts->n);
	if (r == 0)
		r = uw_path_index_init(&mounts->all, mounts->n);
	if (r == 0)
		r = uw_path_index_init(&mounts->roots, mounts->n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < mounts->n; i++) {
		struct uw_mount *m = &mounts->mount[i];

		m->partly = false;
		if (m->visible)
			uw_path_index_add(&mounts->points, 0, m->point, m->point_len, i);
		uw_path_index_add(&mounts->all, 0, m->point, m->point_len, i);
		if (m->root)
			uw_path_index_add(&mounts->roots, m->dev, m->root, m->root_len, i);
	}
	uw_path_index_sort(&mounts->points);
	uw_path_index_sort(&mounts->all);
	uw_path_index_sort(&mounts->roots);
	for (size_t i = 0; i < mounts->points.n; i++) {
		size_t up = mounts->points.node[i].up;

		if (up != UW_TREE_NONE)
			mounts->mount[mounts->points.node[up].item].partly = true;
	}
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
		r = find_visible(mounts);
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
	uw_path_index_done(&mounts->all);
	uw_path_index_done(&mounts->roots);
	free(mounts->mount);
	free(mounts->text);
	free(mounts->original);
	free(mounts);
}

/* ---- the file */

static int read_mountinfo(char **ret, size_t *ret_size)
{
	int fd, r;

	fd = open(UW_MOUNTINFO, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = uw_file_read_all(fd, SIZE_MAX, ret, ret_size);
	close(fd);
	return r;
}

int uw_mounts_read(const struct uw_mounts *known, struct uw_mounts **ret)
{
	struct uw_mounts *mounts;
	char *text = NULL;
	size_t size = 0;
	int r;

	r = read_mountinfo(&text, &size);
	if (r < 0)
		return r;
	if (known && known->original && size == known->size &&
	    !memcmp(text, known->original, size)) {
		free(text);
		return 0;
	}
	r = uw_mounts_parse(text, size, &mounts);
	free(text);
	if (r < 0)
		return r;
	if (mounts->n == 0) {
		uw_mounts_free(mounts);
		return -ENODATA;
	}
	*ret = mounts;
	return 1;
}

void uw_mounts_drop_original(struct uw_mounts *mounts)
{
	free(mounts->original);
	mounts->original = NULL;
}

size_t uw_mounts_memory(const struct uw_mounts *mounts)
{
	return mounts->n * (sizeof(*mounts->mount) + 3 * sizeof(*mounts->points.node)) +
	       mounts->size;
}

/* ---- paths of the host and of file systems */

const struct uw_mount *uw_mounts_find(const struct uw_mounts *mounts, const char *path, size_t len)
{
	size_t at = uw_path_index_find(&mounts->points, 0, path, len);

	return at == UW_TREE_NONE ? NULL : &mounts->mount[mounts->points.node[at].item];
}

/* Joins two paths. Returns the length, or SIZE_MAX if it exceeds size. */
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
		if (len == SIZE_MAX || (!m->visible && !paths->hidden))
			continue;
		paths->mount = m;
		paths->visible = m->visible &&
				 (!m->partly || uw_mounts_find(mounts, paths->path, len) == m);
		if (!paths->visible && !paths->hidden)
			continue;
		if (len == 0)
			paths->path[len++] = '/';
		paths->path[len] = '\0';
		*ret_len = len;
		return true;
	}
	return false;
}

bool uw_host_paths_one(struct uw_host_paths *paths, const struct uw_mounts *mounts, uint32_t dev,
		       const char *inner, size_t len, size_t *ret_len)
{
	uw_host_paths_begin(paths, mounts, dev, inner, len, false);
	if (uw_host_paths_next(paths, ret_len))
		return true;
	uw_host_paths_begin(paths, mounts, dev, inner, len, true);
	return uw_host_paths_next(paths, ret_len);
}
