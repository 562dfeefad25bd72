/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The interface of the kernel side (bpf/) and the daemon (daemon/): events, limits, keys of the
 * rule tables, counters. Both include it. The assertions at the end hold for either compiler, so
 * neither builds a layout that the other does not have. Nothing here depends on the kernel's own
 * types.
 *
 * Every change of a layout raises UW_ABI: the decoder refuses a record of another ABI.
 */
#ifndef UNLINKWATCH_H
#define UNLINKWATCH_H

#include <stdbool.h>
#include <linux/types.h>

#ifndef UW_OTHER_SCHEMA
#define UW_ABI 11
#else	/* the tests upgrade to a build with this schema */
#define UW_ABI 0x7fff
#endif
#define UW_ABI_NEXT (UW_ABI | 0x8000)	/* of a struct uw_next */

#define UW_COMM_LEN 16		/* TASK_COMM_LEN */
#define UW_ANCESTORS_MAX 8
#define UW_FSTYPE_LEN 16
#define UW_PATH_MAX 4096	/* PATH_MAX, the terminating NUL included */
#define UW_CMDLINE_MAX 1024
#define UW_RULES_MAX 64		/* one bit of a 64-bit mask each */

/*
 * A deletion in flight has a slot, where its event grows in place: the direct slot of its thread,
 * or one that a hash finds. Strings that do not fit get a long slot. See slot.bpf.h.
 */
#define UW_DIRECT_SLOTS 2048
#define UW_DIRECT_SLOT(id) ((__u32)(id) & (UW_DIRECT_SLOTS - 1))
#define UW_HASH_SLOTS 2048
#define UW_SLOTS (UW_DIRECT_SLOTS + UW_HASH_SLOTS)
#define UW_LONG_SLOTS 128

/*
 * In a slot every string starts before UW_SLOT_STARTS and is shorter than UW_SLOT_STRING, and the
 * event with its strings is shorter than UW_SLOT_EVENT. The verifier needs them as masks.
 */
#define UW_SLOT_STARTS 512
#define UW_SLOT_STRING 1024
#define UW_SLOT_EVENT 2048
#define UW_SLOT_DATA (UW_SLOT_EVENT - 232)
#define UW_LONG_DATA (5 * UW_PATH_MAX + 32)

/* Scratch spaces that all CPUs share, beside one for each; see scratch.bpf.h. */
#define UW_SHARED_SCRATCHES(cpus) (8 + (cpus) / 8)

/* Steps of the dentry walk, mounts included; see walk.bpf.h. */
#define UW_WALK_STEPS 512

/*
 * What is done to a name. A rename has two, the old one and the new one, and the event is about the
 * one that loses its file, PATH below; the other one is OTHER. Whether a rename replaces a file is
 * known once the kernel has resolved both. One that is not resolved counts as a move.
 */
enum uw_op {
	UW_OP_UNLINK = 1,
	UW_OP_RMDIR = 2,
	UW_OP_RENAME = 3,	/* replaces a file: PATH is the new name, OTHER the old one */
	UW_OP_MOVE = 4,		/* replaces nothing: PATH is the old name, OTHER the new one */
	UW_OP_EXCHANGE = 5,	/* RENAME_EXCHANGE: both names lose their file */
	UW_OP_MAX,
};

/* Room for a mask of each operation, a power of two for the verifier. */
#define UW_OPS 8

/* The kind of probe that saw the event. */
enum uw_probe {
	UW_PROBE_KPROBE = 1,
	UW_PROBE_FENTRY = 2,
	UW_PROBE_TRACEPOINT = 3,
	UW_PROBE_MAX,
};

/*
 * Who asked for the deletion. A kernel thread passes a dentry and no mount, so UW_STR_PATH and
 * UW_STR_OTHER are then paths within the file system.
 */
enum uw_via {
	UW_VIA_SYSCALL = 1,
	UW_VIA_IO_URING = 2,
	UW_VIA_KERNEL = 3,
	UW_VIA_MAX,
};

