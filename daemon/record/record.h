/* SPDX-License-Identifier: MIT */
/*
 * Decodes the bytes of an event of the ring buffer to a struct uw_record. It checks the bytes as if
 * an attacker had sent them. Pure.
 */
#ifndef UW_RECORD_H
#define UW_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "unlinkwatch.h"

enum uw_path_state {
	UW_PATH_UNKNOWN,  /* no path: the directory of a relative name is not known */
	UW_PATH_RESOLVED, /* the kernel found the target; this is its path in the mount namespace */
	UW_PATH_LEXICAL,  /* the directory joined with the name as passed, as texts */
	UW_PATH_TRUNCATED, /* one of the two above, but cut, since it was too long */
	UW_PATH_GUESSED,   /* lexical, but with an assumed root or working directory */
	UW_PATH_DETACHED,  /* resolved or lexical, but in the tree of no mount namespace */
};

/*
 * The other name of a rename: the old one if a file was replaced, otherwise the new one. Strings
 * are as in struct uw_record.
 */
struct uw_other {
	int dfd;
	struct uw_str name;
	bool name_known, name_cut;
	struct uw_str path; /* "" if not known */
	bool path_cut;	    /* its beginning is missing */
	enum uw_path_state path_state;
	struct uw_str fspath;
	struct uw_str upper;
	bool moves_dir;
	bool file_known; /* of a rename that replaces a file, or an exchange */
	struct uw_file file;
};

/* Strings point into the bytes of the event, except where a comment says otherwise. */
struct uw_record {
	struct uw_str event; /* the bytes that it was decoded from */
	enum uw_op op;
	enum uw_probe probe;
	enum uw_via via;
	uint32_t gen;	   /* generation of the rules that the kernel applied */
	uint64_t rules;	   /* rules that the kernel did not exclude */
	uint32_t tree;	   /* state of the host's tree, see struct uw_host_tree; 0 if not known */
	uint64_t enter_ns; /* CLOCK_BOOTTIME */
	uint64_t exit_ns;
	bool ret_known;
	int ret; /* 0 or -errno */

	/* who; an empty string means not known, except for root */
	uint32_t pid, tid, uid, gid;
	uint32_t fsuid, fsgid; /* that the file system checked */
	uint32_t account;      /* fsuid, or who owns its user namespace: see struct uw_share */
	bool task_known;
	uint32_t ppid, euid;
	bool private_mnt;		    /* the process's mount namespace is not the host's */
	bool loginuid_known, session_known; /* of the kernel's audit, if set */
	uint32_t loginuid, session;
	uint32_t tty; /* the controlling terminal, as dev; 0: none, or not known */
	struct uw_str comm, exe, cgroup;
	struct uw_str ancestors; /* see ancestors.h */
	struct uw_str client;	 /* a struct uw_client, or "" */
	bool exe_known;		 /* of these: */
	uint64_t exe_ino;
	uint32_t exe_dev;      /* as dev */
	bool exe_deleted;      /* it has no name any more */
	bool exe_private;      /* it is on no mount of the host */
	struct uw_str cmdline; /* arguments with a NUL between them */
	struct uw_str cwd;
	struct uw_str root; /* the process's, "" if it is that of the mount namespace */
	bool cmdline_cut;   /* its end is missing */
	bool cwd_cut;	    /* its beginning is missing */

	/* which name */
	int dfd;
	bool name_known, name_cut, name_late;
	bool found;    /* the kernel found the target */
	bool unplaced; /* where that is, or a part of it, could not be read: any rule may want it */
	bool detached; /* so is the other name, for all that is known */
	bool casefold; /* the path may be written in other cases, too */
	uint32_t mntns; /* inode number of the mount namespace that the path holds in, 0: none */
	bool dir_known, dir_cut; /* dir_cut: its beginning is missing */
	struct uw_str name, dir;
	bool moves_dir; /* a directory leaves, or may leave, with all names below it */
	enum uw_path_state path_state;
	struct uw_str
		path; /* in the event if resolved, otherwise in `buffer`, or uw_record_place()'s */
	/*
	 * The path within the file system of `dev`, in `fsbuffer`, "" if not known. For a name that
	 * did not resolve it is lexical like the path, and ignores mount points on the way.
	 */
	struct uw_str fspath;
	bool dev_known;
	uint32_t dev; /* in the kernel's form: major << 20 | minor */
	/*
	 * On overlayfs, the same file in the layer that is changed: its path in the file system
	 * upper_dev. "" if it is in a lower layer alone, or on another file system.
	 */
	struct uw_str upper;
	uint32_t upper_dev;
	uint32_t dev_major, dev_minor;

	/* what */
	bool inode_known;
	uint64_t ino, bytes;
	uint32_t mode, owner, nlink; /* nlink: hard links before */
	bool links_known;
	uint32_t links; /* hard links left afterwards; with 0, only open files keep the data */
	struct uw_str fstype; /* "" if not known */

	struct uw_other other;

	char buffer[2 * UW_PATH_MAX], other_buffer[2 * UW_PATH_MAX];
	char fsbuffer[3 * UW_PATH_MAX], other_fsbuffer[3 * UW_PATH_MAX];
};

/*
 * Decodes size bytes at data, which must outlive the record, and builds the path if the event has
 * what that needs. Returns 0, or -EBADMSG if the bytes are no event of this ABI: lengths that do
 * not add up, a NUL inside a string, a number out of range, or flags and strings that contradict
 * each other. A NUL inside a path is no error: the kernel renamed a directory as the path was read.
 * The record lacks that path, and is `unplaced`. *ret is only touched on success.
 */
int uw_record_decode(const void *data, size_t size, struct uw_record *ret);

/*
 * Whether the record has another name, and a rule may want it for that one, too: something left it,
 * or may have. An exchange then has a record for each.
 */
bool uw_record_other_counts(const struct uw_record *record);

/* Exchanges the two names of a rename. */
void uw_record_swap(struct uw_record *record);

/*
 * Whether only the process's working directory is missing for a path. uw_record_guess() builds
 * the paths with one that was read after the event; cwd is absolute and has len bytes.
 */
bool uw_record_wants_cwd(const struct uw_record *record);
void uw_record_guess(struct uw_record *record, const char *cwd, size_t len);

/*
 * Sets the paths of a deletion by a kernel thread, which are unknown until the caller has found a
 * mount of the host that shows the file. `other` is that of the other name, "" if the host has no
 * path for it. Both must outlive the record.
 */
void uw_record_place(struct uw_record *record, struct uw_str path, struct uw_str other);

/* Returns the value of UNLINK_PATH_STATE. */
const char *uw_path_state_name(enum uw_path_state state);

#endif
