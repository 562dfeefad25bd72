// SPDX-License-Identifier: MIT
/* The fields of the summary of a storm. */
#include "record/cgroup.h"
#include "record/fields.h"
#include "record/values.h"

/* The entry has the wall-clock time of the storm's end. */
static struct uw_value storm_time(const struct uw_ask *a, uint64_t boottime_ns)
{
	return (struct uw_value){ .type = UW_VALUE_TIME,
				  .u = a->entry->time_ns - (a->summary->end_ns - boottime_ns) };
}

static struct uw_value get_storm_count(struct uw_ask *a)
{
	return number(uw_summary_count(a->summary));
}

static struct uw_value get_storm_succeeded(struct uw_ask *a)
{
	return number(a->summary->succeeded);
}

static struct uw_value get_storm_failed(struct uw_ask *a)
{
	return number(a->summary->failed);
}

static struct uw_value get_storm_unknown(struct uw_ask *a)
{
	return number(a->summary->unknown);
}

static struct uw_value get_storm_unnamed(struct uw_ask *a)
{
	return number_if(a->summary->unnamed, a->summary->unnamed);
}

static struct uw_value get_storm_begin(struct uw_ask *a)
{
	return storm_time(a, a->summary->begin_ns);
}

static struct uw_value get_storm_end(struct uw_ask *a)
{
	return storm_time(a, a->summary->end_ns);
}

static struct uw_value get_storm_dir(struct uw_ask *a)
{
	return a->summary->dir_known ? bytes(uw_summary_dir(a->summary)) : none();
}

static struct uw_value get_storm_first(struct uw_ask *a)
{
	return bytes_if_any(uw_storm_str(&a->summary->first));
}

static struct uw_value get_storm_last(struct uw_ask *a)
{
	return bytes_if_any(uw_storm_str(&a->summary->last));
}

static struct uw_value get_storm_pid(struct uw_ask *a)
{
	return a->i < a->summary->n_pids ? number(a->summary->pids[a->i]) : none();
}

static struct uw_value get_storm_ppid(struct uw_ask *a)
{
	return number_if(a->summary->ppid_known, a->summary->ppid);
}

static struct uw_value get_storm_comm(struct uw_ask *a)
{
	return bytes_if_any(uw_storm_str(&a->summary->comm));
}

static struct uw_value get_storm_exe(struct uw_ask *a)
{
	return bytes_if_any(uw_storm_str(&a->summary->exe));
}

static struct uw_value get_storm_uid(struct uw_ask *a)
{
	return number(a->summary->uid);
}

static struct uw_value get_storm_fsuid(struct uw_ask *a)
{
	return number_if(a->summary->fsuid != a->summary->uid, a->summary->fsuid);
}

static struct uw_value get_storm_unit(struct uw_ask *a)
{
	return bytes_if_any(uw_cgroup_of(uw_storm_str(&a->summary->cgroup))->unit);
}

static struct uw_value get_storm_names(struct uw_ask *a)
{
	return bytes_if_any((struct uw_str){ a->summary->names, a->summary->names_len });
}

const struct uw_field uw_summary_fields[] = {
	{ "UNLINK_FLOOD_COUNT", get_storm_count, UW_DETAIL_MINIMAL },
	{ "UNLINK_FLOOD_SUCCEEDED", get_storm_succeeded, UW_DETAIL_MINIMAL },
	{ "UNLINK_FLOOD_FAILED", get_storm_failed, UW_DETAIL_MINIMAL },
	{ "UNLINK_FLOOD_UNKNOWN", get_storm_unknown, UW_DETAIL_MINIMAL },
	{ "UNLINK_FLOOD_UNNAMED", get_storm_unnamed, UW_DETAIL_MINIMAL },
	{ "UNLINK_FLOOD_BEGIN", get_storm_begin, UW_DETAIL_MINIMAL },
	{ "UNLINK_FLOOD_END", get_storm_end, UW_DETAIL_MINIMAL },
	{ "UNLINK_FLOOD_DIR", get_storm_dir, UW_DETAIL_MINIMAL },
	{ "UNLINK_FLOOD_FIRST", get_storm_first, UW_DETAIL_MINIMAL },
	{ "UNLINK_FLOOD_LAST", get_storm_last, UW_DETAIL_MINIMAL },
	{ "UNLINK_FLOOD_PID", get_storm_pid, UW_DETAIL_MINIMAL, .many = true },
	{ "UNLINK_PPID", get_storm_ppid, UW_DETAIL_MINIMAL },
	{ "UNLINK_COMM", get_storm_comm, UW_DETAIL_MINIMAL },
	{ "UNLINK_EXE", get_storm_exe, UW_DETAIL_MINIMAL },
	{ "UNLINK_UID", get_storm_uid, UW_DETAIL_MINIMAL },
	{ "UNLINK_FSUID", get_storm_fsuid, UW_DETAIL_MINIMAL },
	{ "UNLINK_USER", uw_get_user, UW_DETAIL_MINIMAL },
	{ "UNLINK_UNIT", get_storm_unit, UW_DETAIL_MINIMAL },
	{ "UNLINK_NAMES", get_storm_names, UW_DETAIL_MINIMAL },
	{ "UNLINK_RULE", uw_get_rule, UW_DETAIL_MINIMAL, .many = true },
	{ .name = NULL },
};
