/* SPDX-License-Identifier: MIT */
/*
 * The paths on which the meaning of the rules' paths depends, besides the mounts themselves:
 * - the directories above each mount point and above the root of each mount, since a rename of one
 *   of them changes the paths of the mount;
 * - the components of the rules' paths, which may become or cease to be symbolic links.
 * The kernel side reports when one of them is about to change. Pure.
 */
#ifndef UW_PATH_DEPS_H
#define UW_PATH_DEPS_H

#include <stdbool.h>
#include <stddef.h>

#include "probe/rule_tables.h"
#include "rules/mounts.h"
#include "rules/symlinks.h"
#include "unlinkwatch.h"

/* Returns 0 or -ENOMEM; *ret is only touched on success. Release with uw_path_deps_done(). */
int uw_path_deps_init(const struct uw_mounts *mounts, const struct uw_symlinks *links,
		      struct uw_path_deps *ret);
void uw_path_deps_done(struct uw_path_deps *deps);

bool uw_path_deps_same(const struct uw_path_deps *a, const struct uw_path_deps *b);

#endif
