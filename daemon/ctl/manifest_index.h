/* SPDX-License-Identifier: MIT */
/*
 * Finds the names in manifests that have a path, for questions that are asked again and again. The
 * journal's index does not know these names. So each manifest is read once, and a Bloom filter of
 * its paths is kept, two bytes for each. The few manifests that may have a path are read again.
 */
#ifndef UW_CTL_MANIFEST_INDEX_H
#define UW_CTL_MANIFEST_INDEX_H

#include "ctl/manifest.h"
#include "ctl/reader.h"

struct uw_manifest_index;

/*
 * Of all manifests that the reader's options let through. The reader is borrowed, and forgets what
 * it has selected. Returns 0 or -errno.
 */
int uw_manifest_index_open(struct uw_reader *reader, struct uw_manifest_index **ret);
void uw_manifest_index_close(struct uw_manifest_index *index);

struct uw_manifest_search {
	const struct uw_query *query; /* its exact paths count */
	/* The time of the names; `found` may narrow it to skip manifests. */
	uint64_t since_us, until_us;
	bool forward; /* begin with the oldest manifest, not the newest */
	/*
	 * Is called with each record that has one of the paths, which it may take over. Returns 0,
	 * 1 to end the search, or -errno.
	 */
	int (*found)(struct uw_manifest_search *search, struct uw_journal_record *record);
	void *ctx;
};

/* Returns 0 or -errno. */
int uw_manifest_index_search(struct uw_manifest_index *index, struct uw_manifest_search *search);

#endif
