/* SPDX-License-Identifier: MIT */
/* What reader.c and reader_select.c share. */
#ifndef UW_CTL_READER_INTERNAL_H
#define UW_CTL_READER_INTERNAL_H

#include <sys/types.h>
#include <systemd/sd-journal.h>

#include "ctl/reader.h"
#include "record/message_ids.h"

#define UW_READER_STORM "MESSAGE_ID=" UW_ID_STORM

struct uw_reader {
	const struct uw_ctl_options *options;
	sd_journal *journal;
	struct uw_buf match;
	bool looked; /* whether it is `mixed`: of a single file, at once */
	bool mixed;  /* a file has records of several hosts, in the order in which they arrived */
	uint64_t since_us, until_us; /* of uw_reader_seek_span() */
	char uid[16];		     /* of --user, where it is one of this machine, otherwise "" */
	bool service_known;	     /* whether this machine has a user of the service: */
	uid_t service;
	char seqnum_id[33]; /* of a single file, once a position in it was asked for */
};

#endif
