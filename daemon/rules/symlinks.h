/* SPDX-License-Identifier: MIT */
/*
 * Follows the symbolic links in the paths of rules, and remembers each path that it read on the
 * way, with the target if it was a link. Pure, but for uw_symlinks_system().
 */
#ifndef UW_SYMLINKS_H
#define UW_SYMLINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct uw_symlinks;

/* Like readlink(2): returns the length of the target in buf, or -1 if path is not a link. */
typedef ssize_t (*uw_symlinks_read_fn)(const char *path, char *buf, size_t size);

/* readlink(2) itself. */
ssize_t uw_symlinks_system(const char *path, char *buf, size_t size);

/* Returns 0 or -ENOMEM. */
int uw_symlinks_new(uw_symlinks_read_fn read, struct uw_symlinks **ret);

/* Accepts NULL. */
void uw_symlinks_free(struct uw_symlinks *links);

/*
 * Follows the links in an absolute path without `.` and `..`. Like the kernel, it gives up after 40
 * links; *ret is then the path as it was. It follows a link whose target does not exist, too, since
 * the target may be created later. The caller frees *ret. Returns 0, -ENOMEM, or -EINVAL for a path
 * of PATH_MAX bytes or more.
 */
int uw_symlinks_follow(struct uw_symlinks *links, const char *path, char **ret);

/* Whether all paths that were read still are the links, or no links, that they were. */
bool uw_symlinks_hold(const struct uw_symlinks *links);

/* The paths that were read, each once. Their directories contain no links. */
size_t uw_symlinks_count(const struct uw_symlinks *links);
const char *uw_symlinks_path(const struct uw_symlinks *links, size_t i);

/* The target of path i, or NULL if that is not a link. */
const char *uw_symlinks_target(const struct uw_symlinks *links, size_t i);

#endif
