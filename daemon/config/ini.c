// SPDX-License-Identifier: MIT
/*
 * Lines and words of systemd's configuration dialect. Where the manual pages are silent, the parser
 * behaves as conf-parser.c and extract-word.c of systemd 255 do.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "config/ini.h"

#define COMMENTS "#;"
#define BOM	 "\xef\xbb\xbf"

static bool is_space(char c)
{
	return c != '\0' && strchr(UW_INI_SPACE, c);
}

/* Reads one physical line, without its end. CR LF counts as one end of line. */
static bool take_physical(struct uw_ini *ini, const char **ret, size_t *ret_len)
{
	const char *start = ini->text + ini->pos, *end;
	size_t left = ini->size - ini->pos;

	if (left == 0)
		return false;
	if (ini->pos == 0 && left >= strlen(BOM) && !memcmp(start, BOM, strlen(BOM))) {
		start += strlen(BOM);
		left -= strlen(BOM);
	}
	end = left ? memchr(start, '\n', left) : NULL;
	if (!end)
		end = start + left;
	ini->pos = (size_t)(end - ini->text) + (end < ini->text + ini->size);
	ini->physical++;
	if (end > start && end[-1] == '\r')
		end--;
	*ret = start;
	*ret_len = (size_t)(end - start);
	return true;
}

static int add_piece(struct uw_ini *ini)
{
	if (!uw_array_room(ini->pieces, ini->n_pieces))
		return -ENOMEM;
	ini->pieces[ini->n_pieces++] = (struct uw_ini_piece){ ini->len, ini->physical };
	return 0;
}

/* True if the last character is a backslash that is not itself escaped. */
static bool is_continued(const char *s, size_t len)
{
	size_t backslashes = 0;

	while (backslashes < len && s[len - 1 - backslashes] == '\\')
		backslashes++;
	return backslashes % 2 != 0;
}

/* Appends to the logical line. Beyond the limit, drops the text and only counts it in len. */
static void append(struct uw_ini *ini, const char *s, size_t len)
{
	if (ini->len + len <= UW_INI_LINE_MAX)
		memcpy(ini->line + ini->len, s, len);
	ini->len += len;
}

int uw_ini_next(struct uw_ini *ini)
{
	bool continued = false;
	const char *s;
	size_t len;
	int r;

	if (!ini->line) {
		ini->line = malloc(UW_INI_LINE_MAX + 1);
		if (!ini->line)
			return -ENOMEM;
	}
	ini->len = 0;
	ini->n_pieces = 0;
	while (take_physical(ini, &s, &len)) {
		if (memchr(s, '\0', len)) {
			ini->n_pieces = 0;
			r = add_piece(ini);
			return r < 0 ? r : -EILSEQ;
		}
		/* Strip and skip first: comments have no limit of length. */
		while (len > 0 && is_space(*s)) {
			s++;
			len--;
		}
		if (len > 0 && strchr(COMMENTS, *s))
			continue;
		if (len == 0 && !continued)
			continue;
		r = add_piece(ini);
		if (r < 0)
			return r;
		continued = is_continued(s, len);
		append(ini, s, len - continued);
		if (!continued)
			break;
		append(ini, " ", 1);
	}
	if (ini->n_pieces == 0)
		return 0;
	if (ini->len > UW_INI_LINE_MAX)
		return -EMSGSIZE;
	while (ini->len > 0 && is_space(ini->line[ini->len - 1]))
		ini->len--;
	ini->line[ini->len] = '\0';
	return 1;
}

unsigned int uw_ini_first_line(const struct uw_ini *ini)
{
	return ini->n_pieces ? ini->pieces[0].line : ini->physical;
}

unsigned int uw_ini_line_of(const struct uw_ini *ini, const char *p)
{
	size_t offset = (size_t)(p - ini->line), i = ini->n_pieces;

	while (i > 1 && ini->pieces[i - 1].offset > offset)
		i--;
	return i ? ini->pieces[i - 1].line : ini->physical;
}

void uw_ini_done(struct uw_ini *ini)
{
	free(ini->line);
	free(ini->pieces);
	ini->line = NULL;
	ini->pieces = NULL;
}

char *uw_ini_strip(char *text)
{
	size_t len;

	text += strspn(text, UW_INI_SPACE);
	len = strlen(text);
	while (len > 0 && is_space(text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

/* Reads exactly n digits of the given base; returns the number or -EINVAL. */
static int64_t parse_digits(const char *s, size_t n, unsigned int base)
{
	int64_t value = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned int digit;

		if (s[i] >= '0' && s[i] <= '9')
			digit = (unsigned int)(s[i] - '0');
		else if ((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'f')
			digit = (unsigned int)((s[i] | 0x20) - 'a' + 10);
		else
			return -EINVAL;
		if (digit >= base)
			return -EINVAL;
		value = value * base + digit;
	}
	return value;
}

/* The result is never longer than the escape: \u has six characters, \U ten. */
static char *put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

/* Decodes a numeric escape, whose digits follow `skip` characters at *in. */
static int put_number(char **in, char **out, size_t skip, size_t digits, unsigned int base)
{
	int64_t c = parse_digits(*in + skip, digits, base);

	if (c < 0)
		return -EINVAL;
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || (digits < 4 && c > 0xff))
		return -ERANGE;
	*in += skip + digits;
	if (digits < 4)
		*(*out)++ = (char)c; /* a byte, not a character */
	else
		*out = put_utf8(*out, (uint32_t)c);
	return 0;
}

/* *in points behind the backslash. */
static int unescape(char **in, char **out)
{
	static const char from[] = "abfnrtv\\\"'s", to[] = "\a\b\f\n\r\t\v\\\"' ";
	const char *simple;

	switch (**in) {
	case 'x':
		return put_number(in, out, 1, 2, 16);
	case 'u':
		return put_number(in, out, 1, 4, 16);
	case 'U':
		return put_number(in, out, 1, 8, 16);
	case '0' ... '7':
		return put_number(in, out, 0, 3, 8);
	case '\0':
		return -EINVAL;
	}
	simple = strchr(from, **in);
	if (!simple)
		return -EINVAL;
	(*in)++;
	*(*out)++ = to[simple - from];
	return 0;
}

int uw_ini_next_word(struct uw_ini_words *words)
{
	char *in = words->next + strspn(words->next, UW_INI_SPACE), *out = in;
	char quote = '\0';
	int r;

	words->start = words->word = in;
	if (*in == '\0')
		return 0;
	while (*in != '\0' && (quote || !is_space(*in))) {
		if (*in == '\\') {
			words->fault = in++;
			r = unescape(&in, &out);
			if (r < 0)
				return r;
		} else if (quote && *in == quote) {
			quote = '\0';
			in++;
		} else if (!quote && (*in == '"' || *in == '\'')) {
			words->fault = in;
			words->quote = quote = *in++;
		} else {
			*out++ = *in++;
		}
	}
	if (quote)
		return -EBADMSG;
	words->next = *in == '\0' ? in : in + 1;
	*out = '\0';
	return 1;
}
