/* SPDX-License-Identifier: MIT */
/*
 * Users and groups of the system, through NSS: files, LDAP, systemd-userdb or whatever
 * nsswitch.conf names.
 */
#ifndef UW_USERS_H
#define UW_USERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How names become uids. Both functions return 0, -ENOENT (no such name) or another -errno. */
struct uw_names {
	int (*user)(const char *name, uid_t *ret_uid);
	/* Members by primary group and by list; *ret_uids is malloc()ed, the caller frees it. */
	int (*group)(const char *name, uid_t **ret_uids, size_t *ret_n);
};

/* The system's users and groups, by getpwnam_r(3) and its kin. */
extern const struct uw_names uw_names_system;

/* uid -> user name, remembered for a minute: a look-up may ask a directory server. */
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
