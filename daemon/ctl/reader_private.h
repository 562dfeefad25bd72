/* SPDX-License-Identifier: MIT */
/* What the files of `reader` share. */
#ifndef UW_CTL_READER_PRIVATE_H
#define UW_CTL_READER_PRIVATE_H

#include <systemd/sd-journal.h>

#include "reader.h"

/* Those that hold a path that somebody may ask for; ends with NULL. */
extern const char *const uw_reader_path_fields[];

struct uw_reader {
	const struct uw_ctl_options *options;
	sd_journal *journal;
	struct uw_buf match;
	char uid[16];	    /* of --user, where it is one of this machine, otherwise "" */
	char seqnum_id[33]; /* of a single file, once a position in it was asked for */
};

#endif
