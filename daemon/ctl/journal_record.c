// SPDX-License-Identifier: MIT
#include "ctl/journal_record.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/words.h"
#include "ctl/timespec.h"
#include "record/format.h"

enum kind { TEXT, NUMBER, TIME, LIST };

static const struct {
	const char *name;
	const char *key; /* in JSON; NULL: not there */
	enum kind kind;
} fields[UW_JOURNAL_RECORD_MAX] = {
#define X(name, kind) [UW_JOURNAL_RECORD_##name] = { "UNLINK_" #name, #name, kind },
	UW_JOURNAL_RECORD_FIELDS(X)
#undef X
		[UW_JOURNAL_RECORD_PRIORITY] = { "PRIORITY", "PRIORITY", NUMBER },
	[UW_JOURNAL_RECORD_MESSAGE] = { "MESSAGE", NULL, TEXT },
	[UW_JOURNAL_RECORD_MESSAGE_ID] = { "MESSAGE_ID", NULL, TEXT },
	[UW_JOURNAL_RECORD_HOSTNAME] = { "_HOSTNAME", "HOSTNAME", TEXT },
	[UW_JOURNAL_RECORD_FLOOD_COUNT] = { "UNLINK_FLOOD_COUNT", "FLOOD_COUNT", NUMBER },
	[UW_JOURNAL_RECORD_FLOOD_FAILED] = { "UNLINK_FLOOD_FAILED", "FLOOD_FAILED", NUMBER },
	[UW_JOURNAL_RECORD_FLOOD_DIR] = { "UNLINK_FLOOD_DIR", "FLOOD_DIR", TEXT },
	[UW_JOURNAL_RECORD_NAMES] = { "UNLINK_NAMES", NULL, TEXT },
};

const char *uw_journal_record_name(enum uw_journal_record_field field)
{
	return fields[field].name;
}

/* ---- reading */

#define SLOTS 256

/* A hash, since a million records have forty million fields. */
static size_t hash(const char *name, size_t len)
{
	return (len * 11 + (unsigned char)name[len - 1] * 5u + (unsigned char)name[len / 2] * 3u) %
	       SLOTS;
}

static const unsigned char *slots(void)
{
	static unsigned char slot[SLOTS]; /* index + 1; 0: free */
	static bool filled;

	for (size_t i = 0; !filled && i < UW_JOURNAL_RECORD_MAX; i++) {
		size_t at = hash(fields[i].name, strlen(fields[i].name));

		while (slot[at])
			at = (at + 1) % SLOTS;
		slot[at] = (unsigned char)(i + 1);
	}
	filled = true;
	return slot;
}

static size_t find_field(const char *name, size_t len)
{
	const unsigned char *slot = slots();
	size_t at = hash(name, len);

	for (; slot[at]; at = (at + 1) % SLOTS) {
		size_t i = slot[at] - 1u;

		if (!strncmp(fields[i].name, name, len) && !fields[i].name[len])
			return i;
	}
	return UW_JOURNAL_RECORD_MAX;
}

void uw_journal_record_reset(struct uw_journal_record *found)
{
	memset(found->value, 0, sizeof(found->value));
	found->n_rules = found->n_ancestors = 0;
	found->realtime_us = found->number = 0;
	uw_buf_reset(&found->data);
}

/*
 * While fields are added, values are offsets in the buffer, plus one, since it may move. If a field
 * comes twice, which the daemon never writes, the first counts.
 */
void uw_journal_record_put(struct uw_journal_record *found, enum uw_journal_record_field field,
			   struct uw_str value)
{
	struct uw_str place = { (const char *)(uintptr_t)(found->data.len + 1), value.len };

	if (field == UW_JOURNAL_RECORD_RULE && found->n_rules < UW_RULES_MAX)
		found->rule[found->n_rules++] = place;
	else if (field == UW_JOURNAL_RECORD_ANCESTOR && found->n_ancestors < UW_ANCESTORS_MAX)
		found->ancestor[found->n_ancestors++] = place;
	else if (found->value[field].s)
		return;
	if (!found->value[field].s)
		found->value[field] = place;
	uw_buf_add(&found->data, value.s, value.len);
}

void uw_journal_record_extend(struct uw_journal_record *found, enum uw_journal_record_field field,
			      struct uw_str more)
{
	found->value[field].len += more.len;
	uw_buf_add(&found->data, more.s, more.len);
}

void uw_journal_record_add(struct uw_journal_record *found, const void *data, size_t len)
{
	const char *text = data, *equals = memchr(text, '=', len);
	size_t name_len = equals ? (size_t)(equals - text) : 0, field;

	if (!name_len)
		return;
	field = find_field(text, name_len);
	if (field != UW_JOURNAL_RECORD_MAX)
		uw_journal_record_put(found, (enum uw_journal_record_field)field,
				      (struct uw_str){ equals + 1, len - name_len - 1 });
}

