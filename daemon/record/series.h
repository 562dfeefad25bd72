/* SPDX-License-Identifier: MIT */
/*
 * Most deletions of a storm are like another one of the same thread, but for the name, the file and
 * the time. This tells them by the bytes of the event, so that all else is worked out once. Pure.
 */
#ifndef UW_SERIES_H
#define UW_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "record/fields.h"
#include "record/names.h"
#include "unlinkwatch.h"

/* What is known of a deletion. Zeroes: nothing. Release with uw_series_done(). */
struct uw_series {
	/* The event without what each deletion has of its own, and its strings from ROOT on. */
	struct uw_event like;
	struct uw_buf strings;
	enum uw_path_state path_state;
	bool inode_known;
	uint64_t matches;
	struct uw_buf fields; /* what they make: see names.h */

	/* Below the directory `top` all deletions like this one are decided alike. "": none. */
	struct uw_buf top, host_top, fsroot;
	struct uw_buf host_dir; /* of the last one */
	bool file_known;
	enum uw_op op;
	uint32_t gen, tree, nlink;
	size_t above;	       /* bytes of the path up to its mount's root */
	uint32_t origin;       /* the last event that others followed in this series: see */
	uint64_t since;	       /* struct uw_next */
	uint64_t slot, serial; /* of the summary: see uw_storm_take_next() */
};

void uw_series_done(struct uw_series *series);

/* The series that deletions like this one have, among `n`, a power of two. */
size_t uw_series_of(const struct uw_event *ev, size_t n);

/*
 * Whether the entry has the fields of this series. If not, it begins with this entry, without a
 * top, and the caller fills in `fields`.
 */
bool uw_series_has(struct uw_series *series, const struct uw_entry *entry);

/*
 * Sets the top: the first `len` bytes of the entry's path. The caller knows that the same rules
 * want all deletions below it, and that their paths in the host's tree, if `host_path` is "", are
 * not shown, or else differ from that of this entry as their paths do. It sets `slot` and `serial`.
 */
void uw_series_set_top(struct uw_series *series, const struct uw_entry *entry, size_t len,
		       struct uw_str host_path);

/*
 * Whether the event is of another successful deletion below the top, with the same fields. Sets in
 * *ret what a manifest has of it, but for the time, and its path. Both borrow from event and series.
 */
bool uw_series_goes_on(struct uw_series *series, const void *data, size_t size, struct uw_name *ret,
		       struct uw_str *ret_path);

/* The same for a part of an event, which follows the event `first`. The strings lie behind it. */
bool uw_series_goes_on_next(struct uw_series *series, const struct uw_next *next,
			    const struct uw_event *first, struct uw_name *ret,
			    struct uw_str *ret_path);

#endif
