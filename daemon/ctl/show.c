// SPDX-License-Identifier: MIT
#include "ctl/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/timespec.h"

#define LABEL "    %-9s"

/* A longer command line does not fit into a line with other words. */
#define COMMAND_MAX 80

#define ID_SHOWN 12

static void add_name(struct uw_buf *buf, const struct uw_journal_record *found,
		     enum uw_journal_record_field field)
{
	uw_buf_add_safe(buf, found->value[field], ",;()");
}

/* Adds text that needs no quotes, such as a number or a command line that is quoted already. */
void uw_show_text(struct uw_str text, struct uw_buf *buf)
{
	size_t start = buf->len;

	uw_buf_add_safe(buf, text, "");
	if (buf->failed || buf->len - start < 2 || buf->p[start] != '"')
		return;
	memmove(buf->p + start, buf->p + start + 1, buf->len - start - 2);
	buf->len -= 2;
}

static void add_uid(const struct uw_show *show, struct uw_buf *buf, uint64_t uid)
{
	const char *name = show->user ? show->user(uid) : NULL;

	if (name)
		uw_buf_add_safe(buf, (struct uw_str){ name, strlen(name) }, ",;()");
	else
		uw_buf_printf(buf, "uid %" PRIu64, uid);
}

static void begin(struct uw_buf *buf, const struct uw_show *show, const char *label)
{
	uw_buf_puts(buf, show->style->dim);
	uw_buf_printf(buf, LABEL, label);
	uw_buf_puts(buf, show->style->off);
}

/*
 * Whether the loginuid is more than the word of a process. Records of older daemons do not say
 * that, but the unit does not contradict it.
 */
static bool is_login(const struct uw_journal_record *found, uint64_t login)
{
	struct uw_str unit = found->value[UW_JOURNAL_RECORD_UNIT];
	char manager[sizeof("user@.service") + 20];

	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_LOGIN))
		return false;
	snprintf(manager, sizeof(manager), "user@%" PRIu64 ".service", login);
	return uw_str_is(unit, manager) ||
	       (unit.len > 14 && !memcmp(unit.s, "session-", 8) && uw_str_ends(unit, ".scope"));
}

/* The program by which a user became another one, as the chain has it. */
static const char *became_by(const struct uw_journal_record *found)
{
	static const char *const programs[] = { "sudo", "su", "doas", "pkexec", "runuser" };

	for (size_t i = 0; i < found->n_ancestors; i++)
		for (size_t k = 0; k < sizeof(programs) / sizeof(programs[0]); k++)
			if (uw_str_is(found->ancestor[i], programs[k]))
				return programs[k];
	return NULL;
}

static void add_origin(const struct uw_journal_record *found, const char *separator,
		       struct uw_buf *buf)
{
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_REMOTE)) {
		uw_buf_printf(buf, "%sfrom ", separator);
		add_name(buf, found, UW_JOURNAL_RECORD_REMOTE);
		separator = ", ";
	}
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_TTY)) {
		uw_buf_printf(buf, "%son ", separator);
		add_name(buf, found, UW_JOURNAL_RECORD_TTY);
	}
}

/* With su or sudo, another user had logged in. */
static void add_user(const struct uw_show *show, const struct uw_journal_record *found,
		     struct uw_buf *buf)
{
	uint64_t uid = 0, fsuid = 0, euid, login, session;
	bool known = uw_journal_record_uint(found, UW_JOURNAL_RECORD_UID, &uid), became = false;
	const char *by;

	begin(buf, show, "user");
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_USER))
		add_name(buf, found, UW_JOURNAL_RECORD_USER);
	else if (known)
		add_uid(show, buf, uid);
	else
		uw_buf_puts(buf, "not known");
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_FSUID, &fsuid) && known) {
		uw_buf_puts(buf, ", by a process of ");
		add_uid(show, buf, uid);
	} else {
		fsuid = uid;
	}
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_EUID, &euid) && known && euid != uid &&
	    euid != fsuid) {
		uw_buf_puts(buf, ", with the rights of ");
		add_uid(show, buf, euid);
	}
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_LOGINUID, &login)) {
		became = known && login != uid;
		uw_buf_puts(buf, became ? show->style->bold : "");
		uw_buf_puts(buf, is_login(found, login) ? ", logged in as "
							: ", claims to be logged in as ");
		add_uid(show, buf, login);
		uw_buf_puts(buf, became ? show->style->off : "");
	}
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_SESSION, &session))
		uw_buf_printf(buf, " in session %" PRIu64, session);
	by = became ? became_by(found) : NULL;
	if (by)
		uw_buf_printf(buf, ", through %s", by);
	if (!uw_journal_record_has(found, UW_JOURNAL_RECORD_ANCESTORS))
		add_origin(found, ", ", buf);
	uw_buf_puts(buf, "\n");
}