static void settle(const struct uw_journal_record *found, struct uw_str *value)
{
	if (value->s)
		value->s = value->len ? found->data.p + ((uintptr_t)value->s - 1) : "";
}

int uw_journal_record_finish(struct uw_journal_record *found)
{
	if (found->data.failed)
		return -ENOMEM;
	for (size_t i = 0; i < UW_JOURNAL_RECORD_MAX; i++)
		settle(found, &found->value[i]);
	for (size_t i = 0; i < found->n_rules; i++)
		settle(found, &found->rule[i]);
	for (size_t i = 0; i < found->n_ancestors; i++)
		settle(found, &found->ancestor[i]);
	return 0;
}

void uw_journal_record_done(struct uw_journal_record *found)
{
	uw_buf_free(&found->data);
	*found = (struct uw_journal_record){ 0 };
}

/* ---- values */

bool uw_parse_uint(struct uw_str text, uint64_t *ret)
{
	uint64_t n = 0;

	if (!text.len)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!isdigit((unsigned char)text.s[i]) || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(text.s[i] - '0'), &n))
			return false;
	*ret = n;
	return true;
}

bool uw_journal_record_uint(const struct uw_journal_record *found,
			    enum uw_journal_record_field field, uint64_t *ret)
{
	return uw_parse_uint(found->value[field], ret);
}

bool uw_journal_record_is(const struct uw_journal_record *found, enum uw_journal_record_field field,
			  const char *text)
{
	struct uw_str value = found->value[field];

	return value.s && uw_str_is(value, text);
}

/* Whether the text of UNLINK_ANCESTORS has the process: a number in brackets, outside of quotes. */
static bool has_pid(struct uw_str chain, const char *pid)
{
	size_t len = strlen(pid);
	bool quoted = false;

	for (size_t i = 0; i < chain.len; i++) {
		char c = chain.s[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && c == '[' && chain.len - i > len + 1 &&
			 !memcmp(chain.s + i + 1, pid, len) && chain.s[i + 1 + len] == ']')
			return true;
	}
	return false;
}

bool uw_is_pid(const char *under)
{
	return under[strspn(under, "0123456789")] == '\0';
}

bool uw_journal_record_is_under(const struct uw_journal_record *found, const char *name)
{
	struct uw_str comm = { name, strnlen(name, UW_COMM_LEN - 1) };

	if (uw_is_pid(name))
		return uw_journal_record_is(found, UW_JOURNAL_RECORD_PID, name) ||
		       has_pid(found->value[UW_JOURNAL_RECORD_ANCESTORS], name);
	for (size_t i = 0; i < found->n_ancestors; i++)
		if (uw_str_equal(found->ancestor[i], comm))
			return true;
	return uw_str_equal(found->value[UW_JOURNAL_RECORD_COMM], comm);
}

bool uw_journal_record_is_of_directory(const struct uw_journal_record *found)
{
	struct uw_str mode = found->value[UW_JOURNAL_RECORD_MODE];

	return uw_journal_record_is(found, UW_JOURNAL_RECORD_OP, "rmdir") ||
	       (mode.len == 6 && !memcmp(mode.s, "04", 2));
}

uint64_t uw_journal_record_time(const struct uw_journal_record *found)
{
	uint64_t ns;

	return uw_journal_record_uint(found, UW_JOURNAL_RECORD_TIME, &ns) ? ns / 1000
									  : found->realtime_us;
}

int uw_journal_record_error(const struct uw_journal_record *found)
{
	struct uw_str ret = found->value[UW_JOURNAL_RECORD_RET];
	uint64_t error;

	if (!ret.len || *ret.s != '-' ||
	    !uw_parse_uint((struct uw_str){ ret.s + 1, ret.len - 1 }, &error) || error > 4095)
		return 0;
	return (int)error;
}

uint64_t uw_journal_record_count(const struct uw_journal_record *found, uint64_t *ret_failed)
{
	uint64_t n;

	if (!uw_journal_record_uint(found, UW_JOURNAL_RECORD_FLOOD_COUNT, &n)) {
		*ret_failed = uw_journal_record_error(found) != 0;
		return 1;
	}
	if (!uw_journal_record_uint(found, UW_JOURNAL_RECORD_FLOOD_FAILED, ret_failed))
		*ret_failed = 0;
	return n;
}

/* ---- JSON */

/* As JSON wants numbers: no plus sign, no leading zeros. */
static bool is_number(struct uw_str text)
{
	if (text.len && *text.s == '-')
		text = (struct uw_str){ text.s + 1, text.len - 1 };
	if (!text.len || (*text.s == '0' && text.len > 1) || text.len > 20)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!isdigit((unsigned char)text.s[i]))
			return false;
	return true;
}

static void json_value(struct uw_buf *buf, struct uw_str value, enum kind kind)
{
	uint64_t ns;

	if (kind == NUMBER && is_number(value))
		uw_buf_add(buf, value.s, value.len);
	else if (kind == NUMBER && value.len == 7 && !memcmp(value.s, "unknown", 7))
		uw_buf_puts(buf, "null");
	else if (kind == TIME && uw_parse_uint(value, &ns))
		uw_timespec_add_utc(buf, ns);
	else
		uw_buf_add_json(buf, value);
}

