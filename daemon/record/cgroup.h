/* SPDX-License-Identifier: MIT */
/*
 * Derives unit, slice, user and containers of a process from the path of its control group. Pure.
 *
 * Only root makes groups outside of a unit that is delegated. Below user-N.slice, systemd delegates
 * user@N.service to the user N, who can give a group there the name of any container. The root of a
 * container may do the same below the container.
 */
#ifndef UW_CGROUP_H
#define UW_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "unlinkwatch.h"

/* The longest name of a directory of cgroupfs. */
#define UW_CGROUP_NAME_MAX 255

#define UW_CGROUP_ROOM (2 * UW_CGROUP_NAME_MAX)

/* A string is empty if the path does not have it. */
struct uw_cgroup {
	struct uw_str unit;  /* of the system's service manager */
	struct uw_str slice; /* of the unit, or of the process if it has no unit */
	bool of_user;	     /* it is below the slice of a user: */
	uint32_t user;
	bool logged_in;	       /* and in a session of this user, or in the user's own manager */
	struct uw_str session; /* the id of that session, as logind has it */
	/* Ids, or names if the manager of the container uses names. If `of_user`, the user's word. */
	struct uw_str container; /* the innermost one */
	struct uw_str outer;	 /* the outermost one, which is the same if there is only one */
};

/*
 * Parses a path of the host's unified hierarchy, by systemd's rules and the naming schemes of the
 * container managers. *ret points into path, or into buffer for names that had escapes.
 */
void uw_cgroup_parse(struct uw_str path, char buffer[UW_CGROUP_ROOM], struct uw_cgroup *ret);

/*
 * The same, of a path shorter than 2 * UW_PATH_MAX. Keeps the last result, which is valid until the
 * next call: several fields of a record ask for it, and deletions come in bursts.
 */
const struct uw_cgroup *uw_cgroup_of(struct uw_str path);

#endif
