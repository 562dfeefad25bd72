// SPDX-License-Identifier: MIT
#include "ctl/counts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* ---- keys */

static void add_directory(const struct uw_journal_record *found, struct uw_buf *buf)
{
	struct uw_str path = found->value[UW_JOURNAL_RECORD_PATH],
		      all = found->value[UW_JOURNAL_RECORD_FLOOD_DIR];

	if (all.s) {
		uw_buf_add_safe(buf, all, "");
		return;
	}
	while (path.len && path.s[path.len - 1] != '/')
		path.len--;
	while (path.len > 1 && path.s[path.len - 1] == '/')
		path.len--;
	if (path.len)
		uw_buf_add_safe(buf, path, "");
}

static void add_user(const struct uw_journal_record *found, struct uw_buf *buf)
{
	struct uw_str user = found->value[UW_JOURNAL_RECORD_USER];
	uint64_t uid;

	if (user.s)
		uw_buf_add_safe(buf, user, "");
	else if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_UID, &uid))
		uw_buf_printf(buf, "uid %" PRIu64, uid);
}

static void add_process(const struct uw_journal_record *found, struct uw_buf *buf)
{
	uint64_t pid;

	if (!uw_journal_record_has(found, UW_JOURNAL_RECORD_COMM))
		return;
	uw_buf_add_safe(buf, found->value[UW_JOURNAL_RECORD_COMM], "[]");
	if (uw_journal_record_uint(found, UW_JOURNAL_RECORD_PID, &pid))
		uw_buf_printf(buf, "[%" PRIu64 "]", pid);
}

/* The ancestors, then the command of the process, unless one of them has the same. */
static bool add_ancestor(const struct uw_journal_record *found, size_t i, struct uw_buf *buf)
{
	struct uw_str comm = found->value[UW_JOURNAL_RECORD_COMM];

	if (i < found->n_ancestors) {
		uw_buf_add_safe(buf, found->ancestor[i], "");
		return true;
	}
	for (size_t k = 0; k < found->n_ancestors; k++)
		if (uw_str_equal(found->ancestor[k], comm))
			return false;
	if (i == found->n_ancestors && comm.s)
		uw_buf_add_safe(buf, comm, "");
	return i == found->n_ancestors;
}

bool uw_counts_key(const struct uw_journal_record *found, enum uw_counts_by by, size_t i,
		   struct uw_buf *buf)
{
	enum uw_journal_record_field field = UW_JOURNAL_RECORD_MAX;

	if (i && by != UW_BY_ANCESTOR)
		return false;
	switch (by) {
	case UW_BY_PROCESS:
		add_process(found, buf);
		return true;
	case UW_BY_USER:
		add_user(found, buf);
		return true;
	case UW_BY_DIRECTORY:
		add_directory(found, buf);
		return true;
	case UW_BY_ANCESTOR:
		return add_ancestor(found, i, buf);
	case UW_BY_UNIT:
		field = UW_JOURNAL_RECORD_UNIT;
		break;
	case UW_BY_OPERATION:
		field = UW_JOURNAL_RECORD_OP;
		break;
	case UW_BY_ERROR:
	case UW_BY_MAX:
		field = UW_JOURNAL_RECORD_ERRNO;
		break;
	}
	if (uw_journal_record_has(found, field))
		uw_buf_add_safe(buf, found->value[field], "");
	return true;
}

/* ---- the table */

/*
 * FNV-1a from a secret start, the random bytes that the kernel gives each process: users who delete
 * choose the keys.
 */
static size_t hash(const char *key, size_t len)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	uint64_t h = UINT64_C(14695981039346656037);

	if (random)
		memcpy(&h, random, sizeof(h));
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)key[i]) * UINT64_C(1099511628211);
	return (size_t)(h ^ h >> 32);
}

static size_t *find_slot(const struct uw_counts *counts, const char *key, size_t len)
{
	size_t at = hash(key, len) & (counts->n_slots - 1);

	for (; counts->slot[at]; at = (at + 1) & (counts->n_slots - 1)) {
		const struct uw_counts_row *row = &counts->row[counts->slot[at] - 1];

		if (row->key_len == len && !memcmp(row->key, key, len))
			break;
	}
	return &counts->slot[at];
}

