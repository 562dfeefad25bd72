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

/* Writes the name of the uid, or "" if it has none. */
typedef void (*uw_users_look_up_fn)(uid_t uid, char name[UW_USER_NAME_MAX]);

/* getpwuid_r(3), which may ask a directory server, and wait for its answer without limit. */
void uw_users_system(uid_t uid, char name[UW_USER_NAME_MAX]);

/*
 * The names of up to 512 uids, each for a minute. A thread looks them up, so that the caller need
 * not wait.
 */
struct uw_users;

/* What the daemon may wait in a row. */
#define UW_USERS_BUDGET_NS UINT64_C(200000000)

/*
 * uw_users_name() waits budget_ns in all, and later a tenth of the time that has passed since.
 * Returns 0 or -ENOMEM.
 */
int uw_users_new(uw_users_look_up_fn look_up, uint64_t budget_ns, struct uw_users **ret);

/* Accepts NULL, and never waits: see uw_worker_free(). */
void uw_users_free(struct uw_users *users);

/*
 * Returns the name of uid, valid until the next call, or NULL if it has none or that is not known
 * yet. An old name stays until the answer to the next question is there. now_ns is the time on any
 * monotonic clock.
 */
const char *uw_users_name(struct uw_users *users, uid_t uid, uint64_t now_ns);

#endif
