/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deletions in flight. Each has a slot, from the entry to the return, in which its event grows in
 * place: a hash table would copy the whole value for every deletion.
 *
 *  - The number of a thread leads to its direct slot, without a look-up. The thread owns it when it
 *    adds itself to the slot's users and is alone there. (BPF has no compare-and-exchange before
 *    5.12.)
 *  - Where another thread owns that slot, the thread takes one from a stack, and a hash finds it.
 *    So does every thread on arm64.
 *  - An event whose strings do not fit its slot also gets a long slot, for all of its strings.
 *  - Where there is no slot, or no long slot, the event is sent as soon as the kernel has found the
 *    target, without a result. So a full table costs results, never names.
 */
#ifndef UW_SLOT_BPF_H
#define UW_SLOT_BPF_H

#include "output.bpf.h"
#include "scratch.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, UW_SLOTS);
	__type(key, __u32);
	__type(value, struct uw_slot);
} uw_slots SEC(".maps");

/* From pid_tgid to the slot, for threads that do not own their direct one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UW_HASH_SLOTS);
	__type(key, __u64);
	__type(value, __u32);
} uw_slot_hash SEC(".maps");

/* The free ones of these. The daemon fills both stacks. */
struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, UW_HASH_SLOTS);
	__uint(value_size, sizeof(__u32));
} uw_slot_free SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, UW_LONG_SLOTS);
	__type(key, __u32);
	__type(value, struct uw_long_slot);
} uw_long_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, UW_LONG_SLOTS);
	__uint(value_size, sizeof(__u32));
} uw_long_free SEC(".maps");

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

/* The slot of the deletion that is under way on this thread, or NULL. */
static __always_inline struct uw_slot *find(__u64 id)
{
	volatile struct uw_owner *owner = get_owner(UW_DIRECT_SLOT(id));
	__u32 *at;

	if (owner->id == id && owner->users < UW_OWNER_SWEPT)
		return get_slot(UW_DIRECT_SLOT(id));
	if (!owner->hashed)
		return NULL;
	at = bpf_map_lookup_elem(&uw_slot_hash, &id);
	return at ? get_slot(*at) : NULL;
}

/*
 * Takes a slot that the hash finds. Returns its number, or UW_NO_SLOT where none is free or the user
 * has too many: a thread that waits for a hung file system keeps its slot. A global function: the
 * verifier checks it once, not in every caller.
 */
__noinline __u32 uw_take_hash_slot(__u64 id, __u32 account)
{
	struct uw_owner *direct = get_owner(UW_DIRECT_SLOT(id)), *owner;
	struct uw_share *share = share_of(account);
	__u32 at;

	if (share->slots >= UW_SHARE_TIMES * (UW_HASH_SLOTS - uw_shared.hash_slots) ||
	    bpf_map_pop_elem(&uw_slot_free, &at)) {
		lose(share, account, UW_CNT_STATE_FULL);
		if (!uw_shared.lacked)
			uw_shared.lacked = 1;
		return UW_NO_SLOT;
	}
	owner = get_owner(at);
	if (bpf_map_update_elem(&uw_slot_hash, &id, &at, BPF_NOEXIST)) {
		bpf_map_push_elem(&uw_slot_free, &at, 0);
		uw_shared.lacked = 1;
		return UW_NO_SLOT;
	}
	owner->id = id;
	__sync_fetch_and_add(&owner->users, 1);
	__sync_fetch_and_add(&direct->hashed, 1);
	__sync_fetch_and_add(&share->slots, 1);
	__sync_fetch_and_add(&uw_shared.hash_slots, 1);
	return at;
}

/*
 * Tries to own the direct slot. arm64's atomic additions order nothing, so the next owner could be
 * seen there before the last one has left.
 */
static __always_inline bool take_direct_slot(__u64 id)
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

/*
 * Empties a slot for a deletion that begins, but for the members of the event that begin() and
 * finish() set, and those that a flag covers.
 */
static __always_inline struct uw_slot *empty_slot(__u32 at)
{
	struct uw_slot *slot = get_slot(at);

	if (!slot)
		return NULL;
	slot->at = at;
	slot->targeted = 0;
	slot->sent = 0;
	slot->long_slot = UW_NO_SLOT;
	slot->name_ptr = 0;
	slot->other_ptr = 0;
	slot->ev.size = 0;
	__builtin_memset(&slot->ev.mntns, 0,
			 sizeof(slot->ev) - __builtin_offsetof(struct uw_event, mntns));
	return slot;
}

