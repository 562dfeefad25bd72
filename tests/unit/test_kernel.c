// SPDX-License-Identifier: MIT
/* Tests of daemon/kernel.c: facts in, plans out. Needs no rights and no particular kernel. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

#define LOCKED "lockdown=confidentiality forbids reading kernel memory"
#define NO_BTF "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)"
#define NO_FUNCTION                                                                           \
	"this kernel's BTF lacks the function that unlinks (filename_unlinkat, do_unlinkat) " \
	"or the one for directories (filename_rmdir, do_rmdir)"
#define NO_RIGHT "tracefs cannot be opened; this takes root"
#define NO_TRACEFS \
	"tracefs is not there; mount it with: mount -t tracefs tracefs /sys/kernel/tracing"
#define EMPTIED "lockdown=confidentiality keeps tracefs empty"
#define NO_KPROBES \
	"tracefs has no kprobe_events that can be written: no CONFIG_KPROBE_EVENTS, or no right"
#define NO_SYSCALLS \
	"tracefs has no events/syscalls: no CONFIG_FTRACE_SYSCALLS, or no right to read it"

/* A kernel that lacks nothing, and after it what a row changes. */
#define MODEL                                                                     \
	.tracefs = 3, .btf = true, .kprobe_events = true, .syscall_events = true, \
	.unlink_fn = "do_unlinkat", .rmdir_fn = "do_rmdir"

#define WITH_BTF .btf = true, .unlink_fn = "do_unlinkat", .rmdir_fn = "do_rmdir"

/* The ways in, each with the reason against it or NULL. */
#define KPROBE(why)                               \
	{                                         \
		UW_PROBE_KPROBE, true, false, why \
	}
#define READING(why)                                  \
	{                                             \
		UW_PROBE_TRACEPOINT, true, false, why \
	}
#define PLAIN(why)                                     \
	{                                              \
		UW_PROBE_TRACEPOINT, false, false, why \
	}
#define RAW(why)                                      \
	{                                             \
		UW_PROBE_TRACEPOINT, false, true, why \
	}

/* All of them, in their order. */
#define ALL(kprobe, reading, plain, raw)                                 \
	{                                                                \
		KPROBE(kprobe), READING(reading), PLAIN(plain), RAW(raw) \
	}

