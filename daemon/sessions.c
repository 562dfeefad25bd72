// SPDX-License-Identifier: MIT
#include "sessions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-login.h>

#include "base/clock.h"
#include "base/hash.h"

#define SLOTS	64
#define ID_MAX	32
#define KEEP_NS (2 * UW_NS_PER_S)

struct slot {
	char id[ID_MAX]; /* "": free */
	uint64_t since_ns;
	char *remote, *tty;
};

struct uw_sessions {
	struct slot slot[SLOTS];
};

int uw_sessions_new(struct uw_sessions **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

static void forget(struct slot *slot)
{
	free(slot->remote);
	free(slot->tty);
	*slot = (struct slot){ 0 };
}

void uw_sessions_free(struct uw_sessions *sessions)
{
	if (!sessions)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		forget(&sessions->slot[i]);
	free(sessions);
}

/* What cannot be read is not known. */
static void look_up(struct slot *slot, uint64_t now_ns)
{
	slot->since_ns = now_ns;
	if (sd_session_get_remote_host(slot->id, &slot->remote) < 0)
		slot->remote = NULL;
	if (sd_session_get_tty(slot->id, &slot->tty) < 0)
		slot->tty = NULL;
}

struct uw_session uw_sessions_find(struct uw_sessions *sessions, struct uw_str id, uint64_t now_ns)
{
	struct slot *slot = &sessions->slot[uw_hash(UW_HASH_START, id.s, id.len) % SLOTS];

	if (!id.len || id.len >= ID_MAX)
		return (struct uw_session){ NULL, NULL };
	if (!uw_str_is(id, slot->id) || now_ns - slot->since_ns > KEEP_NS) {
		forget(slot);
		memcpy(slot->id, id.s, id.len);
		look_up(slot, now_ns);
	}
	return (struct uw_session){ slot->remote, slot->tty };
}
