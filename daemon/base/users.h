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
	/* The members, by primary group and by list. The caller frees *ret_uids. */
	int (*group)(const char *name, uid_t **ret_uids, size_t *ret_n);
};

/* The system's users and groups, by getpwnam_r(3) and its kin. */
extern const struct uw_names uw_names_system;

/* Room for the name of a user, its NUL included. */
#define UW_USER_NAME_MAX 256

/* Caches user names by uid for a minute, as a lookup may ask a directory server. */
struct uw_users;

/* Returns 0 or -ENOMEM. */
int uw_users_new(struct uw_users **ret);

/* Accepts NULL. */
void uw_users_free(struct uw_users *users);

/*
 * Returns the name of uid, or NULL if it has none, valid until the next call. now_ns is the time on
 * any monotonic clock.
 */
const char *uw_users_name(struct uw_users *users, uid_t uid, uint64_t now_ns);

#endif
