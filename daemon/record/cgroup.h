/* SPDX-License-Identifier: MIT */
/* Derives unit, slice and container of a process from the path of its control group. Pure. */
#ifndef UW_CGROUP_H
#define UW_CGROUP_H

#include "base/str.h"

/* The longest name of a directory of cgroupfs. */
#define UW_CGROUP_NAME_MAX 255

/* A string is empty if the path does not have it. */
struct uw_cgroup {
	struct uw_str unit;  /* of the system's service manager */
	struct uw_str slice; /* of the unit, or of the process if it has no unit */
	struct uw_str
		container; /* the innermost one: its id, or its name if its manager uses names */
};

/*
 * Parses a path of the host's unified hierarchy, by systemd's rules and the naming schemes of the
 * container managers. *ret points into path, or into buffer for a name that had escapes.
 */
void uw_cgroup_parse(struct uw_str path, char buffer[UW_CGROUP_NAME_MAX], struct uw_cgroup *ret);

#endif
