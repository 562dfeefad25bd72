/* SPDX-License-Identifier: MIT */
/* Says for each rule whether it would record a deletion, and if not, why not. Pure. */
#ifndef UW_CTL_EXPLAIN_H
#define UW_CTL_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config.h"
#include "rules/filter.h"

/* A deletion that has not happened. */
struct uw_supposed {
	const char *path; /* absolute, as the kernel would resolve it */
	uint32_t uid;
	enum uw_op op;
	bool success;
};

enum uw_verdict_type {
	UW_VERDICT_MATCH,
	UW_VERDICT_OPERATION,
	UW_VERDICT_RESULT,
	UW_VERDICT_USER,
	UW_VERDICT_EXCLUDED_USER,
	UW_VERDICT_PATH,
	UW_VERDICT_EXCLUDED_PATH,
};

struct uw_verdict {
	enum uw_verdict_type type;
	/*
	 * The pattern that covers it: of a match that of Path=, or NULL; of an excluded path that.
	 */
	const char *pattern;
};

/*
 * Decides rule i of the filter's configuration: that it matches, as uw_filter_match() says, or the
 * first key that does not. Returns 0 or -ENOMEM.
 */
int uw_explain(const struct uw_filter *filter, const struct uw_filter_env *env, size_t i,
	       const struct uw_supposed *supposed, struct uw_verdict *ret);

/* Adds the verdict in words, safe to print: "would record it: Path=/srv covers the path". */
void uw_verdict_add(const struct uw_verdict *verdict, const struct uw_supposed *supposed,
		    struct uw_buf *buf);

#endif
