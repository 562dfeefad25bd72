/* SPDX-License-Identifier: MIT */
/* Reads the journal's native protocol as journald does, for the tests of those who write it. */
#ifndef UW_JOURNAL_FIELDS_HELPER_H
#define UW_JOURNAL_FIELDS_HELPER_H

#include <endian.h>
#include <string.h>
#include <sys/uio.h>

#include "base/buf.h"

#define FIELDS_MAX 128

/*
 * The fields as NAME=value, one behind the other in `joined`, with iov pointing to each. Fails the
 * test where the bytes are not what journald takes.
 */
static inline size_t native_fields(const char *p, size_t len, struct uw_buf *joined,
				   struct iovec iov[FIELDS_MAX])
{
	const char *end = p + len, *line_end, *equals;
	size_t n = 0, i;
	uint64_t size;
	char *at;

	uw_buf_reset(joined);
	while (p < end) {
		assert_in_range(n, 0, FIELDS_MAX - 1);
		line_end = memchr(p, '\n', (size_t)(end - p));
		assert_non_null(line_end);
		equals = memchr(p, '=', (size_t)(line_end - p));
		uw_buf_add(joined, p, (size_t)(line_end - p));
		iov[n].iov_len = (size_t)(line_end - p);
		p = line_end + 1;
		if (!equals) {
			assert_in_range(sizeof(size), 0, (size_t)(end - p));
			memcpy(&size, p, sizeof(size));
			size = le64toh(size);
			p += sizeof(size);
			assert_true(size < (size_t)(end - p));
			uw_buf_puts(joined, "=");
			uw_buf_add(joined, p, size);
			iov[n].iov_len += 1 + size;
			p += size;
			assert_int_equal(*p++, '\n');
		}
		n++;
	}
	assert_false(joined->failed);
	for (i = 0, at = joined->p; i < n; at += iov[i++].iov_len)
		iov[i].iov_base = at;
	return n;
}

#endif
