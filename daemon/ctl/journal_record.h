/* SPDX-License-Identifier: MIT */
/*
 * Reads a record of the daemon back: fields NAME=value -> struct uw_journal_record -> JSON or a
 * sentence. Pure. The bytes are not trusted: users choose file names, and with --any-source anybody
 * may have written the rest.
 */
#ifndef UW_CTL_JOURNAL_RECORD_H
#define UW_CTL_JOURNAL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "unlinkwatch.h"

/* The fields of record/fields.c, in its order, and the type of each value in JSON. */
#define UW_JOURNAL_RECORD_FIELDS(X)     \
	X(TIME, TIME)                   \
	X(OP, TEXT)                     \
	X(VIA, TEXT)                    \
	X(RET, NUMBER)                  \
	X(ERRNO, TEXT)                  \
	X(PID, NUMBER)                  \
	X(TID, NUMBER)                  \
	X(PPID, NUMBER)                 \
	X(ANCESTORS, TEXT)              \
	X(ANCESTOR, LIST)               \
	X(COMM, TEXT)                   \
	X(EXE, TEXT)                    \
	X(EXE_DEV, TEXT)                \
	X(EXE_INODE, NUMBER)            \
	X(EXE_STATE, TEXT)              \
	X(CMDLINE, TEXT)                \
	X(CWD, TEXT)                    \
	X(ROOT, TEXT)                   \
	X(UID, NUMBER)                  \
	X(GID, NUMBER)                  \
	X(EUID, NUMBER)                 \
	X(FSUID, NUMBER)                \
	X(FSGID, NUMBER)                \
	X(USER, TEXT)                   \
	X(LOGINUID, NUMBER)             \
	X(LOGIN, TEXT)                  \
	X(SESSION, NUMBER)              \
	X(REMOTE, TEXT)                 \
	X(TTY, TEXT)                    \
	X(LOGIN_SERVICE, TEXT)          \
	X(LOGIN_TIME, TIME)             \
	X(SEAT, TEXT)                   \
	X(CLIENT, TEXT)                 \
	X(CLIENT_FROM, TEXT)            \
	X(CGROUP, TEXT)                 \
	X(UNIT, TEXT)                   \
	X(SLICE, TEXT)                  \
	X(CONTAINER, TEXT)              \
	X(OUTER_CONTAINER, TEXT)        \
	X(CONTAINER_CLAIMED_BY, NUMBER) \
	X(CONTAINER_NAME, TEXT)         \
	X(CONTAINER_IMAGE, TEXT)        \
	X(POD, TEXT)                    \
	X(POD_NAMESPACE, TEXT)          \
	X(MNT, TEXT)                    \
	X(MNTNS, NUMBER)                \
	X(FILENAME, TEXT)               \
	X(PATH, TEXT)                   \
	X(PATH_STATE, TEXT)             \
	X(HOST_PATH, TEXT)              \
	X(UPPER_PATH, TEXT)             \
	X(MOVED_TO, TEXT)               \
	X(HOST_MOVED_TO, TEXT)          \
	X(REPLACED_BY, TEXT)            \
	X(HOST_REPLACED_BY, TEXT)       \
	X(REPLACED_BY_INODE, NUMBER)    \
	X(DEV, TEXT)                    \
	X(INODE, NUMBER)                \
	X(MODE, TEXT)                   \
	X(OWNER, NUMBER)                \
	X(SIZE, NUMBER)                 \
	X(NLINK, NUMBER)                \
	X(FSTYPE, TEXT)                 \
	X(DURATION_NS, NUMBER)          \
	X(RULE, LIST)