/* Whether the process has another name than its executable: that of a script, or any it chose. */
static bool is_renamed(const struct uw_journal_record *found)
{
	struct uw_str exe = found->value[UW_JOURNAL_RECORD_EXE];
	const char *slash = exe.len ? memrchr(exe.s, '/', exe.len) : NULL;
	size_t len;

	if (!slash)
		return false;
	len = (size_t)(exe.s + exe.len - slash - 1);
	exe = (struct uw_str){ slash + 1, len < UW_COMM_LEN ? len : UW_COMM_LEN - 1 };
	return !uw_str_equal(found->value[UW_JOURNAL_RECORD_COMM], exe);
}

static void add_process(const struct uw_show *show, const struct uw_journal_record *found,
			struct uw_buf *buf)
{
	uint64_t n;

	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_CMDLINE)) {
		begin(buf, show, "command");
		uw_show_text(found->value[UW_JOURNAL_RECORD_CMDLINE], buf);
		uw_buf_puts(buf, "\n");
	}
	begin(buf, show, "process");
	uw_buf_puts(buf, is_renamed(found) ? "claims to be " : "");
	add_name(buf, found, UW_JOURNAL_RECORD_COMM);
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_PID, &n))
		uw_buf_printf(buf, ", pid %" PRIu64, n);
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_PPID, &n) &&
	    !uw_journal_record_has(found, UW_JOURNAL_RECORD_ANCESTORS))
		uw_buf_printf(buf, ", parent %" PRIu64, n);
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_EXE)) {
		uw_buf_puts(buf, ", ");
		add_name(buf, found, UW_JOURNAL_RECORD_EXE);
	}
	if (uw_journal_record_is(found, UW_JOURNAL_RECORD_EXE_STATE, "deleted"))
		uw_buf_puts(buf, " (deleted)");
	else if (uw_journal_record_is(found, UW_JOURNAL_RECORD_EXE_STATE, "private"))
		uw_buf_puts(buf, " (a private file)");
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_CLIENT)) {
		uw_buf_puts(buf, ", for the client ");
		add_name(buf, found, UW_JOURNAL_RECORD_CLIENT);
	}
	uw_buf_puts(buf, "\n");
}

/* From the process to the one that began it all. */
static void add_chain(const struct uw_show *show, const struct uw_journal_record *found,
		      struct uw_buf *buf)
{
	uint64_t pid;

	if (!uw_journal_record_has(found, UW_JOURNAL_RECORD_ANCESTORS))
		return;
	begin(buf, show, "chain");
	uw_buf_add_safe(buf, found->value[UW_JOURNAL_RECORD_COMM], "[]<");
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_PID, &pid))
		uw_buf_printf(buf, "[%" PRIu64 "]", pid);
	uw_buf_puts(buf, " < ");
	uw_show_text(found->value[UW_JOURNAL_RECORD_ANCESTORS], buf);
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_REMOTE) ||
	    uw_journal_record_has(found, UW_JOURNAL_RECORD_TTY)) {
		add_origin(found, " (", buf);
		uw_buf_puts(buf, ")");
	}
	uw_buf_puts(buf, "\n");
}

/* The container that the host's runtime named, with the beginning of its id as runtimes print it. */
static void add_named(const struct uw_journal_record *found, enum uw_journal_record_field field,
		      struct uw_buf *buf)
{
	struct uw_str id = found->value[field];

	if (!uw_journal_record_has(found, UW_JOURNAL_RECORD_CONTAINER_NAME)) {
		add_name(buf, found, field);
		return;
	}
	add_name(buf, found, UW_JOURNAL_RECORD_CONTAINER_NAME);
	uw_buf_puts(buf, " (");
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_CONTAINER_IMAGE)) {
		add_name(buf, found, UW_JOURNAL_RECORD_CONTAINER_IMAGE);
		uw_buf_puts(buf, ", ");
	}
	id.len = id.len < ID_SHOWN ? id.len : ID_SHOWN;
	uw_buf_add_safe(buf, id, ",;()");
	uw_buf_puts(buf, ")");
}

