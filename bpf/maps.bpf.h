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

struct uw_shared uw_shared;

/* Deletions in flight: see state.bpf.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, UW_SLOTS);
	__type(key, __u32);
	__type(value, struct uw_slot);
} uw_slots SEC(".maps");

/* The threads that have a spare slot, and which one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UW_HASH_SLOTS);
	__type(key, __u64);
	__type(value, __u32);
} uw_slot_hash SEC(".maps");

/* What is free; the daemon fills the stacks. */
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

#define AT_FDCWD -100

#define DATA_STARTS 32768

_Static_assert(UW_DATA_MAX - UW_PATH_MAX < DATA_STARTS, "the last string starts in time");

/* See dir_cache.bpf.h. */
#define DIR_CACHE_SIZE 32
#define DIR_CACHE_PATH 256

/* What makes a dentry the one that it is. */
struct identity {
	__u64 core[4];	/* parent, hash and length of the name, name, inode */
	__u64 sb, ino;
	__u64 generation;
};

struct dir_cache_entry {
	__u64 dentry;
	__u64 turn;	/* when it was filled */
	struct identity is;
	__u64 rename_seq;
	__u64 rules;
	__u32 rules_gen;	/* no generation is 0 */
	__u32 dev;
	__u64 mnt, ns, event;	/* what the text is for */
	__u16 below;	/* how much of the path is below the root of the mount */
	__u16 fsroot, len;
	char text[DIR_CACHE_PATH];	/* path within the file system of that root, and path */
};

#define CGROUP_CACHE_SIZE 4
#define CGROUP_CACHE_PATH 256

struct cgroup_cache_entry {
	__u64 kn, id;
	__u32 len;
	char text[CGROUP_CACHE_PATH];
};

/* Where an event is put together: too large for the stack. */
struct scratch {
	struct uw_event ev;
	/*
	 * Every string starts below DATA_STARTS, as those before it take less. An offset masked to that, and
	 * not one that was compared with it, is what the verifier of 5.10 follows through a spill.
	 */
	char data[DATA_STARTS + UW_PATH_MAX];
	__u32 walks;	/* the first of this index's two walks */
	__u64 number;	/* see as_number() */
	__u64 inode[12];	/* the beginning of the target's, see read_inode() */
	__u64 mnt, dentry;	/* arguments of uw_is_path_dep(): as numbers, which fentry's are not */
	struct {		/* those of uw_walk_target() */
		__u64 dir, mnt, dentry;
		__u64 source_mnt, source;	/* of a rename: the source */
		__u32 kthread;		/* no mount is known */
		__u32 decided;		/* what the rules say of the directory is known */
	} target;
	__u32 uid, uid_gen;	/* of uid_rules; no generation is 0 */
	__u64 uid_rules;
	struct identity is;	/* of dir_cache_valid() */
	__u64 turn;	/* counts what dir_cache_find() has filled */
	struct dir_cache_entry dir_cache[DIR_CACHE_SIZE];
	struct cgroup_cache_entry cgroup_cache[CGROUP_CACHE_SIZE];
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
enum scratch_index { SCRATCH_PROBE, SCRATCH_EXIT, SCRATCH_SYS_LEAVE, SCRATCH_SYS_UNLINK, SCRATCH_SYS_RMDIR, SCRATCH_FENTRY };

/* What a fentry program does, for its scratch index. */
enum step { STEP_ENTER, STEP_TARGET, STEP_LEAVE };

#define SCRATCH_OF_FENTRY(op, step) (SCRATCH_FENTRY + 3 * ((op) - 1) + (step))

_Static_assert(SCRATCH_FENTRY == UW_SCRATCHES, "the fentry programs' banks come after the others");
_Static_assert(3 * (UW_OP_MAX - 1) == UW_FENTRY_SCRATCHES, "one for each fentry program");

/* UW_SCRATCHES for each CPU. By hand, since a per-CPU array holds 32 KiB at most. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);		/* the daemon makes it as large as it takes */
	__type(key, __u32);
	__type(value, struct scratch);
} uw_scratch SEC(".maps");

