/* SPDX-License-Identifier: MIT */
/*
 * Where the paths of rules lead by symbolic links, and what that depends on: each place on the way,
 * with the link that is there or none. Pure, but for uw_symlinks_system().
 */
#ifndef UW_SYMLINKS_H
#define UW_SYMLINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct uw_symlinks;

/*
 * As readlink(2): the length of what is in buf then, or -1 where there is no link, or nothing.
 */
typedef ssize_t (*uw_symlinks_read_fn)(const char *path, char *buf, size_t size);

/* readlink(2) itself. */
ssize_t uw_symlinks_system(const char *path, char *buf, size_t size);

/* Returns 0 or -ENOMEM. */
int uw_symlinks_new(uw_symlinks_read_fn read, struct uw_symlinks **ret);

/* Accepts NULL. */
void uw_symlinks_free(struct uw_symlinks *links);

/*
 * Follows the links in an absolute path without `.` and `..`. Like the kernel, it gives up after 40
 * of them; what is left then stays as it is. The text of a link counts also where nothing is there
 * to lead to: it may come. The caller frees *ret. Returns 0, -ENOMEM, or -EINVAL for a path of
 * PATH_MAX bytes and more.
 */
int uw_symlinks_follow(struct uw_symlinks *links, const char *path, char **ret);

/* Whether each place on the way of what was followed still is what it was. */
bool uw_symlinks_hold(const struct uw_symlinks *links);

/* The places on the way, each once: paths without links in the directory. */
size_t uw_symlinks_count(const struct uw_symlinks *links);
const char *uw_symlinks_place(const struct uw_symlinks *links, size_t i);

/* Where the link leads that is in this place; NULL where there is none. */
const char *uw_symlinks_target(const struct uw_symlinks *links, size_t i);

#endif
