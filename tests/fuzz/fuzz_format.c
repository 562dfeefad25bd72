// SPDX-License-Identifier: MIT
/*
 * Writes events in each format so that readers get the same bytes back.
 */
#include <endian.h>
#include <string.h>

#include "events.h"
#include "record/format.h"
#include "read_back.h"

#define ROOM (4 * UW_PATH_MAX)

/* An event and what the daemon adds to it, all of it from the bytes of the event. */
struct subject {
	struct uw_record record;
	struct uw_entry entry;
	char *user;
	const char *rules[3];
};

static void begin(struct subject *subject)
{
	struct uw_record *r = &subject->record;

	subject->user = r->uid % 2 ? string_of(r->comm) : NULL;
	subject->rules[0] = "all";
	subject->rules[1] = "a.b_c-d";
	subject->rules[2] = "rule3";
	subject->entry = (struct uw_entry){
		.record = r,
		.time_ns = r->exit_ns,
		.priority = (int)(r->rules % 8),
		.rules = subject->rules,
		.n_rules = r->gid % 4,
		.user = subject->user,
		.host_path = r->gid % 2 ? r->fspath : (struct uw_str){ "", 0 },
		.detail = (enum uw_detail)(r->gen % 3),
	};
}

/* Removes the three dots in front of a path that was cut. */
static struct uw_str without_dots(struct uw_str value, bool cut)
{
	if (!cut)
		return value;
	CHECK(value.len >= 3 && !memcmp(value.s, "...", 3));
	return (struct uw_str){ value.s + 3, value.len - 3 };
}

/* Finds the bytes of the record for a JSON key. Returns false if the field does not hold bytes. */
static bool bytes_of(const struct uw_record *r, struct uw_str key, struct uw_str *ret,
		     bool *ret_cut)
{
	const struct {
		const char *key;
		struct uw_str bytes;
		bool cut;
	} all[] = {
		{ "comm", r->comm, false },
		{ "exe", r->exe, false },
		{ "cwd", r->cwd, r->cwd_cut },
		{ "root", r->root, false },
		{ "cgroup", r->cgroup, false },
		{ "filename", r->name, false },
		{ "path", r->path, false },
		{ "fstype", r->fstype, false },
		{ "replaced_by", r->other.path, r->other.path_cut },
		{ "moved_to", r->other.path, r->other.path_cut },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!same(key, text(all[i].key)))
			continue;
		*ret = all[i].bytes;
		*ret_cut = all[i].cut;
		if (same(key, text("filename")) && !r->name_known)
			*ret = (struct uw_str){ "", 0 };
		return true;
	}
	return false;
}

static void check_value(const struct subject *subject, struct uw_str key, struct uw_str value)
{
	const struct uw_record *r = &subject->record;
	char arguments[UW_CMDLINE_MAX];
	struct uw_str bytes;
	bool cut;

	if (bytes_of(r, key, &bytes, &cut))
		CHECK(same(without_dots(value, cut), bytes));
	if (same(key, text("cmdline")) && !r->cmdline_cut) {
		bytes = read_arguments(value, arguments);
		/* NULs at the end may be padding: see cmdline.c. */
		CHECK(bytes.len <= r->cmdline.len && !memcmp(bytes.s, r->cmdline.s, bytes.len));
		for (size_t i = bytes.len; i < r->cmdline.len; i++)
			CHECK(r->cmdline.s[i] == '\0');
	}
	if (same(key, text("user")))
		CHECK(same(value, text(subject->user)));
}

/* Cuts a field off the native protocol like journald. */
static struct uw_str take_field(struct uw_str *rest, struct uw_str *ret_value)
{
	const char *end = memchr(rest->s, '\n', rest->len);
	const char *equals = end ? memchr(rest->s, '=', (size_t)(end - rest->s)) : NULL;
	struct uw_str name = { rest->s, 0 };
	uint64_t len = 0;