enum uw_event_flag {
	UW_EV_RET_UNKNOWN = 1 << 0,	/* the return was missed: ret says nothing */
	UW_EV_NAME_CUT = 1 << 1,	/* the name did not fit and was cut */
	UW_EV_NAME_FAULT = 1 << 2,	/* the name could not be read */
	UW_EV_NAME_LATE = 1 << 3,	/* the name was read at the return, not at the entry */
	UW_EV_RESOLVED = 1 << 4,	/* the kernel found the target; UW_STR_PATH is its path */
	UW_EV_PATH_CUT = 1 << 5,	/* the beginning of UW_STR_PATH is missing */
	UW_EV_OTHER_CUT = 1 << 6,	/* the same of UW_STR_OTHER */
	UW_EV_DIR = 1 << 7,		/* UW_STR_DIR holds the directory that the name starts at */
	UW_EV_DIR_CUT = 1 << 8,		/* its beginning is missing */
	UW_EV_TASK = 1 << 9,		/* the members under "task" were read */
	UW_EV_INODE = 1 << 10,		/* dev and file were read */
	UW_EV_LOGINUID = 1 << 11,	/* loginuid and session were read: the kernel has audit */
	UW_EV_CMDLINE_CUT = 1 << 12,	/* the command line is longer than UW_CMDLINE_MAX */
	UW_EV_CWD_CUT = 1 << 13,	/* the beginning of UW_STR_CWD is missing */
	UW_EV_FS = 1 << 14,		/* dev, below and UW_STR_FSROOT are of PATH or else DIR */
	UW_EV_DIR_IN_NAME = 1 << 15,	/* UW_STR_DIR is a mount point that the name begins with */
	UW_EV_SELFTEST = 1 << 16,	/* of the daemon's self-test, no record */
	UW_EV_OTHER_NAME_CUT = 1 << 17,	/* as above, of UW_STR_OTHER_NAME */
	UW_EV_OTHER_NAME_FAULT = 1 << 18,
	UW_EV_OTHER_DIR = 1 << 19,	/* as above, of UW_STR_OTHER_DIR */
	UW_EV_OTHER_DIR_CUT = 1 << 20,
	UW_EV_MOVES_DIR = 1 << 21,	/* a directory leaves PATH, with all names below it */
	UW_EV_OTHER_MOVES_DIR = 1 << 22,	/* and OTHER */
	UW_EV_OTHER_FS = 1 << 23,	/* other_below is of OTHER; dev and FSROOT are the same */
	UW_EV_DETACHED = 1 << 24,	/* PATH does not begin at the root of a mount namespace */
	UW_EV_UNPLACED = 1 << 25,	/* the kernel found the target, and its path is not known */
	UW_EV_PRIVATE_MNT = 1 << 26,	/* the process's mount namespace is not the host's */
	UW_EV_EXE = 1 << 27,		/* exe_dev and exe_ino were read */
	UW_EV_EXE_DELETED = 1 << 28,	/* the executable has no name any more */
	UW_EV_EXE_PRIVATE = 1 << 29,	/* it is on no mount of the host's namespace */
	UW_EV_CASEFOLD = 1 << 30,	/* upper and lower case may be the same in PATH */
	UW_EV_FLAGS = 0x7fffffff,
};

/*
 * The strings that follow an event, in this order, none with a terminating NUL. Renames alone have
 * those that begin with OTHER.
 */
