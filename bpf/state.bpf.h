/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deletions in flight: who has which slot, and the name in it. A slot is written in place, as a hash table would
 * copy its whole value for every deletion.
 */
#ifndef UW_STATE_BPF_H
#define UW_STATE_BPF_H

#include "maps.bpf.h"

static __always_inline struct uw_owner *get_owner(__u32 at)
{
	return &uw_shared.owner[at & (UW_SLOTS - 1)];
}

static __always_inline struct uw_slot *get_slot(__u32 at)
{
	return bpf_map_lookup_elem(&uw_slots, &at);
}

static __always_inline struct uw_long_slot *get_long_slot(__u32 at)
{
	return bpf_map_lookup_elem(&uw_long_slots, &at);
}

/* The deletion that is under way on this thread. */
static __always_inline struct uw_slot *find(__u64 id)
{
	volatile struct uw_owner *owner = get_owner(UW_DIRECT_SLOT(id));
	__u32 *spare;

	if (owner->id == id && owner->users < UW_OWNER_SWEPT)
		return get_slot(UW_DIRECT_SLOT(id));
	if (!owner->hashed)
		return NULL;
	spare = bpf_map_lookup_elem(&uw_slot_hash, &id);
	return spare ? get_slot(*spare) : NULL;
}

/* Takes a spare slot. Returns its number or UW_NO_SLOT. Global, so that the verifier checks it once. */
__noinline __u32 uw_take_hash_slot(__u64 id)
{
	struct uw_owner *owner = get_owner(UW_DIRECT_SLOT(id)), *own;
	__u32 at;

	if (bpf_map_pop_elem(&uw_slot_free, &at))
		return UW_NO_SLOT;
	own = get_owner(at);
	if (bpf_map_update_elem(&uw_slot_hash, &id, &at, BPF_NOEXIST)) {
		bpf_map_push_elem(&uw_slot_free, &at, 0);
		return UW_NO_SLOT;
	}
	own->id = id;
	__sync_fetch_and_add(&own->users, 1);
	__sync_fetch_and_add(&owner->hashed, 1);
	return at;
}

/*
 * Whether the thread has got the slot. Not on arm64, whose atomic additions order nothing: there the next owner could
 * be seen before the last one has left.
 */
static __always_inline bool own_direct_slot(__u64 id)
{
#if defined(__TARGET_ARCH_x86)
	volatile struct uw_owner *owner = get_owner(UW_DIRECT_SLOT(id));

	if (owner->users)
		return false;
	__sync_fetch_and_add(&owner->users, 1);
	if (owner->users == 1) {
		owner->id = id;
		return true;
	}
	__sync_fetch_and_add(&owner->users, -1);
#endif
	return false;
}

/* A slot for the deletion that begins, with an empty event. NULL where there is none left. */
static __always_inline struct uw_slot *take(__u64 id)
{
	__u32 at = own_direct_slot(id) ? UW_DIRECT_SLOT(id) : uw_take_hash_slot(id);
	struct uw_slot *slot = get_slot(at);

	if (!slot)
		return NULL;
	slot->at = at;
	slot->long_slot = UW_NO_SLOT;
	slot->victim = 0;
	__builtin_memset(&slot->ev, 0, sizeof(slot->ev));
	return slot;
}

static __always_inline void free_long_slot(struct uw_slot *slot)
{
	if (slot->long_slot == UW_NO_SLOT)
		return;
	bpf_map_push_elem(&uw_long_free, &slot->long_slot, 0);
	slot->long_slot = UW_NO_SLOT;
}

static __always_inline void free_slot(__u64 id, struct uw_slot *slot)
{
	__u32 at = slot->at;
	struct uw_owner *owner = get_owner(at), *direct;

	free_long_slot(slot);
	*(volatile __u64 *)&owner->id = 0;
	__sync_fetch_and_add(&owner->users, -1);
	if (at < UW_DIRECT_SLOTS)
		return;
	direct = get_owner(UW_DIRECT_SLOT(id));
	if (!bpf_map_delete_elem(&uw_slot_hash, &id)) {
		__sync_fetch_and_add(&direct->hashed, -1);
		bpf_map_push_elem(&uw_slot_free, &at, 0);
	}
}