static void add_container(const struct uw_show *show, const struct uw_journal_record *found,
			  struct uw_buf *buf)
{
	uint64_t uid;

	uw_buf_puts(buf, "container ");
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_OUTER_CONTAINER)) {
		add_name(buf, found, UW_JOURNAL_RECORD_CONTAINER);
		uw_buf_puts(buf, " inside ");
		add_named(found, UW_JOURNAL_RECORD_OUTER_CONTAINER, buf);
	} else {
		add_named(found, UW_JOURNAL_RECORD_CONTAINER, buf);
	}
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_POD)) {
		uw_buf_puts(buf, ", pod ");
		if (uw_journal_record_has(found, UW_JOURNAL_RECORD_POD_NAMESPACE)) {
			add_name(buf, found, UW_JOURNAL_RECORD_POD_NAMESPACE);
			uw_buf_puts(buf, "/");
		}
		add_name(buf, found, UW_JOURNAL_RECORD_POD);
	}
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_CONTAINER_CLAIMED_BY, &uid)) {
		uw_buf_puts(buf, ", as ");
		add_uid(show, buf, uid);
		uw_buf_puts(buf, " claims");
	}
}

static void add_unit(const struct uw_show *show, const struct uw_journal_record *found,
		     struct uw_buf *buf)
{
	bool container = uw_journal_record_has(found, UW_JOURNAL_RECORD_CONTAINER);
	bool unit = uw_journal_record_has(found, UW_JOURNAL_RECORD_UNIT);

	if (!unit && !container)
		return;
	begin(buf, show, "unit");
	if (unit)
		add_name(buf, found, UW_JOURNAL_RECORD_UNIT);
	uw_buf_puts(buf, unit && container ? ", " : "");
	if (container)
		add_container(show, found, buf);
	uw_buf_puts(buf, "\n");
}

/* Without UNLINK_HOST_PATH, a process of the host has the host's path. */
static void add_host_path(const struct uw_show *show, const struct uw_journal_record *found,
			  struct uw_buf *buf)
{
	bool host = uw_journal_record_has(found, UW_JOURNAL_RECORD_HOST_PATH);
	bool private = uw_journal_record_is(found, UW_JOURNAL_RECORD_MNT, "private");

	if (!host && !private)
		return;
	begin(buf, show, private ? "mounts" : "on host");
	uw_buf_puts(buf,
		    private ? "a namespace of its own, where the paths hold; on the host: " : "");
	if (host)
		add_name(buf, found, UW_JOURNAL_RECORD_HOST_PATH);
	else
		uw_buf_puts(buf, "none");
	uw_buf_puts(buf, "\n");
}

static void add_place(const struct uw_show *show, const struct uw_journal_record *found,
		      struct uw_buf *buf)
{
	add_host_path(show, found, buf);
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_UPPER_PATH)) {
		begin(buf, show, "upper");
		add_name(buf, found, UW_JOURNAL_RECORD_UPPER_PATH);
		uw_buf_puts(buf, "\n");
	}
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_PATH_STATE) &&
	    !uw_journal_record_is(found, UW_JOURNAL_RECORD_PATH_STATE, "resolved")) {
		begin(buf, show, "path is");
		add_name(buf, found, UW_JOURNAL_RECORD_PATH_STATE);
		uw_buf_puts(buf, "; typed as ");
		add_name(buf, found, UW_JOURNAL_RECORD_FILENAME);
		uw_buf_puts(buf, "\n");
	}
}

static void add_file(const struct uw_show *show, const struct uw_journal_record *found,
		     struct uw_buf *buf)
{
	uint64_t n;

	if (!uw_journal_record_has(found, UW_JOURNAL_RECORD_INODE))
		return;
	begin(buf, show, "file");
	uw_buf_puts(buf, "inode ");
	add_name(buf, found, UW_JOURNAL_RECORD_INODE);
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_DEV)) {
		uw_buf_puts(buf, " on ");
		add_name(buf, found, UW_JOURNAL_RECORD_DEV);
	}
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_SIZE, &n))
		uw_buf_printf(buf, ", %" PRIu64 " bytes", n);
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_OWNER, &n)) {
		uw_buf_puts(buf, ", of ");
		add_uid(show, buf, n);
	}
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_NLINK, &n) &&
	    !uw_journal_record_error(found)) {
		if (n)
			uw_buf_printf(buf, ", names left: %" PRIu64, n);
		else
			uw_buf_puts(buf, ", no name left");
	}
	uw_buf_puts(buf, "\n");
}

