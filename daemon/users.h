/* SPDX-License-Identifier: MIT */
/* uid -> user name, remembered for a minute: a look-up may ask a directory server. */
#ifndef UW_USERS_H
#define UW_USERS_H

#include <stdint.h>
#include <sys/types.h>

struct uw_users;

/* Returns 0 or -ENOMEM. */
int uw_users_new(struct uw_users **ret);

/* Accepts NULL. */
void uw_users_free(struct uw_users *users);

/*
 * The name of uid, or NULL where it has none; now_ns is the time on any steady clock. The name is
 * valid until the next call.
 */
const char *uw_users_name(struct uw_users *users, uid_t uid, uint64_t now_ns);

#endif
