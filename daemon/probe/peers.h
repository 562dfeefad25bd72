/* SPDX-License-Identifier: MIT */
/*
 * The client of a process that serves one: Samba, sshd and FTP servers have a process for each
 * connection. It has a TCP connection that was accepted, and no socket on which it could accept
 * another, so that the client is the same as long as the process lives. A process that listens may
 * have served another client a moment ago, and has none here.
 *
 * The kernel is asked while the process lives, by an iterator over its open files, since Linux 6.1.
 * No call of this waits for another process, unlike a look into /proc/PID.
 */
#ifndef UW_PEERS_H
#define UW_PEERS_H

#include <stdint.h>

#include "record/record.h"

/* Caches what processes have, as long as they live and are asked for. */
struct uw_peers;

/* Returns 0 or -ENOMEM. */
int uw_peers_new(struct uw_peers **ret);

/* Accepts NULL. */
void uw_peers_free(struct uw_peers *peers);

/*
 * The address of the client of the process of the record, or of its nearest ancestor that has one.
 * NULL if there is none, or it is not known any more. Valid until the next call.
 */
const struct uw_client *uw_peers_find(struct uw_peers *peers, const struct uw_record *record);

/* Forgets processes that nobody has asked for since the last call of this. */
void uw_peers_tick(struct uw_peers *peers);

#endif
