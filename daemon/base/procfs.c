// SPDX-License-Identifier: MIT
#include "base/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* Field 22 of /proc/PID/stat: clock ticks after boot. The comm before it may hold spaces and
 * brackets. */
static int start_time_ns(uint32_t pid, uint64_t *ret)
{
	char path[64], text[1024], *at;
	unsigned long long ticks;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	n = uw_file_read_small(AT_FDCWD, path, text, sizeof(text));
	if (n <= 0)
		return n == -ENOENT ? -ENOENT : -ESRCH;
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1,
			  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			  "%*d %*d %llu",
			  &ticks) != 1)
		return -EIO;
	*ret = ticks * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
	return 0;
}

ssize_t uw_procfs_cwd(uint32_t pid, uint32_t tid, uint64_t before_ns, char *buf, size_t size)
{
	static const char deleted[] = " (deleted)";
	const size_t tail = sizeof(deleted) - 1;
	char path[64];
	uint64_t started;
	ssize_t n;
	int r;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task/%" PRIu32 "/cwd", pid, tid);
	n = readlink(path, buf, size);
	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -ENAMETOOLONG;
	if ((size_t)n > tail && !memcmp(buf + n - tail, deleted, tail))
		return -ENOENT;
	r = start_time_ns(pid, &started);
	if (r < 0)
		return r;
	return started > before_ns ? -ESRCH : n;
}

void uw_procfs_comm(uint32_t pid, uint32_t tid, char *buf, size_t size)
{
	char path[64];

	if (tid)
		snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task/%" PRIu32 "/comm", pid, tid);
	else
		snprintf(path, sizeof(path), "/proc/%" PRIu32 "/comm", pid);
	uw_file_read_small(AT_FDCWD, path, buf, size);
}

size_t uw_procfs_resident(void)
{
	char text[128];
	size_t pages;

	if (uw_file_read_small(AT_FDCWD, "/proc/self/statm", text, sizeof(text)) <= 0 ||
	    sscanf(text, "%*s %zu", &pages) != 1)
		return 0;
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

uint64_t uw_procfs_fdinfo(int fd, const char *name)
{
	char path[64], text[1024], *line, *next;
	size_t len = strlen(name);
	uint64_t value;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (uw_file_read_small(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return 0;
	for (line = text; line; line = next) {
		next = strchr(line, '\n');
		next = next ? next + 1 : NULL;
		if (!strncmp(line, name, len) && sscanf(line + len, ": %" SCNu64, &value) == 1)
			return value;
	}
	return 0;
}
