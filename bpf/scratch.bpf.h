/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scratch space: what is too large for the 512 bytes of a BPF program's stack, and what each CPU
 * remembers from one deletion to the next.
 *
 * The kernel runs kprobe programs with preemption off. fentry programs (since 5.11) and programs on
 * tracepoints (in 7.x) only stay on their CPU, so any of them may preempt another. So a program
 * takes a scratch space before it uses it, and leaves it afterwards: that of its CPU, or, while a
 * program that was preempted there has it, one of a few that all CPUs share.
 */
#ifndef UW_SCRATCH_BPF_H
#define UW_SCRATCH_BPF_H

#include "kernel.bpf.h"
#include "unlinkwatch.h"

/*
 * Every string starts below this offset, as those before it are shorter. The verifier of 5.10
 * forgets a comparison when it spills the register, but not a mask: so offsets are masked to this
 * power of two.
 */
#define DATA_STARTS 32768

/* Of more than so many of the longest strings, the last ones are left out. */
_Static_assert(8 * (UW_PATH_MAX - 1) + 2 < DATA_STARTS, "the last string starts in time");

/* See dir_cache.bpf.h. */
#define DIR_CACHE_SIZE 32
#define DIR_CACHE_PATH 256
#define CGROUP_CACHE_SIZE 4
#define CGROUP_CACHE_PATH 256

/* How long what may change unseen is remembered: see next.bpf.h and ancestors.bpf.h. */
#define REMEMBER_NS 1000000000ULL

/* What tells one dentry from a later one in the same memory. */
struct identity {
	__u64 core[4];	/* parent; hash and length of the name; name; inode */
	__u64 sb, ino;
	__u64 generation;
};

struct dir_cache_entry {
	__u64 dentry;
	__u64 upper;	/* see overlay.bpf.h; 0: none */
	__u64 turn;	/* when it was inserted, by scratch.turn */
	struct identity is;
	__u64 rename_seq;
	__u64 rules;
	__u32 rules_gen;	/* 0: rules are not known, as no generation is 0 */
	__u32 dev;
	__u64 mnt, ns, event;	/* which mount the text is for; 0: there is no text */
	__u16 below;	/* how much of the path is below the root of the mount */
	__u16 fsroot, len;
	__u16 overlay;	/* it is on overlayfs */
	char text[DIR_CACHE_PATH];	/* path of that root in its file system, then the path */
};

struct cgroup_cache_entry {
	__u64 kn, id;
	__u32 len;
	char text[CGROUP_CACHE_PATH];
};

/* What must not change during a walk whose result is to be cached. */
struct snapshot {
	__u64 rename_seq;	/* 0: a directory is moving, or may be */
	__u64 ns, event;	/* of the mounts of this process */
};

/* What cannot change without that the texts of a process change, but for its arguments. */
struct texts {
	__u64 exe_turn, exe_mnt, exe_event;	/* of the entry in the directory cache; 0: none */
	__u64 cgroup;
	__u64 arg_start, arg_end;
	__u64 start;	/* when the thread began: its number may be used again */
};

/* The ancestors of all children of a process, see ancestors.bpf.h. */
struct chain {
	__u64 ns;	/* when it was read */
	__u64 start;	/* of the parent; 0: there is no chain */
	__u32 ppid, n;
	struct uw_ancestor ancestor[UW_ANCESTORS_MAX];
};

/* Whether the target is on overlayfs. */
enum overlay { NO_OVERLAY, OVERLAY, OVERLAY_UNKNOWN };

/* What the path table says of a place. */
struct decision {
	__u64 rules;	/* may want it */
	bool holds;	/* the same for all names in the directory */
	bool below;	/* rules are about what is below */
};

/* See descend.bpf.h. */
struct descent {
	struct mount *mount;	/* the name leads into it */
	struct mount *found;	/* is mounted on that, and the name leads into it, too */
	struct list_head *next;
	__u32 len;		/* of the path of `found`, or of `mount` */
	__u32 relative;		/* 1: the name does not begin with a slash */
};

