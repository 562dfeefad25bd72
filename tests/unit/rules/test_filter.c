// SPDX-License-Identifier: MIT
/*
 * Tests of daemon/rules/filter.c: which rules a record matches, and the tables for the kernel side.
 */
#include <endian.h>

#include "config/config_helper.h"
#include "rules/filter.h"

/* A configuration and its filter. */
struct compiled {
	struct uw_config *config;
	struct uw_filter *filter;
};

static struct compiled compile(const char *text)
{
	struct compiled c = { 0 };
	struct uw_errors errors;
	int r;

	r = uw_config_parse("conf", text, strlen(text), &fake_names, &c.config, &errors);
	if (r < 0)
		fail_msg("%s", errors.n ? errors.line[0] : strerror(-r));
	assert_int_equal(uw_filter_new(c.config, 7, NULL, &c.filter), 0);
	assert_int_equal(c.filter->tables.masks.gen, 7);
	/* The mounts are not known here. test_filter_paths.c tests places. */
	assert_int_equal(c.filter->tables.masks.check_paths, 0);
	assert_int_equal(c.filter->tables.n_paths, 0);
	return c;
}

static void release(struct compiled *c)
{
	uw_filter_free(c->filter);
	uw_config_free(c->config);
}

struct deletion {
	const char *path; /* NULL if not known */
	uint32_t uid;
	enum uw_op op;
	int ret;
	uint64_t rules; /* that match, one bit each */
};

struct match {
	const char *title;
	const char *config;
	struct deletion deletions[8]; /* up to the first without an op */
};

#define U UW_OP_UNLINK
#define D UW_OP_RMDIR
#define R UW_OP_RENAME

static const struct match matches[] = {
	{ "without a rule everything matches",
	  "",
	  { { "/", 0, U, 0, 1 }, { "/a", 5, D, -EACCES, 1 }, { NULL, 0, R, 0, 1 } } },
	{ "Path= matches the path and everything below it",
	  "[Watch]\nPath=/srv/data /etc/*.conf\n",
	  { { "/srv/data", 0, D, 0, 1 },
	    { "/srv/data/x/y", 0, U, 0, 1 },
	    { "/srv/database", 0, U, 0, 0 },
	    { "/etc/a.conf", 0, U, 0, 1 },
	    { "/etc/a", 0, U, 0, 0 } } },
	{ "ExcludePath= wins over Path=",
	  "[Watch]\nPath=/srv /srv/tmp/keep\nExcludePath=/srv/tmp /**/*.o\n",
	  { { "/srv/a", 0, U, 0, 1 },
	    { "/srv/tmp", 0, D, 0, 0 },
	    { "/srv/tmp/keep/a", 0, U, 0, 0 },
	    { "/srv/tmpfile", 0, U, 0, 1 },
	    { "/srv/a/b.o", 0, U, 0, 0 } } },
	{ "ExcludePath= alone matches everything else",
	  "[Watch]\nExcludePath=/proc /run\n",
	  { { "/a", 0, U, 0, 1 }, { "/run/a", 0, U, 0, 0 }, { "/running", 0, U, 0, 1 } } },
	{ "an unknown path matches every Path= and no ExcludePath=",
	  "[Watch]\nPath=/srv\n[Watch]\nExcludePath=/srv\n[Watch]\nUser=bob\n",
	  { { NULL, 1000, U, 0, 3 }, { NULL, 1001, U, 0, 7 } } },
	{ "User= accepts names, uids, ranges and groups",
	  "[Watch]\nUser=alice 5-7\n[Watch]\nUser=@staff\n",
	  { { "/a", 1000, U, 0, 3 },
	    { "/a", 1001, U, 0, 2 },
	    { "/a", 4, U, 0, 0 },
	    { "/a", 5, U, 0, 1 },
	    { "/a", 7, U, 0, 1 },
	    { "/a", 8, U, 0, 0 },
	    { "/a", 5000, U, 0, 2 } } },
	{ "ExcludeUser= wins over User=",
	  "[Watch]\nUser=1000-1999\nExcludeUser=alice 1500-3000\n[Watch]\nExcludeUser=root\n",
	  { { "/a", 1000, U, 0, 2 },
	    { "/a", 1001, U, 0, 3 },
	    { "/a", 1499, U, 0, 3 },
	    { "/a", 1500, U, 0, 2 },
	    { "/a", 0, U, 0, 0 },
	    { "/a", UINT32_MAX, U, 0, 2 } } },
	{ "a group without members matches nobody",
	  "[Watch]\nUser=@nobodies\n[Watch]\nExcludeUser=@nobodies\n",
	  { { "/a", 0, U, 0, 2 }, { "/a", 1000, U, 0, 2 } } },
	{ "Operation= matches only the operations that it lists",
	  "[Watch]\nOperation=unlink\n[Watch]\nOperation=rmdir rename\n[Watch]\n",
	  { { "/a", 0, U, 0, 5 }, { "/a", 0, D, 0, 6 }, { "/a", 0, R, 0, 6 } } },
	{ "Result= matches only the results that it lists",
	  "[Watch]\nResult=success\n[Watch]\nResult=failure\n[Watch]\nResult=success failure\n",
	  { { "/a", 0, U, 0, 5 }, { "/a", 0, U, -EACCES, 6 }, { "/a", 0, U, -ENOENT, 6 } } },
	{ "all keys of a rule must match",
	  "[Watch]\nPath=/srv\nUser=bob\nOperation=unlink\nResult=failure\n",
	  { { "/srv/a", 1001, U, -EPERM, 1 },
	    { "/src/a", 1001, U, -EPERM, 0 },
	    { "/srv/a", 1000, U, -EPERM, 0 },
	    { "/srv/a", 1001, D, -EPERM, 0 },
	    { "/srv/a", 1001, U, 0, 0 } } },
};

