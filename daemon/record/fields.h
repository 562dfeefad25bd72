/* SPDX-License-Identifier: MIT */
/*
 * The fields of a record: one table for the record of a deletion, one for the summary of a storm.
 * format.c writes what they say. Pure.
 */
#ifndef UW_FIELDS_H
#define UW_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "record/cmdline.h"
#include "record/cgroup.h"
#include "record/record.h"
#include "record/storm.h"

/* A deletion or a storm, and what the daemon adds to it. Everything is borrowed. */
struct uw_entry {
	const struct uw_record *record;
	const struct uw_summary *summary; /* instead of the record */
	uint64_t time_ns;		  /* CLOCK_REALTIME of the return, of a storm of the last */
	int priority;			  /* syslog priority */
	const char *const *rules;	  /* names of the rules that asked for it */
	size_t n_rules;
	const char *user;	  /* name of the user that the file system checked, or NULL */
	const char *real_user;	  /* that of the real user, if it is another, or NULL */
	struct uw_str host_path;  /* the record's path in the host's tree, "" if it has none */
	struct uw_str upper_path; /* on overlayfs: the same of the file in the upper directory */
	struct uw_str host_other; /* the same of the other name of a rename */
	enum uw_detail detail;	  /* fields of a higher one are left out */
	bool no_cmdline;	  /* and so is the command line */
};

enum uw_value_type {
	UW_VALUE_NONE,	  /* the record does not have this field */
	UW_VALUE_UNKNOWN, /* it has the field, but the value is not known */
	UW_VALUE_INT,	  /* n */
	UW_VALUE_UINT,	  /* u */
	UW_VALUE_TIME,	  /* u, nanoseconds since 1970 */
	UW_VALUE_STR,	  /* s: any byte but NUL */
};

struct uw_value {
	enum uw_value_type type;
	union {
		int64_t n;
		uint64_t u;
		struct uw_str s;
	};
};

/* The longest value that a field builds is a command line. */
#define UW_FIELD_ROOM UW_CMDLINE_ROOM

/* Asks a field for its value. The value may lie in `room` until the next question. */
struct uw_ask {
	const struct uw_entry *entry;
	const struct uw_record *record; /* the entry's */
	const struct uw_summary *summary;
	const struct uw_cgroup *cgroup; /* the record's, once a field has asked for it */
	size_t i;			/* which value of a field that has many */
	char room[UW_FIELD_ROOM];
};

struct uw_field {
	const char *name;
	struct uw_value (*get)(struct uw_ask *ask);
	enum uw_detail detail; /* the lowest Detail= that includes the field */
	bool many;	       /* ask with i = 0, 1, 2, ... until there is no value */
};

/* In the order in which they are written. A field without a name ends each table. */
extern const struct uw_field uw_record_fields[];
extern const struct uw_field uw_summary_fields[];

#endif
