// SPDX-License-Identifier: MIT
/* Values of the configuration that are numbers. */
#include <ctype.h>
#include <string.h>

#include "config/config_draft.h"

#define SIZE_LIMIT ((uint64_t)1 << 30)

/*
 * Reads digits, and returns what comes behind them. Too many of them stop at some 34 bits, beyond
 * every limit, so that nothing overflows.
 */
static const char *digits(const char *s, uint64_t *ret)
{
	*ret = 0;
	for (; isdigit((unsigned char)*s); s++)
		if (*ret <= SIZE_LIMIT)
			*ret = *ret * 10 + (uint64_t)(*s - '0');
	return s;
}

int uw_draft_take_size(struct uw_draft *draft, const char *word, uint64_t min, const char *least,
		       size_t *ret)
{
	uint64_t size;
	const char *s = digits(word, &size);

	if (s == word || (*s && (!strchr("KMG", *s) || s[1])))
		return uw_draft_mistake(draft,
					"\"%s\" is not a size; write a number and K, M or G, as 4M",
					UW_SHOWN(word));
	size <<= *s == 'G' ? 30 : *s == 'M' ? 20 : *s == 'K' ? 10 : 0;
	if (size < min || size > SIZE_LIMIT || (size & (size - 1)))
		return uw_draft_mistake(draft,
					"\"%s\" is not a power of two from %s to 1G; write 4M, "
					"for example",
					UW_SHOWN(word), least);
	*ret = (size_t)size;
	return 0;
}

int uw_draft_take_count(struct uw_draft *draft, const char *word, unsigned int min,
			unsigned int max, unsigned int *ret)
{
	uint64_t n;
	const char *s = digits(word, &n);

	if (s == word || *s || n < min || n > max)
		return uw_draft_mistake(draft, "\"%s\" is not a number from %u to %u",
					UW_SHOWN(word), min, max);
	*ret = (unsigned int)n;
	return 0;
}
