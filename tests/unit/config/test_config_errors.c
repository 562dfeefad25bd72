// SPDX-License-Identifier: MIT
/*
 * Every mistake that a configuration can hold, with the exact message that it earns.
 */
#include "config/config_helper.h"

struct bad {
	const char *title;
	const char *text;
	size_t size; /* where the text holds NULs */
	const char *errors;
};

#define A10  "aaaaaaaaaa"
#define A100 A10 A10 A10 A10 A10 A10 A10 A10 A10 A10

static const struct bad bads[] = {
	/* lines */
	{ "an assignment before any section is refused", "Path=/srv\n", 0,
	  "conf:1: \"Path\" stands before any section; write [Watch], [Daemon] or [Storm] above it\n" },
	{ "a line without = is refused", "[Watch]\nPath /srv\n", 0,
	  "conf:2: \"Path /srv\" is neither KEY=VALUE nor a [Section]; a comment begins with # or ;\n" },
	{ "a line without = before any section is refused", "hello\n", 0,
	  "conf:1: \"hello\" is neither KEY=VALUE nor a [Section]; a comment begins with # or ;\n" },
	{ "a line that begins with = is refused", "[Watch]\n = /srv\n", 0,
	  "conf:2: there is no key before the =; write KEY=VALUE\n" },
	{ "a NUL byte is refused and ends the reading of the file", "[Watch]\nPath=/s\0rv\nBad\n",
	  24, "conf:2: holds a NUL byte; save the file as plain text\n" },
	{ "a NUL byte in a continued line is reported where it is", "[Watch]\nPath=/a \\\n\0", 19,
	  "conf:3: holds a NUL byte; save the file as plain text\n" },
	{ "the line number counts comments, empty and continued lines",
	  "# one\n\n[Watch]\nPath=/a \\\n  /b\n; six\nOops\n", 0,
	  "conf:7: \"Oops\" is neither KEY=VALUE nor a [Section]; a comment begins with # or ;\n" },
	{ "a word on a continued line is reported where it stands",
	  "[Watch]\nPath=/a \\\n# comment\n  b \\\n\t/c/../d\n", 0,
	  "conf:4: Path: \"b\" is not absolute; write /**/b for that name anywhere\n"
	  "conf:5: Path: \"/c/../d\": a .. component; write the path without it\n" },
	{ "control characters and broken UTF-8 are shown as numbers",
	  "[Watch]\nPath=a\x1b[31m\xff\xc3\xa9\xc2\x9b\n", 0,
	  "conf:2: Path: \"a\\x1b[31m\\xff\xc3\xa9\\xc2\\x9b\" is not absolute; write "
	  "/**/a\\x1b[31m\\xff\xc3\xa9\\xc2\\x9b for that name anywhere\n" },
	{ "overlong forms and surrogates are shown as numbers",
	  "[Watch]\nPath=a\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xf0\x9f\x98\x80\n", 0,
	  "conf:2: Path: \"a\\xc0\\xaf\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\xf0\x9f\x98\x80\" is not absolute; "
	  "write /**/a\\xc0\\xaf\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\xf0\x9f\x98\x80 for that name "
	  "anywhere\n" },
	{ "characters that turn the direction of the text are shown as numbers",
	  "[Watch]\nPath=a\xe2\x80\xae\xd8\x9c\n", 0,
	  "conf:2: Path: \"a\\xe2\\x80\\xae\\xd8\\x9c\" is not absolute; write "
	  "/**/a\\xe2\\x80\\xae\\xd8\\x9c for that name anywhere\n" },
	{ "a newline by escape cannot forge a second message", "[Watch]\nPath=a\\nconf:9:\n", 0,
	  "conf:2: Path: \"a\\x0aconf:9:\" is not absolute; write /**/a\\x0aconf:9: for that name "
	  "anywhere\n" },
	{ "a long value is cut in the message", "[Watch]\nUser=" A100 A100 "\n", 0,
	  "conf:2: User: unknown user \"" A100 A10 A10 "aaaa...\"; create it, or write a uid\n" },
	{ "all mistakes are reported in one pass", "x\n[Watch]\nPath=a\nUser=zed\n[Nope]\n", 0,
	  "conf:1: \"x\" is neither KEY=VALUE nor a [Section]; a comment begins with # or ;\n"
	  "conf:3: Path: \"a\" is not absolute; write /**/a for that name anywhere\n"
	  "conf:4: User: unknown user \"zed\"; create it, or write a uid\n"
	  "conf:5: unknown section [Nope]; known are [Watch], [Watch NAME], [Daemon] and [Storm]\n" },

	/* sections */
	{ "a section without ] is refused, its lines are passed over", "[Watch\nBad\n", 0,
	  "conf:1: a section begins with [ and ends with ]; a comment takes a line of its own\n" },
	{ "a comment behind a section is refused", "[Watch] # all\n", 0,
	  "conf:1: a section begins with [ and ends with ]; a comment takes a line of its own\n" },
	{ "an unknown section is refused, its lines are passed over", "[Nothing]\nBurst=1\nx\n", 0,
	  "conf:1: unknown section [Nothing]; known are [Watch], [Watch NAME], [Daemon] and [Storm]\n" },
	{ "a section in the wrong case has its spelling suggested", "[watch]\nPath=a\n", 0,
	  "conf:1: unknown section [watch]; did you mean [Watch]?\n" },
	{ "a misspelt section with a name keeps it in the suggestion", "[Wacth payroll]\n", 0,
	  "conf:1: unknown section [Wacth payroll]; did you mean [Watch payroll]?\n" },
	{ "a misspelt [Daemon] has its spelling suggested", "[Deamon]\n", 0,
	  "conf:1: unknown section [Deamon]; did you mean [Daemon]?\n" },
	{ "an empty section is unknown", "[]\n", 0,
	  "conf:1: unknown section []; known are [Watch], [Watch NAME], [Daemon] and [Storm]\n" },
	{ "[Daemon] takes no name", "[Daemon main]\nProbe=auto\n", 0,
	  "conf:1: section [Daemon] takes no name; write [Daemon]\n" },
	{ "a name with other characters is refused", "[Watch pay/roll]\n", 0,
	  "conf:1: \"pay/roll\" is no name for a rule; use 1 to 64 of the characters A-Z a-z 0-9 . _ -\n" },
	{ "a name of two words is refused", "[Watch pay roll]\n", 0,
	  "conf:1: \"pay roll\" is no name for a rule; use 1 to 64 of the characters A-Z a-z 0-9 . _ -\n" },
	{ "a name of 65 bytes is refused", "[Watch " A10 A10 A10 A10 A10 A10 "aaaaa]\n", 0,
	  "conf:1: \"" A10 A10 A10 A10 A10 A10
	  "aaaaa\" is no name for a rule; use 1 to 64 of the characters A-Z a-z 0-9 . _ -\n" },
	{ "the name of an unnamed rule is refused", "[Watch rule12]\n", 0,
	  "conf:1: \"rule12\" is what a rule without a name is called; choose another name\n" },

	/* keys */
	{ "an unknown key is refused", "[Watch]\nColour=red\n", 0,
	  "conf:2: unknown key \"Colour\" in section [Watch]; known are Path, ExcludePath, User, "
	  "ExcludeUser, Ancestor, Operation, Result, Priority\n" },
	{ "an unknown key of [Daemon] is refused", "[Daemon]\nColour=red\n", 0,
	  "conf:2: unknown key \"Colour\" in section [Daemon]; known are Probe, Detail, "
	  "CommandLine, RingBufferSize, QueueSize\n" },
	{ "a misspelt key has its spelling suggested", "[Watch]\nPaht=/srv\n", 0,
	  "conf:2: unknown key \"Paht\" in section [Watch]; did you mean Path?\n" },
	{ "a key in the wrong case has its spelling suggested", "[Watch]\nexcludepath=/srv\n", 0,
	  "conf:2: unknown key \"excludepath\" in section [Watch]; did you mean ExcludePath?\n" },
	{ "a key in the plural has its spelling suggested", "[Watch]\nOperations=unlink\n", 0,
	  "conf:2: unknown key \"Operations\" in section [Watch]; did you mean Operation?\n" },
	{ "a key of [Daemon] in [Watch] is sent there", "[Watch]\nProbe=auto\n", 0,
	  "conf:2: Probe belongs to section [Daemon], not to [Watch]; move it there\n" },
	{ "a key of [Watch] in [Daemon] is sent there", "[Daemon]\nPath=/srv\n", 0,
	  "conf:2: Path belongs to section [Watch], not to [Daemon]; move it there\n" },
	{ "an unknown key is refused without a value, too", "[Watch]\nColor=\n", 0,
	  "conf:2: unknown key \"Color\" in section [Watch]; known are Path, ExcludePath, User, "
	  "ExcludeUser, Ancestor, Operation, Result, Priority\n" },

	/* words */
	{ "a double quote that is not closed is refused", "[Watch]\nPath=\"/srv/a b\n", 0,
	  "conf:2: Path: the quote \" is not closed; close it, or write \\\" for the character "
	  "itself\n" },
	{ "a single quote that is not closed is refused", "[Watch]\nPath=/srv/it's /a\n", 0,
	  "conf:2: Path: the quote ' is not closed; close it, or write \\' for the character itself\n" },
	{ "an unknown escape is refused", "[Watch]\nPath=/srv/\\q\n", 0,
	  "conf:2: Path: the escape that begins with \\q is not known; write \\\\ for a backslash\n" },
	{ "an escape of a wildcard is refused with the way to write it", "[Watch]\nPath=/srv/\\*\n",
	  0, "conf:2: Path: unknown escape \\*; write [*] for the character itself\n" },
	{ "an escaped space is refused with the way to write it", "[Watch]\nPath=/srv/a\\ b\n", 0,
	  "conf:2: Path: a backslash before a space; write \\s, or put quotes around the word\n" },
	{ "\\x with one digit is refused", "[Watch]\nPath=/srv/\\x4\n", 0,
	  "conf:2: Path: the escape that begins with \\x is not known; write \\\\ for a backslash\n" },
	{ "an octal escape of two digits is refused", "[Watch]\nPath=/srv/\\12\n", 0,
	  "conf:2: Path: the escape that begins with \\1 is not known; write \\\\ for a backslash\n" },
	{ "an escape that stands for NUL is refused", "[Watch]\nPath=/srv/\\x00\n", 0,
	  "conf:2: Path: an escape stands for NUL or for no character; a name cannot hold it\n" },
	{ "an octal escape beyond a byte is refused", "[Watch]\nPath=/srv/\\777\n", 0,
	  "conf:2: Path: an escape stands for NUL or for no character; a name cannot hold it\n" },
	{ "an escape that stands for a surrogate is refused", "[Watch]\nPath=/srv/\\ud800\n", 0,
	  "conf:2: Path: an escape stands for NUL or for no character; a name cannot hold it\n" },
	{ "an escape beyond Unicode is refused", "[Watch]\nPath=/srv/\\U00110000\n", 0,
	  "conf:2: Path: an escape stands for NUL or for no character; a name cannot hold it\n" },
	{ "an empty word is refused, what follows is still read", "[Watch]\nPath=\"\" b\n", 0,
	  "conf:2: Path: an empty word; leave out the quotes, an empty value alone resets the list\n"
	  "conf:2: Path: \"b\" is not absolute; write /**/b for that name anywhere\n" },
	{ "a comment behind a list is refused", "[Watch]\nPath=/srv # data\n", 0,
	  "conf:2: Path: \"#\" begins no comment here; a comment takes a line of its own\n" },

	/* paths */
	{ "a bare name is refused with the way to write it", "[Watch]\nPath=core\n", 0,
	  "conf:2: Path: \"core\" is not absolute; write /**/core for that name anywhere\n" },
	{ "a bare glob is refused with the way to write it", "[Watch]\nExcludePath=*.tmp\n", 0,
	  "conf:2: ExcludePath: \"*.tmp\" is not absolute; write /**/*.tmp for that name anywhere\n" },
	{ "a relative path is refused", "[Watch]\nPath=srv/data\n", 0,
	  "conf:2: Path: \"srv/data\": not absolute; begin it with /\n" },
	{ "a component .. is refused", "[Watch]\nPath=/srv/..\n", 0,
	  "conf:2: Path: \"/srv/..\": a .. component; write the path without it\n" },
	{ "a [ that is not closed is refused", "[Watch]\nPath=/srv/[ab\n", 0,
	  "conf:2: Path: \"/srv/[ab\": [ is not closed by ]; write [[] for the character itself\n" },
	{ "a [ that is closed in the next component is refused", "[Watch]\nPath=/srv/[a/b]\n", 0,
	  "conf:2: Path: \"/srv/[a/b]\": [ is not closed by ]; write [[] for the character itself\n" },
	{ "a [ at the end is refused", "[Watch]\nPath=/srv/a[\n", 0,
	  "conf:2: Path: \"/srv/a[\": [ is not closed by ]; write [[] for the character itself\n" },
	{ "an empty [] is refused", "[Watch]\nPath=/srv/[]\n", 0,
	  "conf:2: Path: \"/srv/[]\": [] is empty; write []] for the character ]\n" },
	{ "an empty [!] is refused", "[Watch]\nPath=/srv/a[!]b\n", 0,
	  "conf:2: Path: \"/srv/a[!]b\": [] is empty; write []] for the character ]\n" },
	{ "a range that runs backwards is refused", "[Watch]\nPath=/srv/[z-a]\n", 0,
	  "conf:2: Path: \"/srv/[z-a]\": the range in [...] runs backwards; put the lower character "
	  "first\n" },
	{ "a character class is refused", "[Watch]\nPath=/srv/[[:digit:]]\n", 0,
	  "conf:2: Path: \"/srv/[[:digit:]]\": [:classes:] are not known; write a range, as [a-z]\n" },
	{ "[...] with a character of more than one byte is refused",
	  "[Watch]\nPath=/srv/[\xc3\xa9]\n", 0,
	  "conf:2: Path: \"/srv/[\xc3\xa9]\": [...] takes ASCII characters only, as names are matched "
	  "byte by byte; write * instead\n" },
	{ "** within a name is refused", "[Watch]\nPath=/srv/a**\n", 0,
	  "conf:2: Path: \"/srv/a**\": ** must be a whole component, as in /srv/**/NAME; within a name "
	  "write *\n" },
	{ "*** is refused", "[Watch]\nPath=/srv/***\n", 0,
	  "conf:2: Path: \"/srv/***\": ** must be a whole component, as in /srv/**/NAME; within a name "
	  "write *\n" },

	/* users */
	{ "an unknown user is refused", "[Watch]\nUser=alice mallory\n", 0,
	  "conf:2: User: unknown user \"mallory\"; create it, or write a uid\n" },
	{ "an ancestor is no path", "[Watch]\nAncestor=/usr/bin/make\n", 0,
	  "conf:2: Ancestor: \"/usr/bin/make\" is a path; write the command of a process, as in "
	  "UNLINK_COMM\n" },
	{ "ancestors take Detail=standard", "[Watch]\nAncestor=make\n[Daemon]\nDetail=minimal\n", 0,
	  "conf:2: Ancestor: the ancestors are not known at Detail=minimal; use standard or full\n" },
	{ "an unknown group is refused", "[Watch]\nExcludeUser=@wheel\n", 0,
	  "conf:2: ExcludeUser: unknown group \"wheel\"; create it, or list its members\n" },
	{ "@ without a group is refused", "[Watch]\nUser=@\n", 0,
	  "conf:2: User: \"@\" lacks the name of a group; write @GROUP\n" },
	{ "a user that cannot be looked up is refused", "[Watch]\nUser=ldap\n", 0,
	  "conf:2: User: cannot look up user \"ldap\": Input/output error; write the uid\n" },
	{ "a group that cannot be looked up is refused", "[Watch]\nUser=@ldap\n", 0,
	  "conf:2: User: cannot look up group \"ldap\": Input/output error; list its members by uid\n" },
	{ "a range that runs backwards is refused with the right one", "[Watch]\nUser=1999-1000\n",
	  0, "conf:2: User: the range 1999-1000 runs backwards; write 1000-1999\n" },
	{ "a range without an end is refused", "[Watch]\nUser=1000-\n", 0,
	  "conf:2: User: \"1000-\" is not a range of uids; write FIRST-LAST, as 1000-1999\n" },
	{ "a range of three numbers is refused", "[Watch]\nUser=1-2-3\n", 0,
	  "conf:2: User: \"1-2-3\" is not a range of uids; write FIRST-LAST, as 1000-1999\n" },
	{ "a range without a beginning is a name that nobody has", "[Watch]\nUser=-5\n", 0,
	  "conf:2: User: unknown user \"-5\"; create it, or write a uid\n" },
	{ "the invalid uid is refused", "[Watch]\nUser=4294967295\n", 0,
	  "conf:2: User: uid \"4294967295\" is not valid; the largest is 4294967294\n" },
	{ "a range up to the invalid uid is refused", "[Watch]\nUser=1000-4294967295\n", 0,
	  "conf:2: User: uid \"4294967295\" is not valid; the largest is 4294967294\n" },
	{ "a uid of very many digits is refused", "[Watch]\nUser=99999999999999999999999\n", 0,
	  "conf:2: User: uid \"99999999999999999999\" is not valid; the largest is 4294967294\n" },
	{ "a uid with a leading zero is refused", "[Watch]\nUser=0100\n", 0,
	  "conf:2: User: uid \"0100\" has a leading zero; uids are decimal, write it without\n" },

	/* choices */
	{ "an unknown operation is refused", "[Watch]\nOperation=unlink delete\n", 0,
	  "conf:2: Operation: \"delete\" is not known; use unlink, rmdir, rename or move\n" },
	{ "an unknown result is refused", "[Watch]\nResult=yes\n", 0,
	  "conf:2: Result: \"yes\" is not known; use success or failure\n" },
	{ "an unknown priority is refused", "[Watch]\nPriority=loud\n", 0,
	  "conf:2: Priority: \"loud\" is not known; use emerg, alert, crit, err, warning, notice, info, "
	  "debug or 0 to 7\n" },
	{ "a priority of 8 is refused", "[Watch]\nPriority=8\n", 0,
	  "conf:2: Priority: \"8\" is not known; use emerg, alert, crit, err, warning, notice, info, "
	  "debug or 0 to 7\n" },
	{ "an unknown probe is refused", "[Daemon]\nProbe=uprobe\n", 0,
	  "conf:2: Probe: \"uprobe\" is not known; use auto, kprobe, fentry or tracepoint\n" },
	{ "a probe in the wrong case is refused", "[Daemon]\nProbe=Auto\n", 0,
	  "conf:2: Probe: \"Auto\" is not known; use auto, kprobe, fentry or tracepoint\n" },
	{ "an unknown detail is refused", "[Daemon]\nDetail=normal\n", 0,
	  "conf:2: Detail: \"normal\" is not known; use minimal, standard or full\n" },
	{ "a detail in the wrong case is refused", "[Daemon]\nDetail=Full\n", 0,
	  "conf:2: Detail: \"Full\" is not known; use minimal, standard or full\n" },
	{ "two details are refused", "[Daemon]\nDetail=minimal full\n", 0,
	  "conf:2: Detail: \"minimal full\" is not known; use minimal, standard or full\n" },
	{ "a CommandLine that is neither is refused", "[Daemon]\nCommandLine=maybe\n", 0,
	  "conf:2: CommandLine: \"maybe\" is not known; use yes or no\n" },
	{ "CommandLine in [Watch] is sent to [Daemon]", "[Watch]\nCommandLine=no\n", 0,
	  "conf:2: CommandLine belongs to section [Daemon], not to [Watch]; move it there\n" },
	{ "a misspelt Detail has its spelling suggested", "[Daemon]\nDetails=full\n", 0,
	  "conf:2: unknown key \"Details\" in section [Daemon]; did you mean Detail?\n" },
	{ "Detail in [Watch] is sent to [Daemon]", "[Watch]\nDetail=full\n", 0,
	  "conf:2: Detail belongs to section [Daemon], not to [Watch]; move it there\n" },
	{ "a size with an unknown suffix is refused", "[Daemon]\nRingBufferSize=4MB\n", 0,
	  "conf:2: RingBufferSize: \"4MB\" is not a size; write a number and K, M or G, as 4M\n" },
	{ "a size without a number is refused", "[Daemon]\nRingBufferSize=M\n", 0,
	  "conf:2: RingBufferSize: \"M\" is not a size; write a number and K, M or G, as 4M\n" },
	{ "a negative size is refused", "[Daemon]\nRingBufferSize=-4M\n", 0,
	  "conf:2: RingBufferSize: \"-4M\" is not a size; write a number and K, M or G, as 4M\n" },
	{ "a size that is no power of two is refused", "[Daemon]\nRingBufferSize=5M\n", 0,
	  "conf:2: RingBufferSize: \"5M\" is not a power of two from 64K to 1G; write 4M, for example\n" },
	{ "a size that is too small is refused", "[Daemon]\nRingBufferSize=32K\n", 0,
	  "conf:2: RingBufferSize: \"32K\" is not a power of two from 64K to 1G; write 4M, for example\n" },
	{ "a queue that is too small for the largest records is refused",
	  "[Daemon]\nQueueSize=512K\n", 0,
	  "conf:2: QueueSize: \"512K\" is not a power of two from 1M to 1G; write 4M, for example\n" },
	{ "a burst that is no number is refused", "[Storm]\nBurst=1K\n", 0,
	  "conf:2: Burst: \"1K\" is not a number from 0 to 1000000\n" },
	{ "a burst that is too large is refused", "[Storm]\nBurst=1000001\n", 0,
	  "conf:2: Burst: \"1000001\" is not a number from 0 to 1000000\n" },
	{ "a negative burst is refused", "[Storm]\nBurst=-1\n", 0,
	  "conf:2: Burst: \"-1\" is not a number from 0 to 1000000\n" },
	{ "an interval of zero is refused", "[Storm]\nIntervalSec=0\n", 0,
	  "conf:2: IntervalSec: \"0\" is not a number from 1 to 3600\n" },
	{ "a number of more than 64 bits is refused", "[Storm]\nIntervalSec=18446744073709551617\n",
	  0, "conf:2: IntervalSec: \"18446744073709551617\" is not a number from 1 to 3600\n" },
	{ "[Storm] takes no name", "[Storm x]\n", 0,
	  "conf:1: section [Storm] takes no name; write [Storm]\n" },
	{ "a key of [Storm] in [Daemon] is sent there", "[Daemon]\nBurst=1\n", 0,
	  "conf:2: Burst belongs to section [Storm], not to [Daemon]; move it there\n" },
	{ "a size that is too large is refused", "[Daemon]\nRingBufferSize=2G\n", 0,
	  "conf:2: RingBufferSize: \"2G\" is not a power of two from 64K to 1G; write 4M, for example\n" },
	{ "a size of zero is refused", "[Daemon]\nRingBufferSize=0\n", 0,
	  "conf:2: RingBufferSize: \"0\" is not a power of two from 64K to 1G; write 4M, for example\n" },
	{ "a size that would wrap around is refused",
	  "[Daemon]\nRingBufferSize=18446744073713745920\n", 0,
	  "conf:2: RingBufferSize: \"18446744073713745920\" is not a power of two from 64K to 1G; "
	  "write 4M, for example\n" },

	/* rules that can never match */
	{ "a rule that excludes every path is refused", "[Watch]\nExcludePath=/\n", 0,
	  "conf:2: ExcludePath: nothing is left for the rule to match; narrow ExcludePath or remove "
	  "the rule\n" },
	{ "a rule that excludes every path by a glob is refused",
	  "[Watch]\nPath=/srv\nExcludePath=/**\n", 0,
	  "conf:3: ExcludePath: nothing is left for the rule to match; narrow ExcludePath or remove "
	  "the rule\n" },
	{ "a rule that excludes all of its own paths is refused",
	  "[Watch]\nExcludePath=/srv /**/*.tmp /h[a-z]*/x\nPath=/srv/data /srv/d*/x /a/b.tmp /h[a-z]*/x\n",
	  0,
	  "conf:2: ExcludePath: nothing is left for the rule to match; narrow ExcludePath or remove "
	  "the rule\n" },
	{ "a rule that excludes everybody is refused",
	  "[Watch]\nExcludeUser=0-999 1000-4294967294\n", 0,
	  "conf:2: ExcludeUser: nothing is left for the rule to match; narrow ExcludeUser or remove "
	  "the rule\n" },
	{ "a rule that excludes all of its own users is refused",
	  "[Watch]\nUser=alice bob 1500\nExcludeUser=1000-1400\nExcludeUser=1400-1600\n", 0,
	  "conf:4: ExcludeUser: nothing is left for the rule to match; narrow ExcludeUser or remove "
	  "the rule\n" },
	{ "a rule that can never match is reported between the mistakes around it",
	  "[Watch]\nExcludePath=/\n[Watch]\nPath=a\nExcludePath=/\n", 0,
	  "conf:2: ExcludePath: nothing is left for the rule to match; narrow ExcludePath or remove "
	  "the rule\n"
	  "conf:4: Path: \"a\" is not absolute; write /**/a for that name anywhere\n" },
};

