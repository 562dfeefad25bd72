/* SPDX-License-Identifier: MIT */
/*
 * What takes root. A process that is root does it itself; the service, which is not, asks the
 * helper.
 */
#ifndef UW_HELPER_CLIENT_H
#define UW_HELPER_CLIENT_H

#include "helper/root_facts.h"
#include "helper/tracefs.h"

/*
 * Asks the helper for the facts that root alone may read. The functions below then ask the helper,
 * too. Returns 0, or -errno if there is no helper.
 */
int uw_helper_facts(struct uw_root_facts *ret);

/*
 * Probes the function, at its return or its entry, with a BPF program. Stores the event's name for
 * uw_helper_remove(). Returns the descriptor that holds the probe, or -errno.
 */
int uw_helper_probe(const struct uw_root_facts *facts, const char *function, bool at_return,
		    int program, char ret_name[UW_EVENT_NAME_MAX]);

/* Attaches a BPF program to an event that the kernel has. Returns a descriptor or -errno. */
int uw_helper_attach(const struct uw_root_facts *facts, const char *event, int program);

/* As uw_tracefs_remove() and uw_tracefs_clean(). */
void uw_helper_remove(const struct uw_root_facts *facts, const char *name);
void uw_helper_clean(const struct uw_root_facts *facts);

/* Asks the helper for uw_restart_is_due() of this process. Returns 0, 1 or -errno. */
int uw_helper_is_restart(void);

#endif
