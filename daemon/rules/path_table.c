// SPDX-License-Identifier: MIT
#include "rules/path_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * The kernel looks a place up in a trie by its longest prefix. A node is a place below which other
 * rules may apply than above: the root of each mount, the directory under each visible mount point,
 * each literal path of the rules, and the fixed part of each glob. Hidden mounts count as well: a
 * path of the rules is a node in each mount at or above it. The places between a node and the next
 * node below it have the same host paths up to the end, and the same rules cover them. So the rules
 * of a node follow from its own host paths alone, and hold for everything down to the next node.
 */

/*
 * A key holds a path of up to so many bytes, its last slash included. One byte less than it has
 * room for, since the kernel side appends a slash to a path that it has cut.
 */
#define KEY_WHOLE (UW_KEY_PATH - 1)

/* The rules that name a host path. */
struct mark {
	uint64_t include, exclude;
};

struct marks {
	struct uw_path_index tree;
	struct mark *own;   /* by item */
	struct mark *whole; /* by node: own, and those of all nodes above */
};

struct table {
	struct uw_path_index nodes; /* group: device; the paths are allocated */
	uint64_t *rules;	    /* by node */
	size_t *entry_of;	    /* by node */
	struct uw_path_entry *entry;
	size_t *up; /* by entry: the next shorter prefix */
	size_t n;
};

/* ---- marks */

static void add_mark(struct marks *marks, const char *path, size_t len, struct mark mark)
{
	marks->own[marks->tree.n] = mark;
	uw_path_index_add(&marks->tree, 0, path, len, marks->tree.n);
}

/*
 * The daemon decides about globs. For the kernel a glob of Path= covers everything below its fixed
 * part, and one of ExcludePath= covers nothing.
 */
static void add_rule(struct marks *marks, const struct uw_path_rule *rule, uint64_t bit)
{
	struct mark include = { .include = bit }, exclude = { .exclude = bit };

	for (size_t i = 0; i < rule->path.literals.n; i++)
		add_mark(marks, rule->path.literals.node[i].path, rule->path.literals.node[i].len,
			 include);
	for (size_t i = 0; i < rule->path.n_globs; i++)
		add_mark(marks, rule->path.globs[i].text, rule->path.globs[i].fixed, include);
	for (size_t i = 0; i < rule->exclude.literals.n; i++)
		add_mark(marks, rule->exclude.literals.node[i].path,
			 rule->exclude.literals.node[i].len, exclude);
}

static void marks_done(struct marks *marks)
{
	uw_path_index_done(&marks->tree);
	free(marks->own);
	free(marks->whole);
}

static int marks_init(struct marks *marks, const struct uw_path_rules *rules)
{
	size_t max = 1;

	*marks = (struct marks){ 0 };
	for (size_t i = 0; i < rules->n; i++)
		max += rules->rule[i].path.literals.n + rules->rule[i].path.n_globs +
		       rules->rule[i].exclude.literals.n;
	marks->own = calloc(max, sizeof(*marks->own));
	marks->whole = calloc(max, sizeof(*marks->whole));
	if (!marks->own || !marks->whole || uw_path_index_init(&marks->tree, max) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < rules->n; i++)
		add_rule(marks, &rules->rule[i], (uint64_t)1 << i);
	uw_path_index_sort(&marks->tree);
	for (size_t i = 0; i < marks->tree.n; i++) {
		const struct uw_path_index_node *node = &marks->tree.node[i];
		struct mark mark = marks->own[node->item];

		if (node->up != UW_TREE_NONE) {
			mark.include |= marks->whole[node->up].include;
			mark.exclude |= marks->whole[node->up].exclude;
		}
		marks->whole[i] = mark;
	}
	return 0;
}

/* ---- nodes */

static int add_node(struct table *table, uint32_t dev, const char *path, size_t len)
{
	char *copy = strndup(path, len);

	if (!copy)
		return -ENOMEM;
	uw_path_index_add(&table->nodes, dev, copy, len, table->nodes.n);
	return 0;
}

/* Adds the place within the mount's file system of a host path. */
static int add_place(struct table *table, const struct uw_mount *mount, const char *path,
		     size_t len)
{
	char inner[3 * UW_PATH_MAX];
	size_t n = uw_mount_inner(mount, path, len, inner, sizeof(inner));

	return n == SIZE_MAX ? 0 : add_node(table, mount->dev, inner, n);
}

/* The root of each file system is a node for the places that no mount shows. */
static int add_mounts(struct table *table, const struct uw_mounts *mounts)
{
	int r = 0;

	for (size_t i = 0; i < mounts->n && r == 0; i++) {
		const struct uw_mount *m = &mounts->mount[i];

		if (!m->root)
			continue;
		r = add_node(table, m->dev, "", 0);
		if (r == 0)
			r = add_node(table, m->dev, m->root, m->root_len);
	}
	for (size_t i = 0; i < mounts->points.n && r == 0; i++) {
		const struct uw_path_index_node *point = &mounts->points.node[i];
		const struct uw_mount *m = &mounts->mount[point->item];

		if (point->up != UW_TREE_NONE)
			r = add_place(table, &mounts->mount[mounts->points.node[point->up].item],
				      m->point, m->point_len);
	}
	return r;
}