#define N_BADS (sizeof(bads) / sizeof(bads[0]))

static void test_bad(void **state)
{
	const struct bad *bad = *state;
	char *text = parse_outcome(bad->text, bad->size ? bad->size : strlen(bad->text));

	assert_string_equal(text, bad->errors);
	free(text);
}

/* A text of n times `unit`, where %zu stands for the number, between head and tail. */
static char *repeated(const char *head, const char *unit, size_t n, const char *tail)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	fputs(head, f);
	for (size_t i = 0; i < n; i++) {
		const char *hash = strchr(unit, '@');

		if (hash)
			fprintf(f, "%.*s%zu%s", (int)(hash - unit), unit, i, hash + 1);
		else
			fputs(unit, f);
	}
	fputs(tail, f);
	fclose(f);
	return text;
}

static void expect(char *text, const char *expected)
{
	char *result = parse_outcome(text, strlen(text));

	assert_string_equal(result, expected);
	free(result);
	free(text);
}

static void test_long_line(void **state)
{
	(void)state;
	expect(repeated("[Watch]\nPath=", "/aaaaaaaa ", 200000, "\nBad\n"),
	       "conf:2: is longer than 1 MiB; split it, as lists add up over repeated keys\n"
	       "conf:3: \"Bad\" is neither KEY=VALUE nor a [Section]; a comment begins with # or ;\n");
}

