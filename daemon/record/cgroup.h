/* SPDX-License-Identifier: MIT */
/* What the path of a control group says about a process: its unit, its slice, its container. Pure. */
#ifndef UW_CGROUP_H
#define UW_CGROUP_H

#include "base/str.h"

/* No name in a file system is longer. */
#define UW_CGROUP_NAME_MAX 255

/* What the path does not say is empty. */
struct uw_cgroup {
	struct uw_str unit;	 /* of the system's service manager */
	struct uw_str slice;	 /* that the unit, or the process itself, is in */
	struct uw_str container; /* id, or name where its manager goes by names; the innermost one */
};

/*
 * Reads path, as the unified hierarchy of the host has it, by the rules of systemd and by the names
 * that container managers give. *ret points into path, or into buffer where a name had escapes.
 */
void uw_cgroup_parse(struct uw_str path, char buffer[UW_CGROUP_NAME_MAX], struct uw_cgroup *ret);

#endif
