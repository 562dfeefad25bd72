/* SPDX-License-Identifier: MIT */
/*
 * Raw bytes of the ring buffer -> struct uw_record. Pure: no libbpf, no libsystemd, no log. The bytes
 * are checked as if they came from an enemy.
 */
#ifndef UW_RECORD_H
#define UW_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unlinkwatch.h"

/* A string that may hold any byte and has no terminating NUL. */
struct uw_str {
	const char *s;
	size_t len;
};

enum uw_path_state {
	UW_PATH_UNKNOWN,   /* no path: relative to a directory that is not known */
	UW_PATH_LEXICAL,   /* the directory joined with the name as passed, by the text alone */
	UW_PATH_TRUNCATED, /* as lexical, but longer than can be held: cut */
	UW_PATH_GUESSED,   /* as lexical, but the process's root, or its directory at the time, is not known */
};

struct uw_record {
	enum uw_op op;
	enum uw_probe probe;
	uint32_t gen;	   /* generation of the rules that the kernel applied */
	uint64_t rules;	   /* rules that the kernel could not rule out */
	uint64_t enter_ns; /* CLOCK_BOOTTIME */
	uint64_t exit_ns;
	bool ret_known;
	int ret; /* 0 or -errno */
	uint32_t pid, tid, uid, gid;
	bool ppid_known;
	uint32_t ppid;
	int dfd;
	bool name_known, name_cut, name_late;
	bool dir_known, dir_cut; /* dir_cut: its beginning is missing */
	struct uw_str comm, name, dir; /* point into the bytes that were decoded */
	enum uw_path_state path_state;
	struct uw_str path; /* points into `buffer` */
	char buffer[2 * UW_PATH_MAX];
};

/*
 * Decodes size bytes at data, which must outlive the record, and completes the path where the kernel
 * side gave what it takes. Returns 0, or -EBADMSG where the bytes are no event of this ABI.
 */
int uw_record_decode(const void *data, size_t size, struct uw_record *ret);

/*
 * True where the path is unknown only for want of the process's working directory. uw_record_guess()
 * completes it with one, absolute, of len bytes, which was found out after the event.
 */
bool uw_record_wants_cwd(const struct uw_record *record);
void uw_record_guess(struct uw_record *record, const char *cwd, size_t len);

/* "resolved" and so on, as UNLINK_PATH_STATE has it. */
const char *uw_path_state_name(enum uw_path_state state);

#endif