static void test_long_continuation(void **state)
{
	(void)state;
	expect(repeated("[Watch]\nPath=\\\n", "/aaaaaaaa \\\n", 200000, "/b\nBad\n"),
	       "conf:2: is longer than 1 MiB; split it, as lists add up over repeated keys\n"
	       "conf:200004: \"Bad\" is neither KEY=VALUE nor a [Section]; a comment begins with # "
	       "or ;\n");
}

static void test_long_path(void **state)
{
	(void)state;
	expect(repeated("[Watch]\nPath=", "/aaaaaaa", 512, "\n"),
	       "conf:2: Path: \"/aaaaaaa/aaaaaaa/aaaaaaa/aaaaaaa/aaaaaaa/aaaaaaa/aaaaaaa/aaaaaaa/"
	       "aaaaaaa/aaaaaaa/aaaaaaa/aaaaaaa/aaaaaaa/aaaaaaa/aaaaaaa/aaa...\" is longer than "
	       "4095 bytes; name a directory above it\n");
}

static void test_many_rules(void **state)
{
	(void)state;
	expect(repeated("", "[Watch r@]\n", 64, "[Watch]\nBad\n[Watch r5]\nBad\n"),
	       "conf:65: more than 64 rules; merge some, as a rule takes many paths and users\n"
	       "conf:68: \"Bad\" is neither KEY=VALUE nor a [Section]; a comment begins with # or ;\n");
}