enum uw_journal_record_field {
#define X(name, kind) UW_JOURNAL_RECORD_##name,
	UW_JOURNAL_RECORD_FIELDS(X)
#undef X
		UW_JOURNAL_RECORD_N_OF_DAEMON,
	UW_JOURNAL_RECORD_PRIORITY = UW_JOURNAL_RECORD_N_OF_DAEMON,
	UW_JOURNAL_RECORD_MESSAGE,
	UW_JOURNAL_RECORD_MESSAGE_ID,
	UW_JOURNAL_RECORD_HOSTNAME,
	/* The fields of a summary that are used here. */
	UW_JOURNAL_RECORD_FLOOD_COUNT,
	UW_JOURNAL_RECORD_FLOOD_FAILED,
	UW_JOURNAL_RECORD_FLOOD_DIR,
	UW_JOURNAL_RECORD_NAMES,
	UW_JOURNAL_RECORD_MAX,
};

struct uw_journal_record {
	uint64_t realtime_us; /* when the journal got it; set by the caller */
	uint64_t number;      /* in its file; set by the caller if it needs it */
	struct uw_str value[UW_JOURNAL_RECORD_MAX]; /* s is NULL where there is none; of lists the
						       first */
	struct uw_str rule[UW_RULES_MAX], ancestor[UW_ANCESTORS_MAX];
	size_t n_rules, n_ancestors;
	struct uw_buf data; /* what they point into */
};

/* The field's name in the journal. */
const char *uw_journal_record_name(enum uw_journal_record_field field);

/* Reads a decimal number, without a sign. */
bool uw_parse_uint(struct uw_str text, uint64_t *ret);

/* Forgets the record, keeps the memory. */
void uw_journal_record_reset(struct uw_journal_record *found);

/* Takes a copy of a field, "NAME=value". Ignores fields that are not listed above. */
void uw_journal_record_add(struct uw_journal_record *found, const void *data, size_t len);

/* Takes a copy of the value of a field, as above. */
void uw_journal_record_put(struct uw_journal_record *found, enum uw_journal_record_field field,
			   struct uw_str value);

/* Adds to the value that uw_journal_record_put() just took a copy of. */
void uw_journal_record_extend(struct uw_journal_record *found, enum uw_journal_record_field field,
			      struct uw_str more);

/* Call it after the last field. Returns 0 or -ENOMEM. */
int uw_journal_record_finish(struct uw_journal_record *found);

void uw_journal_record_done(struct uw_journal_record *found);

static inline bool uw_journal_record_has(const struct uw_journal_record *found,
					 enum uw_journal_record_field field)
{
	return found->value[field].s;
}

/* The value as a number. False if there is none, or it is no number. */
bool uw_journal_record_uint(const struct uw_journal_record *found,
			    enum uw_journal_record_field field, uint64_t *ret);

/* Whether the value is this text. */
bool uw_journal_record_is(const struct uw_journal_record *found, enum uw_journal_record_field field,
			  const char *text);

/* Whether --under= has a number, not a command. */
bool uw_is_pid(const char *under);

/*
 * Whether the process has this command or this pid, or is below one that has. The command is cut as
 * the kernel cuts it.
 */
bool uw_journal_record_is_under(const struct uw_journal_record *found, const char *name);

/* Whether it is known to be about a directory. */
bool uw_journal_record_is_of_directory(const struct uw_journal_record *found);

/*
 * When it was deleted, in microseconds since 1970; when the journal got it, if that is not known.
 */
uint64_t uw_journal_record_time(const struct uw_journal_record *found);

/* Whether it is known to have failed: 0, or the positive error number. */
int uw_journal_record_error(const struct uw_journal_record *found);

/* How many deletions it stands for, 1 unless it is a summary, and how many of them failed. */
uint64_t uw_journal_record_count(const struct uw_journal_record *found, uint64_t *ret_failed);

/* A line of JSON: what the daemon's own output has, and with_host, the host name. */
void uw_journal_record_json(const struct uw_journal_record *found, bool with_host,
			    struct uw_buf *buf);

/*
 * The sentence that the daemon's MESSAGE has, made from the fields, safe to print. No field has the
 * name of a server that acts for a user: user_name() does, or it is NULL for another machine.
 */
void uw_journal_record_sentence(const struct uw_journal_record *found,
				const char *(*user_name)(uint64_t uid), struct uw_buf *buf);

#endif
