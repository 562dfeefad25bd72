/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps, and what every program does with them. */
#ifndef UW_MAPS_BPF_H
#define UW_MAPS_BPF_H

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "unlinkwatch.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);	/* RingBufferSize= replaces it */
} uw_events SEC(".maps");

/* Plain and preallocated: an LRU table would drop deletions in flight without a word. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UW_STATES);
	__type(key, __u64);
	__type(value, struct uw_state);
} uw_states SEC(".maps");

/* How many there are: a look-up less for most deletions that nobody asked about. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} uw_in_flight SEC(".maps");

/*
 * What does not fit a state is written in place, into a slot that belongs to the state from pop to push:
 * a hash table would copy its whole value for every deletion. The daemon fills the stacks.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, UW_SMALL_SLOTS);
	__type(key, __u32);
	__type(value, struct uw_small_slot);
} uw_small_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, UW_BIG_SLOTS);
	__type(key, __u32);
	__type(value, struct uw_big_slot);
} uw_big_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, UW_SMALL_SLOTS);
	__uint(value_size, sizeof(__u32));
} uw_small_free SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, UW_BIG_SLOTS);
	__uint(value_size, sizeof(__u32));
} uw_big_free SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UW_SHARES);
	__type(key, __u32);
	__type(value, struct uw_share);
} uw_shares SEC(".maps");

#define AT_FDCWD -100

#define DATA_STARTS 32768

_Static_assert(UW_DATA_MAX - UW_PATH_MAX < DATA_STARTS, "the last string starts in time");

/* Where an event is put together: too large for the stack. */
struct scratch {
	struct uw_event ev;
	/*
	 * Every string starts below DATA_STARTS, as those before it take less. An offset masked to that, and
	 * not one that was compared with it, is what the verifier of 5.10 follows through a spill.
	 */
	char data[DATA_STARTS + UW_PATH_MAX];
	__u32 walks;	/* first of the bank's two walks */
	__u64 mnt, dentry;	/* arguments of uw_place_matters(): as numbers, which fentry's are not */
	__u32 uid, uid_gen;	/* of uid_rules; no generation is 0 */
	__u64 uid_rules;
	struct known_dir {	/* see known_dir.bpf.h */
		void *dir, *sb;
		__u64 core[4];
		__u64 ino;
		__u64 moves;
		__u64 rules;
		__u32 generation;
		__u32 rules_gen;
	} dir;
	struct {
		__u32 op, flags;
		void *victim, *source;
	} call;	/* of a kernel thread; see vfs.bpf.h */
};

/*
 * Kprobes run with preemption off. fentry programs only stay on their CPU since 5.11, as those on tracepoints
 * do on 7.x: each can be preempted by any other, though not by itself, which the kernel skips then. So each
 * of those has a space of its own on each CPU.
 */
enum bank { BANK_PROBE, BANK_EXIT, BANK_SYS_LEAVE, BANK_SYS_UNLINK, BANK_SYS_RMDIR, BANK_FENTRY };

/* What a fentry program does, for its bank. */
enum step { STEP_ENTER, STEP_TARGET, STEP_LEAVE };

#define FENTRY_BANK(op, step) (BANK_FENTRY + 3 * ((op) - 1) + (step))

_Static_assert(BANK_FENTRY == UW_BANKS, "the fentry programs' banks come after the others");
_Static_assert(3 * (UW_OP_MAX - 1) == UW_FENTRY_BANKS, "a bank for each fentry program");

/* UW_BANKS for each CPU. By hand, since a per-CPU array holds 32 KiB at most. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);		/* the daemon makes it as large as it takes */
	__type(key, __u32);
	__type(value, struct scratch);
} uw_scratch SEC(".maps");

/* UW_FENTRY_BANKS for each CPU, where they are used. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} uw_fentry_scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[UW_CNT_MAX]);
} uw_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct uw_control);
} uw_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, UW_RULESETS);
	__type(key, __u32);
	__type(value, struct uw_ruleset);
} uw_rulesets SEC(".maps");

struct uid_table {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);	/* the daemon makes them as large as the rules need */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	/* Sizes, not types: clang leaves the types of an inner map out of the BTF. */
	__uint(key_size, sizeof(struct uw_uid_key));
	__uint(value_size, sizeof(__u64));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, UW_RULESETS);
	__type(key, __u32);
	__array(values, struct uid_table);
} uw_uids SEC(".maps");

