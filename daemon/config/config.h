/* SPDX-License-Identifier: MIT */
/*
 * Reads the configuration, text in systemd's INI dialect, into struct uw_config. Pure: it logs
 * nothing, and looks up users and groups through the caller's struct uw_names.
 */
#ifndef UW_CONFIG_H
#define UW_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/users.h"
#include "unlinkwatch.h"

#define UW_CONFIG_FILE "/etc/unlinkwatch.conf"

/* The defaults. */
#define UW_OPERATIONS_ALL \
	(1u << UW_OP_UNLINK | 1u << UW_OP_RMDIR | 1u << UW_OP_RENAME | 1u << UW_OP_MOVE)
#define UW_PRIORITY_DEFAULT   6 /* LOG_INFO */
#define UW_DETAIL_DEFAULT     UW_DETAIL_STANDARD
#define UW_RING_SIZE_DEFAULT  0 /* auto */
#define UW_BURST_DEFAULT      1000
#define UW_INTERVAL_DEFAULT   5 /* seconds */
#define UW_QUEUE_SIZE_DEFAULT ((size_t)64 << 20)

/* Values of Probe=. */
enum uw_probe_choice {
	UW_CHOOSE_AUTO = 0,
	UW_CHOOSE_KPROBE = UW_PROBE_KPROBE,
	UW_CHOOSE_FENTRY = UW_PROBE_FENTRY,
	UW_CHOOSE_TRACEPOINT = UW_PROBE_TRACEPOINT,
};

enum uw_result {
	UW_RESULT_SUCCESS = 1 << 0,
	UW_RESULT_FAILURE = 1 << 1,
	UW_RESULT_ANY = UW_RESULT_SUCCESS | UW_RESULT_FAILURE,
};

struct uw_uid_range {
	uid_t first, last; /* both included */
};

/* A list of uids. `any`: there is no User= line. An empty list matches nobody. */
struct uw_uids {
	bool any;
	struct uw_uid_range *range;
	size_t n;
};

/* A list of paths or globs: absolute, without empty, `.` or `..` components or a trailing slash. */
struct uw_paths {
	char **path;
	size_t n;
};

/* A list of commands, each as the kernel has it: 15 bytes at most. */
struct uw_comms {
	char **comm;
	size_t n;
};

struct uw_rule {
	char *name;		 /* of [Watch NAME]; that of an unnamed Nth rule is ruleN */
	struct uw_paths path;	 /* empty: every path */
	struct uw_paths exclude; /* wins over path */
	struct uw_uids user;
	struct uw_uids exclude_user; /* never `any`; wins over user */
	struct uw_comms ancestor;    /* empty: every process */
	unsigned int operations;     /* bits 1 << enum uw_op; that of moves includes exchanges */
	unsigned int results;	     /* enum uw_result */
	int priority;		     /* syslog priority, 0 to 7 */
};

static inline bool uw_rule_wants(const struct uw_rule *rule, enum uw_op op)
{
	return rule->operations >> (op == UW_OP_EXCHANGE ? UW_OP_MOVE : op) & 1;
}

/* More than burst deletions of one program within interval_s seconds are a storm. */
struct uw_storm_limit {
	unsigned int burst; /* 0: storms are off */
	unsigned int interval_s;
	int names; /* 0: summaries are without names */
};

struct uw_config {
	struct uw_rule *rules; /* at least one; bit N of a mask stands for rules[N] */
	size_t n_rules;
	enum uw_probe_choice probe;
	enum uw_detail detail;
	int command_line;  /* 0: records have none, as it may hold a password */
	size_t ring_size;  /* bytes, a power of two and a multiple of the page size; 0: auto */
	size_t queue_size; /* bytes, a power of two */
	struct uw_storm_limit storm;
};

/* The size of the ring buffer in bytes: RingBufferSize=, or what `auto` means here and now. */
size_t uw_config_ring_size(const struct uw_config *config);

/* What RingBufferSize=auto means on so many CPUs. */
size_t uw_ring_size_for(size_t cpus);

/* The mistakes in a configuration, as `FILE:LINE: message`, in the order of files and lines. */
struct uw_errors {
	char **line;
	size_t n;
};

/*
 * Reads FILE, then FILE.d / *.conf in the order of their names, as systemd reads drop-ins. With
 * `optional`, FILE is the system's own: it may be missing, and only root and this user may be able
 * to write what is read. Without any [Watch] section, one rule watches everything.
 *
 * Returns 0 and *ret, which the caller frees with uw_config_free(); -EINVAL and every mistake of
 * all files, unreadable ones included, in *errors; or -ENOMEM. Sets *ret only on success. The
 * caller frees the errors in any case.
 */
int uw_config_load(const char *file, bool optional, const struct uw_names *names,
		   struct uw_config **ret, struct uw_errors *errors);

/* The same for a text of size bytes, which may contain NULs. Messages call it `name`. */
int uw_config_parse(const char *name, const char *text, size_t size, const struct uw_names *names,
		    struct uw_config **ret, struct uw_errors *errors);

/* Both accept NULL. */
void uw_config_free(struct uw_config *config);
void uw_errors_free(struct uw_errors *errors);

#endif