#define N_MATCHES (sizeof(matches) / sizeof(matches[0]))

static struct uw_record record_of(const struct deletion *deletion)
{
	struct uw_record record = { 0 };

	record.op = deletion->op;
	record.uid = record.fsuid = deletion->uid;
	record.ret_known = true;
	record.ret = deletion->ret;
	record.rules = UINT64_MAX;
	if (deletion->path) {
		record.path_state = UW_PATH_LEXICAL;
		record.path = (struct uw_str){ deletion->path, strlen(deletion->path) };
	}
	return record;
}

static void test_match(void **state)
{
	const struct match *match = *state;
	struct compiled c = compile(match->config);

	for (size_t i = 0; i < 8 && match->deletions[i].op; i++) {
		struct uw_record record = record_of(&match->deletions[i]);

		assert_int_equal(uw_filter_match(c.filter, &record), match->deletions[i].rules);
	}
	release(&c);
}

static void test_kernel_bits(void **state)
{
	struct compiled c = compile("[Watch]\n[Watch]\n[Watch]\nPath=/srv\n");
	struct uw_record record = record_of(&(struct deletion){ "/srv/a", 0, U, 0, 0 });

	(void)state;
	record.rules = 5;
	assert_int_equal(uw_filter_match(c.filter, &record), 5);
	record.rules = 0;
	assert_int_equal(uw_filter_match(c.filter, &record), 0);
	record.rules = ~(uint64_t)7; /* rules that do not exist */
	assert_int_equal(uw_filter_match(c.filter, &record), 0);
	release(&c);
}

static void test_unknown_result(void **state)
{
	struct compiled c = compile("[Watch]\nResult=success\n[Watch]\nResult=failure\n");
	struct uw_record record = record_of(&(struct deletion){ "/a", 0, U, 0, 0 });

	(void)state;
	record.ret_known = false;
	assert_int_equal(uw_filter_match(c.filter, &record), 3);
	release(&c);
}

static void test_cut_path(void **state)
{
	struct compiled c = compile("[Watch]\nPath=/srv\n[Watch]\nExcludePath=/tmp\n");
	struct uw_record record = record_of(&(struct deletion){ "/tmp/a", 0, U, 0, 0 });

	(void)state;
	record.path_state = UW_PATH_TRUNCATED;
	record.name_cut = true;
	assert_int_equal(uw_filter_match(c.filter, &record), 3);
	record.name_cut = false;
	record.dir_cut = true;
	assert_int_equal(uw_filter_match(c.filter, &record), 3);
	record.path_state = UW_PATH_GUESSED;
	record.dir_cut = false;
	assert_int_equal(uw_filter_match(c.filter, &record), 0);
	release(&c);
}

static void test_bad_operation(void **state)
{
	struct compiled c = compile("[Watch]\n");
	struct uw_record record = record_of(&(struct deletion){ "/a", 0, UW_OP_MAX, 0, 0 });

	(void)state;
	assert_int_equal(uw_filter_match(c.filter, &record), 0);
	record.op = 0;
	assert_int_equal(uw_filter_match(c.filter, &record), 0);
	release(&c);
}

