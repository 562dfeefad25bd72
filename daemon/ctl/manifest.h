/* SPDX-License-Identifier: MIT */
/*
 * A manifest: the summary of a storm that has the names. From each name it makes the record that
 * the deletion would have had without the storm. record/names.h describes the names. Pure.
 */
#ifndef UW_CTL_MANIFEST_H
#define UW_CTL_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/journal_record.h"
#include "ctl/query.h"
#include "record/names.h"

/* A value of 64 KiB has fewer names. */
#define UW_MANIFEST_NAMES_BITS 16

/* Whether the record is a manifest, and whether it is a summary at all. */
bool uw_is_manifest(const struct uw_journal_record *record);
bool uw_is_summary(const struct uw_journal_record *record);

/* Finds the names that a query wants: compares bytes, so that few records have to be made. */
struct uw_name_match {
	const struct uw_query *query; /* NULL: all names */
	const char *fields;	      /* the last set of fields, and whether the query wants it: */
	bool fields_covered;
	struct uw_buf path;
};

/* Whether the query wants a path in the name. Call it for each name of a manifest, in order. */
bool uw_name_matches(struct uw_name_match *match, const struct uw_name *name);

/* Whether this is the path of the name, or its path on the host. */
bool uw_name_is_at(const struct uw_name *name, const char *path);

/* Whether the query wants a path in the record. */
bool uw_record_matches(const struct uw_query *query, const struct uw_journal_record *record);

/*
 * Makes the record of name i of the manifest. It has the time at which the journal got the
 * manifest, and the manifest's number with i in its lowest UW_MANIFEST_NAMES_BITS. Returns 0 or
 * -ENOMEM.
 */
int uw_manifest_expand(const struct uw_journal_record *manifest, const struct uw_name *name,
		       size_t i, struct uw_journal_record *ret);

/*
 * Makes the summary of the deletions that the manifest counts, but whose names it lacks: it was
 * short of room, or its bytes are damaged. `n` names were read, and `failed` of them failed.
 * Returns 1, 0 if there are none, or -ENOMEM.
 */
int uw_manifest_rest(const struct uw_journal_record *manifest, uint64_t n, uint64_t failed,
		     struct uw_journal_record *ret);

#endif
