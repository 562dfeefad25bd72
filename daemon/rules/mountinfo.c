// SPDX-License-Identifier: MIT
/* mountinfo: the file, and line by line. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rules/mounts.h"

#define MAX_ID	  INT32_MAX
#define MAX_MAJOR ((1u << 12) - 1) /* include/linux/kdev_t.h */
#define MAX_MINOR ((1u << 20) - 1)

/* What the kernel appends to the path of a directory that has been removed since. */
#define DELETED "//deleted"

#define FIRST_SIZE 65536

struct field {
	char *s;
	size_t len;
};

/* Cuts the next field, up to a space, off a line. An empty one means that there is none. */
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

/* Undoes, in place, what seq_path(9) does to bytes that would part fields and lines. */
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
	/* That of a namespace ("net:[4026531840]") or of a directory that is gone is no path. */
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

/* Of a file of procfs, whose size is not known before. */
static int read_whole(int fd, char **ret, size_t *ret_size)
{
	size_t size = 0, room = FIRST_SIZE;
	char *text = malloc(room), *larger;
	ssize_t n;

	while (text) {
		n = read(fd, text + size, room - size);
		if (n == 0) {
			*ret = text;
			*ret_size = size;
			return 0;
		}
		if (n < 0 && errno != EINTR) {
			n = -errno;
			free(text);
			return (int)n;
		}
		size += n > 0 ? (size_t)n : 0;
		if (size < room)
			continue;
		room *= 2;
		larger = realloc(text, room);
		if (!larger)
			free(text);
		text = larger;
	}
	return -ENOMEM;
}

static int read_mountinfo(char **ret, size_t *ret_size)
{
	int fd, r;

	fd = open(UW_MOUNTINFO, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = read_whole(fd, ret, ret_size);
	close(fd);
	return r;
}

bool uw_mounts_hold(const struct uw_mounts *mounts)
{
	char *text = NULL;
	size_t size = 0;
	bool same;

	if (read_mountinfo(&text, &size) < 0)
		return false;
	same = size == mounts->size && !memcmp(text, mounts->original, size);
	free(text);
	return same;
}

int uw_mounts_read(struct uw_mounts **ret)
{
	struct uw_mounts *mounts;
	char *text = NULL;
	size_t size = 0;
	int r;

	r = read_mountinfo(&text, &size);
	if (r < 0)
		return r;
	r = uw_mounts_parse(text, size, &mounts);
	free(text);
	if (r < 0)
		return r;
	if (mounts->n == 0) {
		uw_mounts_free(mounts);
		return -ENODATA;
	}
	*ret = mounts;
	return 0;
}
