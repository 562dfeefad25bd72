// SPDX-License-Identifier: MIT
#include "base/users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"

#define SLOTS	 256 /* by the low bits of the uid; a collision costs a lookup */
#define FRESH_NS (60 * UINT64_C(1000000000))

struct slot {
	bool used;
	uid_t uid;
	uint64_t when_ns;
	char name[UW_USER_NAME_MAX]; /* "" if the uid has none */
};

struct uw_users {
	struct slot slots[SLOTS];
};

int uw_users_new(struct uw_users **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void uw_users_free(struct uw_users *users)
{
	free(users);
}

static void look_up(struct slot *slot)
{
	struct passwd pwd, *found = NULL;
	char text[4096];

	slot->name[0] = '\0';
	if (getpwuid_r(slot->uid, &pwd, text, sizeof(text), &found) || !found)
		return;
	/* No tool of the system accepts a name that does not fit. */
	if ((size_t)snprintf(slot->name, UW_USER_NAME_MAX, "%s", pwd.pw_name) >= UW_USER_NAME_MAX)
		slot->name[0] = '\0';
}

const char *uw_users_name(struct uw_users *users, uid_t uid, uint64_t now_ns)
{
	struct slot *slot = &users->slots[uid % SLOTS];

	if (!slot->used || slot->uid != uid || now_ns - slot->when_ns > FRESH_NS) {
		slot->used = true;
		slot->uid = uid;
		slot->when_ns = now_ns;
		look_up(slot);
	}
	return slot->name[0] ? slot->name : NULL;
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
