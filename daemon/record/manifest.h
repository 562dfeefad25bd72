/* SPDX-License-Identifier: MIT */
/*
 * Adds the names of deletions to the summary of a storm. A summary with names is a manifest: from
 * it, each deletion's record can be made again. Pure.
 */
#ifndef UW_MANIFEST_H
#define UW_MANIFEST_H

#include <stdbool.h>

#include "record/fields.h"
#include "record/series.h"

struct uw_manifest;

/* Of a new summary. Returns NULL if memory is short; free accepts NULL. */
struct uw_manifest *uw_manifest_new(void);
void uw_manifest_free(struct uw_manifest *manifest);

/*
 * Adds what the deletion's record would have, which the summary already counts, with the fields of
 * the series, which it begins anew if they are other ones. Returns false if the summary has to be
 * closed. If memory is short, the deletion counts as one without a name.
 */
bool uw_manifest_add(struct uw_manifest *manifest, const struct uw_entry *entry,
		     struct uw_series *series, struct uw_summary *summary);

/* The same for a deletion with which a series goes on. */
bool uw_manifest_add_next(struct uw_manifest *manifest, const struct uw_name *name,
			  struct uw_summary *summary);

#endif