static void add_rules(const struct uw_show *show, const struct uw_journal_record *found,
		      struct uw_buf *buf)
{
	if (!found->n_rules)
		return;
	begin(buf, show, "rule");
	for (size_t i = 0; i < found->n_rules; i++) {
		uw_buf_puts(buf, i ? ", " : "");
		uw_buf_add_safe(buf, found->rule[i], ",");
	}
	uw_buf_puts(buf, "\n");
}

static void add_host(const struct uw_show *show, const struct uw_journal_record *found,
		     struct uw_buf *buf)
{
	if (!show->with_host || !uw_journal_record_has(found, UW_JOURNAL_RECORD_HOSTNAME))
		return;
	uw_buf_add_safe(buf, found->value[UW_JOURNAL_RECORD_HOSTNAME], ":");
	uw_buf_puts(buf, " ");
}

static void add_sentence(const struct uw_show *show, const struct uw_journal_record *found,
			 struct uw_buf *buf)
{
	bool failed = uw_journal_record_error(found),
	     unknown = uw_journal_record_is(found, UW_JOURNAL_RECORD_RET, "unknown");

	uw_buf_puts(buf, failed ? show->style->red : unknown ? show->style->yellow : "");
	if (uw_journal_record_has(found, UW_JOURNAL_RECORD_FLOOD_COUNT))
		uw_show_text(found->value[UW_JOURNAL_RECORD_MESSAGE], buf);
	else
		uw_journal_record_sentence(found, show->user, buf);
	uw_buf_puts(buf, failed || unknown ? show->style->off : "");
	uw_buf_puts(buf, "\n");
}

static void add_time(const struct uw_show *show, uint64_t us, struct uw_buf *buf)
{
	uw_buf_puts(buf, show->style->green);
	uw_timespec_add(buf, us);
	uw_buf_puts(buf, show->style->off);
}

void uw_show_line(const struct uw_show *show, const struct uw_journal_record *found,
		  struct uw_buf *buf)
{
	add_time(show, uw_journal_record_time(found), buf);
	uw_buf_puts(buf, " ");
	add_host(show, found, buf);
	add_sentence(show, found, buf);
}

void uw_show_paragraph(const struct uw_show *show, const struct uw_journal_record *found,
		       struct uw_buf *buf)
{
	uint64_t us = uw_journal_record_time(found);

	add_time(show, us, buf);
	if (us <= show->now_us) {
		uw_buf_puts(buf, ", ");
		uw_timespec_add_span(buf, show->now_us - us);
		uw_buf_puts(buf, " ago");
	}
	uw_buf_puts(buf, "\n    ");
	add_host(show, found, buf);
	add_sentence(show, found, buf);
	add_user(show, found, buf);
	add_process(show, found, buf);
	add_chain(show, found, buf);
	add_unit(show, found, buf);
	add_place(show, found, buf);
	add_file(show, found, buf);
	add_rules(show, found, buf);
}

/* ---- what became of a file */

static void add_actor(const struct uw_show *show, const struct uw_journal_record *record,
		      struct uw_buf *buf)
{
	uint64_t uid;

	uw_buf_puts(buf, " by ");
	if (uw_journal_record_has(record, UW_JOURNAL_RECORD_USER))
		add_name(buf, record, UW_JOURNAL_RECORD_USER);
	else if (uw_journal_record_uint(record, UW_JOURNAL_RECORD_FSUID, &uid) ||
		 uw_journal_record_uint(record, UW_JOURNAL_RECORD_UID, &uid))
		add_uid(show, buf, uid);
	else
		uw_buf_puts(buf, "an unknown user");
}

static void add_path(const char *path, struct uw_buf *buf)
{
	uw_buf_add_safe(buf, (struct uw_str){ path, strlen(path) }, ",;()");
}

/* "moved to /b", "removed there", "replaced there with /c"; whoever did it follows. */
static void add_step(const struct uw_trail *trail, size_t i, bool again, struct uw_buf *buf)
{
	const struct uw_trail_step *step = &trail->step[i];

	switch (step->type) {
	case UW_TOUCH_MOVED:
		uw_buf_puts(buf, again ? "moved on to " : "moved to ");
		add_path(step->path, buf);
		uw_buf_puts(buf, step->above ? " with its directory" : "");
		break;
	case UW_TOUCH_REPLACED:
		uw_buf_puts(buf, again ? "replaced there with " : "replaced with ");
		uw_buf_add_safe(buf, uw_record_path_from(&step->record), ",;()");
		break;
	case UW_TOUCH_REMOVED:
		uw_buf_puts(buf, again ? "removed there" : "removed");
		break;
	case UW_TOUCH_ABSENT:
	case UW_TOUCH_NONE:
		break;
	}
}

