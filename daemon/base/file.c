// SPDX-License-Identifier: MIT
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

ssize_t uw_file_read_small(int dir, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	buf[0] = '\0';
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		n = -errno;
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n > 0 ? n : 0] = '\0';
	return n;
}

int uw_file_read_all(int fd, size_t max, char **ret, size_t *ret_size)
{
	size_t size = 0, room = 0;
	_cleanup_free_ char *text = NULL;
	char *grown;
	ssize_t n;
	int r;

	do {
		if (size == room) {
			room = room ? 2 * room : 65536;
			grown = realloc(text, room);
			if (!grown)
				return -ENOMEM;
			text = grown;
		}
		n = read(fd, text + size, room - size);
		r = n < 0 && errno != EINTR ? -errno : 0;
		size += n > 0 ? (size_t)n : 0;
		if (size > max)
			r = -EFBIG;
	} while (n && r == 0);
	if (r < 0)
		return r;
	*ret = text;
	text = NULL;
	*ret_size = size;
	return 0;
}
