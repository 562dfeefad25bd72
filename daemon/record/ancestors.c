// SPDX-License-Identifier: MIT
#include "record/ancestors.h"

#include <assert.h>
#include <string.h>

bool uw_record_ancestor(const struct uw_record *r, size_t i, struct uw_str *ret_comm,
			uint32_t *ret_pid)
{
	const size_t size = sizeof(struct uw_ancestor);
	const char *at;

	if (i >= r->ancestors.len / size)
		return false;
	at = r->ancestors.s + i * size;
	memcpy(ret_pid, at + offsetof(struct uw_ancestor, pid), sizeof(*ret_pid));
	*ret_comm = (struct uw_str){ at, strnlen(at, UW_COMM_LEN) };
	return true;
}

bool uw_record_may_be_under(const struct uw_record *r, const char *comm)
{
	struct uw_str other = r->comm;
	uint32_t pid = 0;
	size_t i;

	if (r->via == UW_VIA_KERNEL)
		return false;
	for (i = 0; !uw_str_is(other, comm); i++)
		if (!uw_record_ancestor(r, i, &other, &pid))
			return pid != 1;
	return true;
}

static void parse_chain(const struct uw_record *record, struct uw_chain *chain)
{
	struct uw_str *comm = chain->comm;
	uint32_t pid;
	size_t k;

	assert(record->ancestors.len <= sizeof(chain->bytes));
	if (record->ancestors.len)
		memcpy(chain->bytes, record->ancestors.s, record->ancestors.len);
	chain->len = record->ancestors.len;
	chain->n = 0;
	uw_buf_reset(&chain->text);
	for (size_t i = 0; uw_record_ancestor(record, i, &comm[chain->n], &pid); i++) {
		struct uw_str *last = &comm[chain->n];

		last->s = chain->bytes + (last->s - record->ancestors.s);
		uw_buf_puts(&chain->text, i ? " < " : "");
		uw_buf_add_safe(&chain->text, *last, "[]<");
		uw_buf_puts(&chain->text, "[");
		uw_buf_add_uint(&chain->text, pid);
		uw_buf_puts(&chain->text, "]");
		for (k = 0; k < chain->n && !uw_str_equal(comm[k], *last); k++)
			;
		chain->n += k == chain->n && pid != 1;
		if (chain->n == UW_ANCESTORS_MAX)
			break;
	}
}

const struct uw_chain *uw_chain_of(const struct uw_record *r)
{
	static struct uw_chain last;
	struct uw_str s = r->ancestors;

	if (s.len != last.len || last.text.failed || (s.len && memcmp(s.s, last.bytes, s.len)))
		parse_chain(r, &last);
	return &last;
}
