// SPDX-License-Identifier: MIT
/*
 * What the text of a configuration means: sections, lines, words, and every key. Mistakes are in
 * test_config_errors.c, files and drop-ins in test_config_files.c.
 */
#include "config/config_helper.h"

struct good {
	const char *title;
	const char *text;
	const char *config;
};

static const struct good goods[] = {
	/* defaults */
	{ "an empty file watches everything", "", "rule1:\n" },
	{ "a file of comments watches everything", "# one\n;two\n  # three\n\n", "rule1:\n" },
	{ "[Daemon] alone watches everything", "[Daemon]\nProbe=kprobe\n",
	  "rule1:\nProbe=kprobe\n" },
	{ "an empty [Watch] watches everything", "[Watch]\n", "rule1:\n" },
	{ "a last line needs no end", "[Watch]\nPath=/a", "rule1: Path=/a\n" },

	/* sections */
	{ "each unnamed [Watch] is a rule of its own", "[Watch]\nPath=/a\n[Watch]\nPath=/b\n",
	  "rule1: Path=/a\nrule2: Path=/b\n" },
	{ "an unnamed rule is called by its position among all",
	  "[Watch x]\n[Watch]\n[Watch y]\n[Watch]\n", "x:\nrule2:\ny:\nrule4:\n" },
	{ "a named section that comes again continues its rule",
	  "[Watch x]\nPath=/a\n[Watch y]\nPath=/b\n[Watch x]\nPath=/c\n",
	  "x: Path=/a Path=/c\ny: Path=/b\n" },
	{ "[Daemon] may come again",
	  "[Daemon]\nProbe=kprobe\n[Watch]\n[Daemon]\nRingBufferSize=64K\n",
	  "rule1:\nProbe=kprobe\nRingBufferSize=65536\n" },
	{ "white space in a section header does not matter", "[ Watch \t x ]\n[Daemon ]\n",
	  "x:\n" },
	{ "a name may hold dots, dashes, underscores and 64 bytes",
	  "[Watch A.b-c_9]\n"
	  "[Watch 1234567890123456789012345678901234567890123456789012345678901234]\n",
	  "A.b-c_9:\n1234567890123456789012345678901234567890123456789012345678901234:\n" },
	{ "a name may begin with rule", "[Watch rule]\n[Watch rule1a]\n[Watch Rule1]\n",
	  "rule:\nrule1a:\nRule1:\n" },

	/* lines */
	{ "white space around key and value does not matter", "[Watch]\n \tPath \t= \t/a \t\n",
	  "rule1: Path=/a\n" },
	{ "lines may end in CR LF", "[Watch]\r\nPath=/a \\\r\n/b\r\n\r\nPath=/c\r\n",
	  "rule1: Path=/a Path=/b Path=/c\n" },
	{ "a byte order mark is passed over", "\xef\xbb\xbf[Watch]\nPath=/a\n",
	  "rule1: Path=/a\n" },
	{ "a byte order mark alone is an empty file", "\xef\xbb\xbf", "rule1:\n" },
	{ "a backslash at the end continues the line",
	  "[Watch]\nPath=/a\\\n  /b \\\n/c\nUser=bob\n",
	  "rule1: Path=/a Path=/b Path=/c User=1001\n" },
	{ "comments within a continued line are passed over",
	  "[Watch]\nPath=/a \\\n# one \\\n; two\n  /b\nUser=bob\n",
	  "rule1: Path=/a Path=/b User=1001\n" },
	{ "an empty line ends a continued one", "[Watch]\nPath=/a \\\n\nUser=bob\n",
	  "rule1: Path=/a User=1001\n" },
	{ "a continued line may be the last", "[Watch]\nPath=/a \\", "rule1: Path=/a\n" },
	{ "an escaped backslash at the end does not continue", "[Watch]\nPath=/a\\\\\nPath=/b\n",
	  "rule1: Path=/a\\ Path=/b\n" },
	{ "a continuation within quotes is one space", "[Watch]\nPath=\"/a\\\n   b\"\n",
	  "rule1: Path=/a b\n" },
	{ "a comment that ends in a backslash is not continued", "# a \\\n[Watch]\nPath=/a\n",
	  "rule1: Path=/a\n" },
	{ "a value may hold =", "[Watch]\nPath=/a=b\n", "rule1: Path=/a=b\n" },
	{ "a value may hold # and ; within a word", "[Watch]\nPath=/a#b /c;d\n",
	  "rule1: Path=/a#b Path=/c;d\n" },

	/* words */
	{ "a list is split at white space", "[Watch]\nPath=/a\t/b  /c\n",
	  "rule1: Path=/a Path=/b Path=/c\n" },
	{ "double and single quotes keep white space", "[Watch]\nPath=\"/a b\" '/c\td'\n",
	  "rule1: Path=/a b Path=/c\td\n" },
	{ "quotes may stand within a word", "[Watch]\nPath=/a\" b\"'c d'/e\n",
	  "rule1: Path=/a bc d/e\n" },
	{ "a quote keeps the other kind of quote", "[Watch]\nPath=\"/it's\" '/\"x\"'\n",
	  "rule1: Path=/it's Path=/\"x\"\n" },
	{ "escapes count within and without quotes",
	  "[Watch]\nPath=/\\x41\\102\\s\\\\ \"/\\\"\\'\" '/\\n\\t\\a\\b\\f\\r\\v'\n",
	  "rule1: Path=/AB \\ Path=/\"' Path=/\n\t\a\b\f\r\v\n" },
	{ "escapes of characters give UTF-8", "[Watch]\nPath=/\\u00e9\\u20ac\\U0001F600\\u0041\n",
	  "rule1: Path=/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
	  "A\n" },
	{ "escapes of bytes may give what is no UTF-8", "[Watch]\nPath=/\\xff\\377\n",
	  "rule1: Path=/\xff\xff\n" },
	{ "bytes that are no UTF-8 are taken as they are", "[Watch]\nPath=/\xff\n",
	  "rule1: Path=/\xff\n" },

	/* Path, ExcludePath */
	{ "paths are brought to their normal form",
	  "[Watch]\nPath=//a///b/ /./c/. /\nExcludePath=/d/./e//\n",
	  "rule1: Path=/a/b Path=/c Path=/ ExcludePath=/d/e\n" },
	{ "names of dots are not special", "[Watch]\nPath=/... /a/.b /a/..b\n",
	  "rule1: Path=/... Path=/a/.b Path=/a/..b\n" },
	{ "globs are taken", "[Watch]\nPath=/*/a?[b-d] /**/x /a/** /[]x] /[!]] /[^a-] /[]-a] /x]\n",
	  "rule1: Path=/*/a?[b-d] Path=/**/x Path=/a/** Path=/[]x] Path=/[!]] Path=/[^a-] Path=/[]-a] "
	  "Path=/x]\n" },
	{ "repeated paths add up", "[Watch]\nPath=/a\nPath=/b /c\n",
	  "rule1: Path=/a Path=/b Path=/c\n" },
	{ "an empty path resets the list", "[Watch]\nPath=/a /b\nPath=\nPath=/c\n",
	  "rule1: Path=/c\n" },
	{ "a reset of paths watches everything again", "[Watch]\nPath=/a\nPath=   \n", "rule1:\n" },
	{ "an empty exclusion resets the list",
	  "[Watch]\nExcludePath=/\nExcludePath=\nExcludePath=/x\n", "rule1: ExcludePath=/x\n" },
	{ "exclusions that leave something are taken",
	  "[Watch]\nPath=/a /b/*.c\nExcludePath=/a /b/x /**/*.c/d\n",
	  "rule1: Path=/a Path=/b/*.c ExcludePath=/a ExcludePath=/b/x ExcludePath=/**/*.c/d\n" },

	/* User, ExcludeUser */
	{ "users are names, uids and ranges", "[Watch]\nUser=alice 0 2000-2999 www-data\n",
	  "rule1: User=1000,0,2000-2999,33\n" },
	{ "a user's name may begin with a digit or hold a space", "[Watch]\nUser=1st \"na me\"\n",
	  "rule1: User=1003,1002\n" },
	{ "the largest uid is taken", "[Watch]\nUser=4294967294 0-4294967294\n",
	  "rule1: User=4294967294,0-4294967294\n" },
	{ "a group stands for its members, in order and once", "[Watch]\nUser=@staff\n",
	  "rule1: User=1000-1002,5000\n" },
	{ "a group without members is nobody, not everybody", "[Watch]\nUser=@nobodies\n",
	  "rule1: User=\n" },
	{ "a rule whose groups leave nobody today is taken",
	  "[Watch]\nUser=alice\nExcludeUser=@staff\n",
	  "rule1: User=1000 ExcludeUser=1000-1002,5000\n" },
	{ "repeated users add up", "[Watch]\nUser=alice\nUser=carol\n",
	  "rule1: User=1000,70000\n" },
	{ "an empty user resets to everyone", "[Watch]\nUser=alice\nUser=\n", "rule1:\n" },
	{ "an empty user resets the list", "[Watch]\nUser=alice\nUser=\nUser=bob\n",
	  "rule1: User=1001\n" },
	{ "excluded users add up and are reset",
	  "[Watch]\nExcludeUser=alice\nExcludeUser=\nExcludeUser=backup\nExcludeUser=carol\n",
	  "rule1: ExcludeUser=34,70000\n" },

	/* Ancestor */
	{ "ancestors add up, are cut as the kernel cuts them, and are reset",
	  "[Watch a]\nAncestor=make \"tmux: server\"\nAncestor=unattended-upgrade\n"
	  "[Watch b]\nAncestor=make\nAncestor=\n",
	  "a: Ancestor=make Ancestor=tmux: server Ancestor=unattended-upgr\nb:\n" },

	/* Operation, Result, Priority */
	{ "the first operations replace the default", "[Watch]\nOperation=rmdir\n",
	  "rule1: Operation=d\n" },
	{ "further operations add up", "[Watch]\nOperation=unlink\nOperation=rename unlink\n",
	  "rule1: Operation=ur\n" },
	{ "an empty operation resets to all", "[Watch]\nOperation=unlink\nOperation=\n",
	  "rule1:\n" },
	{ "after a reset the first operations replace the default again",
	  "[Watch]\nOperation=unlink\nOperation=\nOperation=rmdir\n", "rule1: Operation=d\n" },
	{ "the first results replace the default", "[Watch]\nResult=failure\n",
	  "rule1: Result=failure\n" },
	{ "further results add up", "[Watch]\nResult=failure\nResult=success\n", "rule1:\n" },
	{ "an empty result resets to both", "[Watch]\nResult=failure\nResult=\n", "rule1:\n" },
	{ "the last priority wins", "[Watch]\nPriority=notice\nPriority=crit\n",
	  "rule1: Priority=2\n" },
	{ "a priority may be a number", "[Watch]\nPriority=0\n[Watch]\nPriority=7\n",
	  "rule1: Priority=0\nrule2: Priority=7\n" },
	{ "every priority has a name",
	  "[Watch a]\nPriority=emerg\n[Watch b]\nPriority=alert\n[Watch c]\nPriority=err\n"
	  "[Watch d]\nPriority=warning\n[Watch e]\nPriority=info\n[Watch f]\nPriority=debug\n",
	  "a: Priority=0\nb: Priority=1\nc: Priority=3\nd: Priority=4\ne:\nf: Priority=7\n" },
	{ "an empty priority resets it", "[Watch]\nPriority=crit\nPriority=\n", "rule1:\n" },

	/* [Daemon] */
	{ "the last probe wins", "[Daemon]\nProbe=kprobe\nProbe=tracepoint\n",
	  "rule1:\nProbe=tracepoint\n" },
	{ "fentry is a probe", "[Daemon]\nProbe=fentry\n", "rule1:\nProbe=fentry\n" },
	{ "an empty probe resets it", "[Daemon]\nProbe=kprobe\nProbe=\n", "rule1:\n" },
	{ "Probe=auto is the default", "[Daemon]\nProbe=auto\n", "rule1:\n" },
	{ "the detail may be less or more than the standard", "[Daemon]\nDetail=minimal\n",
	  "rule1:\nDetail=minimal\n" },
	{ "the last detail wins", "[Daemon]\nDetail=minimal\n[Watch]\n[Daemon]\nDetail=full\n",
	  "rule1:\nDetail=full\n" },
	{ "Detail=standard is the default", "[Daemon]\nDetail=standard\n", "rule1:\n" },
	{ "an empty detail resets it", "[Daemon]\nDetail=full\nDetail=\n", "rule1:\n" },
	{ "a size may have a suffix", "[Daemon]\nRingBufferSize=1G\n",
	  "rule1:\nRingBufferSize=1073741824\n" },
	{ "a size may be in bytes", "[Daemon]\nRingBufferSize=65536\n",
	  "rule1:\nRingBufferSize=65536\n" },
	{ "[Storm] says what a storm is", "[Storm]\nBurst=10\nIntervalSec=60\n",
	  "rule1:\nBurst=10\nIntervalSec=60\n" },
	{ "the defaults of [Storm]", "[Storm]\nBurst=1000\nIntervalSec=5\n", "rule1:\n" },
	{ "[Flood] is the old name of [Storm]", "[Flood]\nBurst=10\n[Storm]\nIntervalSec=60\n",
	  "rule1:\nBurst=10\nIntervalSec=60\n" },
	{ "names may be left out of summaries", "[Storm]\nNames=no\n", "rule1:\nNames=no\n" },
	{ "names are kept by default", "[Storm]\nNames=no\nNames=\n", "rule1:\n" },
	{ "a burst of 0 turns storms off", "[Storm]\nBurst=0\n", "rule1:\nBurst=0\n" },
	{ "empty values of [Storm] reset it",
	  "[Storm]\nBurst=1\nBurst=\nIntervalSec=9\nIntervalSec=\n", "rule1:\n" },
	{ "command lines may be left out", "[Daemon]\nCommandLine=no\n",
	  "rule1:\nCommandLine=no\n" },
	{ "command lines are recorded by default", "[Daemon]\nCommandLine=yes\n", "rule1:\n" },
	{ "an empty CommandLine resets it", "[Daemon]\nCommandLine=off\nCommandLine=\n",
	  "rule1:\n" },
	{ "the last CommandLine wins", "[Daemon]\nCommandLine=1\nCommandLine=false\n",
	  "rule1:\nCommandLine=no\n" },
	{ "the queue has a size of its own", "[Daemon]\nQueueSize=1M\n",
	  "rule1:\nQueueSize=1048576\n" },
	{ "the default size of the queue is 64M", "[Daemon]\nQueueSize=64M\n", "rule1:\n" },
	{ "an empty size of the queue resets it", "[Daemon]\nQueueSize=1G\nQueueSize=\n",
	  "rule1:\n" },
	{ "the default size is auto", "[Daemon]\nRingBufferSize=1G\nRingBufferSize=auto\n",
	  "rule1:\n" },
	{ "an empty size resets it", "[Daemon]\nRingBufferSize=1G\nRingBufferSize=\n", "rule1:\n" },
};