/* Where the file is after its last move. */
static const char *whereabouts(const struct uw_trail *trail)
{
	if (trail->end == UW_TRAIL_LOST)
		return trail->look == UW_LOOK_OTHER
			       ? "another file is there now, and no record says why"
			       : "it is not there any more, and no record says why";
	return trail->look == UW_LOOK_THERE ? "it is there"
					    : "it is there still, as far as the records say";
}

void uw_show_trail(const struct uw_show *show, const struct uw_trail *trail, struct uw_buf *buf)
{
	if (trail->step[0].above) {
		begin(buf, show, "with it");
		add_path(trail->asked, buf);
		uw_buf_puts(buf, ", which became ");
		add_path(trail->step[0].path, buf);
		uw_buf_puts(buf, "\n");
	}
	for (size_t i = 1; i < trail->n; i++) {
		const struct uw_trail_step *step = &trail->step[i];

		if (step->type == UW_TOUCH_ABSENT)
			break;
		begin(buf, show, "then");
		add_step(trail, i, true, buf);
		add_actor(show, &step->record, buf);
		uw_buf_puts(buf, ", ");
		uw_timespec_add_span(buf, uw_journal_record_time(&step->record) -
						  uw_journal_record_time(&step[-1].record));
		uw_buf_puts(buf, " later\n");
	}
	if (trail->end != UW_TRAIL_THERE && trail->end != UW_TRAIL_LOST)
		return;
	begin(buf, show, "now");
	uw_buf_puts(buf, whereabouts(trail));
	uw_buf_puts(buf, "\n");
}

/* The last move, or how it ended, and how many moves came before. */
static void add_last_step(const struct uw_show *show, const struct uw_trail *trail,
			  struct uw_buf *buf)
{
	size_t moves = uw_trail_moves(trail), last = trail->n - 1, before;
	bool ended = trail->end == UW_TRAIL_REMOVED || trail->end == UW_TRAIL_REPLACED;

	if (!ended)
		last = moves - 1;
	before = last;
	add_step(trail, last, false, buf);
	add_actor(show, &trail->step[last].record, buf);
	uw_buf_puts(buf, " at ");
	add_time(show, uw_journal_record_time(&trail->step[last].record), buf);
	if (ended && moves) {
		uw_buf_puts(buf, ", as ");
		add_path(uw_trail_path(trail), buf);
	}
	if (before > ended)
		uw_buf_printf(buf, ", after %zu %smove%s", before, ended ? "" : "other ",
			      before > 1 ? "s" : "");
}

void uw_show_where(const struct uw_show *show, const struct uw_trail *trail, struct uw_buf *buf)
{
	add_path(trail->asked, buf);
	uw_buf_puts(buf, ": ");
	if (!trail->n) {
		uw_buf_puts(buf, trail->end == UW_TRAIL_NO_RECORD ? "no record"
				 : trail->look == UW_LOOK_THERE	  ? "is there"
								  : whereabouts(trail));
	} else if (!uw_trail_is_answer(trail)) {
		uw_buf_puts(buf, "no record; its directory was moved");
		add_actor(show, &trail->step[trail->n - 1].record, buf);
		uw_buf_puts(buf, ", but there is no such file at ");
		add_path(uw_trail_path(trail), buf);
	} else {
		add_last_step(show, trail, buf);
		if (trail->end == UW_TRAIL_THERE || trail->end == UW_TRAIL_LOST) {
			uw_buf_puts(buf, "; ");
			uw_buf_puts(buf, whereabouts(trail));
		}
		if (trail->asked_look == UW_LOOK_THERE &&
		    (trail->end == UW_TRAIL_REMOVED || strcmp(uw_trail_path(trail), trail->asked)))
			uw_buf_puts(buf, "; another file has the old name now");
	}
	uw_buf_puts(buf, "\n");
}

/* ---- many names */

