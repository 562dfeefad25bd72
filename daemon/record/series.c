// SPDX-License-Identifier: MIT
#include "record/series.h"

#include <string.h>

void uw_series_done(struct uw_series *s)
{
	uw_buf_free(&s->strings);
	uw_buf_free(&s->fields);
	uw_buf_free(&s->top);
	uw_buf_free(&s->host_top);
	uw_buf_free(&s->fsroot);
	uw_buf_free(&s->host_dir);
	*s = (struct uw_series){ 0 };
}

size_t uw_series_of(const struct uw_event *ev, size_t n)
{
	return (ev->tid * 4 ^ (ev->file.mode * 0x9e3779b9U) >> 16) & (n - 1);
}

static void set(struct uw_buf *buf, struct uw_str s)
{
	uw_buf_reset(buf);
	uw_buf_add(buf, s.s, s.len);
}

static bool is(const struct uw_buf *buf, const char *s, size_t len)
{
	return buf->len == len && (!len || !memcmp(buf->p, s, len));
}

/* Takes out what each deletion has of its own. Whatever is not listed here is compared. */
static void strip(struct uw_event *ev)
{
	ev->size = ev->gen = ev->tree = 0;
	ev->op = 0;
	ev->ret = 0;
	ev->dfd = ev->other_dfd = 0;
	ev->enter_ns = ev->exit_ns = 0;
	ev->below = ev->other_below = 0;
	ev->file.ino = ev->file.bytes = 0;
	ev->file.nlink = ev->file.reserved = 0;
	memset(ev->len, 0, UW_STR_ROOT * sizeof(ev->len[0]));
}

/* The length of the strings before ROOT. */
static size_t own_strings(const struct uw_event *ev)
{
	size_t len = 0, i;

	for (i = 0; i < UW_STR_ROOT; i++)
		len += ev->len[i];
	return len;
}

bool uw_series_has(struct uw_series *s, const struct uw_entry *entry)
{
	const struct uw_record *r = entry->record;
	struct uw_str strings;
	struct uw_event ev;

	if (r->event.len < sizeof(ev)) { /* a test's */
		uw_series_done(s);
		return false;
	}
	memcpy(&ev, r->event.s, sizeof(ev));
	strings.len = r->event.len - sizeof(ev) - own_strings(&ev);
	strings.s = r->event.s + r->event.len - strings.len;
	strip(&ev);
	/* An exchange is two deletions in one event. */
	ev.file = (struct uw_file){ .mode = r->mode, .owner = r->owner, .nlink = r->links };
	if (!memcmp(&ev, &s->like, sizeof(ev)) && is(&s->strings, strings.s, strings.len) &&
	    s->path_state == r->path_state && s->inode_known == r->inode_known &&
	    s->matches == entry->matches)
		return true;
	s->like = ev;
	set(&s->strings, strings);
	s->path_state = r->path_state;
	s->inode_known = r->inode_known;
	s->matches = entry->matches;
	uw_buf_reset(&s->fields);
	uw_buf_reset(&s->top);
	return false;
}

void uw_series_set_top(struct uw_series *s, const struct uw_entry *entry, size_t len,
		       struct uw_str host_path)
{
	const struct uw_record *r = entry->record;
	struct uw_event ev;
	size_t rest = r->path.len - len;

