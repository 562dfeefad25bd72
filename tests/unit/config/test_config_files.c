// SPDX-License-Identifier: MIT
/*
 * Configurations on disk: the file and its drop-ins, what cannot be read, the shipped file, the
 * examples of the manual page, and the users and groups of the system.
 */
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config_helper.h"

/* Files on disk, in a directory of their own; "conf" is the one that is read. */
struct files {
	const char *title;
	bool optional;
	struct {
		const char *name;
		const char *text; /* NULL: a directory; "->..." a symbolic link */
	} files[5];
	const char *outcome;
};

static const struct files file_cases[] = {
	{ "a file without drop-ins is read",
	  false,
	  { { "conf", "[Watch]\nPath=/a\n" } },
	  "rule1: Path=/a\n" },
	{ "an optional file may be missing", true, { { NULL } }, "rule1:\n" },
	{ "drop-ins are read without the optional file",
	  true,
	  { { "conf.d", NULL }, { "conf.d/a.conf", "[Watch x]\n" } },
	  "x:\n" },
	{ "a missing file is a mistake, drop-ins are read for theirs",
	  false,
	  { { "conf.d", NULL }, { "conf.d/a.conf", "x\n" } },
	  "conf: does not exist; create it, or name another file\n"
	  "conf.d/a.conf:1: \"x\" is neither KEY=VALUE nor a [Section]; a comment begins with # or ;\n" },
	{ "drop-ins follow in the order of their names",
	  false,
	  { { "conf", "[Watch z]\n" },
	    { "conf.d", NULL },
	    { "conf.d/a.conf", "[Watch a]\n" },
	    { "conf.d/B.conf", "[Watch B]\n" },
	    { "conf.d/10.conf", "[Watch ten]\n" } },
	  "z:\nten:\nB:\na:\n" },
	{ "hidden and other files among the drop-ins are passed over",
	  false,
	  { { "conf", "" },
	    { "conf.d", NULL },
	    { "conf.d/.a.conf", "x" },
	    { "conf.d/a.conf~", "x" },
	    { "conf.d/.conf", "x" } },
	  "rule1:\n" },
	{ "a drop-in adds to a named rule",
	  false,
	  { { "conf", "[Watch x]\nPath=/a\nPriority=err\n" },
	    { "conf.d", NULL },
	    { "conf.d/a.conf", "[Watch x]\nPath=/b\nPriority=debug\n" } },
	  "x: Path=/a Path=/b Priority=7\n" },
	{ "a drop-in resets what a named rule has",
	  false,
	  { { "conf", "[Watch x]\nPath=/a\nOperation=unlink\n" },
	    { "conf.d", NULL },
	    { "conf.d/a.conf", "[Watch x]\nPath=\nOperation=\nOperation=rmdir\n" } },
	  "x: Operation=d\n" },
	{ "an unnamed section of a drop-in is a rule of its own",
	  false,
	  { { "conf", "[Watch]\nPath=/a\n" },
	    { "conf.d", NULL },
	    { "conf.d/a.conf", "[Watch]\nPath=/b\n" } },
	  "rule1: Path=/a\nrule2: Path=/b\n" },
	{ "a section does not go on in the next file",
	  false,
	  { { "conf", "[Watch]\n" }, { "conf.d", NULL }, { "conf.d/a.conf", "Path=/b\n" } },
	  "conf.d/a.conf:1: \"Path\" stands before any section; write [Watch], [Daemon] or [Storm] above it\n" },
	{ "a continued line does not go on in the next file",
	  false,
	  { { "conf", "[Watch]\nPath=/a \\" },
	    { "conf.d", NULL },
	    { "conf.d/a.conf", "[Daemon]\n" } },
	  "rule1: Path=/a\n" },
	{ "a drop-in may be a link to /dev/null",
	  false,
	  { { "conf", "[Watch x]\n" }, { "conf.d", NULL }, { "conf.d/a.conf", "->/dev/null" } },
	  "x:\n" },
	{ "a drop-in may be empty",
	  false,
	  { { "conf", "[Watch x]\n" }, { "conf.d", NULL }, { "conf.d/a.conf", "" } },
	  "x:\n" },
	{ "a dangling link among the drop-ins is a mistake",
	  false,
	  { { "conf", "" }, { "conf.d", NULL }, { "conf.d/a.conf", "->nowhere" } },
	  "conf.d/a.conf: does not exist; create it, or name another file\n" },
	{ "a link to itself is a mistake",
	  false,
	  { { "conf", "->conf" } },
	  "conf: cannot be read: Too many levels of symbolic links; replace it by a file that can\n" },
	{ "a directory in the place of the file is a mistake",
	  false,
	  { { "conf", NULL } },
	  "conf: is a directory; name a file\n" },
	{ "a directory among the drop-ins is a mistake",
	  false,
	  { { "conf", "" }, { "conf.d", NULL }, { "conf.d/a.conf", NULL } },
	  "conf.d/a.conf: is a directory; name a file\n" },
	{ "a file in the place of the drop-ins is a mistake",
	  false,
	  { { "conf", "" }, { "conf.d", "" } },
	  "conf.d: cannot be read: Not a directory; replace it by a file that can\n" },
	{ "mistakes come in the order of files and lines",
	  false,
	  { { "conf", "[Watch x]\nExcludePath=/a\nBad=1\n[Watch y]\nExcludePath=/\n" },
	    { "conf.d", NULL },
	    { "conf.d/b.conf", "oops\n" },
	    { "conf.d/a.conf", "[Watch z]\nUser=9-1\n" } },
	  "conf:3: unknown key \"Bad\" in section [Watch]; known are Path, ExcludePath, User, ExcludeUser, "
	  "Ancestor, Operation, Result, Priority\n"
	  "conf:5: ExcludePath: nothing is left for the rule to match; narrow ExcludePath or remove the "
	  "rule\n"
	  "conf.d/a.conf:2: User: the range 9-1 runs backwards; write 1-9\n"
	  "conf.d/b.conf:1: \"oops\" is neither KEY=VALUE nor a [Section]; a comment begins with # or ;\n" },
	{ "a drop-in that makes a rule void is named",
	  false,
	  { { "conf", "[Watch x]\nPath=/a\n" },
	    { "conf.d", NULL },
	    { "conf.d/a.conf", "[Watch x]\nExcludePath=/a\n" } },
	  "conf.d/a.conf:2: ExcludePath: nothing is left for the rule to match; narrow ExcludePath or "
	  "remove the rule\n" },
	{ "a name of a file cannot garble a terminal",
	  false,
	  { { "conf", "" }, { "conf.d", NULL }, { "conf.d/\x1b[1m\n.conf", "x\n" } },
	  "conf.d/\\x1b[1m\\x0a.conf:1: \"x\" is neither KEY=VALUE nor a [Section]; a comment begins with # "
	  "or ;\n" },
};