/* Whether the daemon is about to take the slot away. */
static __always_inline bool is_swept(const struct uw_slot *slot)
{
	volatile struct uw_owner *owner = get_owner(slot->at);

	return owner->users >= UW_OWNER_SWEPT;
}

static __always_inline long read_name(char *to, __u32 size, const void *name, bool user)
{
#if UW_KERNEL_READS
	if (!user)
		return bpf_probe_read_kernel_str(to, size, name);
#endif
	return bpf_probe_read_user_str(to, size, name);
}

/* Puts a name of `len` bytes at the beginning of the strings, where it is already. */
static __always_inline void begin_strings(struct uw_event *ev, __u32 len)
{
	ev->len[UW_STR_NAME] = len;
	ev->size = len;
}

/* Reads a name that does not fit the slot. */
static __always_inline bool keep_long_name(struct uw_slot *slot, const void *name, bool user)
{
	struct uw_long_slot *long_slot;
	__u32 at;
	long n;

	if (bpf_map_pop_elem(&uw_long_free, &at))
		return false;
	long_slot = get_long_slot(at);
	n = long_slot ? read_name(long_slot->data, UW_PATH_MAX, name, user) : 0;
	if (n <= 0 || n > UW_PATH_MAX) {
		bpf_map_push_elem(&uw_long_free, &at, 0);
		return false;
	}
	slot->long_slot = at;
	begin_strings(&slot->ev, n - 1);
	return true;
}

/* The name at the entry. */
static __always_inline void keep_name(struct uw_slot *slot, const void *name, bool user)
{
	long n = read_name(slot->data, UW_SLOT_STARTS, name, user);

	if (n <= 0 || n > UW_SLOT_STARTS) {
		slot->ev.flags |= UW_EV_NAME_FAULT;
		return;
	}
	begin_strings(&slot->ev, n - 1);
	/* Where it fills the room, there may be more of it. Rather a cut name, marked as such, than no record. */
	if (n == UW_SLOT_STARTS && !keep_long_name(slot, name, user)) {
		count(UW_CNT_LONG_FULL);
		slot->ev.flags |= UW_EV_NAME_CUT;
	}
}

#if UW_KERNEL_READS
/* Brings what is known of the event, and its strings, to the scratch space. */
static __always_inline long load(struct scratch *s, const struct uw_slot *slot)
{
	__u32 size = slot->ev.size;
	struct uw_long_slot *long_slot;

	if (slot->long_slot == UW_NO_SLOT)
		return size > UW_SLOT_DATA ? -1
		     : bpf_probe_read_kernel(&s->ev, sizeof(s->ev) + size, &slot->ev);
	long_slot = get_long_slot(slot->long_slot);
	if (!long_slot || size > UW_LONG_DATA || bpf_probe_read_kernel(&s->ev, sizeof(s->ev), &slot->ev))
		return -1;
	return bpf_probe_read_kernel(s->data, size, long_slot->data);
}

/* Keeps what the scratch space holds. False where that takes a long slot, and none is free. */
static __always_inline bool keep(struct uw_slot *slot, const struct scratch *s)
{
	__u32 size = s->ev.size;
	struct uw_long_slot *long_slot;

	if (size <= UW_SLOT_DATA) {
		free_long_slot(slot);
		return !bpf_probe_read_kernel(&slot->ev, sizeof(s->ev) + size, &s->ev);
	}
	if (slot->long_slot == UW_NO_SLOT && bpf_map_pop_elem(&uw_long_free, &slot->long_slot)) {
		slot->long_slot = UW_NO_SLOT;
		return false;
	}
	long_slot = get_long_slot(slot->long_slot);
	return long_slot && size <= UW_LONG_DATA && !bpf_probe_read_kernel(long_slot->data, size, s->data) &&
	       !bpf_probe_read_kernel(&slot->ev, sizeof(s->ev), &s->ev);
}
#endif

#endif