static void test_masks(void **state)
{
	struct compiled c = compile("[Watch]\nOperation=unlink\nResult=failure\n"
				    "[Watch]\nOperation=rmdir rename\n[Watch]\nResult=success\n");

	(void)state;
	assert_int_equal(c.filter->tables.masks.op[0], 0);
	assert_int_equal(c.filter->tables.masks.op[UW_OP_UNLINK], 5);
	assert_int_equal(c.filter->tables.masks.op[UW_OP_RMDIR], 6);
	assert_int_equal(c.filter->tables.masks.op[UW_OP_RENAME], 6);
	assert_int_equal(c.filter->tables.masks.success, 6);
	assert_int_equal(c.filter->tables.masks.failure, 3);
	release(&c);
}

static void test_all_bits(void **state)
{
	char text[64 * 32] = "", *end = text;
	struct uw_record record = record_of(&(struct deletion){ "/srv/a", 0, U, 0, 0 });
	struct compiled c;

	(void)state;
	for (int i = 0; i < 64; i++)
		end += sprintf(end, "[Watch r%d]\nPath=/srv\n", i);
	c = compile(text);
	assert_int_equal(c.filter->tables.masks.success, UINT64_MAX);
	assert_int_equal(c.filter->tables.masks.check_uids, 0);
	assert_int_equal(uw_filter_match(c.filter, &record), UINT64_MAX);
	release(&c);
}

/* The table as text: "uid/prefix=included", and "-excluded" where there is any. */
static void check_table(const char *config, const char *expected)
{
	struct compiled c = compile(config);
	char text[4096] = "", *end = text;

	for (size_t i = 0; i < c.filter->tables.n_uids; i++) {
		const struct uw_uid_entry *e = &c.filter->tables.uids[i];

		assert_in_range(end - text, 0, 4000);
		end += sprintf(end, "%u/%u=%llx", be32toh(e->key.uid), e->key.prefixlen,
			       (unsigned long long)e->value.include);
		if (e->value.exclude)
			end += sprintf(end, "-%llx", (unsigned long long)e->value.exclude);
		end += sprintf(end, " ");
	}
	assert_string_equal(text, expected);
	assert_int_equal(c.filter->tables.masks.check_uids, 1);
	release(&c);
}

static void test_no_table(void **state)
{
	static const char *const texts[] = {
		"",
		"[Watch]\n[Watch]\nPath=/srv\n",
		"[Watch]\nExcludeUser=@nobodies\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct compiled c = compile(texts[i]);

		assert_int_equal(c.filter->tables.masks.check_uids, 0);
		assert_int_equal(c.filter->tables.n_uids, 0);
		assert_int_equal(uw_filter_uid_rules(c.filter, 4711, 4711),
				 (1u << c.config->n_rules) - 1);
		release(&c);
	}
}

static void test_tables(void **state)
{
	(void)state;
	check_table("[Watch]\nUser=1000\n", "1000/32=1 ");
	check_table("[Watch]\nUser=1000-1999\n",
		    "1000/29=1 1008/28=1 1024/23=1 1536/24=1 1792/25=1 "
		    "1920/26=1 1984/28=1 ");
	check_table("[Watch]\nUser=0-3 4-7\n", "0/29=1 ");
	check_table("[Watch]\nUser=0-5 2-7 1\n", "0/29=1 ");
	check_table("[Watch]\nUser=0-1\n[Watch]\nUser=1-2\n", "0/32=1 1/32=3 2/32=2 ");
	check_table("[Watch]\nUser=0-7\nExcludeUser=2-3\n[Watch]\nUser=2-3\n",
		    "0/31=1 2/31=3-1 4/30=1 ");
	check_table(
		"[Watch]\nUser=0-4294967294\n",
		"0/1=1 2147483648/2=1 3221225472/3=1 3758096384/4=1 4026531840/5=1 4160749568/6=1 "
		"4227858432/7=1 4261412864/8=1 4278190080/9=1 4286578688/10=1 4290772992/11=1 "
		"4292870144/12=1 4293918720/13=1 4294443008/14=1 4294705152/15=1 4294836224/16=1 "
		"4294901760/17=1 4294934528/18=1 4294950912/19=1 4294959104/20=1 4294963200/21=1 "
		"4294965248/22=1 4294966272/23=1 4294966784/24=1 4294967040/25=1 4294967168/26=1 "
		"4294967232/27=1 4294967264/28=1 4294967280/29=1 4294967288/30=1 4294967292/31=1 "
		"4294967294/32=1 ");
	check_table("[Watch]\nUser=@nobodies\n", "");
	check_table("[Watch]\n[Watch]\nUser=@nobodies\n", "0/0=1 ");
}