struct scratch {
	/* An event that does not fit its slot is put together here. */
	struct uw_event ev;
	char data[DATA_STARTS + UW_PATH_MAX];
	__u32 users;	/* of the space of a CPU: who adds itself and is alone owns it */
	__u32 shared;	/* it belongs to no CPU */
	__u32 walks;	/* the first of its two walks */
	__u64 number;	/* see as_number() */
	__u64 inode[12];	/* the beginning of the target's inode, see read_file() */
	__u64 dentry[7];	/* the beginning of a dentry, see identify_with_flags() */
	struct uw_file file;	/* of a rename: the other one */
	struct descent descent;
	struct uw_path_key dep_key;
	__u64 dep[2];	/* dentries for uw_is_path_dep(): numbers, unlike fentry's pointers */
	struct {	/* arguments of uw_walk_target() and uw_walk_rename() */
		__u64 dir, mnt, dentry;
		__u64 other_dir, other;	/* of a rename, within the same mount */
		__u64 sum;		/* of the last walk, see is_steady() */
		__u32 op;
		__u32 kthread;		/* no mount is known */
		__u32 tree;		/* the state of the host's tree, and whether the rules */
		__u32 checked;		/* of the slot's set decide by path */
		__u32 decided;		/* the rules have decided by the directories */
		__u32 d_flags;		/* of the dentry */
		__u32 overlay;		/* enum overlay */
		__u32 upper;		/* the second walk has the place in the upper layer */
		struct decision upper_decision[2];	/* of dentry and other there */
	} target;
	struct uw_event last;	/* the last that was sent whole, see next.bpf.h */
	struct texts texts, last_texts;
	struct chain chain;
	struct uw_client client;	/* see client.bpf.h */
	struct snapshot then;	/* before the walks */
	__u32 uid, fsuid, uid_gen;	/* what uid_rules is for; no generation is 0 */
	__u64 uid_rules;
	struct identity is;	/* of dir_cache_valid() */
	__u64 turn;	/* counts insertions into the directory cache */
	struct dir_cache_entry dir_cache[DIR_CACHE_SIZE];
	struct cgroup_cache_entry cgroup_cache[CGROUP_CACHE_SIZE];
};

/*
 * One for each CPU, by its number, and behind them the shared ones. No per-CPU array: its values are
 * limited to 32 KiB.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);		/* the daemon sets it, as it does for all others of this size */
	__type(key, __u32);
	__type(value, struct scratch);
} uw_scratch SEC(".maps");

/* The free ones of those that are shared. The daemon fills it. */
struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 1);
	__uint(value_size, sizeof(__u32));
} uw_scratch_free SEC(".maps");

/* The scratch space that the program has taken, for global functions. */
static __always_inline struct scratch *get_scratch(__u32 index)
{
	return bpf_map_lookup_elem(&uw_scratch, &index);
}

/*
 * Returns a scratch space, and its number, that nobody else uses until leave_scratch(). NULL where
 * none is free. Between two programs on one CPU no order of memory matters; the stack has a lock.
 */
static __always_inline struct scratch *take_scratch(__u32 *ret_index)
{
	__u32 index = bpf_get_smp_processor_id();
	struct scratch *s = get_scratch(index);

	if (!s)
		return NULL;
	__sync_fetch_and_add(&s->users, 1);
	if (*(volatile __u32 *)&s->users != 1) {
		__sync_fetch_and_add(&s->users, -1);
		if (bpf_map_pop_elem(&uw_scratch_free, &index))
			return NULL;
		s = get_scratch(index);
		if (!s)
			return NULL;
		s->shared = 1;
	}
	s->walks = 2 * index;
	*ret_index = index;
	return s;
}

static __always_inline void leave_scratch(struct scratch *s, __u32 index)
{
	if (!s)
		return;
	if (s->shared)
		bpf_map_push_elem(&uw_scratch_free, &index, 0);
	else
		__sync_fetch_and_add(&s->users, -1);
}

/*
 * The verifier allows no arithmetic on a pointer of a known type. What comes from a map has no
 * type.
 */
static __always_inline __u64 as_number(struct scratch *s, const void *pointer)
{
	*(volatile __u64 *)&s->number = (__u64)pointer;
	return *(volatile __u64 *)&s->number;
}

#endif
