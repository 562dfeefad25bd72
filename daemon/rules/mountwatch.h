/* SPDX-License-Identifier: MIT */
/*
 * Recompiles the rules when the host's tree changes: when something is mounted or unmounted, when a
 * directory above a mount is renamed, and when a symbolic link in the path of a rule changes.
 *
 * The kernel side numbers the states of the tree, and applies path rules only in the state that the
 * daemon compiled them for. In any other state it passes on every event that a path might exclude.
 * These events wait in the ring buffer until the daemon has read the tree again. So no event is
 * judged by mounts that no longer exist.
 *
 * Reads of the tree are limited, so that a process that mounts in a loop does not make the daemon
 * use a whole CPU. The wait for the next one is at most a second; nothing here sleeps.
 */
#ifndef UW_MOUNTWATCH_H
#define UW_MOUNTWATCH_H

#include <systemd/sd-event.h>

#include "output/output.h"
#include "probe/source.h"
#include "rules/ruleset.h"

struct uw_mountwatch;

/*
 * Notices changes from this call on, so call it before the mounts are read. All arguments are
 * borrowed. Returns 0 or -errno.
 */
int uw_mountwatch_new(sd_event *event, struct uw_ruleset *ruleset, struct uw_output *output,
		      struct uw_mountwatch **ret);

/* Accepts NULL. */
void uw_mountwatch_free(struct uw_mountwatch *watch);

/*
 * Starts with the rules that *source has, which is attached already. The caller may replace *source
 * later, between two calls. Returns 0 or -errno.
 */
int uw_mountwatch_start(struct uw_mountwatch *watch, struct uw_source *const *source);

/*
 * Puts new rules in force, in the kernel and in the ruleset. Takes them over in any case. Logs
 * errors. Returns 0 or -errno.
 */
int uw_mountwatch_swap(struct uw_mountwatch *watch, struct uw_rules *rules);

/*
 * Reads the tree, and recompiles the rules if it has changed. Call it from time to time without a
 * reason, too: the kernel side does not see some changes, such as those on the server of a network
 * file system. Logs errors.
 */
void uw_mountwatch_look(struct uw_mountwatch *watch);

/*
 * Returns the position in the ring buffer up to which events can be decided. If the tree has
 * changed since it was read, reads it first, provided that the next read is due or `hurry` is set.
 */
unsigned long uw_mountwatch_reach(struct uw_mountwatch *watch, bool hurry);

/* Whether the tree has changed since it was read, so that events may have to wait. */
bool uw_mountwatch_is_owed(struct uw_mountwatch *watch);

/*
 * For an event from a state of the tree that the rules may not be for, which has not waited: reads
 * the tree if that is owed and due. False if it is owed and not due.
 */
bool uw_mountwatch_on_event(struct uw_mountwatch *watch);

/* Frees the earlier rules that no event in the ring buffer needs any more. */
void uw_mountwatch_trim(struct uw_mountwatch *watch);

/* The kernel reported a struct uw_tree_change: reads the tree as soon as the next read is due. */
void uw_mountwatch_on_change(struct uw_mountwatch *watch);

#endif
