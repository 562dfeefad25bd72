// SPDX-License-Identifier: MIT
/* Deletions that never returned: taken over from the kernel side, with an unknown result. */
#include "probe/source_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/procfs.h"
#include "probe/bpf_map.h"

/* The other strings of an event that has outgrown its slot. */
static int take_long_slot(const struct uw_source *s, const struct uw_slot *slot,
			  struct uw_long_slot *ret)
{
	int r = uw_bpf_map_lookup(uw_source_map(s, "uw_long_slots"), &slot->long_slot, ret);

	if (!r)
		r = uw_bpf_map_update(uw_source_map(s, "uw_long_free"), NULL, &slot->long_slot);
	return r;
}

/* Nobody but us has anything to do with the slot now. */
static void free_slot(struct uw_source *s, __u32 at, __u64 id)
{
	struct uw_owner *owner = &s->shared->owner[at];

	__atomic_store_n(&owner->id, 0, __ATOMIC_SEQ_CST);
	__atomic_sub_fetch(&owner->users, UW_OWNER_SWEPT + 1, __ATOMIC_SEQ_CST);
	if (at < UW_DIRECT_SLOTS || uw_bpf_map_delete(uw_source_map(s, "uw_slot_hash"), &id))
		return;
	__atomic_sub_fetch(&s->shared->owner[UW_DIRECT_SLOT(id)].hashed, 1, __ATOMIC_SEQ_CST);
	uw_bpf_map_update(uw_source_map(s, "uw_slot_free"), NULL, &at);
}

/* The kernel side only asks who it is once the deletion interests somebody. */
static void take_who(struct uw_event *ev)
{
	static const char worker[] = "iou-wrk-";

	if (ev->via)
		return;
	ev->via = UW_VIA_SYSCALL;
	uw_procfs_comm(ev->pid, ev->tid, ev->comm, sizeof(ev->comm));
	if (!strncmp(ev->comm, worker, sizeof(worker) - 1)) {
		ev->via = UW_VIA_IO_URING;
		uw_procfs_comm(ev->pid, 0, ev->comm, sizeof(ev->comm));
	}
}

/* As the kernel side would hand it over, with what is known of a deletion in flight. `strings` is
 * room for it. */
static int hand_over(struct uw_source *s, const struct uw_slot *slot, struct uw_long_slot *strings)
{
	struct uw_event *ev = &strings->ev;
	int r = 0;

	if (slot->ev.size > (slot->long_slot == UW_NO_SLOT ? UW_SLOT_DATA : UW_LONG_DATA))
		return -EPROTO;
	if (slot->long_slot == UW_NO_SLOT)
		memcpy(strings->data, slot->data, slot->ev.size);
	else
		r = take_long_slot(s, slot, strings);
	if (r < 0 || (slot->ev.op == UW_OP_RENAME && !slot->victim) ||
	    slot->ev.flags & UW_EV_SELFTEST)
		return r;
	*ev = slot->ev;
	if (slot->name_ptr)
		ev->flags |= UW_EV_NAME_FAULT;
	ev->size += (__u32)sizeof(*ev);
	ev->flags |= UW_EV_RET_UNKNOWN;
	ev->rules = slot->on_success | slot->on_failure;
	ev->exit_ns = ev->enter_ns;
	take_who(ev);
	s->on_event(ev, ev->size, s->userdata);
	if (s->persistent)
		s->persistent->words->swept++;
	return 1;
}

struct room {
	struct uw_slot slot;
	struct uw_long_slot strings;
};

/*
 * Takes the slot if the deletion is older than that: in two steps, one call after the other, or a
 * program might pass it on in this moment. Programs that are detached do not: then at once.
 */
static int sweep_one(struct uw_source *s, __u32 at, uint64_t age_ns, struct room *room)
{
	struct uw_owner *owner = &s->shared->owner[at];
	bool marked = __atomic_load_n(&owner->users, __ATOMIC_SEQ_CST) >= UW_OWNER_SWEPT, old;
	__u64 id = __atomic_load_n(&owner->id, __ATOMIC_SEQ_CST);
	int r;

	if (!id && !marked)
		return 0;
	r = uw_bpf_map_lookup(uw_source_map(s, "uw_slots"), &at, &room->slot);
	if (r < 0)
		return r;
	old = id && uw_clock_ns(CLOCK_BOOTTIME) >= room->slot.ev.enter_ns + age_ns;
	if (old && !marked)
		__atomic_add_fetch(&owner->users, UW_OWNER_SWEPT, __ATOMIC_SEQ_CST);
	if (!old && marked)
		__atomic_sub_fetch(&owner->users, UW_OWNER_SWEPT, __ATOMIC_SEQ_CST);
	if (!old || (!marked && age_ns))
		return 0;
	r = hand_over(s, &room->slot, &room->strings);
	free_slot(s, at, id);
	return r;
}

int uw_source_sweep(struct uw_source *s, uint64_t age_ns)
{
	struct room *room;
	int swept = 0, r = 0;
	__u32 at;

	if (!s->shared)
		return 0;
	room = malloc(sizeof(*room));
	if (!room)
		return -ENOMEM;
	s->enough = false;
	for (at = 0; at < UW_SLOTS && !s->enough && r >= 0; at++) {
		r = sweep_one(s, at, age_ns, room);
		swept += r > 0 ? r : 0;
	}
	free(room);
	return r < 0 ? r : swept;
}

size_t uw_source_in_flight(const struct uw_source *s)
{
	size_t n = 0, at;

	/* Of another version, which may have another layout: nobody knows. */
	if (s->shared_size != sizeof(*s->shared))
		return 1;
	for (at = 0; at < UW_SLOTS; at++)
		n += __atomic_load_n(&s->shared->owner[at].id, __ATOMIC_RELAXED) != 0;
	return n;
}