#define N_GOODS (sizeof(goods) / sizeof(goods[0]))

static void test_good(void **state)
{
	const struct good *good = *state;
	char *text = parse_outcome(good->text, strlen(good->text));

	assert_string_equal(text, good->config);
	free(text);
}

static void test_auto_ring(void **state)
{
	static const size_t want[][2] = { { 1, 16 }, { 2, 16 },	 { 3, 32 },   { 4, 32 },
					  { 6, 64 }, { 32, 64 }, { 1024, 64 } };
	const struct uw_config set = { .ring_size = 65536 }, automatic = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(uw_ring_size_for(want[i][0]), want[i][1] << 20);
	assert_int_equal(uw_config_ring_size(&set), 65536);
	assert_true(uw_config_ring_size(&automatic) >= uw_ring_size_for(1));
}

static void test_free_nothing(void **state)
{
	(void)state;
	uw_config_free(NULL);
	uw_errors_free(NULL);
}

int main(void)
{
	static struct CMUnitTest tests[N_GOODS + 2];

	for (size_t i = 0; i < N_GOODS; i++)
		tests[i] = (struct CMUnitTest){ goods[i].title, test_good, NULL, NULL,
						(void *)(uintptr_t)&goods[i] };
	tests[N_GOODS] =
		(struct CMUnitTest){ "nothing can be freed", test_free_nothing, NULL, NULL, NULL };
	tests[N_GOODS + 1] = (struct CMUnitTest){ "RingBufferSize=auto follows the number of CPUs",
						  test_auto_ring, NULL, NULL, NULL };
	return cmocka_run_group_tests_name("configuration", tests, NULL, NULL);
}
