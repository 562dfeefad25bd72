// SPDX-License-Identifier: MIT
#include "base/users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/worker.h"

/*
 * Names are cached by a hash of the uid, in sets: the ranges of subordinate uids differ by
 * multiples of 65,536.
 */
#define SETS	 64
#define WAYS	 8
#define FRESH_NS (60 * UW_NS_PER_S)

/* So many look-ups wait for the thread. */
#define LOOK_UPS 16

/* Of the time that passes, the caller may wait a tenth for names, and saves up the budget. */
#define REFILL 10

struct slot {
	bool used, pending;
	uid_t uid;
	uint64_t when_ns;	     /* of the look-up */
	char name[UW_USER_NAME_MAX]; /* "" if the uid has none */
};

struct look_up {
	struct uw_job job;
	uw_users_look_up_fn look_up;
	uid_t uid;
	char name[UW_USER_NAME_MAX];
};

struct uw_users {
	uw_users_look_up_fn look_up;
	struct uw_worker *worker;
	uint64_t budget_ns, left_ns, refilled_ns;
	struct slot slots[SETS][WAYS];
};

int uw_users_new(uw_users_look_up_fn look_up, uint64_t budget_ns, struct uw_users **ret)
{
	struct uw_users *users = calloc(1, sizeof(*users));
	int r;

	if (!users)
		return -ENOMEM;
	r = uw_worker_new(LOOK_UPS, &users->worker);
	if (r < 0) {
		free(users);
		return r;
	}
	users->look_up = look_up;
	users->budget_ns = users->left_ns = budget_ns;
	*ret = users;
	return 0;
}

void uw_users_free(struct uw_users *users)
{
	if (!users)
		return;
	uw_worker_free(users->worker);
	free(users);
}

void uw_users_system(uid_t uid, char name[UW_USER_NAME_MAX])
{
	struct passwd pwd, *found = NULL;
	char text[4096];

	name[0] = '\0';
	if (getpwuid_r(uid, &pwd, text, sizeof(text), &found) || !found)
		return;
	/* No tool of the system accepts a name that does not fit. */
	if ((size_t)snprintf(name, UW_USER_NAME_MAX, "%s", pwd.pw_name) >= UW_USER_NAME_MAX)
		name[0] = '\0';
}

static void run_look_up(struct uw_job *job)
{
	struct look_up *l = (struct look_up *)job;

	l->look_up(l->uid, l->name);
}

/* Returns the slot of the uid, or the one of its set that has waited longest for a new owner. */
static struct slot *find_slot(struct uw_users *users, uid_t uid)
{
	struct slot *set = users->slots[uw_hash_number(0, uid) % SETS], *oldest = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].used && set[i].uid == uid)
			return &set[i];
		if (!set[i].used || (oldest->used && set[i].when_ns < oldest->when_ns))
			oldest = &set[i];
	}
	return oldest;
}

/* Keeps the answer if its slot has the uid still. */
static void keep(struct uw_users *users, struct look_up *l)
{
	struct slot *slot = find_slot(users, l->uid);

	if (slot->used && slot->uid == l->uid) {
		slot->pending = false;
		memcpy(slot->name, l->name, sizeof(slot->name));
	}
	free(l);
}

/* Keeps all answers that are there, and waits for that of the slot while the budget lasts. */
static void await(struct uw_users *users, const struct slot *slot, bool wait)
{
	uint64_t begin_ns = uw_clock_ns(CLOCK_MONOTONIC), used_ns = 0;
	struct uw_job *job;

	do {
		job = uw_worker_take(users->worker,
				     wait && slot->pending && users->left_ns > used_ns
					     ? users->left_ns - used_ns
					     : 0);
		if (job)
			keep(users, (struct look_up *)job);
		used_ns = uw_clock_ns(CLOCK_MONOTONIC) - begin_ns;
	} while (job);
	if (wait)
		users->left_ns -= used_ns < users->left_ns ? used_ns : users->left_ns;
}

/* Deletions may come out of order. */
static void refill(struct uw_users *users, uint64_t now_ns)
{
	uint64_t more_ns = 0;

	if (users->refilled_ns && now_ns > users->refilled_ns)
		more_ns = (now_ns - users->refilled_ns) / REFILL;
	if (now_ns > users->refilled_ns)
		users->refilled_ns = now_ns;
	users->left_ns = more_ns < users->budget_ns - users->left_ns ? users->left_ns + more_ns
								     : users->budget_ns;
}

