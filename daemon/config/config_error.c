// SPDX-License-Identifier: MIT
/*
 * Collects the mistakes of a configuration in one pass, sorts them by file and line, and makes them
 * safe to print whatever bytes the file holds.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/buf.h"
#include "config/config_internal.h"

static char *escape(const char *text)
{
	size_t left = strlen(text), len;
	char *escaped = malloc(4 * left + 1), *out = escaped;
	unsigned int c;

	if (!escaped)
		return NULL;
	for (; left > 0; text += len, left -= len) {
		len = uw_utf8(text, left, &c);
		if (len > 0 && !uw_is_unsafe(c)) {
			memcpy(out, text, len);
			out += len;
		} else {
			len = 1;
			out += sprintf(out, "\\x%02x", (unsigned char)*text);
		}
	}
	*out = '\0';
	return escaped;
}

const char *uw_shown(char buffer[UW_SHOWN_MAX], const char *text)
{
	static const char more[] = "...";
	size_t len = UW_SHOWN_MAX - sizeof(more);

	if (strlen(text) < UW_SHOWN_MAX)
		return text;
	/* Do not cut a character in two. */
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	memcpy(buffer, text, len);
	memcpy(buffer + len, more, sizeof(more));
	return buffer;
}

/* Takes ownership of text. */
static int add(struct uw_draft *draft, struct uw_place place, char *text)
{
	if (!uw_array_room(draft->mistakes, draft->n_mistakes)) {
		free(text);
		return -ENOMEM;
	}
	draft->mistakes[draft->n_mistakes] = (struct uw_mistake){
		.place = place,
		.seq = draft->n_mistakes,
		.text = text,
	};
	draft->n_mistakes++;
	return 0;
}

static int prefixed(const struct uw_draft *draft, struct uw_place place, const char *message,
		    char **ret)
{
	const char *file = draft->files[place.file], *key = draft->key ? draft->key : "";
	const char *colon = draft->key ? ": " : "";
	int r;

	if (place.line == 0)
		r = asprintf(ret, "%s: %s", file, message);
	else
		r = asprintf(ret, "%s:%u: %s%s%s", file, place.line, key, colon, message);
	return r < 0 ? -ENOMEM : 0;
}

static int note(struct uw_draft *draft, struct uw_place place, const char *format, va_list ap)
{
	char *message, *line, *text;
	int r;

	if (draft->rule)
		draft->rule->broken = true;
	if (draft->n_mistakes > UW_CONFIG_ERRORS_MAX)
		return 0;
	if (draft->n_mistakes == UW_CONFIG_ERRORS_MAX)
		r = asprintf(&message, "too many mistakes, the rest is not shown; correct the "
				       "first ones and check again");
	else
		r = vasprintf(&message, format, ap);
	if (r < 0)
		return -ENOMEM;
	r = prefixed(draft, place, message, &line);
	free(message);
	if (r < 0)
		return r;
	text = escape(line);
	free(line);
	return text ? add(draft, place, text) : -ENOMEM;
}

int uw_draft_mistake(struct uw_draft *draft, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = note(draft, draft->place, format, ap);
	va_end(ap);
	return r;
}

int uw_draft_mistake_at(struct uw_draft *draft, struct uw_place place, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = note(draft, place, format, ap);
	va_end(ap);
	return r;
}

static int compare_mistakes(const void *a, const void *b)
{
	const struct uw_mistake *x = a, *y = b;

	if (x->place.file != y->place.file)
		return x->place.file < y->place.file ? -1 : 1;
	if (x->place.line != y->place.line)
		return x->place.line < y->place.line ? -1 : 1;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

int uw_draft_take_mistakes(struct uw_draft *draft, struct uw_errors *ret)
{
	struct uw_errors errors = { 0 };

	if (draft->n_mistakes == 0) {
		*ret = errors;
		return 0;
	}
	errors.line = calloc(draft->n_mistakes, sizeof(*errors.line));
	if (!errors.line)
		return -ENOMEM;
	qsort(draft->mistakes, draft->n_mistakes, sizeof(*draft->mistakes), compare_mistakes);
	for (size_t i = 0; i < draft->n_mistakes; i++)
		errors.line[errors.n++] = draft->mistakes[i].text;
	draft->n_mistakes = 0;
	*ret = errors;
	return 0;
}

/* The Levenshtein distance. Words that are longer than any key are far from every key. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), row[33];

	if (n > 32 || m > 32)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);
			size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

			diagonal = row[j];
			row[j] = change < other ? change : other;
		}
	}
	return row[m];
}

bool uw_looks_like(const char *written, const char *wanted)
{
	return !strcasecmp(written, wanted) || edit_distance(written, wanted) <= 2;
}