/* The mounts, in mounts->all, that are at a path or above it: the first one, and `up` on. */
static size_t first_above(const struct uw_mounts *mounts, const struct uw_path_index_node *node)
{
	return uw_path_index_find(&mounts->all, 0, node->path, node->len);
}

static int add_marks(struct table *table, const struct uw_mounts *mounts, const struct marks *marks)
{
	int r = 0;

	for (size_t i = 0; i < marks->tree.n; i++) {
		const struct uw_path_index_node *node = &marks->tree.node[i];
		size_t at = first_above(mounts, node);

		for (; at != UW_TREE_NONE && r == 0; at = mounts->all.node[at].up)
			r = add_place(table, &mounts->mount[mounts->all.node[at].item], node->path,
				      node->len);
	}
	return r;
}

static size_t count_marks(const struct uw_mounts *mounts, const struct marks *marks)
{
	size_t n = 0;

	for (size_t i = 0; i < marks->tree.n; i++) {
		size_t at = first_above(mounts, &marks->tree.node[i]);

		for (; at != UW_TREE_NONE; at = mounts->all.node[at].up)
			n++;
	}
	return n;
}

static bool same_node(const struct table *table, size_t a, size_t b)
{
	const struct uw_path_index_node *x = &table->nodes.node[a], *y = &table->nodes.node[b];

	return x->group == y->group && x->len == y->len && !memcmp(x->path, y->path, x->len);
}

static uint64_t rules_at(const struct uw_path_rules *rules, const struct marks *marks,
			 const struct uw_path_index_node *node)
{
	uint64_t include = rules->pathless, exclude = 0;
	struct uw_host_paths paths;
	size_t len, at;

	uw_host_paths_begin(&paths, rules->env.mounts, node->group, node->path, node->len, true);
	while (uw_host_paths_next(&paths, &len)) {
		at = uw_path_index_find(&marks->tree, 0, paths.path, len);
		if (at == UW_TREE_NONE)
			continue;
		include |= marks->whole[at].include;
		if (paths.visible)
			exclude |= marks->whole[at].exclude;
	}
	return include & ~exclude;
}

static void work_out(struct table *table, const struct uw_path_rules *rules,
		     const struct marks *marks)
{
	for (size_t i = 0; i < table->nodes.n; i++)
		table->rules[i] = i > 0 && same_node(table, i - 1, i)
					  ? table->rules[i - 1]
					  : rules_at(rules, marks, &table->nodes.node[i]);
}

/* ---- entries */

static struct uw_path_key key_of(const struct uw_path_index_node *node)
{
	size_t len = node->len < KEY_WHOLE ? node->len + 1 : KEY_WHOLE;
	struct uw_path_key key = {
		.prefixlen = 8 * (uint32_t)(sizeof(key.dev) + len),
		.dev = node->group,
	};

	memcpy(key.path, node->path, node->len < len ? node->len : len);
	if (node->len < len)
		key.path[node->len] = '/';
	return key;
}

/*
 * Nodes with the same key become one entry with the rules of all of them. A key that was cut also
 * stands for places that are no nodes, so it has the rules of the node above, too.
 */
static void add_entry(struct table *table, size_t i)
{
	const struct uw_path_index_node *node = &table->nodes.node[i];
	struct uw_path_key key = key_of(node);
	struct uw_path_entry *last = table->n ? &table->entry[table->n - 1] : NULL;
	size_t up = node->up;

	if (last && !memcmp(&last->key, &key, sizeof(key))) {
		last->value.rules |= table->rules[i];
		table->entry_of[i] = table->n - 1;
		return;
	}
	table->entry_of[i] = table->n;
	table->up[table->n] = up == UW_TREE_NONE ? SIZE_MAX : table->entry_of[up];
	table->entry[table->n] = (struct uw_path_entry){ key, { .rules = table->rules[i] } };
	if (node->len >= KEY_WHOLE && up != UW_TREE_NONE)
		table->entry[table->n].value.rules |= table->entry[table->entry_of[up]].value.rules;
	table->n++;
}

/* Drops each entry with the same rules as the next shorter prefix. */
static void drop_repeated(struct table *table)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->n; i++)
		if (table->up[i] != SIZE_MAX &&
		    table->entry[i].value.rules == table->entry[table->up[i]].value.rules)
			table->entry[i].key.prefixlen = 0;
	for (size_t i = 0; i < table->n; i++)
		if (table->entry[i].key.prefixlen > 0)
			table->entry[kept++] = table->entry[i];
	table->n = kept;
}

