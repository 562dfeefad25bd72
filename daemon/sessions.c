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

enum text { REMOTE, SERVICE, SEAT, N_TEXTS };

static int (*const ask[N_TEXTS])(const char *id, char **ret) = {
	[REMOTE] = sd_session_get_remote_host,
	[SERVICE] = sd_session_get_service,
	[SEAT] = sd_session_get_seat,
};

/* From systemd 254 on; NULL before. */
__attribute__((weak)) int sd_session_get_start_time(const char *session, uint64_t *usec);

struct slot {
	char id[ID_MAX]; /* "": free */
	uint64_t read_ns, start_us;
	char *text[N_TEXTS];
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
	for (int i = 0; i < N_TEXTS; i++)
		free(slot->text[i]);
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
	slot->read_ns = now_ns;
	for (int i = 0; i < N_TEXTS; i++)
		if (ask[i](slot->id, &slot->text[i]) < 0)
			slot->text[i] = NULL;
	if (!sd_session_get_start_time || sd_session_get_start_time(slot->id, &slot->start_us) < 0)
		slot->start_us = 0;
}

struct uw_session uw_sessions_find(struct uw_sessions *sessions, struct uw_str id, uint64_t now_ns)
{
	struct slot *slot = &sessions->slot[uw_hash(UW_HASH_START, id.s, id.len) % SLOTS];

	if (!id.len || id.len >= ID_MAX)
		return (struct uw_session){ NULL };
	if (!uw_str_is(id, slot->id) || now_ns - slot->read_ns > KEEP_NS) {
		forget(slot);
		memcpy(slot->id, id.s, id.len);
		look_up(slot, now_ns);
	}
	return (struct uw_session){
		.remote = slot->text[REMOTE],
		.service = slot->text[SERVICE],
		.seat = slot->text[SEAT],
		.since_ns = slot->start_us * 1000,
	};
}