static const struct row {
	const char *title;
	struct uw_kernel kernel;
	enum uw_probe_choice choice;
	struct {
		enum uw_probe probe;
		bool kernel_reads, raw;
		const char *why_not;
	} plan[UW_PLANS_MAX];
} rows[] = {
	{ "tries kprobes first, then tracepoints, those that read nothing, and those of all calls",
	  { MODEL },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, NULL, NULL, NULL) },
	{ "tries nothing but kprobes where they are asked for",
	  { MODEL },
	  UW_CHOOSE_KPROBE,
	  { KPROBE(NULL) } },
	{ "tries all kinds of tracepoints where these are asked for",
	  { MODEL },
	  UW_CHOOSE_TRACEPOINT,
	  { READING(NULL), PLAIN(NULL), RAW(NULL) } },
	{ "takes a descriptor of 0 for an open tracefs",
	  { .tracefs = 0, WITH_BTF, .kprobe_events = true, .syscall_events = true },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, NULL, NULL, NULL) },
	{ "names root where tracefs may not be opened (EPERM)",
	  { .tracefs = -EPERM, WITH_BTF },
	  UW_CHOOSE_AUTO,
	  ALL(NO_RIGHT, NO_RIGHT, NO_RIGHT, NULL) },
	{ "names root where tracefs may not be opened (EACCES)",
	  { .tracefs = -EACCES, WITH_BTF },
	  UW_CHOOSE_AUTO,
	  ALL(NO_RIGHT, NO_RIGHT, NO_RIGHT, NULL) },
	{ "names the mount where there is no tracefs (ENOENT)",
	  { .tracefs = -ENOENT, WITH_BTF },
	  UW_CHOOSE_AUTO,
	  ALL(NO_TRACEFS, NO_TRACEFS, NO_TRACEFS, NULL) },
	{ "names the mount where the kernel cannot mount tracefs (ENODEV)",
	  { .tracefs = -ENODEV, WITH_BTF },
	  UW_CHOOSE_AUTO,
	  ALL(NO_TRACEFS, NO_TRACEFS, NO_TRACEFS, NULL) },
	{ "names root for kprobes alone",
	  { .tracefs = -EPERM, WITH_BTF },
	  UW_CHOOSE_KPROBE,
	  { KPROBE(NO_RIGHT) } },
	{ "falls back to tracepoints that read nothing without BTF",
	  { .tracefs = 3, .kprobe_events = true, .syscall_events = true },
	  UW_CHOOSE_AUTO,
	  ALL(NO_BTF, NO_BTF, NULL, NO_BTF) },
	{ "offers nothing to who insists on kprobes without BTF",
	  { .tracefs = 3, .kprobe_events = true, .syscall_events = true },
	  UW_CHOOSE_KPROBE,
	  { KPROBE(NO_BTF) } },
	{ "falls back to tracepoints without kprobe_events",
	  { .tracefs = 3, WITH_BTF, .syscall_events = true },
	  UW_CHOOSE_AUTO,
	  ALL(NO_KPROBES, NULL, NULL, NULL) },
	{ "falls back to tracepoints where neither function is there",
	  { .tracefs = 3, .btf = true, .kprobe_events = true, .syscall_events = true },
	  UW_CHOOSE_AUTO,
	  ALL(NO_FUNCTION, NULL, NULL, NULL) },
	{ "falls back to tracepoints without the function of unlink",
	  { .tracefs = 3,
	    .btf = true,
	    .kprobe_events = true,
	    .syscall_events = true,
	    .rmdir_fn = "do_rmdir" },
	  UW_CHOOSE_AUTO,
	  ALL(NO_FUNCTION, NULL, NULL, NULL) },
	{ "has kprobes alone without the system calls' events",
	  { .tracefs = 3, WITH_BTF, .kprobe_events = true },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, NO_SYSCALLS, NO_SYSCALLS, NULL) },
	{ "has the tracepoints of all calls alone with neither kprobe_events nor the system calls' events",
	  { .tracefs = 3, WITH_BTF },
	  UW_CHOOSE_AUTO,
	  ALL(NO_KPROBES, NO_SYSCALLS, NO_SYSCALLS, NULL) },
	{ "does not mind lockdown=integrity",
	  { MODEL, .lockdown = UW_LOCKDOWN_INTEGRITY },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, NULL, NULL, NULL) },
	{ "reads no kernel memory under lockdown=confidentiality",
	  { MODEL, .lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_AUTO,
	  ALL(LOCKED, LOCKED, NULL, NULL) },
	{ "offers nothing to who insists on kprobes under lockdown=confidentiality",
	  { MODEL, .lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_KPROBE,
	  { KPROBE(LOCKED) } },
	{ "reads nothing in tracepoints that are asked for under lockdown=confidentiality",
	  { MODEL, .lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_TRACEPOINT,
	  { READING(LOCKED), PLAIN(NULL), RAW(NULL) } },
	{ "names lockdown before the BTF that is missing as well",
	  { .tracefs = 3,
	    .kprobe_events = true,
	    .syscall_events = true,
	    .lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_AUTO,
	  ALL(LOCKED, LOCKED, NULL, NO_BTF) },
	{ "has the tracepoints of all calls alone where lockdown=confidentiality empties tracefs",
	  { .tracefs = 3, WITH_BTF, .lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_AUTO,
	  ALL(LOCKED, EMPTIED, EMPTIED, NULL) },
	{ "names lockdown=confidentiality for tracepoints that are asked for where it empties tracefs",
	  { .tracefs = 3, WITH_BTF, .lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_TRACEPOINT,
	  { READING(EMPTIED), PLAIN(EMPTIED), RAW(NULL) } },
	{ "does not blame lockdown=integrity for an empty tracefs",
	  { .tracefs = 3, WITH_BTF, .lockdown = UW_LOCKDOWN_INTEGRITY },
	  UW_CHOOSE_AUTO,
	  ALL(NO_KPROBES, NO_SYSCALLS, NO_SYSCALLS, NULL) },
	{ "does not blame lockdown for a tracefs that cannot be opened",
	  { .tracefs = -EPERM, WITH_BTF, .lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_AUTO,
	  ALL(LOCKED, NO_RIGHT, NO_RIGHT, NULL) },
	{ "has nothing where lockdown=confidentiality empties tracefs and BTF is missing",
	  { .tracefs = 3, .lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_AUTO,
	  ALL(LOCKED, EMPTIED, EMPTIED, NO_BTF) },
	{ "has nothing where everything is missing",
	  { .tracefs = -ENOENT },
	  UW_CHOOSE_AUTO,
	  ALL(NO_BTF, NO_TRACEFS, NO_TRACEFS, NO_BTF) },
};

static void check_text(const char *got, const char *want, size_t i)
{
	if (!got != !want || (got && strcmp(got, want) != 0))
		fail_msg("plan %zu: the reason is \"%s\", not \"%s\"", i, got ?: "none",
			 want ?: "none");
}

static void test_row(void **state)
{
	struct uw_plan plans[UW_PLANS_MAX];
	const struct row *row = *state;
	size_t n, want = 0, i;

	while (want < UW_PLANS_MAX && row->plan[want].probe)
		want++;
	memset(plans, 0xa5, sizeof(plans));
	n = uw_kernel_plan(&row->kernel, row->choice, plans);
	assert_int_equal(n, want);
	for (i = 0; i < n; i++) {
		assert_int_equal(plans[i].probe, row->plan[i].probe);
		assert_int_equal(plans[i].kernel_reads, row->plan[i].kernel_reads);
		assert_int_equal(plans[i].raw, row->plan[i].raw);
		check_text(plans[i].why_not, row->plan[i].why_not, i);
	}
}

/* What a plan takes, in words of the test's own. */
static bool possible(const struct uw_kernel *k, const struct uw_plan *plan)
{
	bool reads = k->btf && k->lockdown != UW_LOCKDOWN_CONFIDENTIALITY;

	/* Opened by bpf(2) alone: neither tracefs nor lockdown is in the way. */
	if (plan->raw)
		return k->btf;
	if (k->tracefs < 0 || (plan->kernel_reads && !reads))
		return false;
	if (plan->probe == UW_PROBE_KPROBE)
		return k->kprobe_events && k->unlink_fn && k->rmdir_fn;
	return k->syscall_events;
}

static void test_all_facts(void **state)
{
	static const enum uw_probe_choice choices[] = { UW_CHOOSE_AUTO, UW_CHOOSE_KPROBE,
							UW_CHOOSE_TRACEPOINT };
	static const int tracefs[] = { 0, 3, -EPERM, -EACCES, -ENOENT, -ENODEV };
	struct uw_plan plans[UW_PLANS_MAX + 1];
	size_t bits, t, lockdown, c, n, i;
	struct uw_kernel k;

	(void)state;
	for (bits = 0; bits < 32; bits++) {
		for (t = 0; t < LEN(tracefs); t++) {
			for (lockdown = 0; lockdown <= UW_LOCKDOWN_CONFIDENTIALITY; lockdown++) {
				for (c = 0; c < LEN(choices); c++) {
					k = (struct uw_kernel){
						.tracefs = tracefs[t],
						.btf = bits & 1,
						.kprobe_events = bits & 2,
						.syscall_events = bits & 4,
						.lockdown = (enum uw_lockdown)lockdown,
						.unlink_fn = bits & 8 ? "f" : NULL,
						.rmdir_fn = bits & 16 ? "g" : NULL,
					};
					n = uw_kernel_plan(&k, choices[c], plans);
					assert_in_range(n, 1, UW_PLANS_MAX);
					for (i = 0; i < n; i++) {
						assert_int_equal(!plans[i].why_not,
								 possible(&k, &plans[i]));
						assert_non_null(plans[i].not_covered);
						assert_int_equal(plans[i].raw,
								 choices[c] != UW_CHOOSE_KPROBE &&
									 i == n - 1);
						if (choices[c] != UW_CHOOSE_AUTO)
							assert_int_equal(plans[i].probe,
									 choices[c]);
					}
				}
			}
		}
	}
}

static void test_functions(void **state)
{
	static const char unlink_fn[] = "filename_unlinkat", rmdir_fn[] = "filename_rmdir";
	struct uw_kernel k = { MODEL };
	struct uw_plan plans[UW_PLANS_MAX];
	size_t i;

	(void)state;
	k.unlink_fn = unlink_fn;
	k.rmdir_fn = rmdir_fn;
	assert_int_equal(uw_kernel_plan(&k, UW_CHOOSE_AUTO, plans), 4);
	assert_ptr_equal(plans[0].unlink_fn, unlink_fn);
	assert_ptr_equal(plans[0].rmdir_fn, rmdir_fn);
	for (i = 1; i < 4; i++) {
		assert_null(plans[i].unlink_fn);
		assert_null(plans[i].rmdir_fn);
	}
}

/* "neither filename_unlinkat nor do_unlinkat" would send its reader the wrong way. */
static void test_rmdir_missing(void **state)
{
	struct uw_kernel k = { .tracefs = 3,
			       .btf = true,
			       .kprobe_events = true,
			       .syscall_events = true,
			       .unlink_fn = "do_unlinkat" };
	struct uw_plan plans[UW_PLANS_MAX];

	(void)state;
	assert_int_equal(uw_kernel_plan(&k, UW_CHOOSE_KPROBE, plans), 1);
	assert_non_null(plans[0].why_not);
	if (!strstr(plans[0].why_not, "rmdir"))
		fail_msg("the reason is \"%s\"", plans[0].why_not);
}

static void test_not_covered(void **state)
{
	struct uw_kernel k = { MODEL };
	struct uw_plan plans[UW_PLANS_MAX];
	size_t i;

	(void)state;
	assert_int_equal(uw_kernel_plan(&k, UW_CHOOSE_AUTO, plans), 4);
	assert_null(strstr(plans[0].not_covered, "io_uring"));
	assert_non_null(strstr(plans[1].not_covered, "io_uring"));
	assert_null(strstr(plans[1].not_covered, "parent processes"));
	for (i = 2; i < 4; i++) {
		assert_non_null(strstr(plans[i].not_covered, "io_uring"));
		assert_non_null(strstr(plans[i].not_covered, "parent processes"));
	}
}

static void test_done(void **state)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct uw_kernel k = { .tracefs = fd };

	(void)state;
	assert_true(fd >= 0);
	uw_kernel_done(&k);
	assert_int_equal(k.tracefs, -EBADF);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	uw_kernel_done(&k);
	assert_int_equal(k.tracefs, -EBADF);
	k.tracefs = -EPERM;
	uw_kernel_done(&k);
}

/* Whatever this kernel is like and whoever runs the test. */
static void test_read(void **state)
{
	struct uw_kernel k;

	(void)state;
	memset(&k, 0xa5, sizeof(k));
	uw_kernel_read(&k);
	if (k.tracefs < 0) {
		assert_false(k.kprobe_events);
		assert_false(k.syscall_events);
	} else {
		assert_true(fcntl(k.tracefs, F_GETFD) & FD_CLOEXEC);
	}
	assert_in_range(k.lockdown, UW_LOCKDOWN_NONE, UW_LOCKDOWN_CONFIDENTIALITY);
	if (!k.btf) {
		assert_null(k.unlink_fn);
		assert_null(k.rmdir_fn);
	}
	if (k.unlink_fn)
		assert_non_null(strstr(k.unlink_fn, "unlinkat"));
	if (k.rmdir_fn)
		assert_non_null(strstr(k.rmdir_fn, "rmdir"));
	uw_kernel_done(&k);
	assert_int_equal(k.tracefs, -EBADF);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(uw_probe_name(UW_PROBE_KPROBE), "kprobe");
	assert_string_equal(uw_probe_name(UW_PROBE_FENTRY), "fentry");
	assert_string_equal(uw_probe_name(UW_PROBE_TRACEPOINT), "tracepoint");
	assert_string_equal(uw_probe_name(UW_PROBE_MAX), "unknown");
}

/* What a person reads must tell the plans apart. */
static void test_details(void **state)
{
	static const char *const details[] = { "", "", " without kernel reads",
					       " of all system calls, without kernel reads" };
	struct uw_kernel k = { MODEL };
	struct uw_plan plans[UW_PLANS_MAX];
	size_t i;

	(void)state;
	assert_int_equal(uw_kernel_plan(&k, UW_CHOOSE_AUTO, plans), LEN(details));
	for (i = 0; i < LEN(details); i++)
		assert_string_equal(uw_plan_detail(&plans[i]), details[i]);
}

#define TEST(title, function)                     \
	{                                         \
		title, function, NULL, NULL, NULL \
	}

static const struct CMUnitTest others[] = {
	TEST("has a reason against a plan exactly where it is impossible, for all facts",
	     test_all_facts),
	TEST("gives the names of the functions to kprobes alone", test_functions),
	TEST("names rmdir where only its function is missing", test_rmdir_missing),
	TEST("says of each way in what it does not cover", test_not_covered),
	TEST("closes tracefs once", test_done),
	TEST("reads facts about this kernel that do not contradict each other", test_read),
	TEST("names every probe", test_names),
	TEST("tells plans of the same probe apart", test_details),
};

int main(void)
{
	static struct CMUnitTest tests[LEN(rows) + LEN(others)];
	size_t n = 0, i;

	for (i = 0; i < LEN(rows); i++)
		tests[n++] = (struct CMUnitTest){ rows[i].title, test_row, NULL, NULL,
						  (void *)(uintptr_t)&rows[i] };
	for (i = 0; i < LEN(others); i++)
		tests[n++] = others[i];
	return cmocka_run_group_tests_name("kernel", tests, NULL, NULL);
}