enum uw_string {
	UW_STR_NAME,	/* as the caller passed it */
	UW_STR_OTHER_NAME,	/* of an exchange, and of a rename without UW_EV_RESOLVED */
	UW_STR_FSROOT,	/* path within its file system of what the mount shows, "" for all of it */
	UW_STR_PATH,	/* of the target, up to the root of the mount namespace */
	UW_STR_OTHER,	/* of a rename: the path of the other name */
	UW_STR_OTHER_FILE,	/* a struct uw_file: the file that has or had that name */
	UW_STR_UPPER,	/* of PATH on overlayfs: the path of its file in the file system upper_dev */
	UW_STR_OTHER_UPPER,	/* the same of OTHER, unless nothing leaves it */
	UW_STR_IN_FLIGHT,	/* the strings above are known before the return */
	UW_STR_DIR = UW_STR_IN_FLIGHT,	/* where the name starts, without UW_EV_RESOLVED */
	UW_STR_OTHER_DIR,	/* where the other name starts */
	UW_STR_ROOT,	/* root directory of the process, "" where it is the namespace's */
	UW_STR_CWD,
	UW_STR_EXE,
	UW_STR_CMDLINE,	/* arguments, each with its NUL but the last */
	UW_STR_CGROUP,	/* in the unified hierarchy */
	UW_STR_ANCESTORS,	/* of struct uw_ancestor, the parent first */
	UW_STR_CLIENT,	/* of a kernel thread: a struct uw_client, if it works for one */
	UW_STR_MAX,
};

/* A file, just before the deletion. */
struct uw_file {
	__u64 ino;
	__u64 bytes;
	__u32 mode;
	__u32 owner;
	__u32 nlink;
	__u32 origin;	/* of an event that others may follow, see struct uw_next; or 0 */
};

/* A process above another one, in the initial pid namespace. */
struct uw_ancestor {
	char comm[UW_COMM_LEN];	/* NUL terminated */
	__u32 pid;
};

/* The address of a client, as in struct in6_addr; that of IPv4 is mapped. */
struct uw_client {
	__u8 address[16];
};

/* One deletion, or one attempt. Times are CLOCK_BOOTTIME nanoseconds. */
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
#ifdef UW_OTHER_SCHEMA
	__u32 tid, pid;
	__s32 dfd, ret;
	__u64 other[3];
#else
	__s32 ret;	/* of the outer function or system call: 0 or -errno */
	__s32 dfd;	/* directory descriptor as passed, or AT_FDCWD */
	__u32 pid;	/* process (thread group) id, in the initial pid namespace */
	__u32 tid;	/* thread id */
#endif
	__u32 uid;	/* real ids, in the initial user namespace, or a kernel thread's client's */
	__u32 gid;
	__u32 fsuid;	/* the ids that the file system checks */
	__u32 fsgid;
	__u32 account;	/* whose share of slots and ring buffer it takes, see uw_share */
	/* task */
	__u32 ppid;
	__u32 euid;
	__u32 loginuid;
	__u32 session;	/* of audit */
	__u32 dev;	/* the super block's, in the kernel's form: major << 20 | minor */
	__u32 upper_dev;	/* the same of UW_STR_UPPER */
	__u32 exe_dev;
	struct uw_file file;	/* that loses UW_STR_PATH */
	__u64 exe_ino;
	__s32 other_dfd;
	/* What follows is 0 as long as it is not read; a flag tells for most others. */
	__u32 mntns;	/* inode number of the mount namespace that PATH or DIR is in */
	__u32 tree;	/* state of the host's tree, see struct uw_host_tree; 0: not known */
	__u32 tty;	/* device of the terminal that controls the process, as dev; 0: none */
	__u16 below;	/* how much of UW_STR_PATH or else UW_STR_DIR is below its mount's root */
	__u16 other_below;	/* the same of UW_STR_OTHER */
	__u8 via;	/* enum uw_via */
	__u8 reserved;
	char fstype[UW_FSTYPE_LEN];	/* NUL terminated */
	char comm[UW_COMM_LEN];		/* NUL terminated; the process's for a thread of io_uring */
	__u16 len[UW_STR_MAX];
};

/*
 * A deletion that is like an earlier one, from the same origin, in all but what is here. Its strings
 * are those up to PATH.
 */
struct uw_next {
	__u32 size;	/* as that of an event */
	__u16 abi;	/* UW_ABI_NEXT */
	__u16 below;
	__u32 origin;
	__u32 nlink;
	__u64 since;	/* exit_ns of the earlier event */
	__u64 enter_ns, exit_ns;
	__u64 ino, bytes;
	__u16 len[UW_STR_PATH + 1];
};