/* Like the kernel's trie, returns the value of the longest prefix of the uid. */
static struct uw_uid_value longest_prefix(const struct uw_filter *filter, uint32_t uid)
{
	const struct uw_uid_entry *best = NULL;

	for (size_t i = 0; i < filter->tables.n_uids; i++) {
		const struct uw_uid_entry *e = &filter->tables.uids[i];
		uint64_t mask = ~((UINT64_C(1) << (32 - e->key.prefixlen)) - 1);

		/* The bits after the prefix must be clear, or two keys could be the same entry. */
		assert_int_equal(be32toh(e->key.uid) & ~mask, 0);
		if ((uid & mask) == be32toh(e->key.uid) &&
		    (!best || e->key.prefixlen > best->key.prefixlen))
			best = e;
	}
	return best ? best->value : (struct uw_uid_value){ 0 };
}

static bool in_list(const struct uw_uids *uids, uint32_t uid)
{
	for (size_t i = 0; i < uids->n; i++)
		if (uids->range[i].first <= uid && uid <= uids->range[i].last)
			return true;
	return false;
}

static uint64_t naive_rules(const struct uw_config *config, uint32_t uid, uint32_t fsuid)
{
	uint64_t rules = 0;

	for (size_t i = 0; i < config->n_rules; i++) {
		const struct uw_rule *rule = &config->rules[i];

		if ((rule->user.any || in_list(&rule->user, uid) || in_list(&rule->user, fsuid)) &&
		    !(in_list(&rule->exclude_user, uid) && in_list(&rule->exclude_user, fsuid)))
			rules |= UINT64_C(1) << i;
	}
	return rules;
}

/* The numbers are the same in each run, so that a failure can be repeated. */
static uint32_t random_bits(void)
{
	static uint64_t seed = 42;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 32);
}

/* Numbers of all magnitudes, often the first or the last uid. */
static uint32_t random_uid(void)
{
	uint32_t uid = random_bits() >> (random_bits() % 32);

	if (random_bits() % 4 == 0)
		uid = UINT32_MAX - 1 - uid;
	return uid == UINT32_MAX ? 0 : uid;
}

static void random_list(char **end, const char *key)
{
	for (uint32_t n = random_bits() % 5; n > 0; n--) {
		uint32_t a = random_uid(), b = random_uid();

		*end += sprintf(*end, "%s=%u-%u\n", key, a < b ? a : b, a < b ? b : a);
	}
}

static void check_uids(const struct compiled *c, uint32_t uid, uint32_t fsuid)
{
	uint64_t expected = naive_rules(c->config, uid, fsuid);
	struct uw_uid_value real, checked;

	assert_int_equal(uw_filter_uid_rules(c->filter, uid, fsuid), expected);
	if (c->filter->tables.masks.check_uids) {
		real = longest_prefix(c->filter, uid);
		checked = longest_prefix(c->filter, fsuid);
		assert_int_equal(uw_uid_rules(&real, &checked), expected);
	} else {
		assert_int_equal(expected, (UINT64_C(1) << c->config->n_rules) - 1);
	}
}

static void check_uid(const struct compiled *c, uint32_t uid)
{
	check_uids(c, uid, uid);
	check_uids(c, uid, random_uid());
	check_uids(c, random_uid(), uid);
}

static void check_ends(const struct compiled *c, const struct uw_uids *uids)
{
	for (size_t i = 0; i < uids->n; i++) {
		check_uid(c, uids->range[i].first - 1);
		check_uid(c, uids->range[i].first);
		check_uid(c, uids->range[i].last);
		check_uid(c, uids->range[i].last + 1);
	}
}

static void check_disjoint(const struct uw_filter *filter)
{
	uint64_t next = 0;

	for (size_t i = 0; i < filter->tables.n_uids; i++) {
		const struct uw_uid_entry *e = &filter->tables.uids[i];

		assert_true(be32toh(e->key.uid) >= next);
		assert_int_not_equal(e->value.include | e->value.exclude, 0);
		next = be32toh(e->key.uid) + (UINT64_C(1) << (32 - e->key.prefixlen));
	}
}