/* Gives the slot to the uid, and the thread the look-up. Returns false if it has too many. */
static bool begin(struct uw_users *users, struct slot *slot, uid_t uid, uint64_t now_ns)
{
	struct look_up *l = malloc(sizeof(*l));

	if (!l)
		return false;
	*l = (struct look_up){ .job.run = run_look_up, .look_up = users->look_up, .uid = uid };
	if (!uw_worker_give(users->worker, &l->job)) {
		free(l);
		return false;
	}
	if (!slot->used || slot->uid != uid)
		*slot = (struct slot){ .used = true, .uid = uid };
	slot->pending = true;
	slot->when_ns = now_ns;
	return true;
}

const char *uw_users_name(struct uw_users *users, uid_t uid, uint64_t now_ns)
{
	struct slot *slot = find_slot(users, uid);
	bool known = slot->used && slot->uid == uid;
	bool fresh = known && now_ns <= slot->when_ns + FRESH_NS;

	if (!fresh || slot->pending) {
		refill(users, now_ns);
		/* Make room among the look-ups; this may answer an earlier one of this uid. */
		await(users, slot, false);
	}
	if ((!known || (!slot->pending && !fresh)) && begin(users, slot, uid, now_ns)) {
		known = true;
		await(users, slot, true);
	}
	return known && slot->name[0] ? slot->name : NULL;
}

#define BUFFER_START 1024
#define BUFFER_MAX   ((size_t)64 << 20) /* enough for a group of a million members */

/* A growing list of uids. */
struct uid_list {
	uid_t *uids;
	size_t n;
};

static int grow_buffer(char **buffer, size_t *size)
{
	size_t wanted = *size ? 2 * *size : BUFFER_START;
	char *grown;

	if (wanted > BUFFER_MAX)
		return -ENOMEM;
	grown = realloc(*buffer, wanted);
	if (!grown)
		return -ENOMEM;
	*buffer = grown;
	*size = wanted;
	return 0;
}

/* POSIX does not define the error for an unknown name; getpwnam_r(3) lists those seen. */
static int name_error(int error)
{
	switch (error) {
	case 0:
	case ENOENT:
	case ESRCH:
	case EBADF:
	case EPERM:
		return -ENOENT;
	default:
		return -error;
	}
}

static int find_user(const char *name, uid_t *ret_uid)
{
	struct passwd entry, *found = NULL;
	_cleanup_free_ char *buffer = NULL;
	size_t size = 0;
	int r;

	do {
		r = grow_buffer(&buffer, &size);
		if (r < 0)
			break;
		do
			r = -getpwnam_r(name, &entry, buffer, size, &found);
		while (r == -EINTR);
	} while (r == -ERANGE);
	if (!found)
		return name_error(-r);
	*ret_uid = entry.pw_uid;
	return 0;
}

static int add_uid(struct uid_list *list, uid_t uid)
{
	if (!uw_array_room(list->uids, list->n))
		return -ENOMEM;
	list->uids[list->n++] = uid;
	return 0;
}

/* Skips members that are not users of this system: they cannot delete anything. */
static int add_listed(struct uid_list *list, char *const *members)
{
	uid_t uid;
	int r;

	for (; *members; members++) {
		r = find_user(*members, &uid);
		if (r == 0)
			r = add_uid(list, uid);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

/* Adds the users whose primary group it is. Directories that refuse enumeration (sssd) hide theirs.
 */
static int add_primary(struct uid_list *list, gid_t gid)
{
	struct passwd entry, *found;
	_cleanup_free_ char *buffer = NULL;
	size_t size = 0;
	int r;

	r = grow_buffer(&buffer, &size);
	setpwent();
	while (r == 0) {
		r = -getpwent_r(&entry, buffer, size, &found);
		if (r == -ERANGE)
			r = grow_buffer(&buffer, &size);
		else if (r == -EINTR)
			r = 0;
		else if (r == 0 && entry.pw_gid == gid)
			r = add_uid(list, entry.pw_uid);
	}
	endpwent();
	return r == -ENOENT ? 0 : r; /* the end of the list */
}

static int find_group(const char *name, uid_t **ret_uids, size_t *ret_n)
{
	struct group entry, *found = NULL;
	struct uid_list list = { 0 };
	_cleanup_free_ char *buffer = NULL;
	size_t size = 0;
	int r;

	do {
		r = grow_buffer(&buffer, &size);
		if (r < 0)
			break;
		do
			r = -getgrnam_r(name, &entry, buffer, size, &found);
		while (r == -EINTR);
	} while (r == -ERANGE);
	if (!found)
		return name_error(-r);
	r = add_listed(&list, entry.gr_mem);
	if (r == 0)
		r = add_primary(&list, entry.gr_gid);
	if (r < 0) {
		free(list.uids);
		return r;
	}
	*ret_uids = list.uids;
	*ret_n = list.n;
	return 0;
}

const struct uw_names uw_names_system = {
	.user = find_user,
	.group = find_group,
};
