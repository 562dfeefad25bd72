// SPDX-License-Identifier: MIT
#include "record/cmdline.h"

#include <string.h>

static bool plain(const char *s, size_t len, bool command)
{
	size_t i;

	for (i = 0; i < len; i++) {
		switch (s[i]) {
		case '0' ... '9':
		case 'A' ... 'Z':
		case 'a' ... 'z':
		case '.':
		case '_':
		case '/':
		case ':':
		case ',':
		case '@':
		case '+':
		case '-':
			continue;
		case '=':
		case '%':
			/* In the first word, these would make an assignment or name a job. */
			if (!command)
				continue;
			return false;
		default:
			return false;
		}
	}
	return len;
}

/* Between single quotes every byte but the quote stands for itself. */
static size_t quote(const char *s, size_t len, char *to)
{
	size_t n = 0, i;

	to[n++] = '\'';
	for (i = 0; i < len; i++) {
		if (s[i] == '\'') {
			memcpy(to + n, "'\\'", 3);
			n += 3;
		}
		to[n++] = s[i];
	}
	to[n++] = '\'';
	return n;
}

/*
 * A program that overwrites its arguments to set its title, like setproctitle(3), pads them with
 * NULs, which are no arguments. A single empty argument at the end may be real.
 */
static struct uw_str without_padding(struct uw_str cmdline)
{
	size_t len = cmdline.len;

	while (len && !cmdline.s[len - 1])
		len--;
	return cmdline.len - len > 1 ? (struct uw_str){ cmdline.s, len } : cmdline;
}

size_t uw_cmdline_quote(struct uw_str cmdline, bool cut, char room[UW_CMDLINE_ROOM])
{
	static const char mark[] = " (cut)";
	size_t n = 0, at = 0, len;
	const char *nul;

	cmdline = without_padding(cmdline);
	do {
		const char *s = cmdline.s + at;

		nul = memchr(s, '\0', cmdline.len - at);
		len = nul ? (size_t)(nul - s) : cmdline.len - at;
		if (at)
			room[n++] = ' ';
		if (plain(s, len, !at)) {
			memcpy(room + n, s, len);
			n += len;
		} else {
			n += quote(s, len, room + n);
		}
		at += len + 1;
	} while (nul);
	if (!cut)
		return n;
	memcpy(room + n, mark, sizeof(mark) - 1);
	return n + sizeof(mark) - 1;
}