static int grow(struct uw_counts *counts)
{
	size_t n_slots = counts->n_slots ? 2 * counts->n_slots : 256;
	struct uw_counts_row *row = reallocarray(counts->row, n_slots / 2, sizeof(*row));
	size_t *slot;

	if (!row)
		return -ENOMEM;
	counts->row = row;
	slot = calloc(n_slots, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	free(counts->slot);
	counts->slot = slot;
	counts->n_slots = n_slots;
	for (size_t i = 0; i < counts->n; i++)
		*find_slot(counts, row[i].key, row[i].key_len) = i + 1;
	return 0;
}

static void count(struct uw_counts_row *row, uint64_t n, uint64_t failed)
{
	row->count += n;
	row->recent += n;
	row->failed += failed;
}

int uw_counts_add(struct uw_counts *counts, const char *key, size_t len, uint64_t n,
		  uint64_t failed)
{
	size_t *slot;
	char *copy;
	int r;

	if (counts->n == counts->n_slots / 2) {
		r = grow(counts);
		if (r < 0)
			return r;
	}
	slot = find_slot(counts, key, len);
	if (!*slot && counts->n >= UW_COUNTS_MAX) {
		count(&counts->others, n, failed);
		return 0;
	}
	if (!*slot) {
		copy = malloc(len + 1);
		if (!copy)
			return -ENOMEM;
		if (len)
			memcpy(copy, key, len);
		copy[len] = '\0';
		counts->row[counts->n] = (struct uw_counts_row){ .key = copy, .key_len = len };
		*slot = ++counts->n;
	}
	count(&counts->row[*slot - 1], n, failed);
	return 0;
}

int uw_counts_add_record(struct uw_counts *counts, const struct uw_journal_record *found,
			 enum uw_counts_by by, uint64_t n, uint64_t failed, struct uw_buf *buf)
{
	int r = 0;

	for (size_t i = 0; r == 0; i++) {
		uw_buf_reset(buf);
		if (!uw_counts_key(found, by, i, buf))
			break;
		r = buf->failed ? -ENOMEM
				: uw_counts_add(counts, buf->p ?: "", buf->len, n, failed);
	}
	return r;
}

void uw_counts_forget(struct uw_counts *counts)
{
	for (size_t i = 0; i < counts->n; i++)
		counts->row[i].recent = 0;
	counts->others.recent = 0;
}

static int compare_count(const void *a, const void *b)
{
	const struct uw_counts_row *x = *(const struct uw_counts_row *const *)a;
	const struct uw_counts_row *y = *(const struct uw_counts_row *const *)b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->key, y->key);
}

static int compare_recent(const void *a, const void *b)
{
	const struct uw_counts_row *x = *(const struct uw_counts_row *const *)a;
	const struct uw_counts_row *y = *(const struct uw_counts_row *const *)b;

	if (x->recent != y->recent)
		return x->recent < y->recent ? 1 : -1;
	return compare_count(a, b);
}

int uw_counts_sorted(const struct uw_counts *counts, bool by_recent, size_t n,
		     const struct uw_counts_row ***ret, size_t *ret_n)
{
	const struct uw_counts_row **rows =
		calloc(counts->n + 1, sizeof(const struct uw_counts_row *));

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < counts->n; i++)
		rows[i] = &counts->row[i];
	qsort(rows, counts->n, sizeof(const struct uw_counts_row *),
	      by_recent ? compare_recent : compare_count);
	*ret = rows;
	*ret_n = n < counts->n ? n : counts->n;
	return 0;
}

void uw_counts_done(struct uw_counts *counts)
{
	for (size_t i = 0; i < counts->n; i++)
		free(counts->row[i].key);
	free(counts->row);
	free(counts->slot);
	*counts = (struct uw_counts){ 0 };
}

/* ---- totals */

uint64_t uw_totals_add(struct uw_totals *totals, const struct uw_journal_record *found,
		       uint64_t *ret_failed)
{
	uint64_t n = uw_journal_record_count(found, ret_failed);
	bool moves = uw_journal_record_is(found, UW_JOURNAL_RECORD_OP, "move") ||
		     uw_journal_record_is(found, UW_JOURNAL_RECORD_OP, "exchange");

	*(moves ? &totals->moves : &totals->deletions) += n;
	totals->failed += *ret_failed;
	totals->unknown += uw_journal_record_is(found, UW_JOURNAL_RECORD_RET, "unknown");
	return n;
}

void uw_totals_print(const struct uw_totals *totals, struct uw_buf *buf)
{
	uw_buf_printf(buf, "%" PRIu64 " deletions", totals->deletions);
	if (totals->moves)
		uw_buf_printf(buf, ", %" PRIu64 " moves", totals->moves);
	uw_buf_printf(buf, ", %" PRIu64 " failed", totals->failed);
	if (totals->unknown)
		uw_buf_printf(buf, ", %" PRIu64 " with an unknown result", totals->unknown);
}