static void test_random_uids(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		char text[8192] = "", *end = text;
		struct compiled c;

		for (uint32_t n = 1 + random_bits() % 6; n > 0; n--) {
			end += sprintf(end, "[Watch]\n");
			random_list(&end, "User");
			if (random_bits() % 2)
				random_list(&end, "ExcludeUser");
			/* With a group, a rule that matches nobody is valid. */
			end += sprintf(end, "ExcludeUser=@nobodies\n");
		}
		c = compile(text);
		check_disjoint(c.filter);
		for (size_t j = 0; j < c.config->n_rules; j++) {
			check_ends(&c, &c.config->rules[j].user);
			check_ends(&c, &c.config->rules[j].exclude_user);
		}
		for (int j = 0; j < 100; j++)
			check_uid(&c, random_uid());
		check_uid(&c, UINT32_MAX);
		release(&c);
	}
}

static void test_free_nothing(void **state)
{
	(void)state;
	uw_filter_free(NULL);
}

static uint64_t match_under(const char *config, const char *comm, enum uw_via via,
			    const struct uw_ancestor *ancestors, size_t n)
{
	struct compiled c = compile(config);
	static struct uw_record record;
	uint64_t rules;

	record.op = UW_OP_UNLINK;
	record.via = via;
	record.ret_known = true;
	record.rules = UINT64_MAX;
	record.comm = (struct uw_str){ comm, strlen(comm) };
	record.ancestors = (struct uw_str){ (const char *)ancestors, n * sizeof(*ancestors) };
	rules = uw_filter_match(c.filter, &record);
	release(&c);
	return rules;
}

/* What is not known may be what a rule asks for. */
static void test_ancestor(void **state)
{
	static const char config[] = "[Watch]\nAncestor=make ninja\n[Watch]\nUser=0\n";
	static const struct uw_ancestor built[] = { { "sh", 9 }, { "make", 8 }, { "init", 1 } },
					other[] = { { "sh", 9 }, { "maker", 8 }, { "init", 1 } };

	(void)state;
	assert_int_equal(match_under(config, "rm", UW_VIA_SYSCALL, built, 3), 3);
	assert_int_equal(match_under(config, "ninja", UW_VIA_SYSCALL, other, 3), 3);
	assert_int_equal(match_under(config, "rm", UW_VIA_SYSCALL, other, 3), 2);
	assert_int_equal(match_under(config, "rm", UW_VIA_SYSCALL, other, 2), 3);
	assert_int_equal(match_under(config, "rm", UW_VIA_SYSCALL, NULL, 0), 3);
	assert_int_equal(match_under(config, "nfsd", UW_VIA_KERNEL, NULL, 0), 2);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		{ "a rule that the kernel excluded does not match", test_kernel_bits, NULL, NULL,
		  NULL },
		{ "an unknown result matches any Result=", test_unknown_result, NULL, NULL, NULL },
		{ "a path that was cut excludes nothing, but a guessed one does", test_cut_path,
		  NULL, NULL, NULL },
		{ "an operation that does not exist matches nothing", test_bad_operation, NULL,
		  NULL, NULL },
		{ "Ancestor= matches below a process, and where that is not known", test_ancestor,
		  NULL, NULL, NULL },
		{ "operations and results become masks", test_masks, NULL, NULL, NULL },
		{ "all 64 rules have their bit", test_all_bits, NULL, NULL, NULL },
		{ "the table of uids is empty if no rule has users", test_no_table, NULL, NULL,
		  NULL },
		{ "users are compiled to the fewest prefixes", test_tables, NULL, NULL, NULL },
		{ "the table of random users agrees with the rules at each prefix",
		  test_random_uids, NULL, NULL, NULL },
		{ "freeing NULL does nothing", test_free_nothing, NULL, NULL, NULL },
	};
	static struct CMUnitTest tests[N_MATCHES + sizeof(others) / sizeof(others[0])];

	for (size_t i = 0; i < N_MATCHES; i++)
		tests[i] = (struct CMUnitTest){ matches[i].title, test_match, NULL, NULL,
						(void *)(uintptr_t)&matches[i] };
	memcpy(tests + N_MATCHES, others, sizeof(others));
	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
