// SPDX-License-Identifier: MIT
#include "users.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define SLOTS	 256 /* by the low bits of the uid; a collision costs a look-up */
#define NAME_LEN 256
#define FRESH_NS (60 * UINT64_C(1000000000))

struct slot {
	bool used;
	uid_t uid;
	uint64_t when_ns;
	char name[NAME_LEN]; /* "" where the uid has none */
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
	/* One that does not fit is no name that any tool of the system would take. */
	if ((size_t)snprintf(slot->name, NAME_LEN, "%s", pwd.pw_name) >= NAME_LEN)
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
