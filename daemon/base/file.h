/* SPDX-License-Identifier: MIT */
/* Files that are read whole, as those of /proc, /sys and tracefs are. */
#ifndef UW_FILE_H
#define UW_FILE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads a file whose text fits `size` bytes into buf, by one read(2), without its last newline and
 * with a NUL at the end; of a longer one, the beginning. Returns the length, or -errno with "" in
 * buf. `dir` is as for openat(2).
 */
ssize_t uw_file_read_small(int dir, const char *path, char *buf, size_t size);

/*
 * Reads all that fd has. The caller frees *ret, which is only touched on success. Returns 0; -EFBIG
 * for more than `max` bytes; or another -errno.
 */
int uw_file_read_all(int fd, size_t max, char **ret, size_t *ret_size);

#endif