/* Whether the operation has two names. */
static inline bool uw_op_is_rename(__u32 op)
{
	return op >= UW_OP_RENAME;
}

/* Whether the file that loses its name has another one then. */
static inline bool uw_op_is_move(__u32 op)
{
	return op == UW_OP_MOVE || op == UW_OP_EXCHANGE;
}

/* How many records an event has, and how often it counts once it is recorded. */
static inline __u32 uw_event_names(__u32 op)
{
	return op == UW_OP_EXCHANGE ? 2 : 1;
}

/*
 * The most that the strings of an event can take: PATH and DIR are never both there, nor are OTHER
 * and OTHER_DIR.
 */
#define UW_DATA_MAX (9 * UW_PATH_MAX + UW_CMDLINE_MAX + 32)
#define UW_EVENT_MAX (sizeof(struct uw_event) + UW_DATA_MAX)

/*
 * A deletion in flight: the rules that may want it, and the event so far. The kernel may look the
 * name up again and come to another target, so what a target rules out is kept apart.
 */
struct uw_slot {
	__u64 on_success;	/* rules that want this result, wherever the name leads */
	__u64 on_failure;
	__u64 of_target;	/* rules that the target leaves: all before it is known */
	__u64 name_ptr;	/* where the name is to be read later, or 0 */
	__u64 other_ptr;	/* and that of a rename's other name, or 0 */
	__u64 sp;	/* of a kernel thread: the stack pointer after the return; see vfs.bpf.c */
	__u32 at;	/* number of this slot */
	__u32 long_slot;	/* that has the strings, or UW_NO_SLOT */
	__u8 set;	/* index of the rule set that decides */
	__u8 depth;	/* of a kernel thread: how many file systems are stacked below */
	__u8 targeted;	/* the kernel has resolved the name, perhaps not for the last time */
	__u8 sent;	/* the event is with the daemon already, without a result */
	__u8 reserved[4];
	struct uw_event ev;	/* `size` is that of the strings; `via` 0: not read yet */
	char data[UW_SLOT_DATA];
};

/* The rules that may want the deletion whatever its result. */
static inline __u64 uw_slot_rules(const struct uw_slot *slot)
{
	return (slot->on_success | slot->on_failure) & slot->of_target;
}

#define UW_NO_SLOT 0xffffffff

/* An event that others may follow, from one scratch space. */
struct uw_whole {
	struct uw_event ev;
	char data[UW_SLOT_DATA];
};

struct uw_long_slot {
	struct uw_event ev;	/* room for that of the slot */
	char data[UW_LONG_DATA];
};

/*
 * Who owns a slot. Before 5.12 the programs have no compare-and-exchange: a thread adds itself to
 * `users` and owns the slot if it is alone there. If not, it takes itself off again.
 */
struct uw_owner {
	__u64 id;	/* bpf_get_current_pid_tgid() of the thread, 0: none */
	__u32 users;
	__u32 hashed;	/* threads that found this direct slot taken and have another */
};

/*
 * The daemon adds this to `users` of a slot that it will take from its thread. From then on the
 * programs leave the slot alone. One that has just not seen it is done long before the daemon
 * comes back.
 */
#define UW_OWNER_SWEPT (1 << 16)

/*
 * Which parameters of vfs_unlink() and its kin the programs read, from 0 on. They
 * differ between kernels, so the daemon looks them up in BTF before it loads the programs.
 */
struct uw_vfs_args {
	__u32 unlink_dentry;
	__u32 rmdir_dentry;
	__u32 rename_plain;	/* 0: the only one is a struct renamedata; else these are set: */
	__u32 rename_source;
	__u32 rename_victim;
	__u32 rename_flags;
	__u32 symlink_dentry;
};

