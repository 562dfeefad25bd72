// SPDX-License-Identifier: MIT
/* Tests of daemon/record/cmdline.c: lines byte by byte, and what a shell makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/cmdline.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static const struct row {
	struct uw_str raw;
	const char *line;
	bool cut;
} rows[] = {
	{ TEXT("rm"), "rm" },
	{ TEXT("rm\0-rf\0/srv/a"), "rm -rf /srv/a" },
	{ TEXT("x\0AZaz09._/:=,@%+-"), "x AZaz09._/:=,@%+-" },
	{ TEXT("rm\0a b"), "rm 'a b'" },
	{ TEXT("rm\0*"), "rm '*'" },
	{ TEXT("rm\0~\0$HOME\0`x`\0a;b\0a|b\0a&b\0<a\0>b\0#c\0!x"),
	  "rm '~' '$HOME' '`x`' 'a;b' 'a|b' 'a&b' '<a' '>b' '#c' '!x'" },
	{ TEXT("rm\0[a]\0{a,b}\0(a)\0\\\0\"\0^\0?"), "rm '[a]' '{a,b}' '(a)' '\\' '\"' '^' '?'" },
	{ TEXT("rm\0it's"), "rm 'it'\\''s'" },
	{ TEXT("'"), "''\\'''" },
	{ TEXT("rm\0a\nb\t\x1b\x7f"), "rm 'a\nb\t\x1b\x7f'" },
	{ TEXT("rm\0\xc3\xa9\xff"), "rm '\xc3\xa9\xff'" },
	{ TEXT("/opt/my prog/rm\0x"), "'/opt/my prog/rm' x" },
	{ TEXT("A=b\0C=d"), "'A=b' C=d" },
	{ TEXT("%1\0%2"), "'%1' %2" },
	{ TEXT("rm\0\0x"), "rm '' x" },
	{ TEXT("\0x"), "'' x" },
	{ TEXT("rm\0"), "rm ''" },
	{ TEXT("nginx: worker process\0\0"), "'nginx: worker process'" },
	{ TEXT("sshd: alice\0\0\0\0\0\0"), "'sshd: alice'" },
	{ TEXT("\0\0\0"), "''" },
	{ TEXT("\0"), "'' ''" },
	{ TEXT("rm\0fi"), "rm fi (cut)", true },
	{ TEXT("rm\0fi le"), "rm 'fi le' (cut)", true },
	{ TEXT("rm\0(cut)"), "rm '(cut)'" },
	{ TEXT("rm\0(cut)"), "rm '(cut)' (cut)", true },
	{ TEXT("rm\0"), "rm '' (cut)", true },
	{ TEXT("rm\0\0\0"), "rm (cut)", true },
};

static void test_lines(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < LEN(rows); i++) {
		const struct row *row = &rows[i];
		char *raw = malloc(row->raw.len), *room = malloc(UW_CMDLINE_ROOM);

		assert_non_null(raw);
		assert_non_null(room);
		memcpy(raw, row->raw.s, row->raw.len);
		len = uw_cmdline_quote((struct uw_str){ raw, row->raw.len }, row->cut, room);
		if (len != strlen(row->line) || memcmp(room, row->line, len))
			fail_msg("%.*s, not %s", (int)len, room, row->line);
		free(raw);
		free(room);
	}
}

/* Runs a shell that prints its arguments. */
static size_t pasted(const char *line, size_t len, char *got, size_t size, int *ret_status)
{
	char command[UW_CMDLINE_ROOM + 64];
	FILE *shell;
	size_t n;

	snprintf(command, sizeof(command), "exec 2>&-\nprintf '%%s\\0' %.*s", (int)len, line);
	shell = popen(command, "r");
	assert_non_null(shell);
	n = fread(got, 1, size, shell);
	*ret_status = pclose(shell);
	return n;
}

static void test_pasted(void **state)
{
	char room[UW_CMDLINE_ROOM], got[UW_CMDLINE_ROOM];
	size_t i, len, n;
	int status;

	(void)state;
	for (i = 0; i < LEN(rows); i++) {
		const struct row *row = &rows[i];

		len = uw_cmdline_quote(row->raw, row->cut, room);
		n = pasted(room, len, got, sizeof(got), &status);
		assert_int_equal(status != 0, row->cut);
		if (row->cut) {
			assert_int_equal(n, 0);
			continue;
		}
		assert_in_range(n, 1, row->raw.len + 1);
		assert_memory_equal(got, row->raw.s, n - 1);
		/* The missing bytes are padding. */
		for (n--; n < row->raw.len; n++)
			assert_int_equal(row->raw.s[n], 0);
	}
}

/* Command lines of the decoder's maximum fit into the room. */
static void test_longest(void **state)
{
	static const char fill[] = "\0' a";
	char raw[UW_CMDLINE_MAX];
	size_t first, second, i;

	(void)state;
	for (first = 0; first < 4; first++) {
		for (second = 0; second < 4; second++) {
			char *room = malloc(UW_CMDLINE_ROOM);

			assert_non_null(room);
			for (i = 0; i < sizeof(raw); i++)
				raw[i] = fill[i % 2 ? second : first];
			raw[sizeof(raw) - 1] = raw[sizeof(raw) - 1] ?: '\'';
			uw_cmdline_quote((struct uw_str){ raw, sizeof(raw) }, true, room);
			free(room);
		}
	}
}

#define TEST(title, function)                     \
	{                                         \
		title, function, NULL, NULL, NULL \
	}

static const struct CMUnitTest tests[] = {
	TEST("quotes arguments for a shell", test_lines),
	TEST("writes a line that a shell splits into the same arguments, or rejects if it was cut",
	     test_pasted),
	TEST("has room for the longest command line", test_longest),
};

int main(void)
{
	return cmocka_run_group_tests_name("cmdline", tests, NULL, NULL);
}
