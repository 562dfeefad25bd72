/* SPDX-License-Identifier: MIT */
/* The processes above the one that deletes. Pure. */
#ifndef UW_ANCESTORS_H
#define UW_ANCESTORS_H

#include "base/buf.h"
#include "record/record.h"

/* Ancestor i of the process, the parent first. False if there is none, or it is not known. */
bool uw_record_ancestor(const struct uw_record *record, size_t i, struct uw_str *ret_comm,
			uint32_t *ret_pid);

/*
 * Whether the process may be one with this command, or below one. If some of its ancestors are not
 * known, it may.
 */
bool uw_record_may_be_under(const struct uw_record *record, const char *comm);

/* The ancestors of a record, as fields have them. */
struct uw_chain {
	/* private: what it was made from */
	char bytes[UW_ANCESTORS_MAX * sizeof(struct uw_ancestor)];
	size_t len;
	struct uw_buf text; /* "sh[6] < sudo[5] < systemd[1]", "" for none; may have failed */
	struct uw_str comm[UW_ANCESTORS_MAX]; /* each once, without process 1 */
	size_t n;
};

/* Keeps the last result, which is valid until the next call: many deletions have the same. */
const struct uw_chain *uw_chain_of(const struct uw_record *record);

#endif
