/* SPDX-License-Identifier: MIT */
/*
 * Readers for the output of daemon/record/format.c: JSON strings and values (RFC 8259), words in
 * double quotes, and arguments quoted for a shell. Each aborts on invalid input, and writes to a
 * buffer of its caller.
 */
#ifndef UW_FUZZ_READ_BACK_H
#define UW_FUZZ_READ_BACK_H

#include "fuzz.h"

struct reader {
	struct uw_str *from;
	char *room;
	size_t len, size;
};

static inline unsigned char next_byte(struct uw_str *s)
{
	unsigned char c;

	CHECK(s->len > 0);
	c = (unsigned char)s->s[0];
	*s = (struct uw_str){ s->s + 1, s->len - 1 };
	return c;
}

static inline void put_byte(struct reader *reader, unsigned int c)
{
	CHECK(reader->len < reader->size);
	reader->room[reader->len++] = (char)c;
}

/* Reads hexadecimal digits. */
static inline unsigned int read_hex(struct uw_str *s, int digits)
{
	unsigned int value = 0;

	while (digits-- > 0) {
		unsigned char c = next_byte(s);

		CHECK((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
		value = 16 * value + (c <= '9' ? c - '0' : c - 'a' + 10u);
	}
	return value;
}

static inline void put_character(struct reader *reader, unsigned int c)
{
	if (c >= 0x10000) {
		put_byte(reader, 0xf0 | c >> 18);
		put_byte(reader, 0x80 | (c >> 12 & 0x3f));
		put_byte(reader, 0x80 | (c >> 6 & 0x3f));
	} else if (c >= 0x800) {
		put_byte(reader, 0xe0 | c >> 12);
		put_byte(reader, 0x80 | (c >> 6 & 0x3f));
	} else if (c >= 0x80) {
		put_byte(reader, 0xc0 | c >> 6);
	}
	put_byte(reader, c < 0x80 ? c : 0x80 | (c & 0x3f));
}

/* Reads the digits of \\u, and a second \\u that makes a pair with it. */
static inline unsigned int read_escape(struct uw_str *s)
{
	unsigned int c = read_hex(s, 4), low;

	CHECK(c < 0xdc00 || c > 0xdfff);
	if (c < 0xd800 || c > 0xdbff)
		return c;
	CHECK(next_byte(s) == '\\' && next_byte(s) == 'u');
	low = read_hex(s, 4);
	CHECK(low >= 0xdc00 && low <= 0xdfff);
	return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

/* Cuts a string with its quotes off `from`. */
static inline struct uw_str read_json_string(struct uw_str *from, char *room, size_t size)
{
	struct reader reader = { from, room, 0, size };
	unsigned char c;

	CHECK(next_byte(from) == '"');
	while ((c = next_byte(from)) != '"') {
		CHECK(c >= 0x20);
		if (c != '\\') {
			put_byte(&reader, c);
			continue;
		}
		c = next_byte(from);
		CHECK(c == 'u' || c == '"' || c == '\\');
		if (c == 'u')
			put_character(&reader, read_escape(from));
		else
			put_byte(&reader, c);
	}
	return (struct uw_str){ room, reader.len };
}

/* Reads an array of numbers, which are bytes. It skips over an array of strings, such as the rules.
 */
static inline struct uw_str read_json_array(struct uw_str *from, char *room, size_t size)
{
	struct reader reader = { from, room, 0, size };
	unsigned char c = next_byte(from);

	CHECK(c == '[');
	while (c != ']') {
		unsigned int value = 0, digits = 0;

		CHECK(from->len > 0);
		if (from->s[0] == '"') {
			read_json_string(from, room, size);
			c = next_byte(from);
			continue;
		}
		for (c = next_byte(from); c >= '0' && c <= '9'; c = next_byte(from), digits++)
			value = 10 * value + (c - '0');
		CHECK((c == ',' || c == ']') && digits > 0 && value < 256);
		put_byte(&reader, value);
	}
	return (struct uw_str){ room, reader.len };
}

/* Returns the bytes of a string or array, or the text of a number or null. */
static inline struct uw_str read_json_value(struct uw_str *from, char *room, size_t size)
{
	struct uw_str word = { from->s, 0 };

	CHECK(from->len > 0);
	if (from->s[0] == '"')
		return read_json_string(from, room, size);
	if (from->s[0] == '[')
		return read_json_array(from, room, size);
	while (from->len > 0 && from->s[0] != ',' && from->s[0] != '}') {
		CHECK(strchr("-0123456789null", next_byte(from)));
		word.len++;
	}
	CHECK(word.len > 0);
	return word;
}

/* Cuts a word off up to a space outside of quotes, together with the space. */
static inline struct uw_str take_word(struct uw_str *line)
{
	struct uw_str word = { line->s, 0 };
	bool quoted = false;

	while (line->len > 0) {
		unsigned char c = next_byte(line);

		if (c == ' ' && !quoted)
			break;
		word.len++;
		if (c == '"')
			quoted = !quoted;
		if (c == '\\' && quoted) {
			next_byte(line);
			word.len++;
		}
	}
	CHECK(!quoted);
	return word;
}

/* Returns the argument of uw_buf_add_safe(). */
static inline struct uw_str read_quoted(struct uw_str word, char *room, size_t size)
{
	static const char letters[] = "abtnvfr";
	struct reader reader = { &word, room, 0, size };
	unsigned char c;

	if (word.len == 0 || word.s[0] != '"')
		return word;
	next_byte(&word);
	while ((c = next_byte(&word)) != '"') {
		if (c == '\\') {
			c = next_byte(&word);
			if (c == 'x')
				c = (unsigned char)read_hex(&word, 2);
			else if (c != '"' && c != '\\') {
				CHECK(strchr(letters, c));
				c = (unsigned char)('\a' + (strchr(letters, c) - letters));
			}
		}
		put_byte(&reader, c);
	}
	CHECK(word.len == 0);
	return (struct uw_str){ room, reader.len };
}

/* Splits like a shell, into arguments with a NUL between them. */
static inline struct uw_str read_arguments(struct uw_str line, char room[UW_CMDLINE_MAX])
{
	struct reader reader = { &line, room, 0, UW_CMDLINE_MAX };
	bool quoted = false;

	while (line.len > 0) {
		unsigned char c = next_byte(&line);

		if (c == '\'')
			quoted = !quoted;
		else if (c == ' ' && !quoted)
			put_byte(&reader, '\0');
		else
			put_byte(&reader, c == '\\' && !quoted ? next_byte(&line) : c);
	}
	CHECK(!quoted);
	return (struct uw_str){ room, reader.len };
}

#endif