/* One generation of rules. There are two, and uw_control.active tells which is in force. */
struct uw_rule_masks {
	__u32 gen;
	__u32 check_uids;	/* 0: no rule asks for the uid */
	__u64 op[UW_OPS];	/* rules that want this operation */
	__u64 success;		/* rules that want successful deletions */
	__u64 failure;		/* rules that want failed ones */
	__u32 check_paths;	/* 0: no rule asks for the path */
	__u32 tree;	/* the state of the host's tree that the paths are for; 0: any */
};

#define UW_RULESETS 2

struct uw_control {
	__u32 active;	/* index of the rule set in force */
	__u32 self;	/* the daemon's process, whose deletions are not reported */
	__u32 thread;	/* its thread; both ids in the initial pid namespace, see uw_whoami() */
	__u32 selftest;	/* not 0: what that thread deletes passes as UW_EV_SELFTEST */
	__u32 detail;	/* enum uw_detail */
	__u32 stopping;	/* not 0: deletions that begin now are ignored */
	__u32 links;	/* how many of the places that rules depend on are symbolic links */
	__u32 preempts;	/* this kernel preempts programs and skips them meanwhile */
	__u32 whole;	/* not 0: send no struct uw_next */
	__u32 reserved;
	__u64 ring_size;	/* of uw_events */
	__u64 seed;	/* of uw_share_of(), so that nobody can choose whose bucket he shares */
};

/* How much is read of the process: Detail= of the configuration. */
enum uw_detail {
	UW_DETAIL_MINIMAL,	/* no string but the name and the paths */
	UW_DETAIL_STANDARD,	/* and exe, command line, cgroup */
	UW_DETAIL_FULL,		/* and the working directory */
};

/* Bytes in the ring buffer: given by the programs, and taken by the daemon. */
struct uw_pending {
	__s64 given, taken;
};

/*
 * What one user takes in the ring buffer, and how many slots. The user is the one that the file
 * system checks, or the owner of the outermost user namespace that is not the initial one: whoever
 * has subordinate uids has one share with all of them. Users whose ids have the same bucket share
 * it.
 */
struct uw_share {
	struct uw_pending all, failed;	/* failed attempts count in both */
	__u64 lost;	/* events that found no room */
	__u32 uid;	/* whose event was the last of these */
	__u32 slots;
};

/*
 * The beginning of the event of a user that was the first to find no room in the ring buffer since
 * the last report. Where more users lose events, some are not there.
 */
#define UW_LOST_USERS 128
#define UW_LOST_DATA 288

struct uw_lost {
	struct uw_event ev;
	char data[UW_LOST_DATA];	/* the strings, as far as they fit; what follows means nothing */
};

#define UW_SHARE_BITS 10
#define UW_SHARES (1 << UW_SHARE_BITS)

/*
 * A user may have this many times as much as is free. So one user alone gets 7/8, and a storm
 * always leaves room for others. (Switches call this dynamic thresholds.) Failed attempts only get
 * a fifth of the ring buffer, as anybody can make them everywhere.
 */
#define UW_SHARE_TIMES 7
#define UW_SHARE_OF_FAILURES 4	/* 1/4 of what is free */

static inline __u32 uw_share_of(__u64 seed, __u32 uid)
{
	return (uid ^ (__u32)seed) * ((__u32)(seed >> 32) | 1) >> (32 - UW_SHARE_BITS);
}

/* What an event takes in the ring buffer: a header of 8 bytes, and padding to a multiple of 8. */
static inline __u32 uw_ring_room(__u32 size)
{
	return 8 + ((size + 7) & ~7U);
}

/* Key of the uid table, a longest-prefix trie: a range takes a few entries, not thousands. */
struct uw_uid_key {
	__u32 prefixlen;	/* 0 to 32 bits */
	__u32 uid;		/* big endian, as the trie compares bytes from the first */
};

/* A process has two users. A rule wants it if it includes one of them and does not exclude both. */
struct uw_uid_value {
	__u64 include;	/* rules whose User= has the uid, or that have none */
	__u64 exclude;	/* rules whose ExcludeUser= has it */
};

