/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The contract between the kernel side (bpf/) and the daemon (daemon/): event layout, limits, rule
 * keys, counters. Included by both; the assertions at the end make either compiler refuse a layout
 * that the other one would not see. Nothing here depends on a kernel's own types.
 *
 * Raise UW_ABI with every change of a layout: a record of another ABI is refused by the decoder.
 */
#ifndef UNLINKWATCH_H
#define UNLINKWATCH_H

#include <linux/types.h>

#define UW_ABI 1

#define UW_COMM_LEN 16		/* TASK_COMM_LEN */
#define UW_PATH_MAX 4096	/* PATH_MAX, the terminating NUL included */
#define UW_RULES_MAX 64		/* one bit of a 64-bit mask each */

/*
 * Strings of an event whose name and directory fit UW_SMALL_DATA live in the table of small states,
 * the rest in a second table with fewer and larger slots.
 */
#define UW_SMALL_DATA 384
#define UW_BIG_DATA (2 * UW_PATH_MAX)
#define UW_SMALL_STATES 8192
#define UW_BIG_STATES 512

/* Steps of the dentry walk: a path of 4095 bytes has at most 2048 components; see walk.bpf.h. */
#define UW_WALK_STEPS 256

enum uw_op {
	UW_OP_UNLINK = 1,
	UW_OP_RMDIR = 2,
	UW_OP_RENAME = 3,
	UW_OP_MAX,
};

/* Which way in delivered the event. */
enum uw_probe {
	UW_PROBE_KPROBE = 1,
	UW_PROBE_FENTRY = 2,
	UW_PROBE_TRACEPOINT = 3,
	UW_PROBE_MAX,
};

enum uw_event_flag {
	UW_EV_RET_UNKNOWN = 1 << 0,	/* the return was missed: ret says nothing */
	UW_EV_NAME_CUT = 1 << 1,	/* the name did not fit and was cut */
	UW_EV_NAME_FAULT = 1 << 2,	/* the name could not be read */
	UW_EV_NAME_LATE = 1 << 3,	/* the name was read at the return, not at the entry */
	UW_EV_DIR_CUT = 1 << 4,		/* the directory did not fit: its beginning is missing */
	UW_EV_DIR_WALKED = 1 << 5,	/* dir holds the directory that the name is relative to */
	UW_EV_PPID = 1 << 6,		/* ppid was read */
	UW_EV_FLAGS = (1 << 7) - 1,
};

/*
 * One deletion, or one attempt. Followed by the name (name_len bytes) and the directory (dir_len
 * bytes), neither with a terminating NUL. Times are CLOCK_BOOTTIME nanoseconds.
 */
struct uw_event {
	__u32 size;	/* of the whole record, strings included */
	__u16 abi;	/* UW_ABI */
	__u8 op;	/* enum uw_op */
	__u8 probe;	/* enum uw_probe */
	__u32 flags;	/* enum uw_event_flag */
	__u32 gen;	/* generation of the rule set that let it pass */
	__u64 rules;	/* the rules that the kernel could not rule out */
	__u64 enter_ns;
	__u64 exit_ns;
	__s64 ret;	/* of the outer function or system call: 0 or -errno */
	__u32 pid;	/* process (thread group) id, in the initial pid namespace */
	__u32 tid;	/* thread id */
	__u32 ppid;
	__u32 uid;	/* real ids, in the initial user namespace */
	__u32 gid;
	__s32 dfd;	/* directory descriptor as passed, or AT_FDCWD */
	__u16 name_len;
	__u16 dir_len;
	__u32 reserved;
	char comm[UW_COMM_LEN];	/* NUL terminated */
};

#define UW_EVENT_MAX (sizeof(struct uw_event) + UW_BIG_DATA)

/*
 * A deletion in flight, keyed by bpf_get_current_pid_tgid(): the event as far as the entry knows it,
 * so that it is complete even if the return is never seen, and the rules left for either result.
 * Every deletion has a small state; where the strings do not fit, `big` says that a state of the
 * same key in the other table holds the whole event.
 */
struct uw_state_head {
	__u64 on_success;
	__u64 on_failure;
	__u64 name_ptr;	/* where to read the name again at the return, or 0 */
	__u32 big;
	__u32 reserved;
};

struct uw_small_state {
	struct uw_state_head head;
	struct uw_event ev;
	char data[UW_SMALL_DATA];
};

struct uw_big_state {
	struct uw_event ev;
	char data[UW_BIG_DATA];
};

/* One generation of rules as the kernel sees it. Two slots; uw_control.active names the one in force. */
struct uw_ruleset {
	__u32 gen;
	__u32 check_uids;	/* 0: no rule cares for the uid, skip the look-up */
	__u64 op[UW_OP_MAX];	/* rules that want this operation */
	__u64 success;		/* rules that want successful deletions */
	__u64 failure;		/* rules that want failed ones */
};

#define UW_RULESETS 2

struct uw_control {
	__u32 active;	/* index of the rule set in force */
	__u32 self;	/* process id whose deletions are not reported: the daemon's own */
};

/* Key of the uid table: a longest-prefix trie, so that a range takes a few entries, not thousands. */
struct uw_uid_key {
	__u32 prefixlen;	/* 0 to 32 bits */
	__u32 uid;		/* big endian, as the trie compares bytes from the first */
};

/*
 * Every event counted in SEEN ends in exactly one of RECORDED, FILTERED, RING_FULL and STATE_FULL,
 * or is still on its way. STALE and BIG_FULL describe, they are not part of that sum.
 */
enum uw_counter {
	UW_CNT_SEEN,		/* entries that the probe saw, the daemon's own left out */
	UW_CNT_RECORDED,	/* handed to the daemon */
	UW_CNT_FILTERED,	/* no rule wanted them */
	UW_CNT_RING_FULL,	/* lost: ring buffer full */
	UW_CNT_STATE_FULL,	/* lost: table of deletions in flight full */
	UW_CNT_STALE,		/* passed on with an unknown result, as the return was missed */
	UW_CNT_BIG_FULL,	/* a name was cut, as the table for long strings was full */
	UW_CNT_MAX,
};

#ifdef __cplusplus
#define UW_ASSERT static_assert
#else
#define UW_ASSERT _Static_assert
#endif

UW_ASSERT(sizeof(struct uw_event) == 96, "layout of uw_event");
UW_ASSERT(__builtin_offsetof(struct uw_event, rules) == 16, "layout of uw_event");
UW_ASSERT(__builtin_offsetof(struct uw_event, pid) == 48, "layout of uw_event");
UW_ASSERT(__builtin_offsetof(struct uw_event, comm) == 80, "layout of uw_event");
UW_ASSERT(__builtin_offsetof(struct uw_small_state, ev) == 32, "layout of uw_small_state");
UW_ASSERT(sizeof(struct uw_small_state) == 32 + 96 + UW_SMALL_DATA, "layout of uw_small_state");
UW_ASSERT(sizeof(struct uw_big_state) == UW_EVENT_MAX, "layout of uw_big_state");
UW_ASSERT(sizeof(struct uw_ruleset) == 56, "layout of uw_ruleset");
UW_ASSERT(sizeof(struct uw_control) == 8, "layout of uw_control");
UW_ASSERT(sizeof(struct uw_uid_key) == 8, "layout of uw_uid_key");

#endif
