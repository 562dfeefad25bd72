/* SPDX-License-Identifier: MIT */
/*
 * Reads the daemon's records from the journal; the only user of sd-journal(3). Opening the journal
 * reports errors on standard error, everything else returns them.
 *
 * Anybody may write a record with any field to the journal. Those that begin with an underscore are
 * journald's own, so a record counts as the daemon's where journald found its writer in the control
 * group of unlinkwatchd.service, which only root can put a process into, and the kernel named the
 * user of the service, or root.
 */
#ifndef UW_CTL_READER_H
#define UW_CTL_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl/journal_record.h"
#include "ctl/options.h"
#include "ctl/query.h"

/* SD_MESSAGE_UNIT_PROCESS_EXIT, as a string. */
#define UW_READER_ID_PROCESS_EXIT "98e322203f7a4ed290d09fe03c09fe15"

struct uw_reader;

/* Options are borrowed. Returns 0 or -errno. */
int uw_reader_open(const struct uw_ctl_options *options, struct uw_reader **ret);
void uw_reader_close(struct uw_reader *reader);

/* Whether the journal is this machine's own, so that users, paths and boots are those here. */
bool uw_reader_is_local(const struct uw_reader *reader);

/* The options, and the uid of --user, "" if this machine does not know it. */
const struct uw_ctl_options *uw_reader_options(const struct uw_reader *reader,
					       const char **ret_uid);

/*
 * Selects deletions and moves by the options. If n is not 0, only those that have one of the paths:
 * as the path, the host's path, where it was moved to, or what took its place. Uses the journal's
 * index. It does not know the names in a summary, so all summaries are selected, too, whatever the
 * options and paths. Returns 0 or -errno.
 */
int uw_reader_select(struct uw_reader *reader, char *const *paths, size_t n);

/*
 * Selects every successful deletion and move that has one of the paths, and one of the operations,
 * bits of enum uw_op, if that is not 0. Of the options, only those for the source and the host
 * count. Returns 0 or -errno.
 */
int uw_reader_select_changes(struct uw_reader *reader, char *const *paths, size_t n,
			     unsigned int operations);

/*
 * Selects the daemon's starts, stops and reports of losses, and what systemd says, with the
 * MESSAGE_ID below, when a process of the unit ends other than as it should.
 */
int uw_reader_select_notes(struct uw_reader *reader);

/* Selects the daemon's summaries of storms. */
int uw_reader_select_storms(struct uw_reader *reader);

/* Selects every record of the daemon. */
int uw_reader_select_source(struct uw_reader *reader);

/*
 * Goes to a time: uw_reader_previous() steps to the last record up to it then, uw_reader_next() to
 * the first from it on. UINT64_MAX is the end, from which there is no stepping forward. Returns 0
 * or -errno.
 */
int uw_reader_seek(struct uw_reader *reader, uint64_t us);

/*
 * Steps to the record before or after. Returns 1, 0 where there is none, or -errno. A damaged file,
 * and records that are vacuumed meanwhile, are passed over by libsystemd.
 */
int uw_reader_previous(struct uw_reader *reader);
int uw_reader_next(struct uw_reader *reader);

/*
 * The same for all between two times, both included, the last first: goes to their end, and steps
 * to the record before. Where several hosts share a file, as systemd-journal-remote may write it,
 * they come in the order in which they arrived there, and everything is read for them.
 */
int uw_reader_seek_span(struct uw_reader *reader, uint64_t since_us, uint64_t until_us);
int uw_reader_previous_in_span(struct uw_reader *reader);

/* Whether that is so: records may then come in any order of their times. */
bool uw_reader_is_mixed(struct uw_reader *reader);

/* When the journal got the record, in microseconds since 1970, or 0 if it has gone. */
uint64_t uw_reader_time(struct uw_reader *reader);

/* Whether the query wants the record: looks at its paths alone. It may want any summary. */
bool uw_reader_covers(struct uw_reader *reader, const struct uw_query *query);

/* The record. Returns 0, or -errno, which is -EBADMSG or the like where it is damaged. */
int uw_reader_read(struct uw_reader *reader, struct uw_journal_record *ret);

/* Time of the first record of the journal; UINT64_MAX: it has none. */
uint64_t uw_reader_first(struct uw_reader *reader);

/* ---- file by file: for what takes looking at the values of a field, see `scan` */

/*
 * The descriptors of all journal files that are open, which libsystemd keeps; the caller frees the
 * array. Returns 0 or -errno.
 */
int uw_reader_files(int **ret, size_t *ret_n);

/* Opens a reader of one of them, with the options of the whole; close it first. 0 or -errno. */
int uw_reader_open_file(const struct uw_reader *whole, int fd, struct uw_reader **ret);

/*
 * Time that no record of the journal is later than; 0: it has none. UINT64_MAX where several hosts
 * share a file: the last one that was written need not be the latest.
 */
uint64_t uw_reader_last(struct uw_reader *reader);

/*
 * Goes through the values of one of the fields that hold a path, whoever wrote them: "FIELD=value",
 * valid until anything else is asked of the reader. `i` counts the fields. uw_reader_values()
 * returns 1, or 0 where i is behind the last one; uw_reader_next_value() 1, or 0 at the end; both
 * -errno.
 */
int uw_reader_values(struct uw_reader *reader, size_t i);
int uw_reader_next_value(struct uw_reader *reader, const char **ret_data, size_t *ret_len);

/* Selects deletions as the options have it that have such a value. Returns 0 or -errno. */
int uw_reader_select_value(struct uw_reader *reader, const char *data, size_t len);

/* The number of the record in its file, to go back to, with nothing selected. 0 or -errno. */
int uw_reader_number(struct uw_reader *reader, uint64_t *ret);
int uw_reader_go_to(struct uw_reader *reader, uint64_t number);

/*
 * A text that only copies of the record in other files share with it. The caller frees it. NULL if
 * memory is short.
 */
char *uw_reader_identity(struct uw_reader *reader);

/* ---- */

/* How many hosts the journal has records of, which is what an option for one of them is for. */
size_t uw_reader_hosts(struct uw_reader *reader);

/* Whether the last record that was stepped to was written since the machine was booted. */
bool uw_reader_is_this_boot(struct uw_reader *reader);

/*
 * For waiting with poll(2): a descriptor, and the events to wait for, or -errno.
 * uw_reader_changed() is to be called when it polls, or when a second has passed, as file systems
 * without inotify have it.
 */
int uw_reader_fd(struct uw_reader *reader, short *ret_events);
int uw_reader_changed(struct uw_reader *reader);

#endif
