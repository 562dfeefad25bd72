/* SPDX-License-Identifier: MIT */
#ifndef UW_RESTART_H
#define UW_RESTART_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Whether systemd is restarting the service of this process, and keeps descriptors of it. False if
 * systemd does not answer within three seconds. Without root, this takes a message bus.
 */
bool uw_restart_is_due(pid_t pid);

#endif
