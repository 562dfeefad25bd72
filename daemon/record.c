// SPDX-License-Identifier: MIT
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* As the kernel has it (include/linux/err.h). */
#define MAX_ERRNO 4095

/* Longest path that joining can give: two strings and a slash between them. */
_Static_assert(sizeof(((struct uw_record *)0)->buffer) >= 2 * UW_PATH_MAX, "room for the path");

/*
 * Appends the components of text to the normalised path in buf: no empty ones, no dots. `..` goes no higher
 * than floor, as in a root directory.
 */
static size_t append(char *buf, size_t at, size_t floor, struct uw_str text)
{
	size_t i = 0, len;
	const char *s;

	while (i < text.len) {
		const char *slash = memchr(text.s + i, '/', text.len - i);

		s = text.s + i;
		len = slash ? (size_t)(slash - s) : text.len - i;
		i += len + 1;
		if (!len || (len == 1 && s[0] == '.'))
			continue;
		if (len == 2 && s[0] == '.' && s[1] == '.') {
			while (at > floor && buf[--at] != '/')
				;
			continue;
		}
		buf[at++] = '/';
		memcpy(buf + at, s, len);
		at += len;
	}
	return at;
}

static void complete(struct uw_record *r, struct uw_str dir, enum uw_path_state state)
{
	size_t len = append(r->buffer, 0, 0, dir);

	/* The directory of an absolute name is the process's root, which `..` does not leave. */
	len = append(r->buffer, len, r->name.s[0] == '/' ? len : 0, r->name);
	if (!len)
		r->buffer[len++] = '/';
	r->path = (struct uw_str){ r->buffer, len };
	r->path_state = state;
	if (r->dir_cut || r->name_cut)
		r->path_state = UW_PATH_TRUNCATED;
}

static bool valid(const struct uw_event *ev, const char *data, size_t size)
{
	if (ev->abi != UW_ABI || ev->size != size)
		return false;
	if (sizeof(*ev) + ev->name_len + ev->dir_len != size)
		return false;
	if (ev->name_len >= UW_PATH_MAX || ev->dir_len >= UW_PATH_MAX)
		return false;
	if (!ev->op || ev->op >= UW_OP_MAX || !ev->probe || ev->probe >= UW_PROBE_MAX)
		return false;
	if (ev->flags & ~(__u32)UW_EV_FLAGS || ev->ret < -MAX_ERRNO || ev->ret > 0)
		return false;
	if (ev->exit_ns < ev->enter_ns)
		return false;
	return !memchr(data, '\0', size - sizeof(*ev));
}

int uw_record_decode(const void *data, size_t size, struct uw_record *ret)
{
	const char *strings = (const char *)data + sizeof(struct uw_event);
	struct uw_record *r = ret;
	struct uw_event ev;

	if (size < sizeof(ev) || size > UW_EVENT_MAX)
		return -EBADMSG;
	memcpy(&ev, data, sizeof(ev));
	if (!valid(&ev, strings, size))
		return -EBADMSG;

	r->op = ev.op;
	r->probe = ev.probe;
	r->gen = ev.gen;
	r->rules = ev.rules;
	r->enter_ns = ev.enter_ns;
	r->exit_ns = ev.exit_ns;
	r->ret_known = !(ev.flags & UW_EV_RET_UNKNOWN);
	r->ret = r->ret_known ? (int)ev.ret : 0;
	r->pid = ev.pid;
	r->tid = ev.tid;
	r->uid = ev.uid;
	r->gid = ev.gid;
	r->ppid_known = ev.flags & UW_EV_PPID;
	r->ppid = ev.ppid;
	r->dfd = ev.dfd;
	r->name_known = !(ev.flags & UW_EV_NAME_FAULT);
	r->name_cut = ev.flags & UW_EV_NAME_CUT;
	r->name_late = ev.flags & UW_EV_NAME_LATE;
	r->dir_known = ev.flags & UW_EV_DIR_WALKED;
	r->dir_cut = ev.flags & UW_EV_DIR_CUT;
	r->comm = (struct uw_str){ (const char *)data + offsetof(struct uw_event, comm),
				   strnlen(ev.comm, sizeof(ev.comm)) };
	r->name = (struct uw_str){ strings, ev.name_len };
	r->dir = (struct uw_str){ strings + ev.name_len, ev.dir_len };
	r->path = (struct uw_str){ r->buffer, 0 };
	r->path_state = UW_PATH_UNKNOWN;

	/* Without its root, an absolute name is taken for one of a process that is in no chroot. */
	if (r->name_known && r->name.len && (r->dir_known || r->name.s[0] == '/'))
		complete(r, r->dir, r->dir_known ? UW_PATH_LEXICAL : UW_PATH_GUESSED);
	return 0;
}

bool uw_record_wants_cwd(const struct uw_record *r)
{
	return r->path_state == UW_PATH_UNKNOWN && r->name_known && r->name.len && r->dfd == AT_FDCWD;
}

void uw_record_guess(struct uw_record *r, const char *cwd, size_t len)
{
	if (len && len < UW_PATH_MAX && cwd[0] == '/')
		complete(r, (struct uw_str){ cwd, len }, UW_PATH_GUESSED);
}

const char *uw_path_state_name(enum uw_path_state state)
{
	switch (state) {
	case UW_PATH_LEXICAL:
		return "lexical";
	case UW_PATH_TRUNCATED:
		return "truncated";
	case UW_PATH_GUESSED:
		return "guessed";
	case UW_PATH_UNKNOWN:
		break;
	}
	return "unknown";
}