static inline __u64 uw_uid_rules(const struct uw_uid_value *a, const struct uw_uid_value *b)
{
	return (a->include | b->include) & ~(a->exclude & b->exclude);
}

/*
 * Key of the path table, a longest-prefix trie: the device of the super block and the path within
 * that file system, whatever mount or root directory the process uses. The path begins and ends
 * with a slash, in the table as in a look-up, so that /srv/data is no prefix of /srv/data2; "/" is
 * the whole file system. A longer path is cut, and the daemon decides. A device that is not in the
 * table is not known yet, so every rule may want it. The table also has the directories above each
 * key, in the same file system.
 */
#define UW_KEY_PATH 248

struct uw_path_key {
	__u32 prefixlen;	/* bits of dev and path that count */
	__u32 dev;
	char path[UW_KEY_PATH];
};

struct uw_path_value {
	__u64 rules;	/* may want what is below */
	__u32 len;	/* of the path in the key */
	__u32 deeper;	/* longer keys begin with this one */
};

/*
 * Counts moved directories: as the move begins, and when it is done. Nothing is cached while one is
 * under way, nor unless the daemon trusts that the programs see every move.
 */
struct uw_rename_seq {
	__u64 begun;
	__u64 done;
	__u64 trusted;
};

/*
 * The state of the host's tree: what is mounted where, and which directories and symbolic links are
 * at the places that rules depend on. `state` is what the daemon last read: a number that grows
 * with every change, modulo 2^32.
 */
struct uw_host_tree {
	__u64 mntns;	/* for the programs: the host's mount namespace, or 0 */
	__u32 begun;	/* changes at such places */
	__u32 ended;
	__u32 settled;	/* no change was under way */
	__u32 state;	/* 0: not known */
	__u32 told;	/* a struct uw_tree_change is on its way */
	__u32 inum;	/* inode number of the host's mount namespace, or 0 */
};

/*
 * The way to the address of a client of nfsd and ksmbd: offsets that the daemon finds in the BTF of
 * these modules, in bytes. rqst_addr is 0 if those of nfsd are not known, sock if those of ksmbd.
 */
struct uw_server_offsets {
	__u32 rqst_addr, rqst_task;	/* in struct svc_rqst */
	__u32 work, work_conn;		/* in struct ksmbd_work */
	__u32 conn_transport;		/* in struct ksmbd_conn */
	__u32 sock;	/* of struct tcp_transport, from its struct ksmbd_transport on */
};

/* In the ring buffer, among the events: the host's tree has changed since the daemon read it. */
struct uw_tree_change {
	__u64 reserved;
};

/* What a thread is changing, and how many can do so at once. */
#define UW_CHANGES_TREE 1	/* a place that rules depend on */
#define UW_MOVES_DIR 2
#define UW_CHANGES 1024

/* The last component of a place that rules depend on: its length and the part that is compared. */
struct uw_name_key {
	__u32 len;
	char start[28];	/* filled up with NUL, at least one */
};

/*
 * Every event that is counted in SEEN ends in exactly one of RECORDED, FILTERED, RING_FULL,
 * RING_SHARE, STATE_FULL and SKIPPED, or is still in flight. An exchange that is recorded counts
 * twice, for its two names. STALE and LONG_FULL are no part of
 * that sum. The daemon's self-test only counts in SELFTEST_FULL. A later version reads the counters
 * by their numbers, so new ones come at the end.
 */
enum uw_counter {
	UW_CNT_SEEN,		/* entries that the probe saw, the daemon's own left out */
	UW_CNT_RECORDED,	/* handed to the daemon */
	UW_CNT_FILTERED,	/* no rule wanted them */
	UW_CNT_RING_FULL,	/* lost: ring buffer full */
	UW_CNT_STATE_FULL,	/* lost: no slot was free */
	UW_CNT_STALE,		/* recorded with an unknown result, as the return was missed */
	UW_CNT_SKIPPED,		/* lost: the kernel skipped the entry probe; added by the daemon */
	UW_CNT_LONG_FULL,	/* strings were cut or left out, as no long slot was free */
	UW_CNT_SELFTEST_FULL,	/* of the self-test: seen and then lost */
	UW_CNT_RING_SHARE,	/* lost: the user's other events fill the ring buffer */
	UW_CNT_NO_SLOT,		/* recorded without a slot, although counted in STATE_FULL */
	UW_CNT_MAX,
};