	uw_buf_reset(&s->top);
	uw_buf_reset(&s->host_dir);
	memcpy(&ev, r->event.s, sizeof(ev));
	/* The path on the host has to end as the path does, from the top on. */
	if (!len || r->path_state != UW_PATH_RESOLVED || !(ev.flags & UW_EV_FS) || ev.ret ||
	    uw_op_is_rename(ev.op) || ev.via == UW_VIA_KERNEL || r->upper.len ||
	    len < r->path.len - ev.below ||
	    (host_path.len && (host_path.len <= rest ||
			       memcmp(host_path.s + host_path.len - rest, r->path.s + len, rest))))
		return;
	s->op = r->op;
	s->gen = ev.gen;
	s->tree = ev.tree;
	s->nlink = ev.file.nlink;
	s->above = r->path.len - ev.below;
	s->file_known = r->inode_known && entry->detail >= UW_DETAIL_STANDARD;
	set(&s->fsroot, (struct uw_str){ r->event.s + sizeof(ev) + ev.len[UW_STR_NAME],
					 ev.len[UW_STR_FSROOT] });
	set(&s->host_top, (struct uw_str){ host_path.s, host_path.len ? host_path.len - rest : 0 });
	set(&s->top, (struct uw_str){ r->path.s, len });
	if (s->fsroot.failed || s->host_top.failed || s->strings.failed || s->fields.failed)
		uw_buf_reset(&s->top);
}

/* Takes the strings of the event apart. False if they are not those of a deletion below the top. */
static bool has_strings(const struct uw_series *s, const struct uw_event *ev, const char *strings,
			struct uw_name *name, struct uw_str *ret_path)
{
	struct uw_str passed = { strings, ev->len[UW_STR_NAME] };
	struct uw_str fsroot = { strings + passed.len, ev->len[UW_STR_FSROOT] };
	struct uw_str path = { fsroot.s + fsroot.len, ev->len[UW_STR_PATH] };
	const char *slash;
	size_t dir;

	if (path.len <= s->top.len || path.len - ev->below != s->above ||
	    memcmp(path.s, s->top.p, s->top.len) || path.s[s->top.len] != '/' ||
	    memchr(path.s + s->top.len, '\0', path.len - s->top.len))
		return false;
	slash = memrchr(path.s, '/', path.len);
	dir = (size_t)(slash - path.s);
	name->dir = (struct uw_str){ path.s, dir };
	name->name = (struct uw_str){ slash + 1, path.len - dir - 1 };
	name->by_path = passed.len == path.len;
	*ret_path = path;
	return name->name.len && uw_str_equal(passed, name->by_path ? path : name->name) &&
	       is(&s->fsroot, fsroot.s, fsroot.len) &&
	       is(&s->strings, path.s + path.len, s->strings.len);
}

/* The directory on the host, if it is shown. */
static struct uw_str host_dir(struct uw_series *s, struct uw_str dir)
{
	if (!s->host_top.len)
		return (struct uw_str){ "", 0 };
	set(&s->host_dir, uw_buf_str(&s->host_top));
	uw_buf_add(&s->host_dir, dir.s + s->top.len, dir.len - s->top.len);
	return uw_buf_str(&s->host_dir);
}

bool uw_series_goes_on(struct uw_series *s, const void *data, size_t size, struct uw_name *ret,
		       struct uw_str *ret_path)
{
	const char *strings = (const char *)data + sizeof(struct uw_event);
	struct uw_event ev;
	size_t own;

	if (!s->top.len || size < sizeof(ev))
		return false;
	memcpy(&ev, data, sizeof(ev));
	own = (size_t)ev.len[UW_STR_NAME] + ev.len[UW_STR_FSROOT] + ev.len[UW_STR_PATH];
	if (ev.size != size || ev.op != s->op || ev.ret || ev.gen != s->gen || ev.tree != s->tree ||
	    ev.file.nlink != s->nlink || ev.exit_ns < ev.enter_ns || own != own_strings(&ev) ||
	    size != sizeof(ev) + own + s->strings.len ||
	    !has_strings(s, &ev, strings, ret, ret_path))
		return false;
	*ret = (struct uw_name){
		.op = s->op,
		.file_known = s->file_known,
		.ino = ev.file.ino,
		.bytes = ev.file.bytes,
		.dir = ret->dir,
		.host_dir = host_dir(s, ret->dir),
		.name = ret->name,
		.by_path = ret->by_path,
		.fields = uw_buf_str(&s->fields),
		.more = { "", 0 },
	};
	strip(&ev);
	ev.file.nlink = s->like.file.nlink;
	return !s->host_dir.failed && !memcmp(&ev, &s->like, sizeof(ev));
}
