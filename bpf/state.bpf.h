/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deletions in flight: their names, and the slots for what does not fit their states. uw_states holds
 * few bytes, since a hash table copies its whole value for every deletion; slots are written in place.
 */
#ifndef UW_STATE_BPF_H
#define UW_STATE_BPF_H

#include "maps.bpf.h"

static __always_inline struct uw_small_slot *small_slot(__u32 slot)
{
	return bpf_map_lookup_elem(&uw_small_slots, &slot);
}

static __always_inline struct uw_big_slot *big_slot(__u32 slot)
{
	slot &= ~UW_BIG_SLOT;
	return bpf_map_lookup_elem(&uw_big_slots, &slot);
}

/* A slot for so many bytes of strings, or UW_NO_SLOT. */
static __always_inline __u32 take_slot(__u32 size)
{
	__u32 slot;

	if (size <= UW_SMALL_DATA && !bpf_map_pop_elem(&uw_small_free, &slot))
		return slot;
	return bpf_map_pop_elem(&uw_big_free, &slot) ? UW_NO_SLOT : slot | UW_BIG_SLOT;
}

static __always_inline void give_slot(__u32 slot)
{
	if (slot == UW_NO_SLOT)
		return;
	if (slot & UW_BIG_SLOT) {
		slot &= ~UW_BIG_SLOT;
		bpf_map_push_elem(&uw_big_free, &slot, 0);
	} else {
		bpf_map_push_elem(&uw_small_free, &slot, 0);
	}
}

/* The deletion that is under way on this thread. */
static __always_inline struct uw_state *find(__u64 id)
{
	__u32 zero = 0;
	__u64 *in_flight = bpf_map_lookup_elem(&uw_in_flight, &zero);

	/* Not zero while this thread has a state, as the thread itself has counted that. */
	return in_flight && *in_flight ? bpf_map_lookup_elem(&uw_states, &id) : NULL;
}

static __always_inline long add(__u64 id, const struct uw_state *st)
{
	__u32 zero = 0;
	__u64 *in_flight = bpf_map_lookup_elem(&uw_in_flight, &zero);
	long r = bpf_map_update_elem(&uw_states, &id, st, BPF_NOEXIST);

	if (!r && in_flight)
		__sync_fetch_and_add(in_flight, 1);
	return r;
}

static __always_inline void forget(__u64 id, const struct uw_state *st)
{
	__u32 zero = 0;
	__u64 *in_flight = bpf_map_lookup_elem(&uw_in_flight, &zero);

	give_slot(st->slot);
	if (!bpf_map_delete_elem(&uw_states, &id) && in_flight)
		__sync_fetch_and_add(in_flight, -1);
}

/* An event of which nothing is known yet but its name, `len` bytes that stand where the strings begin. */
static __always_inline void begin_strings(struct uw_event *ev, __u32 len)
{
	__builtin_memset(ev, 0, sizeof(*ev));
	ev->len[UW_STR_NAME] = len;
	ev->size = len;
}

static __always_inline long read_name(char *to, __u32 size, const void *name, bool user)
{
#if UW_KERNEL_READS
	if (!user)
		return bpf_probe_read_kernel_str(to, size, name);
#endif
	return bpf_probe_read_user_str(to, size, name);
}

/* Reads a name that may not fit the state into a slot. */
static __always_inline bool keep_long_name(struct uw_state *st, const void *name, bool user)
{
	struct uw_small_slot *small;
	struct uw_big_slot *big;
	long n;

	st->slot = take_slot(0);
	if (st->slot != UW_NO_SLOT && !(st->slot & UW_BIG_SLOT)) {
		small = small_slot(st->slot);
		n = small ? read_name(small->data, UW_SMALL_DATA, name, user) : 0;
		if (small && n > 0 && n < UW_SMALL_DATA) {
			begin_strings(&small->ev, n - 1);
			return true;
		}
		give_slot(st->slot);
		st->slot = take_slot(UW_BIG_DATA);
	}
	if (st->slot == UW_NO_SLOT)
		return false;
	big = big_slot(st->slot);
	n = big ? read_name(big->data, UW_PATH_MAX, name, user) : 0;
	if (big && n > 0 && n <= UW_PATH_MAX) {
		begin_strings(&big->ev, n - 1);
		return true;
	}
	give_slot(st->slot);
	st->slot = UW_NO_SLOT;
	return false;
}

/* The name at the entry. */
static __always_inline void keep_name(struct uw_state *st, const void *name, bool user)
{
	long n = read_name(st->name, UW_STATE_NAME, name, user);

	if (n <= 0 || n > UW_STATE_NAME) {
		st->flags = UW_EV_NAME_FAULT;
		return;
	}
	st->name_len = n - 1;
	/* Where it fills the room, there may be more of it. Rather a cut name, marked as such, than no record. */
	if (n == UW_STATE_NAME && !keep_long_name(st, name, user)) {
		count(UW_CNT_BIG_FULL);
		st->flags = UW_EV_NAME_CUT;
	}
}

/* Brings the name of a state without a slot to the scratch space. */
static __always_inline void load_name(struct scratch *s, const struct uw_state *st)
{
	begin_strings(&s->ev, st->name_len);
	__builtin_memcpy(s->data, st->name, UW_STATE_NAME);
}

#if UW_KERNEL_READS
/* Brings what is known of the event, and its strings, to the scratch space. */
static __always_inline long load(struct scratch *s, const struct uw_state *st)
{
	struct uw_small_slot *small;
	struct uw_big_slot *big;
	__u32 size;

	if (st->slot == UW_NO_SLOT) {
		load_name(s, st);
		return 0;
	}
	if (st->slot & UW_BIG_SLOT) {
		big = big_slot(st->slot);
		if (!big)
			return -1;
		size = big->ev.size;
		return size > UW_BIG_DATA ? -1
		     : bpf_probe_read_kernel(&s->ev, sizeof(s->ev) + size, big);
	}
	small = small_slot(st->slot);
	if (!small)
		return -1;
	size = small->ev.size;
	return size > UW_SMALL_DATA ? -1 : bpf_probe_read_kernel(&s->ev, sizeof(s->ev) + size, small);
}

/* Keeps what the scratch space holds. False where that takes a big slot, and none is free. */
static __always_inline bool keep(struct uw_state *st, const struct scratch *s)
{
	__u32 size = s->ev.size, slot;
	struct uw_small_slot *small;
	struct uw_big_slot *big;

	slot = take_slot(size);
	if (slot == UW_NO_SLOT)
		return false;
	give_slot(st->slot);
	st->slot = slot;
	if (slot & UW_BIG_SLOT) {
		big = big_slot(slot);
		return big && size <= UW_BIG_DATA &&
		       !bpf_probe_read_kernel(big, sizeof(s->ev) + size, &s->ev);
	}
	small = small_slot(slot);
	return small && size <= UW_SMALL_DATA &&
	       !bpf_probe_read_kernel(small, sizeof(s->ev) + size, &s->ev);
}
#endif

#endif