struct path_table {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);	/* the daemon makes them as large as the rules need */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct uw_path_key));
	__uint(value_size, sizeof(struct uw_path_value));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, UW_RULESETS);
	__type(key, __u32);
	__array(values, struct path_table);
} uw_paths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct uw_moves);
} uw_moves SEC(".maps");

static __always_inline void count(enum uw_counter which)
{
	__u32 zero = 0;
	__u64 *counters = bpf_map_lookup_elem(&uw_counters, &zero);

	/* Atomic, since a program may be preempted by another one on the same CPU. */
	if (counters)
		__sync_fetch_and_add(&counters[which], 1);
}

/* Counts what becomes of a deletion. */
static __always_inline void count_end(bool canary, enum uw_counter which)
{
	if (!canary)
		count(which);
	else if (which != UW_CNT_RECORDED && which != UW_CNT_SEEN && which != UW_CNT_STALE)
		count(UW_CNT_CANARY_FULL);
}

/* An event that begins, and ends at once where no rule can want it. */
static __always_inline void count_entry(bool filtered)
{
	__u32 zero = 0;
	__u64 *counters = bpf_map_lookup_elem(&uw_counters, &zero);

	if (!counters)
		return;
	__sync_fetch_and_add(&counters[UW_CNT_SEEN], 1);
	if (filtered)
		__sync_fetch_and_add(&counters[UW_CNT_FILTERED], 1);
}

static __always_inline struct uw_control *get_control(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&uw_control, &zero);
}

static __always_inline struct scratch *get_scratch(enum bank bank)
{
	__u32 cpu = bpf_get_smp_processor_id(), key;
	struct scratch *s;

	if (bank < BANK_FENTRY) {
		key = cpu * UW_BANKS + bank;
		s = bpf_map_lookup_elem(&uw_scratch, &key);
	} else {
		key = cpu * UW_FENTRY_BANKS + bank - BANK_FENTRY;
		s = bpf_map_lookup_elem(&uw_fentry_scratch, &key);
	}
	if (s)
		s->walks = 2 * bank;
	return s;
}

/* The rules of this set that accept the uid. The last answer is kept: many deletions come in a row. */
static __always_inline __u64 uid_rules(struct scratch *s, __u32 slot, __u32 gen, __u32 uid)
{
	struct uw_uid_key key = { .prefixlen = 32, .uid = bpf_htonl(uid) };
	__u64 *rules;
	void *table;

	if (s->uid_gen == gen && s->uid == uid)
		return s->uid_rules;
	table = bpf_map_lookup_elem(&uw_uids, &slot);
	rules = table ? bpf_map_lookup_elem(table, &key) : NULL;
	s->uid_rules = rules ? *rules : 0;
	s->uid = uid;
	s->uid_gen = gen;
	return s->uid_rules;
}

/*
 * Sends the event, of `size` bytes, at most `max`, which the verifier needs as a constant bound of its own. Returns
 * what becomes of it.
 */
static __always_inline enum uw_counter output(void *ev, __u64 size, const __u64 max, __u32 uid)
{
	__u32 bucket = uw_share_of(uid), room = uw_ring_room(size);
	struct uw_share *share = bpf_map_lookup_elem(&uw_shares, &bucket);
	__s64 left = bpf_ringbuf_query(&uw_events, BPF_RB_RING_SIZE) -
		     bpf_ringbuf_query(&uw_events, BPF_RB_AVAIL_DATA);

	if (!share)
		return UW_CNT_RING_FULL;
	if (share->given - share->taken + room > UW_SHARE_TIMES * left)
		return UW_CNT_RING_SHARE;
	/* One comparison: clang makes two into a subtraction, from which 6.1 learns no bound. */
	if (size > max || bpf_ringbuf_output(&uw_events, ev, size, 0))
		return UW_CNT_RING_FULL;
	__sync_fetch_and_add(&share->given, room);
	return UW_CNT_RECORDED;
}

#endif
