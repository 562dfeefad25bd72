/* SPDX-License-Identifier: MIT */
/* Files that are read whole, as those of /proc, /sys and tracefs are. */
#ifndef UW_FILE_H
#define UW_FILE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads a small text file into buf with one read(2), drops its last newline and appends a NUL. Of a
 * file that does not fit `size` bytes, reads the beginning. `dir` is as for openat(2). Returns the
 * length, or -errno with "" in buf.
 */
ssize_t uw_file_read_small(int dir, const char *path, char *buf, size_t size);

/*
 * Reads fd to its end. Sets *ret, which the caller frees, only on success. Returns 0, -EFBIG if
 * there are more than `max` bytes, or another -errno.
 */
int uw_file_read_all(int fd, size_t max, char **ret, size_t *ret_size);

#endif