	CHECK(end);
	if (equals) {
		name.len = (size_t)(equals - rest->s);
		*ret_value = (struct uw_str){ equals + 1, (size_t)(end - equals - 1) };
	} else {
		name.len = (size_t)(end - rest->s);
		CHECK(rest->len - name.len - 1 > sizeof(len));
		memcpy(&len, end + 1, sizeof(len));
		*ret_value = (struct uw_str){ end + 1 + sizeof(len), le64toh(len) };
		end = ret_value->s + ret_value->len;
		CHECK(end < rest->s + rest->len && *end == '\n');
	}
	rest->len -= (size_t)(end + 1 - rest->s);
	rest->s = end + 1;
	return name;
}

static void check_journal(const struct subject *subject)
{
	struct uw_buf buf = { 0 };
	struct uw_str rest;

	uw_format_journal(&subject->entry, &buf);
	CHECK(!buf.failed && buf.len > 0);
	for (rest = (struct uw_str){ buf.p, buf.len }; rest.len > 0;) {
		struct uw_str value, name = take_field(&rest, &value);
		char key[64];

		CHECK(name.len > 0 && name.len < sizeof(key) && name.s[0] != '_');
		CHECK(value.len == 0 || !memchr(value.s, '\0', value.len));
		for (size_t k = 0; k < name.len; k++) {
			CHECK((name.s[k] >= 'A' && name.s[k] <= 'Z') || name.s[k] == '_');
			key[k] = name.s[k] == '_' ? '_' : (char)(name.s[k] | 0x20);
		}
		if (same(name, text("MESSAGE")))
			CHECK(is_printable(value));
		else if (name.len > 7)
			check_value(subject, (struct uw_str){ key + 7, name.len - 7 }, value);
	}
	uw_buf_free(&buf);
}

static void check_json(const struct subject *subject)
{
	static char room[ROOM];
	struct uw_buf buf = { 0 };
	struct uw_str rest, key, value;
	bool last = false;

	uw_format_json(&subject->entry, &buf);
	CHECK(!buf.failed && buf.len > 2 && buf.p[buf.len - 1] == '\n');
	rest = (struct uw_str){ buf.p, buf.len - 1 };
	CHECK(is_printable(rest) && rest.s[0] == '{');
	while (!last) {
		char name[64];

		rest = (struct uw_str){ rest.s + 1, rest.len - 1 };
		key = read_json_string(&rest, name, sizeof(name));
		CHECK(rest.len > 0 && rest.s[0] == ':');
		rest = (struct uw_str){ rest.s + 1, rest.len - 1 };
		value = read_json_value(&rest, room, sizeof(room));
		check_value(subject, key, value);
		CHECK(rest.len > 0 && (rest.s[0] == ',' || rest.s[0] == '}'));
		last = rest.s[0] == '}';
	}
	CHECK(rest.len == 1);
	uw_buf_free(&buf);
}

static void check_text(const struct subject *subject)
{
	const struct uw_record *r = &subject->record;
	struct uw_buf buf = { 0 };
	struct uw_str line, part, word[4];
	char room[ROOM], pid[32];
	size_t words = 0;

	uw_format_text(&subject->entry, &buf);
	CHECK(!buf.failed && buf.len > 0 && buf.p[buf.len - 1] == '\n');
	line = (struct uw_str){ buf.p, buf.len - 1 };
	CHECK(is_printable(line));
	snprintf(pid, sizeof(pid), "pid=%u", r->pid);
	/* The last words; a space that is part of a name is in quotes. */
	for (; line.len > 0; words++)
		word[words % 4] = take_word(&line);
	CHECK(words > 4);
	CHECK(same(word[words % 4], text(pid)));
	part = word[(words + 1) % 4];
	CHECK(same(take(&part, "="), text("comm")));
	CHECK(same(read_quoted(part, room, sizeof(room)), r->comm));
	part = word[(words + 2) % 4];
	CHECK(same(take(&part, "="), text("filename")));
	CHECK(same(read_quoted(part, room, sizeof(room)), r->name));
	CHECK(same(take(&word[(words + 3) % 4], "="), text("ret")));
	uw_buf_free(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct subject subject;
	void *event = repaired_event(data, size, &size);

	if (event && uw_record_decode(event, size, &subject.record) == 0) {
		begin(&subject);
		check_journal(&subject);
		check_json(&subject);
		check_text(&subject);
		free(subject.user);
	}
	free(event);
	return 0;
}