/* Uids that no rule in force accepts, each with the generation of the rules: gen << 32 | uid. */
#define UW_REFUSED 64

/* Global data of the programs, which the daemon maps as memory. Zero to begin with. */
struct uw_shared {
	struct uw_control control;
	struct uw_rule_masks set[UW_RULESETS];
	struct uw_host_tree tree;
	struct uw_rename_seq rename_seq;
	struct uw_server_offsets servers;
	__u64 changes;	/* how many notes are in uw_changes */
	__u32 hash_slots;	/* how many are in use */
	__u32 lacked;	/* not 0: some deletion has found no slot */
	__u64 refused[UW_REFUSED];
	struct uw_share share[UW_SHARES];
	struct uw_owner owner[UW_SLOTS];
};

/* What the iterator in peers.bpf.c writes: the process, then its TCP sockets of a server. */
enum uw_peer_type {
	UW_PEER_PROCESS,
	UW_PEER_LISTENS,
	UW_PEER_CONNECTION,
};

struct uw_peer {
	__u64 start_ns;	/* when the thread with the file began */
	__u32 type;	/* enum uw_peer_type */
	__u32 reserved;
	struct uw_client client;	/* of a connection */
};

#ifdef __cplusplus
#define UW_ASSERT static_assert
#else
#define UW_ASSERT _Static_assert
#endif

#ifndef UW_OTHER_SCHEMA
UW_ASSERT(sizeof(struct uw_event) == 232, "layout of uw_event");
UW_ASSERT(__builtin_offsetof(struct uw_event, rules) == 16, "layout of uw_event");
UW_ASSERT(__builtin_offsetof(struct uw_event, pid) == 48, "layout of uw_event");
UW_ASSERT(__builtin_offsetof(struct uw_event, file) == 104, "layout of uw_event");
UW_ASSERT(__builtin_offsetof(struct uw_event, len) == 198, "layout of uw_event");
UW_ASSERT(sizeof(struct uw_file) == 32, "layout of uw_file");
UW_ASSERT(sizeof(struct uw_slot) == 64 + UW_SLOT_EVENT, "layout of uw_slot");
UW_ASSERT(sizeof(struct uw_ancestor) == 20, "layout of uw_ancestor");
UW_ASSERT(sizeof(struct uw_client) == 16, "layout of uw_client");
UW_ASSERT(sizeof(struct uw_long_slot) == 232 + UW_LONG_DATA, "layout of uw_long_slot");
#endif
UW_ASSERT(sizeof(struct uw_peer) == 32, "layout of uw_peer");
UW_ASSERT(sizeof(struct uw_owner) == 16, "layout of uw_owner");
UW_ASSERT(sizeof(struct uw_rule_masks) == 96, "layout of uw_rule_masks");
UW_ASSERT(sizeof(struct uw_vfs_args) == 28, "layout of uw_vfs_args");
UW_ASSERT(sizeof(struct uw_control) == 56, "layout of uw_control");
UW_ASSERT(sizeof(struct uw_server_offsets) == 24, "layout of uw_server_offsets");
UW_ASSERT(sizeof(struct uw_next) == 64, "layout of uw_next");
UW_ASSERT(sizeof(struct uw_uid_key) == 8, "layout of uw_uid_key");
UW_ASSERT(sizeof(struct uw_uid_value) == 16, "layout of uw_uid_value");
UW_ASSERT(sizeof(struct uw_path_key) == 256, "layout of uw_path_key");
UW_ASSERT(sizeof(struct uw_host_tree) == 32, "layout of uw_host_tree");
UW_ASSERT(sizeof(struct uw_name_key) == 32, "layout of uw_name_key");

#endif