/* A slot for the deletion that begins, or NULL. */
static __always_inline struct uw_slot *take_slot(__u64 id, __u32 account)
{
	return empty_slot(take_direct_slot(id) ? UW_DIRECT_SLOT(id)
					       : uw_take_hash_slot(id, account));
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
		__sync_fetch_and_add(&share_of(slot->ev.account)->slots, -1);
		__sync_fetch_and_add(&uw_shared.hash_slots, -1);
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

/* Makes the `len` bytes that the strings begin with the name. */
static __always_inline void begin_strings(struct uw_event *ev, __u32 len)
{
	ev->len[UW_STR_NAME] = len;
	ev->size = len;
}

/* The long slot of the event, with the strings so far, or NULL. */
static __always_inline struct uw_long_slot *take_long_slot(struct uw_slot *slot)
{
	struct uw_long_slot *strings;
	__u32 at;

	if (slot->long_slot != UW_NO_SLOT)
		return get_long_slot(slot->long_slot);
	if (bpf_map_pop_elem(&uw_long_free, &at))
		return NULL;
	slot->long_slot = at;
	strings = get_long_slot(at);
	/* At most one name, which would have taken a long slot if it were longer. */
	if (strings)
		__builtin_memcpy(strings->data, slot->data, UW_SLOT_STARTS);
	return strings;
}

/* The kernel looks the name up again: takes away all that the last target left. */
static __always_inline void forget_target(struct uw_slot *slot)
{
	struct uw_event *ev = &slot->ev;

	slot->of_target = ~0ULL;
	ev->flags &= UW_EV_SELFTEST | UW_EV_NAME_CUT | UW_EV_NAME_FAULT | UW_EV_NAME_LATE |
		     UW_EV_OTHER_NAME_CUT | UW_EV_OTHER_NAME_FAULT;
	ev->size = ev->len[UW_STR_NAME] + ev->len[UW_STR_OTHER_NAME];
	__builtin_memset(&ev->len[UW_STR_FSROOT], 0,
			 (UW_STR_IN_FLIGHT - UW_STR_FSROOT) * sizeof(ev->len[0]));
}

/* Reads a name that does not fit the slot. Returns its size, with the NUL. */
static __always_inline long keep_long_name(struct uw_slot *slot, const void *name, bool user)
{
	struct uw_long_slot *strings = take_long_slot(slot);
	__u32 at = slot->ev.size;

	if (!strings)
		return 0;
	asm volatile("" : "+r"(at));
	return read_name(&strings->data[at & (UW_PATH_MAX - 1)], UW_PATH_MAX, name, user);
}

/*
 * Appends a name to the strings, which are at most another name. A name that fills its room in the
 * slot may go on. It is cut if no long slot is free.
 */
static __always_inline void keep_name(struct uw_slot *slot, enum uw_string which, __u64 name,
				      bool user, __u32 fault, __u32 cut)
{
	__u32 at = which == UW_STR_NAME ? 0 : slot->ev.size;
	long n = UW_SLOT_STARTS;

	if (which == UW_STR_NAME || slot->long_slot == UW_NO_SLOT) {
		asm volatile("" : "+r"(at));
		n = read_name(&slot->data[at & (UW_SLOT_STARTS - 1)], UW_SLOT_STARTS, (void *)name,
			      user);
	}
	if (n == UW_SLOT_STARTS) {
		n = keep_long_name(slot, (void *)name, user);
		if (slot->long_slot == UW_NO_SLOT) {
			count(UW_CNT_LONG_FULL);
			slot->ev.flags |= cut;
			n = UW_SLOT_STARTS;
		}
	}
	if (n <= 0 || n > UW_PATH_MAX) {
		slot->ev.flags |= fault;
		return;
	}
	slot->ev.len[which] = n - 1;
	slot->ev.size = at + n - 1;
}

/*
 * Reads the names of a deletion at its entry. A program cannot fault a page in. The system call
 * itself does, so names in such a page are left for the return. A global function, for want of
 * stack in its callers.
 */
__noinline int uw_keep_names(__u32 number, __u64 name, __u64 other, __u32 user)
{
	struct uw_slot *slot = get_slot(number);

	if (!slot)
		return 0;
	keep_name(slot, UW_STR_NAME, name, user, UW_EV_NAME_FAULT, UW_EV_NAME_CUT);
	if (other)
		keep_name(slot, UW_STR_OTHER_NAME, other, user, UW_EV_OTHER_NAME_FAULT,
			  UW_EV_OTHER_NAME_CUT);
	if (user && slot->ev.flags & (UW_EV_NAME_FAULT | UW_EV_OTHER_NAME_FAULT)) {
		slot->ev.flags &= UW_EV_SELFTEST;
		slot->ev.len[UW_STR_NAME] = 0;
		slot->ev.len[UW_STR_OTHER_NAME] = 0;
		slot->ev.size = 0;
		slot->name_ptr = name;
		slot->other_ptr = other;
	}
	return 0;
}

#if UW_KERNEL_READS
/* Copies the event and its strings to the scratch space. */
static __always_inline long load(struct scratch *s, const struct uw_slot *slot)
{
	__u32 size = slot->ev.size;
	struct uw_long_slot *strings;

	if (bpf_probe_read_kernel(&s->ev, sizeof(s->ev), &slot->ev) || size > UW_LONG_DATA)
		return -1;
	/* The verifier forgets the comparison when it spills the register. */
	asm volatile("" : "+r"(size));
	size &= DATA_STARTS - 1;
	if (slot->long_slot == UW_NO_SLOT)
		return bpf_probe_read_kernel(s->data, size, slot->data);
	strings = get_long_slot(slot->long_slot);
	return strings ? bpf_probe_read_kernel(s->data, size, strings->data) : -1;
}

/* Copies them back. False where that takes a long slot and none is free. */
static __always_inline bool keep(struct uw_slot *slot, const struct scratch *s)
{
	__u32 size = s->ev.size;
	struct uw_long_slot *strings;

	if (size <= UW_SLOT_DATA) {
		free_long_slot(slot);
		return !bpf_probe_read_kernel(&slot->ev, sizeof(s->ev) + size, &s->ev);
	}
	if (slot->long_slot == UW_NO_SLOT && bpf_map_pop_elem(&uw_long_free, &slot->long_slot)) {
		slot->long_slot = UW_NO_SLOT;
		return false;
	}
	strings = get_long_slot(slot->long_slot);
	return strings && size <= UW_LONG_DATA &&
	       !bpf_probe_read_kernel(strings->data, size, s->data) &&
	       !bpf_probe_read_kernel(&slot->ev, sizeof(s->ev), &s->ev);
}
#endif

#endif
