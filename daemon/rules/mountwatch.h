/* SPDX-License-Identifier: MIT */
/*
 * Keeps the rules in force in step with the host's tree: with mounts, with renamed directories
 * above them, and with the symbolic links in the paths of rules.
 *
 * The kernel side applies path rules only in the state of the tree that they were confirmed for.
 * From the change on it hands over whatever the paths might exclude, and the first such event has
 * the daemon look at the tree, before it decides. So no event is judged by what was mounted before.
 */
#ifndef UW_MOUNTWATCH_H
#define UW_MOUNTWATCH_H

#include <systemd/sd-event.h>

#include "output/output.h"
#include "probe/source.h"
#include "rules/ruleset.h"

struct uw_mountwatch;

/* Has the events read that have arrived: they are judged before what they are judged by changes. */
typedef void (*uw_mountwatch_drain_fn)(void *userdata);

/*
 * To be made before the mounts are read: what changes from then on is noticed. All that is given is
 * borrowed. Returns 0 or -errno.
 */
int uw_mountwatch_new(sd_event *event, struct uw_ruleset *ruleset, struct uw_output *output,
		      uw_mountwatch_drain_fn drain, void *userdata, struct uw_mountwatch **ret);

/* Accepts NULL. */
void uw_mountwatch_free(struct uw_mountwatch *watch);

/*
 * Begins with the rules that *source has been given, once it is attached; another source may take
 * its place later, between two calls. Returns 0 or -errno.
 */
int uw_mountwatch_start(struct uw_mountwatch *watch, struct uw_source *const *source);

/*
 * Puts new rules in force, in the kernel and in the ruleset. They are used up in any case. What
 * fails is logged. Returns 0 or -errno.
 */
int uw_mountwatch_swap(struct uw_mountwatch *watch, struct uw_rules *rules);

/*
 * Looks at the tree, and renews the rules if they are not for it. To be called now and then also
 * without a reason: changes that the kernel side cannot see, as by the server of a network file
 * system, are found by that. What fails is logged.
 */
void uw_mountwatch_look(struct uw_mountwatch *watch);

/*
 * The same for an event that the rules in force may not be for. Where there were many looks lately,
 * it waits up to half a second before the next, so that a process that mounts in a loop does not
 * take a CPU of the daemon.
 */
void uw_mountwatch_on_event(struct uw_mountwatch *watch);

/* When a struct uw_tree_change has arrived: looks as soon as that is due. */
void uw_mountwatch_on_change(struct uw_mountwatch *watch);

#endif