static void test_many_paths(void **state)
{
	(void)state;
	expect(repeated("[Watch]\n", "Path=/p@\n", 65539, ""),
	       "conf:65538: Path: more than 65536 paths in all rules; name directories above them or use "
	       "globs\n");
}

static void test_many_users(void **state)
{
	(void)state;
	expect(repeated("[Watch]\nUser=2-3\nUser=\n", "User=1@1\n", 65539, ""),
	       "conf:65540: User: more than 65536 users in all rules; use ranges of uids\n");
}

static void test_many_mistakes(void **state)
{
	char *text = repeated("", "bad\n", 5000, ""), *result, *s;
	size_t n = 0;

	(void)state;
	result = parse_outcome(text, strlen(text));
	for (s = result; (s = strchr(s, '\n')); s++)
		n++;
	assert_int_equal(n, 1001);
	assert_non_null(strstr(result,
			       "\nconf:1001: too many mistakes, the rest is not shown; correct "
			       "the first ones and check again\n"));
	free(result);
	free(text);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		{ "a line of more than 1 MiB is refused", test_long_line, NULL, NULL, NULL },
		{ "continued lines of more than 1 MiB are refused", test_long_continuation, NULL,
		  NULL, NULL },
		{ "a path of more than 4095 bytes is refused", test_long_path, NULL, NULL, NULL },
		{ "the 65th rule is refused", test_many_rules, NULL, NULL, NULL },
		{ "the 65537th path is refused, once", test_many_paths, NULL, NULL, NULL },
		{ "the 65537th range of users is refused, once", test_many_users, NULL, NULL,
		  NULL },
		{ "after a thousand mistakes the rest is left out", test_many_mistakes, NULL, NULL,
		  NULL },
	};
	static struct CMUnitTest tests[N_BADS + sizeof(others) / sizeof(others[0])];

	for (size_t i = 0; i < N_BADS; i++)
		tests[i] = (struct CMUnitTest){ bads[i].title, test_bad, NULL, NULL,
						(void *)(uintptr_t)&bads[i] };
	memcpy(tests + N_BADS, others, sizeof(others));
	return cmocka_run_group_tests_name("configuration, mistakes", tests, NULL, NULL);
}
