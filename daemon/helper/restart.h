/* SPDX-License-Identifier: MIT */
#ifndef UW_RESTART_H
#define UW_RESTART_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Whether systemd stops the service of this process only to start it again, and has descriptors of
 * it. False where it does not tell. Without root that takes a message bus.
 */
bool uw_restart_is_due(pid_t pid);

#endif
