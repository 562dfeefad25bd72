// SPDX-License-Identifier: MIT
#include "probe/selftest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { REPLACE, UNLINKAT, UNLINK, UNLINKAT_DIR, RMDIR };

/*
 * The deletions, in their order: one for each system call, since each has a tracepoint of its own.
 * The C library's unlink() and rmdir() make those calls where the architecture has them, and
 * unlinkat(2) elsewhere.
 */
static const struct step {
	const char *call;
	enum uw_op op;
	enum uw_function hook; /* shows what the kernel found */
	const char *name;      /* below the directory made for it */
} steps[UW_SELFTEST_STEPS] = {
	[REPLACE] = { "rename", UW_OP_RENAME, UW_FN_PATH_RENAME, "/old" },
	[UNLINKAT] = { "unlinkat", UW_OP_UNLINK, UW_FN_PATH_UNLINK, "/old" },
	[UNLINK] = { "unlink", UW_OP_UNLINK, UW_FN_PATH_UNLINK, "/file" },
	[UNLINKAT_DIR] = { "unlinkat of a directory", UW_OP_RMDIR, UW_FN_PATH_RMDIR, "/moved" },
	[RMDIR] = { "rmdir", UW_OP_RMDIR, UW_FN_PATH_RMDIR, "" },
};

/* Makes a directory that no other user can reach, and stores its path for the last step. */
static int make_dir(struct uw_selftest *c)
{
	const char *const places[] = { getenv("RUNTIME_DIRECTORY"), "/run", "/tmp", "/dev/shm" };
	char *dir = c->path[RMDIR];
	int r = -ENOENT, n;
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (!places[i])
			continue;
		n = snprintf(dir, UW_SELFTEST_PATH_MAX, "%s/unlinkwatchd.XXXXXX", places[i]);
		/* The names below it must fit, too. */
		if (n >= UW_SELFTEST_PATH_MAX - 16)
			continue;
		if (mkdtemp(dir))
			return 0;
		r = -errno;
	}
	return r;
}

static int make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* What is renamed in the test: the first to the second. */
struct names {
	char file[UW_SELFTEST_PATH_MAX], dir[UW_SELFTEST_PATH_MAX];
};

static int make_all(struct uw_selftest *c, const struct names *old)
{
	int r;

	r = make_file(old->file);
	if (!r)
		r = make_file(c->path[REPLACE]);
	if (!r)
		r = make_file(c->path[UNLINK]);
	if (!r && mkdir(old->dir, 0700))
		r = -errno;
	return r;
}

/* Do all, even if one fails, so that nothing is left over. */
static int delete_all(struct uw_selftest *c, const struct names *old)
{
	int failed = 0;

	failed |= rename(old->file, c->path[REPLACE]);
	failed |= rename(old->dir, c->path[UNLINKAT_DIR]);
	failed |= unlinkat(AT_FDCWD, c->path[UNLINKAT], 0);
	failed |= unlink(c->path[UNLINK]);
	failed |= unlinkat(AT_FDCWD, c->path[UNLINKAT_DIR], AT_REMOVEDIR);
	failed |= rmdir(c->path[RMDIR]);
	return failed ? -errno : 0;
}

int uw_selftest_delete(struct uw_selftest *c)
{
	struct names old;
	int r, made, i;

	memset(c->seen, 0, sizeof(c->seen));
	r = make_dir(c);
	if (r < 0)
		return r;
	for (i = 0; i < RMDIR; i++)
		snprintf(c->path[i], sizeof(c->path[i]), "%.*s%s", UW_SELFTEST_PATH_MAX - 16,
			 c->path[RMDIR], steps[i].name);
	snprintf(old.file, sizeof(old.file), "%.*s/new", UW_SELFTEST_PATH_MAX - 16, c->path[RMDIR]);
	snprintf(old.dir, sizeof(old.dir), "%.*s/dir", UW_SELFTEST_PATH_MAX - 16, c->path[RMDIR]);
	made = make_all(c, &old);
	r = delete_all(c, &old);
	/*
	 * This fails. If the return of the last deletion was missed, it makes the kernel side
	 * report that.
	 */
	(void)unlink(old.file);
	return made < 0 ? made : r;
}

/*
 * The path that the kernel found ends like the name; where it begins is a matter of mounts and
 * roots.
 */
static bool found(const struct uw_record *r, const char *path)
{
	const char *last = strrchr(path, '/');
	size_t len = strlen(last);

	return r->path_state == UW_PATH_RESOLVED && r->path.len >= len &&
	       !memcmp(r->path.s + r->path.len - len, last, len);
}

bool uw_selftest_take(struct uw_selftest *c, const void *data, size_t size)
{
	struct uw_record *r = &c->record;
	enum uw_sight sight;
	const struct uw_event *ev = data;
	int i;

	if (size < sizeof(*ev) || !(ev->flags & UW_EV_SELFTEST))
		return false;
	if (uw_record_decode(data, size, r) < 0)
		return true;
	for (i = 0; i < UW_SELFTEST_STEPS; i++) {
		if (r->op != steps[i].op || !uw_str_is(r->name, c->path[i]))
			continue;
		sight = UW_SIGHT_ENTRY;
		if (r->ret_known && !r->ret)
			sight = found(r, c->path[i]) ? UW_SIGHT_PATH : UW_SIGHT_RESULT;
		if (sight > c->seen[i])
			c->seen[i] = sight;
	}
	return true;
}

