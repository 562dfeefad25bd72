/* SPDX-License-Identifier: MIT */
/*
 * The places that decide what the host's paths mean, beside what is mounted: the directories above
 * what is mounted and above where that is, since the paths of both change when one is renamed; and
 * what is on the way of the rules' paths, where a symbolic link may come, go or change. The kernel
 * side tells when one of them is about to change. Pure.
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
void uw_path_deps_done(struct uw_path_deps *places);

bool uw_path_deps_same(const struct uw_path_deps *a, const struct uw_path_deps *b);

#endif