/* UW_FENTRY_SCRATCHES for each CPU, where they are used. */
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

static __always_inline void count(enum uw_counter which)
{
	__u32 zero = 0;
	__u64 *counters = bpf_map_lookup_elem(&uw_counters, &zero);

	/* Atomic, since a program may be preempted by another one on the same CPU. */
	if (counters)
		__sync_fetch_and_add(&counters[which], 1);
}

/* Counts what becomes of a deletion. */
static __always_inline void count_end(const struct uw_slot *slot, enum uw_counter which)
{
	if (!(slot->ev.flags & UW_EV_SELFTEST))
		count(which);
	else if (which != UW_CNT_RECORDED && which != UW_CNT_SEEN && which != UW_CNT_STALE)
		count(UW_CNT_SELFTEST_FULL);
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

static __always_inline struct scratch *get_scratch(enum scratch_index index)
{
	__u32 cpu = bpf_get_smp_processor_id(), key;
	struct scratch *s;

	if (index < SCRATCH_FENTRY) {
		key = cpu * UW_SCRATCHES + index;
		s = bpf_map_lookup_elem(&uw_scratch, &key);
	} else {
		key = cpu * UW_FENTRY_SCRATCHES + index - SCRATCH_FENTRY;
		s = bpf_map_lookup_elem(&uw_fentry_scratch, &key);
	}
	if (s)
		s->walks = 2 * index;
	return s;
}

/*
 * The rules of this set that accept the uid. The last answer is kept, as many deletions come in a row; that there are
 * none, for all CPUs, as one word.
 */
static __always_inline __u64 uid_rules(enum scratch_index index, __u32 which, __u32 gen, __u32 uid)
{
	struct uw_uid_key key = { .prefixlen = 32, .uid = bpf_htonl(uid) };
	volatile __u64 *refused = &uw_shared.refused[uid & (UW_REFUSED - 1)];
	__u64 word = (__u64)gen << 32 | uid, *rules;
	struct scratch *s;
	void *table;

	if (*refused == word)
		return 0;
	s = get_scratch(index);
	if (!s)
		return 0;
	if (s->uid_gen == gen && s->uid == uid)
		return s->uid_rules;
	table = bpf_map_lookup_elem(&uw_uids, &which);
	rules = table ? bpf_map_lookup_elem(table, &key) : NULL;
	s->uid_rules = rules ? *rules : 0;
	s->uid = uid;
	s->uid_gen = gen;
	if (!s->uid_rules)
		*refused = word;
	return s->uid_rules;
}

/*
 * Sends the event, of `size` bytes, at most `max`, which the verifier needs as a constant bound of its own. Returns
 * what becomes of it.
 */
static __always_inline enum uw_counter output(void *ev, __u64 size, const __u64 max, __u32 uid)
{
	struct uw_share *share = &uw_shared.share[uw_share_of(uid) & (UW_SHARES - 1)];
	__u32 room = uw_ring_room(size);
	__s64 left = bpf_ringbuf_query(&uw_events, BPF_RB_RING_SIZE) -
		     bpf_ringbuf_query(&uw_events, BPF_RB_AVAIL_DATA);

	if (share->given - share->taken + room > UW_SHARE_TIMES * left)
		return UW_CNT_RING_SHARE;
	/* Never larger. In assembly, as clang compares one copy of it and passes on another, which the verifier rejects. */
	asm volatile("if %0 <= %1 goto +1; %0 = 0" : "+r"(size) : "i"(max));
	if (bpf_ringbuf_output(&uw_events, ev, size, 0))
		return UW_CNT_RING_FULL;
	__sync_fetch_and_add(&share->given, room);
	return UW_CNT_RECORDED;
}

/* The same of an event in a slot, with all its strings. */
static __always_inline enum uw_counter output_slot(struct uw_slot *slot)
{
	__u32 size = slot->ev.size + sizeof(slot->ev);

	slot->ev.size = size;
	asm volatile("" : "+r"(size));
	return output(&slot->ev, size & (UW_SLOT_EVENT - 1), UW_SLOT_EVENT, slot->ev.uid);
}

#endif
