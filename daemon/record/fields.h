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

#include "base/buf.h"
#include "base/containers.h"
#include "config/config.h"
#include "record/ancestors.h"
#include "record/cmdline.h"
#include "record/cgroup.h"
#include "record/record.h"
#include "record/storm.h"

/* The session of logind that the process is in. NULL, or 0: not known, or none. */
struct uw_session {
	const char *remote;  /* the host that the user came from, as PAM_RHOST had it */
	const char *service; /* of PAM: "sshd" */
	const char *seat;    /* "seat0" */
	uint64_t since_ns;   /* CLOCK_REALTIME */
};

/* A deletion or a storm, and what the daemon adds to it. Everything is borrowed. */
struct uw_entry {
	const struct uw_record *record;
	const struct uw_summary *summary; /* instead of the record */
	uint64_t time_ns;		  /* CLOCK_REALTIME of the return, of a storm of the last */
	int priority;			  /* syslog priority */
	uint64_t matches;		  /* bits of the rules that asked for it */
	const char *const *rules;	  /* and their names */
	size_t n_rules;
	const char *user;      /* name of the user that the file system checked, or NULL */
	const char *real_user; /* that of the real user, if it is another, or NULL */
	struct uw_session session;
	struct uw_container container;	/* the outermost one, as the host's runtime has it */
	const struct uw_client *client; /* that the process serves by a connection, or NULL */
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
	const struct uw_chain *chain;	/* the same */
	size_t i;			/* which value of a field that has many */
	char room[UW_FIELD_ROOM];
};

/* Where a manifest keeps the field of a name: see names.h. */
enum uw_packed {
	UW_PACKED_SET,	/* among those that hold for many names */
	UW_PACKED_MORE, /* behind the name: of a rename, or on overlayfs */
	UW_PACKED_NAME, /* in the name's own form, or not at all */
};

struct uw_field {
	const char *name;
	struct uw_value (*get)(struct uw_ask *ask);
	enum uw_detail detail; /* the lowest Detail= that includes the field */
	bool many;	       /* ask with i = 0, 1, 2, ... until there is no value */
	enum uw_packed packed;
};

/* In the order in which they are written. A field without a name ends each table. */
extern const struct uw_field uw_record_fields[];
extern const struct uw_field uw_summary_fields[];

/* Prepares `ask` for the entry. Returns the first of its fields. */
const struct uw_field *uw_first_field(struct uw_ask *ask, const struct uw_entry *entry);

/* Returns value i of the field, or none after the last one or if Detail= leaves the field out. */
static inline struct uw_value uw_field_value(const struct uw_field *field, struct uw_ask *ask,
					     size_t i)
{
	if (field->detail > ask->entry->detail || (i && !field->many))
		return (struct uw_value){ .type = UW_VALUE_NONE };
	ask->i = i;
	return field->get(ask);
}

/* The path that UNLINK_HOST_PATH shows, or "". */
struct uw_str uw_shown_host_path(const struct uw_entry *entry);

/* Adds the text that the journal has of a value, which is not UW_VALUE_NONE. */
void uw_value_add(const struct uw_value *value, struct uw_buf *buf);

#endif
