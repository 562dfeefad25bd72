/* SPDX-License-Identifier: MIT */
/* What the files of `reader` share. */
#ifndef UW_CTL_READER_PRIVATE_H
#define UW_CTL_READER_PRIVATE_H

#include <systemd/sd-journal.h>

#include "ctl/reader.h"

/* Those that hold a path that somebody may ask for; ends with NULL. */
extern const char *const uw_reader_path_fields[];

struct uw_reader {
	const struct uw_ctl_options *options;
	sd_journal *journal;
	struct uw_buf match;
	bool looked; /* whether it is `mixed`: of a single file, at once */
	bool mixed;  /* a file has records of several hosts, in the order in which they arrived */
	uint64_t since_us, until_us; /* of uw_reader_seek_span() */
	char uid[16];		     /* of --user, where it is one of this machine, otherwise "" */
	char seqnum_id[33];	     /* of a single file, once a position in it was asked for */
};

/* Whether one of the files that journals are read from is `mixed`. */
bool uw_reader_has_mixed(const struct uw_reader *whole);

#endif
