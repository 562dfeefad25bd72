/* SPDX-License-Identifier: MIT */
/*
 * Raw bytes of the ring buffer -> struct uw_record. Pure: no libbpf, no libsystemd, no log. The
 * bytes are checked as if they came from an enemy.
 */
#ifndef UW_RECORD_H
#define UW_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "unlinkwatch.h"

enum uw_path_state {
	UW_PATH_UNKNOWN,   /* no path: relative to a directory that is not known */
	UW_PATH_RESOLVED,  /* the kernel found the target: its path in the mount namespace */
	UW_PATH_LEXICAL,   /* the directory joined with the name as passed, by the text alone */
	UW_PATH_TRUNCATED, /* as one of the two before, but longer than can be held: cut */
	UW_PATH_GUESSED, /* as lexical, but the process's root, or its directory, may be another */
};

/* Strings point into the bytes that were decoded, unless said otherwise. */
struct uw_record {
	enum uw_op op;
	enum uw_probe probe;
	enum uw_via via;
	uint32_t gen;	   /* generation of the rules that the kernel applied */
	uint64_t rules;	   /* rules that the kernel could not rule out */
	uint32_t tree;	   /* state of the host's tree, see struct uw_host_tree; 0 not known */
	uint64_t enter_ns; /* CLOCK_BOOTTIME */
	uint64_t exit_ns;
	bool ret_known;
	int ret; /* 0 or -errno */

	/* who; an empty string is not known, but for root */
	uint32_t pid, tid, uid, gid;
	bool task_known;
	uint32_t ppid, euid, mntns;
	bool loginuid_known, session_known; /* of audit, and set */
	uint32_t loginuid, session;
	struct uw_str comm, exe, cgroup;
	struct uw_str cmdline; /* arguments with a NUL between them */
	struct uw_str cwd;
	struct uw_str root; /* the process's, "" where it is the mount namespace's */
	bool cmdline_cut;   /* its end is missing */
	bool cwd_cut;	    /* its beginning is missing */

	/* which name */
	int dfd;
	bool name_known, name_cut, name_late;
	bool found;		 /* by the kernel: fspath is where it is, not where it would be */
	bool dir_known, dir_cut; /* dir_cut: its beginning is missing */
	struct uw_str name, dir;
	struct uw_str by; /* what a rename put in the place: its path before, "" where not known */
	bool by_cut;	  /* its beginning is missing */
	/* The same of UW_VIA_KERNEL within the file system; `by` is empty until uw_record_place(). */
	struct uw_str fsby;
	enum uw_path_state path_state;
	struct uw_str
		path; /* in the event where it was resolved, otherwise in `buffer`, or borrowed */
	/*
	 * The path within the file system of `dev`, in `fsbuffer`, "" where not known. That of a
	 * name which was not resolved is as lexical as the path: no mount point is looked for.
	 */
	struct uw_str fspath;
	bool dev_known;
	uint32_t dev; /* as the kernel holds it, for comparing: major << 20 | minor */
	uint32_t dev_major, dev_minor;

	/* what */
	bool inode_known;
	uint64_t ino, bytes;
	uint32_t mode, owner;
	bool links_known;
	uint32_t links; /* hard links left afterwards; 0: nothing but open files holds the data */
	struct uw_str fstype; /* "" not known */

	char buffer[2 * UW_PATH_MAX];
	char fsbuffer[3 * UW_PATH_MAX];
};

/*
 * Decodes size bytes at data, which must outlive the record, and completes the path where the
 * kernel side gave what it takes. Returns 0, or -EBADMSG where the bytes are no event of this ABI:
 * the lengths do not add up, a NUL where none can be, a number out of range, or flags and strings
 * that contradict each other. *ret is only touched on success.
 */
int uw_record_decode(const void *data, size_t size, struct uw_record *ret);

/*
 * True where the path is unknown only for want of the process's working directory. uw_record_guess()
 * completes it with one, absolute, of len bytes, which was found out after the event.
 */
bool uw_record_wants_cwd(const struct uw_record *record);
void uw_record_guess(struct uw_record *record, const char *cwd, size_t len);

/*
 * A kernel thread has no mount namespace of its own to name a file in: until it is known which
 * mount of the host shows it, the path is unknown. Completes the record with paths of the host,
 * which must outlive it: of the target and, of a rename, of the source, where that has one.
 */
void uw_record_place(struct uw_record *record, struct uw_str path, struct uw_str by);

/* "resolved" and so on, as UNLINK_PATH_STATE has it. */
const char *uw_path_state_name(enum uw_path_state state);

#endif