static bool decides(const struct table *table, uint64_t all)
{
	for (size_t i = 0; i < table->n; i++)
		if (table->entry[i].value.rules != all)
			return true;
	return false;
}

static void table_done(struct table *table)
{
	for (size_t i = 0; i < table->nodes.n; i++)
		free((char *)(uintptr_t)table->nodes.node[i].path);
	uw_path_index_done(&table->nodes);
	free(table->rules);
	free(table->entry_of);
	free(table->entry);
	free(table->up);
}

static int table_init(struct table *table, const struct uw_mounts *mounts,
		      const struct marks *marks)
{
	size_t n = 3 * mounts->n + count_marks(mounts, marks) + 1;
	int r;

	*table = (struct table){ 0 };
	r = uw_path_index_init(&table->nodes, n);
	if (r == 0)
		r = add_mounts(table, mounts);
	if (r == 0)
		r = add_marks(table, mounts, marks);
	if (r < 0)
		return r;
	uw_path_index_sort(&table->nodes);
	table->rules = calloc(n, sizeof(*table->rules));
	table->entry_of = calloc(n, sizeof(*table->entry_of));
	table->entry = calloc(n, sizeof(*table->entry));
	table->up = calloc(n, sizeof(*table->up));
	return table->rules && table->entry_of && table->entry && table->up ? 0 : -ENOMEM;
}

static size_t key_len(const struct uw_path_key *key)
{
	return key->prefixlen / 8 - sizeof(key->dev);
}

static bool begins_with(const struct uw_path_key *key, const struct uw_path_key *prefix, size_t len)
{
	return key->dev == prefix->dev && key_len(key) >= len &&
	       !memcmp(key->path, prefix->path, len);
}

struct path_entries {
	struct uw_path_entry *entry;
	size_t n;
	size_t open[UW_KEY_PATH]; /* the last entry and those above it, topmost first */
	size_t depth;
};

static void push_entry(struct path_entries *to, const struct uw_path_key *key, size_t len,
		       uint64_t rules)
{
	struct uw_path_entry *e = &to->entry[to->n];

	if (to->depth)
		to->entry[to->open[to->depth - 1]].value.deeper = 1;
	e->key.prefixlen = 8 * (uint32_t)(sizeof(key->dev) + len);
	e->key.dev = key->dev;
	memcpy(e->key.path, key->path, len);
	e->value = (struct uw_path_value){ .rules = rules, .len = (uint32_t)len };
	to->open[to->depth++] = to->n++;
}

/*
 * Adds the directories between each entry and the next shorter one, so that a directory without a
 * key has no key below it. The entries are in tree order. Returns 0 or -ENOMEM.
 */
static int add_parents(const struct table *table, struct path_entries *ret)
{
	size_t max = 0, i, j, len;

	*ret = (struct path_entries){ 0 };
	for (i = 0; i < table->n; i++)
		for (j = 0; j < key_len(&table->entry[i].key); j++)
			max += table->entry[i].key.path[j] == '/';
	ret->entry = calloc(max + table->n, sizeof(*ret->entry));
	if (!ret->entry)
		return -ENOMEM;
	for (i = 0; i < table->n; i++) {
		const struct uw_path_entry *e = &table->entry[i];
		const struct uw_path_entry *up = NULL;

		for (; ret->depth && !up; ret->depth -= !up) {
			up = &ret->entry[ret->open[ret->depth - 1]];
			if (!begins_with(&e->key, &up->key, up->value.len))
				up = NULL;
		}
		len = key_len(&e->key);
		for (j = up ? up->value.len : len; j + 1 < len; j++)
			if (e->key.path[j] == '/')
				push_entry(ret, &e->key, j + 1, up->value.rules);
		push_entry(ret, &e->key, len, e->value.rules);
	}
	return 0;
}

int uw_path_table_compile(const struct uw_path_rules *rules, struct uw_path_entry **ret,
			  size_t *ret_n)
{
	uint64_t all = rules->n < 64 ? ((uint64_t)1 << rules->n) - 1 : UINT64_MAX;
	struct path_entries entries;
	struct table table = { 0 };
	struct marks marks;
	int r;

	*ret = NULL;
	*ret_n = 0;
	if (!rules->env.mounts || rules->env.mounts->n == 0)
		return 0;
	r = marks_init(&marks, rules);
	if (r == 0)
		r = table_init(&table, rules->env.mounts, &marks);
	if (r == 0) {
		work_out(&table, rules, &marks);
		for (size_t i = 0; i < table.nodes.n; i++)
			add_entry(&table, i);
		drop_repeated(&table);
		if (decides(&table, all)) {
			r = add_parents(&table, &entries);
			*ret = entries.entry;
			*ret_n = entries.n;
		}
	}
	table_done(&table);
	marks_done(&marks);
	return r;
}
