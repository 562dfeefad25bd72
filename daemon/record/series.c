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
	ev->file.nlink = ev->file.origin = 0;
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

	s->origin = 0;
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

/* Whether the event differs from this series, if at all, in what struct uw_next has. */
static bool is_like(const struct uw_series *s, const struct uw_event *event)
{
	struct uw_event ev = *event;
	size_t own = own_strings(&ev), size = sizeof(ev) + own + s->strings.len;

	if (ev.op != s->op || ev.ret || ev.gen != s->gen || ev.tree != s->tree ||
	    ev.len[UW_STR_OTHER_NAME] || ev.size != size ||
	    !is(&s->strings, (const char *)(event + 1) + own, s->strings.len))
		return false;
	strip(&ev);
	ev.file.nlink = s->like.file.nlink;
	return !memcmp(&ev, &s->like, sizeof(ev));
}

/* Takes the strings of a part apart. False if they are not those of a deletion below the top. */
static bool has_strings(const struct uw_series *s, const struct uw_next *next, const char *strings,
			struct uw_name *name, struct uw_str *ret_path)
{
	struct uw_str passed = { strings, next->len[UW_STR_NAME] };
	struct uw_str fsroot = { strings + passed.len, next->len[UW_STR_FSROOT] };
	struct uw_str path = { fsroot.s + fsroot.len, next->len[UW_STR_PATH] };
	const char *slash;
	size_t dir;

	if (path.len <= s->top.len || path.len - next->below != s->above ||
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
	       is(&s->fsroot, fsroot.s, fsroot.len);
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

static bool take_part(struct uw_series *s, const struct uw_next *next, const char *strings,
		      struct uw_name *ret, struct uw_str *ret_path)
{
	if (!s->top.len || next->nlink != s->nlink || next->exit_ns < next->enter_ns)
		return false;
	*ret = (struct uw_name){
		.op = s->op,
		.file_known = s->file_known,
		.ino = next->ino,
		.bytes = next->bytes,
		.fields = uw_buf_str(&s->fields),
		.more = { "", 0 },
	};
	if (!has_strings(s, next, strings, ret, ret_path))
		return false;
	ret->host_dir = host_dir(s, ret->dir);
	return !s->host_dir.failed;
}

bool uw_series_goes_on(struct uw_series *s, const void *data, size_t size, struct uw_name *ret,
		       struct uw_str *ret_path)
{
	const struct uw_event *ev = data;
	struct uw_next next;

	if (!s->top.len || size < sizeof(*ev) || ev->size != size || !is_like(s, ev))
		return false;
	next = (struct uw_next){
		.below = ev->below,
		.nlink = ev->file.nlink,
		.enter_ns = ev->enter_ns,
		.exit_ns = ev->exit_ns,
		.ino = ev->file.ino,
		.bytes = ev->file.bytes,
	};
	memcpy(next.len, ev->len, sizeof(next.len));
	return take_part(s, &next, (const char *)(ev + 1), ret, ret_path);
}

bool uw_series_goes_on_next(struct uw_series *s, const struct uw_next *next,
			    const struct uw_event *first, struct uw_name *ret,
			    struct uw_str *ret_path)
{
	if (next->origin != s->origin || next->since != s->since) {
		if (!s->top.len || !is_like(s, first))
			return false;
		s->origin = next->origin;
		s->since = next->since;
	}
	return take_part(s, next, (const char *)(next + 1), ret, ret_path);
}