/* The command line, or the command if that line is long or could be taken for what is after it. */
static void add_command(const struct uw_journal_record *found, struct uw_buf *buf)
{
	struct uw_str line = found->value[UW_JOURNAL_RECORD_CMDLINE];

	if (line.len && line.len <= COMMAND_MAX && !memchr(line.s, ',', line.len))
		uw_show_text(line, buf);
	else
		add_name(buf, found, UW_JOURNAL_RECORD_COMM);
}

/* Whoever logged in comes first, if that is more than the word of a process. */
static void add_who(const struct uw_show *show, const struct uw_journal_record *found,
		    struct uw_buf *buf)
{
	uint64_t login, uid;

	if (!uw_journal_record_uint(found, UW_JOURNAL_RECORD_LOGINUID, &login) ||
	    !uw_journal_record_uint(found, UW_JOURNAL_RECORD_UID, &uid) || uid == login ||
	    !is_login(found, login)) {
		add_actor(show, found, buf);
		return;
	}
	uw_buf_puts(buf, " by ");
	add_uid(show, buf, login);
	uw_buf_puts(buf, " (as ");
	add_uid(show, buf, uid);
	uw_buf_puts(buf, ")");
}

/* "4,021" */
static void add_count(uint64_t n, struct uw_buf *buf)
{
	if (n >= 1000) {
		add_count(n / 1000, buf);
		uw_buf_printf(buf, ",%03" PRIu64, n % 1000);
	} else {
		uw_buf_printf(buf, "%" PRIu64, n);
	}
}

/* "1.4 GiB" */
static void add_bytes(uint64_t n, struct uw_buf *buf)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double size = (double)n / 1024;
	size_t i = 0;

	if (n < 1024) {
		uw_buf_printf(buf, "%" PRIu64 " bytes", n);
		return;
	}
	for (; size >= 1023.95; i++)
		size /= 1024;
	uw_buf_printf(buf, "%.1f %s", size, units[i]);
}

static void add_part(const char *before, uint64_t n, const char *after, struct uw_buf *buf)
{
	if (!n)
		return;
	uw_buf_puts(buf, before);
	add_count(n, buf);
	uw_buf_puts(buf, after);
}

static void add_sums(const struct uw_story *story, struct uw_buf *buf)
{
	bool removed = story->removed || !story->moved;

	if (removed) {
		add_count(story->removed, buf);
		uw_buf_puts(buf, " names removed");
	}
	add_part(removed ? ", " : "", story->moved, removed ? " moved" : " names moved", buf);
	add_part(", ", story->failed, " failed", buf);
	add_part(", ", story->unknown, " with an unknown result", buf);
	if (story->bytes) {
		uw_buf_puts(buf, ", ");
		add_bytes(story->bytes, buf);
	}
	uw_buf_puts(buf, "\n");
}

static void add_story_times(const struct uw_show *show, const struct uw_story *story,
			    struct uw_buf *buf)
{
	uw_buf_puts(buf, show->style->green);
	uw_timespec_add_time(buf, story->first_us, show->now_us);
	if (story->last_us / UW_USEC_PER_S != story->first_us / UW_USEC_PER_S) {
		uw_buf_puts(buf, " to ");
		uw_timespec_add_time(buf, story->last_us, story->first_us);
	}
	uw_buf_puts(buf, show->style->off);
}

static void add_story_name(const struct uw_show *show, const char *label, const struct uw_buf *name,
			   struct uw_buf *buf)
{
	begin(buf, show, label);
	uw_buf_add_safe(buf, uw_buf_str(name), ",;()");
}

void uw_show_story(const struct uw_show *show, const struct uw_story *story, struct uw_buf *buf)
{
	const struct uw_journal_record *record = &story->record;

	add_host(show, record, buf);
	add_command(record, buf);
	uw_buf_puts(buf, ",");
	add_who(show, record, buf);
	uw_buf_puts(buf, ", ");
	add_story_times(show, story, buf);
	uw_buf_puts(buf, ": ");
	add_sums(story, buf);
	add_user(show, record, buf);
	add_process(show, record, buf);
	add_chain(show, record, buf);
	add_unit(show, record, buf);
	add_rules(show, record, buf);
	if (story->largest_bytes) {
		add_story_name(show, "largest", &story->largest, buf);
		uw_buf_puts(buf, ", ");
		add_bytes(story->largest_bytes, buf);
		uw_buf_puts(buf, "\n");
	}
	add_story_name(show, "first", &story->first, buf);
	uw_buf_puts(buf, "\n");
	add_story_name(show, "last", &story->last, buf);
	uw_buf_puts(buf, "; --all shows each name\n");
}
