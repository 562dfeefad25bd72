/* SPDX-License-Identifier: MIT */
/*
 * Recompiles the rules when the host's tree changes: when something is mounted or unmounted, when a
 * directory above a mount is renamed, and when a symbolic link in the path of a rule changes.
 *
 * The kernel side numbers the states of the tree, and applies path rules only in the state that the
 * daemon compiled them for. In any other state it passes on every event that a path might exclude,
 * and the daemon reads the tree again before it decides about the first of them. So no event is
 * judged by mounts that no longer exist.
 */
#ifndef UW_MOUNTWATCH_H
#define UW_MOUNTWATCH_H

#include <systemd/sd-event.h>

#include "output/output.h"
#include "probe/source.h"
#include "rules/ruleset.h"

struct uw_mountwatch;

/* Reads the events that have arrived, so that the rules of their time decide about them. */
typedef void (*uw_mountwatch_drain_fn)(void *userdata);

/*
 * Notices changes from this call on, so call it before the mounts are read. All arguments are
 * borrowed. Returns 0 or -errno.
 */
int uw_mountwatch_new(sd_event *event, struct uw_ruleset *ruleset, struct uw_output *output,
		      uw_mountwatch_drain_fn drain, void *userdata, struct uw_mountwatch **ret);

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
 * The same for an event from a state of the tree that the rules may not be for. After many recent
 * reads it first waits, at most a second for each read, so that a process that mounts in a loop
 * does not make the daemon use a whole CPU.
 */
void uw_mountwatch_on_event(struct uw_mountwatch *watch);

/* The kernel reported a struct uw_tree_change: reads the tree as soon as the next read is due. */
void uw_mountwatch_on_change(struct uw_mountwatch *watch);

#endif