enum uw_verdict uw_selftest_judge(const struct uw_selftest *c, const struct uw_plan *plan,
				  struct uw_buf *why)
{
	static const char *const missing[] = {
		[UW_SIGHT_NONE] = "is not seen",
		[UW_SIGHT_ENTRY] = "is seen without its result",
		[UW_SIGHT_RESULT] = "is seen without its path",
	};
	enum uw_verdict verdict = UW_VERDICT_SEES;
	enum uw_sight need, most = UW_SIGHT_NONE;
	int i;

	for (i = 0; i < UW_SELFTEST_STEPS; i++)
		most = c->seen[i] > most ? c->seen[i] : most;
	if (most == UW_SIGHT_NONE) {
		uw_buf_puts(why, "it sees nothing of what the daemon deletes for a test");
		return UW_VERDICT_BLIND;
	}
	for (i = 0; i < UW_SELFTEST_STEPS; i++) {
		need = plan->functions[steps[i].hook] ? UW_SIGHT_PATH : UW_SIGHT_RESULT;
		/* What it replaces is only known where the kernel has found it. */
		if (i == REPLACE && need != UW_SIGHT_PATH)
			continue;
		if (c->seen[i] >= need)
			continue;
		uw_buf_printf(why, "%s%s %s", verdict == UW_VERDICT_SEES ? "" : ", ", steps[i].call,
			      missing[c->seen[i]]);
		if (c->seen[i] != UW_SIGHT_ENTRY)
			verdict = UW_VERDICT_BLIND;
		else if (verdict == UW_VERDICT_SEES)
			verdict = UW_VERDICT_NO_RESULT;
	}
	return verdict;
}

/* Several, since a return probe misses returns while all its instances are in use. */
#define ROUNDS	      3
#define ROUND_STEP_NS 10000000

/* Events read at a time. Not more: the daemon has other duties, and a watchdog. */
#define EVENTS_MAX 1024

static enum uw_verdict unknown(enum uw_verdict verdict, struct uw_buf *why, const char *what,
			       int error)
{
	uw_buf_reset(why);
	uw_buf_printf(why, "%s%s%s", what, error ? ": " : "", error ? strerror(-error) : "");
	return verdict;
}

/* *ret_counted tells whether the programs have counted that a directory moves, and has moved. */
static int delete_files(struct uw_source *source, struct uw_selftest *selftest, bool *ret_counted)
{
	struct uw_source_moves before, after;
	int r;

	uw_source_moves(source, &before);
	uw_source_set_selftest(source, true);
	r = uw_selftest_delete(selftest);
	uw_source_set_selftest(source, false);
	uw_source_moves(source, &after);
	*ret_counted = after.begun != before.begun && after.done != before.done;
	return r;
}

static enum uw_verdict run_once(struct uw_source *source, const struct uw_plan *plan,
				struct uw_selftest *selftest, struct uw_buf *why)
{
	struct uw_source_usage written, read;
	uint64_t before[UW_CNT_MAX], after[UW_CNT_MAX];
	enum uw_verdict verdict;
	bool counted = false;
	int r, n;

	r = uw_source_counters(source, before);
	if (!r)
		r = delete_files(source, selftest, &counted);
	if (r < 0)
		return unknown(UW_VERDICT_UNKNOWN, why,
			       "no file of its own can be made and deleted", r);
	/* The kernel side has written the events before the system calls returned. */
	uw_source_usage(source, &written);
	n = uw_source_read(source, EVENTS_MAX);
	if (n < 0)
		return unknown(UW_VERDICT_UNKNOWN, why, "the ring buffer cannot be read", n);
	verdict = uw_selftest_judge(selftest, plan, why);
	/* If they miss a move, paths that they remember are wrong. */
	if (verdict == UW_VERDICT_SEES && plan->functions[UW_FN_PATH_RENAME] && !counted) {
		uw_buf_puts(why, "the move of a directory is not seen");
		return UW_VERDICT_BLIND;
	}
	if (verdict == UW_VERDICT_SEES)
		return verdict;
	uw_source_usage(source, &read);
	if (read.consumed < written.written)
		return unknown(UW_VERDICT_BUSY, why, "there are too many events to read", 0);
	r = uw_source_counters(source, after);
	if (r < 0)
		return unknown(UW_VERDICT_UNKNOWN, why, "the counters cannot be read", r);
	if (after[UW_CNT_SELFTEST_FULL] != before[UW_CNT_SELFTEST_FULL])
		return unknown(UW_VERDICT_BUSY, why, "there was no room for its events", 0);
	return verdict;
}

enum uw_verdict uw_selftest_run(struct uw_source *source, const struct uw_plan *plan,
				struct uw_selftest *selftest, struct uw_buf *why)
{
	const struct timespec step = { .tv_nsec = ROUND_STEP_NS };
	enum uw_verdict verdict;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (i)
			nanosleep(&step, NULL);
		uw_buf_reset(why);
		verdict = run_once(source, plan, selftest, why);
		if (verdict != UW_VERDICT_BLIND && verdict != UW_VERDICT_NO_RESULT)
			break;
	}
	return verdict;
}