#define N_FILES (sizeof(file_cases) / sizeof(file_cases[0]))

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Messages name files as they were given: within the directory, so that a table can hold them. */
static void enter_dir(char dir[32])
{
	strcpy(dir, "/tmp/uw-config-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
}

static void leave_dir(const char *dir)
{
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void make_file(const char *name, const char *text, size_t size)
{
	FILE *f = fopen(name, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

static char *load_outcome(const char *file, bool optional)
{
	struct uw_config *config = NULL;
	struct uw_errors errors;
	int r;

	r = uw_config_load(file, optional, &fake_names, &config, &errors);
	return outcome(r, config, &errors);
}

static void test_files(void **state)
{
	const struct files *files = *state;
	char dir[32], *text;

	enter_dir(dir);
	for (size_t i = 0; i < 5 && files->files[i].name; i++) {
		const char *name = files->files[i].name, *content = files->files[i].text;

		if (!content)
			assert_int_equal(mkdir(name, 0755), 0);
		else if (!strncmp(content, "->", 2))
			assert_int_equal(symlink(content + 2, name), 0);
		else
			make_file(name, content, strlen(content));
	}
	text = load_outcome("conf", files->optional);
	leave_dir(dir);
	assert_string_equal(text, files->outcome);
	free(text);
}

static void test_large_file(void **state)
{
	size_t size = (16 << 20) + 1;
	char dir[32], *text, *large = malloc(size);

	(void)state;
	assert_non_null(large);
	memset(large, '\n', size);
	enter_dir(dir);
	make_file("conf", large, size);
	text = load_outcome("conf", false);
	assert_string_equal(text, "conf: is larger than 16 MiB; no configuration should be\n");
	free(text);
	make_file("conf", large, size - 1);
	text = load_outcome("conf", false);
	assert_string_equal(text, "rule1:\n");
	free(text);
	leave_dir(dir);
	free(large);
}

static void test_endless_file(void **state)
{
	char *text = load_outcome("/dev/zero", false);

	(void)state;
	assert_string_equal(text, "/dev/zero: is larger than 16 MiB; no configuration should be\n");
	free(text);
}

static void test_unreadable_file(void **state)
{
	uid_t euid = geteuid();
	char dir[32], *text;

	(void)state;
	enter_dir(dir);
	make_file("conf", "", 0);
	assert_int_equal(chmod("conf", 0), 0);
	assert_int_equal(chmod(".", 0755), 0);
	/* Root may read any file. */
	if (euid == 0 && seteuid(65534) < 0) {
		leave_dir(dir);
		print_message("# skipped: root cannot become another user here\n");
		skip();
	}
	text = load_outcome("conf", false);
	assert_int_equal(seteuid(euid), 0);
	leave_dir(dir);
	assert_string_equal(text,
			    "conf: cannot be read: Permission denied; check its owner and mode\n");
	free(text);
}

/* Of the system's configuration; a file that is named is its caller's business. */
static void test_writable_by_others(void **state)
{
	char dir[32], *text;

	(void)state;
	enter_dir(dir);
	assert_int_equal(mkdir("conf.d", 0755), 0);
	make_file("conf", "", 0);
	make_file("conf.d/a.conf", "", 0);
	assert_int_equal(chmod("conf", 0664), 0);
	assert_int_equal(chmod("conf.d", 0777), 0);
	assert_int_equal(chmod("conf.d/a.conf", 0602), 0);
	text = load_outcome("conf", true);
	assert_string_equal(
		text, "conf: can be written by others; take that away, with chmod go-w\n"
		      "conf.d: can be written by others; take that away, with chmod go-w\n"
		      "conf.d/a.conf: can be written by others; take that away, with chmod go-w\n");
	free(text);
	text = load_outcome("conf", false);
	assert_string_equal(text, "rule1:\n");
	free(text);
	leave_dir(dir);
}

static void test_owned_by_others(void **state)
{
	char dir[32], *text;

	(void)state;
	enter_dir(dir);
	make_file("conf", "", 0);
	if (chown("conf", 4242, 4242) < 0) {
		leave_dir(dir);
		print_message("# skipped: only root can give files away\n");
		skip();
	}
	text = load_outcome("conf", true);
	leave_dir(dir);
	assert_string_equal(text, "conf: belongs to user 4242; make it root's, with chown\n");
	free(text);
}

static void test_fifo(void **state)
{
	char dir[32], *text;

	(void)state;
	enter_dir(dir);
	assert_int_equal(mkfifo("conf", 0600), 0);
	text = load_outcome("conf", false);
	leave_dir(dir);
	assert_string_equal(text, "rule1:\n");
	free(text);
}

/* root is in every system's user database, whatever else is. */
static void test_system_names(void **state)
{
	uid_t uid = 1, *uids = NULL;
	bool found = false;
	size_t n = 0;

	(void)state;
	assert_int_equal(uw_names_system.user("root", &uid), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(uw_names_system.user("no such user", &uid), -ENOENT);
	assert_int_equal(uw_names_system.group("no such group", &uids, &n), -ENOENT);
	assert_int_equal(uw_names_system.group("root", &uids, &n), 0);
	for (size_t i = 0; i < n; i++)
		found |= uids[i] == 0;
	assert_true(found);
	free(uids);
}

/* Top of the source tree. */
static const char *top_dir(void)
{
	const char *top = getenv("UW_TOP");

	return top ? top : ".";
}

static char *tree_file(const char *name)
{
	char *path, *text = NULL;
	size_t size = 0;
	FILE *f;

	assert_true(asprintf(&path, "%s/%s", top_dir(), name) > 0);
	f = fopen(path, "re");
	if (!f)
		fail_msg("%s cannot be read; is UW_TOP the top of the source tree?", path);
	free(path);
	assert_true(getdelim(&text, &size, '\0', f) > 0);
	fclose(f);
	return text;
}

#define RUNTIME "ExcludePath=/proc ExcludePath=/sys ExcludePath=/dev ExcludePath=/run"
#define MOVES                                                                                   \
	"moves: " RUNTIME " ExcludePath=/var/lib/dpkg/updates ExcludePath=/var/lib/dpkg/tmp.ci" \
	" ExcludePath=/**/*.dpkg-new ExcludePath=/**/*.dpkg-tmp ExcludePath=/**/*.list-new"     \
	" Operation=m\n"

static void test_shipped_file(void **state)
{
	char *text = tree_file("conf/unlinkwatch.conf"), *result, *s;

	(void)state;
	result = parse_outcome(text, strlen(text));
	assert_string_equal(result, "all: " RUNTIME " Operation=udr\n" MOVES);
	free(result);

	/* What is commented out must be right, too: a comment without a space is an example. */
	for (s = text; (s = strchr(s, '\n')); s++)
		if (s[1] == '#' && s[2] > ' ')
			s[1] = ' ';
	for (s = text; (s = strstr(s, "User=builder")); s++)
		memcpy(s, "User=backup ", 12);
	result = parse_outcome(text, strlen(text));
	assert_string_equal(result,
			    "all: " RUNTIME " ExcludePath=/var/tmp/build ExcludePath=/**/*.o "
			    "ExcludeUser=34 Operation=udr\n" MOVES
			    "share: Path=/srv/share User=1000-59999 Result=failure Priority=5\n"
			    "build: Path=/srv Ancestor=make Ancestor=ninja\n");
	free(result);
	free(text);
}

/* The literal displays of the section EXAMPLES, without the escapes of roff. */
static char *next_example(char **page)
{
	char *start = strstr(*page, "\n.Bd -literal"), *end, *out, *in;

	if (!start)
		return NULL;
	start = strchr(start + 1, '\n') + 1;
	end = strstr(start, "\n.Ed");
	assert_non_null(end);
	end[1] = '\0';
	*page = end + 2;
	for (in = out = start; *in;) {
		if (!strncmp(in, "\\e", 2)) {
			*out++ = '\\';
			in += 2;
		} else if (!strncmp(in, "\\(dq", 4)) {
			*out++ = '"';
			in += 4;
		} else {
			*out++ = *in++;
		}
	}
	*out = '\0';
	return start;
}

static void test_manual_page(void **state)
{
	static const char *const expected[] = {
		"all: " RUNTIME " Operation=udr\n" MOVES,
		"payroll: Path=/srv/payroll Path=/srv/old payroll ExcludePath=/srv/payroll/tmp "
		"Priority=4\n",
		"denied: User=1000-59999,1000-1002,5000 ExcludeUser=34 Result=failure\n",
		"keys: Path=/**/*.key Path=/**/*.p[ek]m Path=/home/*/.ssh Operation=ur Priority=5\n"
		"directories: ExcludePath=/**/.cache ExcludePath=/var/cache ExcludePath=/var/tmp "
		"Operation=d\n",
		"all: ExcludePath=/proc ExcludePath=/sys ExcludePath=/dev ExcludePath=/run "
		"ExcludePath=/tmp ExcludePath=/var/tmp Priority=7\n",
		"rule1: User=0\nProbe=kprobe\nRingBufferSize=67108864\nQueueSize=268435456\n",
		"rule1:\nBurst=0\n",
	};
	char *page = tree_file("man/unlinkwatch.conf.5"), *examples, *example, *result;
	size_t n = 0;

	(void)state;
	examples = strstr(page, "\n.Sh EXAMPLES");
	assert_non_null(examples);
	while ((example = next_example(&examples))) {
		assert_true(n < sizeof(expected) / sizeof(expected[0]));
		result = parse_outcome(example, strlen(example));
		assert_string_equal(result, expected[n]);
		free(result);
		n++;
	}
	assert_int_equal(n, sizeof(expected) / sizeof(expected[0]));
	free(page);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		{ "a file of more than 16 MiB is a mistake", test_large_file, NULL, NULL, NULL },
		{ "a file without an end is a mistake", test_endless_file, NULL, NULL, NULL },
		{ "a file that may not be read is a mistake", test_unreadable_file, NULL, NULL,
		  NULL },
		{ "what others can write is no configuration of the system",
		  test_writable_by_others, NULL, NULL, NULL },
		{ "nor is what belongs to somebody else", test_owned_by_others, NULL, NULL, NULL },
		{ "a pipe that nobody writes to is empty and stops nobody", test_fifo, NULL, NULL,
		  NULL },
		{ "users and groups of the system are found", test_system_names, NULL, NULL, NULL },
		{ "the shipped file and what it comments out are right", test_shipped_file, NULL,
		  NULL, NULL },
		{ "the examples of the manual page are right", test_manual_page, NULL, NULL, NULL },
	};
	static struct CMUnitTest tests[N_FILES + sizeof(others) / sizeof(others[0])];
	char *top = realpath(top_dir(), NULL);

	/* The tests leave the directory that a relative UW_TOP is meant for. */
	if (top)
		setenv("UW_TOP", top, 1);
	free(top);
	for (size_t i = 0; i < N_FILES; i++)
		tests[i] = (struct CMUnitTest){ file_cases[i].title, test_files, NULL, NULL,
						(void *)(uintptr_t)&file_cases[i] };
	memcpy(tests + N_FILES, others, sizeof(others));
	return cmocka_run_group_tests_name("configuration files", tests, NULL, NULL);
}