static void json_list(struct uw_buf *buf, const struct uw_str *value, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uw_buf_puts(buf, i ? "," : "[");
		uw_buf_add_json(buf, value[i]);
	}
	uw_buf_puts(buf, "]");
}

static void add_key(struct uw_buf *buf, const char *separator, const char *key)
{
	uw_buf_puts(buf, separator);
	uw_buf_puts(buf, "\"");
	for (; *key; key++) {
		char c = (char)tolower(*key);

		uw_buf_add(buf, &c, 1);
	}
	uw_buf_puts(buf, "\":");
}

void uw_journal_record_json(const struct uw_journal_record *found, bool with_host,
			    struct uw_buf *buf)
{
	const char *separator = "{";

	for (size_t i = 0; i < UW_JOURNAL_RECORD_MAX; i++) {
		if (!fields[i].key ||
		    !uw_journal_record_has(found, (enum uw_journal_record_field)i) ||
		    (i == UW_JOURNAL_RECORD_HOSTNAME && !with_host))
			continue;
		add_key(buf, separator, fields[i].key);
		separator = ",";
		if (fields[i].kind != LIST) {
			json_value(buf, found->value[i], fields[i].kind);
			continue;
		}
		if (i == UW_JOURNAL_RECORD_RULE)
			json_list(buf, found->rule, found->n_rules);
		else
			json_list(buf, found->ancestor, found->n_ancestors);
	}
	uw_buf_puts(buf, *separator == '{' ? "{}\n" : "}\n");
}

/* ---- the sentence */

static uint32_t number_or_0(const struct uw_journal_record *found,
			    enum uw_journal_record_field field)
{
	uint64_t n;

	return uw_journal_record_uint(found, field, &n) && n <= UINT32_MAX ? (uint32_t)n : 0;
}

static enum uw_op op_of(const struct uw_journal_record *found)
{
	for (const struct uw_word *op = uw_op_words; op->word; op++)
		if (uw_journal_record_is(found, UW_JOURNAL_RECORD_OP, op->word))
			return (enum uw_op)op->value;
	return UW_OP_UNLINK;
}

static enum uw_via via_of(const struct uw_journal_record *found)
{
	if (uw_journal_record_is(found, UW_JOURNAL_RECORD_VIA, "io_uring"))
		return UW_VIA_IO_URING;
	return uw_journal_record_is(found, UW_JOURNAL_RECORD_VIA, "kernel") ? UW_VIA_KERNEL
									    : UW_VIA_SYSCALL;
}

/* The same sentence as in record/format.c, made from the fields. */
void uw_journal_record_sentence(const struct uw_journal_record *found,
				const char *(*user_name)(uint64_t uid), struct uw_buf *buf)
{
	bool acts_for = uw_journal_record_has(found, UW_JOURNAL_RECORD_FSUID),
	     replaced = uw_journal_record_has(found, UW_JOURNAL_RECORD_REPLACED_BY);
	struct uw_str user = found->value[UW_JOURNAL_RECORD_USER],
		      mode = found->value[UW_JOURNAL_RECORD_MODE];
	struct uw_record record = {
		.op = op_of(found),
		.via = via_of(found),
		.ret_known = uw_journal_record_has(found, UW_JOURNAL_RECORD_RET) &&
			     !uw_journal_record_is(found, UW_JOURNAL_RECORD_RET, "unknown"),
		.ret = -uw_journal_record_error(found),
		.pid = number_or_0(found, UW_JOURNAL_RECORD_PID),
		.uid = number_or_0(found, UW_JOURNAL_RECORD_UID),
		.fsuid = number_or_0(found,
				     acts_for ? UW_JOURNAL_RECORD_FSUID : UW_JOURNAL_RECORD_UID),
		.comm = found->value[UW_JOURNAL_RECORD_COMM],
		.name_known = uw_journal_record_has(found, UW_JOURNAL_RECORD_FILENAME),
		.name = found->value[UW_JOURNAL_RECORD_FILENAME],
		.path = found->value[UW_JOURNAL_RECORD_PATH],
		.other.path = found->value[replaced ? UW_JOURNAL_RECORD_REPLACED_BY
						    : UW_JOURNAL_RECORD_MOVED_TO],
		.inode_known = mode.s,
	};
	char *name = user.s ? strndup(user.s, user.len) : NULL;
	struct uw_entry entry = { .record = &record, .user = name };
	char digits[16] = "";

	if (mode.len < sizeof(digits) && mode.s)
		memcpy(digits, mode.s, mode.len);
	record.mode = (uint32_t)strtoul(digits, NULL, 8);
	if (user_name)
		entry.real_user = user_name(record.uid);
	uw_format_message(&entry, buf);
	free(name);
}
