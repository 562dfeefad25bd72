// SPDX-License-Identifier: MIT
/* Tests of daemon/probe/kernel.c: facts in, plans out. Needs no rights and no particular kernel. */
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

#include "probe/kernel.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

#define LOCKED "lockdown=confidentiality forbids reading kernel memory"
#define NO_BTF "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)"
#define NO_FUNCTION                                                                            \
	"this kernel's BTF lacks the function that unlinks (filename_unlinkat, do_unlinkat), " \
	"the one for directories (filename_rmdir, do_rmdir) or the one that renames "          \
	"(filename_renameat2, do_renameat2)"
#define NO_RIGHT "tracefs cannot be opened; this takes root"
#define NO_TRACEFS \
	"tracefs is not there; mount it with: mount -t tracefs tracefs /sys/kernel/tracing"
#define EMPTIED "lockdown=confidentiality keeps tracefs empty"
#define NO_KPROBES \
	"tracefs has no kprobe_events that can be written: no CONFIG_KPROBE_EVENTS, or no right"
#define NO_TRAMPOLINES "this kernel has no BPF trampolines (CONFIG_BPF_JIT)"
#define PREEMPTED      "this kernel preempts such programs, and skips them for other threads meanwhile"
#define PERHAPS                                                                                 \
	"debugfs does not tell whether this kernel preempts such programs, and skips them for " \
	"other threads meanwhile"
#define NO_SYSCALLS \
	"tracefs has no events/syscalls: no CONFIG_FTRACE_SYSCALLS, or no right to read it"

#define FTRACE_OFF                                                      \
	"ftrace is off, so that kprobes see nothing; turn it on with: " \
	"sysctl kernel.ftrace_enabled=1"

#define UNLINK [UW_FN_UNLINK] = "do_unlinkat"
#define RMDIR  [UW_FN_RMDIR] = "do_rmdir"
#define RENAME [UW_FN_RENAME] = "do_renameat2"
#define PATHS                                                                                     \
	[UW_FN_PATH_UNLINK] = "security_path_unlink", [UW_FN_PATH_RMDIR] = "security_path_rmdir", \
	[UW_FN_PATH_RENAME] = "security_path_rename"

/* A kernel that lacks nothing, and its parts, for rows of kernels that do. */
#define EVENTS	  .root.tracefs = 3, .root.kprobe_events = true, .root.syscall_events = true
#define FUNCTIONS .btf = true, .functions = { UNLINK, RMDIR, RENAME, PATHS }
#define WITH_BTF  FUNCTIONS, .trampolines = true, .root.preemption = UW_PREEMPTION_NONE
#define MODEL	  EVENTS, WITH_BTF

/* The ways in, each with the reason against it or NULL. */
#define FENTRY(why)                               \
	{                                         \
		UW_PROBE_FENTRY, true, false, why \
	}
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
#define ALL(fentry, kprobe, reading, plain, raw)                                         \
	{                                                                                \
		FENTRY(fentry), KPROBE(kprobe), READING(reading), PLAIN(plain), RAW(raw) \
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
	{ "tries fentry first, then kprobes, then tracepoints, those that read nothing, and those of all calls",
	  { MODEL },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, NULL, NULL, NULL, NULL) },
	{ "tries nothing but kprobes where they are asked for",
	  { MODEL },
	  UW_CHOOSE_KPROBE,
	  { KPROBE(NULL) } },
	{ "tries nothing but fentry where it is asked for",
	  { MODEL },
	  UW_CHOOSE_FENTRY,
	  { FENTRY(NULL) } },
	{ "tries kprobes first where the kernel preempts fentry programs",
	  { EVENTS, FUNCTIONS, .trampolines = true, .root.preemption = UW_PREEMPTION_FULL },
	  UW_CHOOSE_AUTO,
	  ALL(PREEMPTED, NULL, NULL, NULL, NULL) },
	{ "tries kprobes first where nobody knows whether the kernel preempts fentry programs",
	  { EVENTS, FUNCTIONS, .trampolines = true },
	  UW_CHOOSE_AUTO,
	  ALL(PERHAPS, NULL, NULL, NULL, NULL) },
	{ "tries kprobes first where there are no trampolines",
	  { EVENTS, FUNCTIONS, .root.preemption = UW_PREEMPTION_NONE },
	  UW_CHOOSE_AUTO,
	  ALL(NO_TRAMPOLINES, NULL, NULL, NULL, NULL) },
	{ "offers nothing to who insists on fentry where the kernel preempts it",
	  { EVENTS, FUNCTIONS, .trampolines = true, .root.preemption = UW_PREEMPTION_FULL },
	  UW_CHOOSE_FENTRY,
	  { FENTRY(PREEMPTED) } },
	{ "offers nothing to who insists on fentry under lockdown=confidentiality",
	  { MODEL, .root.lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_FENTRY,
	  { FENTRY(LOCKED) } },
	{ "tries all kinds of tracepoints where these are asked for",
	  { MODEL },
	  UW_CHOOSE_TRACEPOINT,
	  { READING(NULL), PLAIN(NULL), RAW(NULL) } },
	{ "takes a descriptor of 0 for an open tracefs",
	  { .root.tracefs = 0, WITH_BTF, .root.kprobe_events = true, .root.syscall_events = true },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, NULL, NULL, NULL, NULL) },
	{ "names root where tracefs may not be opened (EPERM)",
	  { .root.tracefs = -EPERM, WITH_BTF },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, NO_RIGHT, NO_RIGHT, NO_RIGHT, NULL) },
	{ "names root where tracefs may not be opened (EACCES)",
	  { .root.tracefs = -EACCES, WITH_BTF },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, NO_RIGHT, NO_RIGHT, NO_RIGHT, NULL) },
	{ "names the mount where there is no tracefs (ENOENT)",
	  { .root.tracefs = -ENOENT, WITH_BTF },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, NO_TRACEFS, NO_TRACEFS, NO_TRACEFS, NULL) },
	{ "names the mount where the kernel cannot mount tracefs (ENODEV)",
	  { .root.tracefs = -ENODEV, WITH_BTF },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, NO_TRACEFS, NO_TRACEFS, NO_TRACEFS, NULL) },
	{ "names root for kprobes alone",
	  { .root.tracefs = -EPERM, WITH_BTF },
	  UW_CHOOSE_KPROBE,
	  { KPROBE(NO_RIGHT) } },
	{ "falls back to tracepoints that read nothing without BTF",
	  { EVENTS },
	  UW_CHOOSE_AUTO,
	  ALL(NO_BTF, NO_BTF, NO_BTF, NULL, NO_BTF) },
	{ "offers nothing to who insists on kprobes without BTF",
	  { EVENTS },
	  UW_CHOOSE_KPROBE,
	  { KPROBE(NO_BTF) } },
	{ "falls back to tracepoints without kprobe_events",
	  { .root.tracefs = 3, WITH_BTF, .root.syscall_events = true },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, NO_KPROBES, NULL, NULL, NULL) },
	{ "falls back to tracepoints where no function is there",
	  { EVENTS, .btf = true },
	  UW_CHOOSE_AUTO,
	  ALL(NO_FUNCTION, NO_FUNCTION, NULL, NULL, NULL) },
	{ "falls back to tracepoints without the function of unlink",
	  { EVENTS, .btf = true, .functions = { RMDIR, RENAME, PATHS } },
	  UW_CHOOSE_AUTO,
	  ALL(NO_FUNCTION, NO_FUNCTION, NULL, NULL, NULL) },
	{ "falls back to tracepoints without the function of rmdir",
	  { EVENTS, .btf = true, .functions = { UNLINK, RENAME, PATHS } },
	  UW_CHOOSE_AUTO,
	  ALL(NO_FUNCTION, NO_FUNCTION, NULL, NULL, NULL) },
	{ "falls back to tracepoints without the function of rename",
	  { EVENTS, .btf = true, .functions = { UNLINK, RMDIR, PATHS } },
	  UW_CHOOSE_AUTO,
	  ALL(NO_FUNCTION, NO_FUNCTION, NULL, NULL, NULL) },
	{ "falls back to tracepoints where only those of CONFIG_SECURITY_PATH are there",
	  { EVENTS, .btf = true, .functions = { PATHS } },
	  UW_CHOOSE_AUTO,
	  ALL(NO_FUNCTION, NO_FUNCTION, NULL, NULL, NULL) },
	{ "offers nothing to who insists on kprobes without the function of rename",
	  { EVENTS, .btf = true, .functions = { UNLINK, RMDIR, PATHS } },
	  UW_CHOOSE_KPROBE,
	  { KPROBE(NO_FUNCTION) } },
	{ "has kprobes without the functions of CONFIG_SECURITY_PATH",
	  { EVENTS, .btf = true, .functions = { UNLINK, RMDIR, RENAME } },
	  UW_CHOOSE_AUTO,
	  ALL(NO_TRAMPOLINES, NULL, NULL, NULL, NULL) },
	{ "has kprobes with some of the functions of CONFIG_SECURITY_PATH",
	  { EVENTS, .btf = true,
	    .functions = { UNLINK, RMDIR, RENAME, [UW_FN_PATH_UNLINK] = "security_path_unlink" } },
	  UW_CHOOSE_AUTO,
	  ALL(NO_TRAMPOLINES, NULL, NULL, NULL, NULL) },
	{ "names the function that is missing before the right that is missing as well",
	  { .root.tracefs = -EPERM, .btf = true, .functions = { UNLINK, RMDIR, PATHS } },
	  UW_CHOOSE_AUTO,
	  ALL(NO_FUNCTION, NO_FUNCTION, NO_RIGHT, NO_RIGHT, NULL) },
	{ "has kprobes alone without the system calls' events",
	  { .root.tracefs = 3, WITH_BTF, .root.kprobe_events = true },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, NULL, NO_SYSCALLS, NO_SYSCALLS, NULL) },
	{ "has the tracepoints of all calls alone with neither kprobe_events nor the system calls' events",
	  { .root.tracefs = 3, WITH_BTF },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, NO_KPROBES, NO_SYSCALLS, NO_SYSCALLS, NULL) },
	{ "leaves kprobes alone while ftrace is off",
	  { MODEL, .ftrace_off = true },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, FTRACE_OFF, NULL, NULL, NULL) },
	{ "does not mind lockdown=integrity",
	  { MODEL, .root.lockdown = UW_LOCKDOWN_INTEGRITY },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, NULL, NULL, NULL, NULL) },
	{ "reads no kernel memory under lockdown=confidentiality",
	  { MODEL, .root.lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_AUTO,
	  ALL(LOCKED, LOCKED, LOCKED, NULL, NULL) },
	{ "offers nothing to who insists on kprobes under lockdown=confidentiality",
	  { MODEL, .root.lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_KPROBE,
	  { KPROBE(LOCKED) } },
	{ "reads nothing in tracepoints that are asked for under lockdown=confidentiality",
	  { MODEL, .root.lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_TRACEPOINT,
	  { READING(LOCKED), PLAIN(NULL), RAW(NULL) } },
	{ "names lockdown before the BTF that is missing as well",
	  { .root.tracefs = 3,
	    .root.kprobe_events = true,
	    .root.syscall_events = true,
	    .root.lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_AUTO,
	  ALL(LOCKED, LOCKED, LOCKED, NULL, NO_BTF) },
	{ "has the tracepoints of all calls alone where lockdown=confidentiality empties tracefs",
	  { .root.tracefs = 3, WITH_BTF, .root.lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_AUTO,
	  ALL(LOCKED, LOCKED, EMPTIED, EMPTIED, NULL) },
	{ "names lockdown=confidentiality for tracepoints that are asked for where it empties tracefs",
	  { .root.tracefs = 3, WITH_BTF, .root.lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_TRACEPOINT,
	  { READING(EMPTIED), PLAIN(EMPTIED), RAW(NULL) } },
	{ "does not blame lockdown=integrity for an empty tracefs",
	  { .root.tracefs = 3, WITH_BTF, .root.lockdown = UW_LOCKDOWN_INTEGRITY },
	  UW_CHOOSE_AUTO,
	  ALL(NULL, NO_KPROBES, NO_SYSCALLS, NO_SYSCALLS, NULL) },
	{ "does not blame lockdown for a tracefs that cannot be opened",
	  { .root.tracefs = -EPERM, WITH_BTF, .root.lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_AUTO,
	  ALL(LOCKED, LOCKED, NO_RIGHT, NO_RIGHT, NULL) },
	{ "has nothing where lockdown=confidentiality empties tracefs and BTF is missing",
	  { .root.tracefs = 3, .root.lockdown = UW_LOCKDOWN_CONFIDENTIALITY },
	  UW_CHOOSE_AUTO,
	  ALL(LOCKED, LOCKED, EMPTIED, EMPTIED, NO_BTF) },
	{ "has nothing where everything is missing",
	  { .root.tracefs = -ENOENT },
	  UW_CHOOSE_AUTO,
	  ALL(NO_BTF, NO_BTF, NO_TRACEFS, NO_TRACEFS, NO_BTF) },
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
	bool reads = k->btf && k->root.lockdown != UW_LOCKDOWN_CONFIDENTIALITY;

	/* Opened by bpf(2) alone: neither tracefs nor lockdown is in the way. */
	if (plan->raw)
		return k->btf;
	if (plan->probe == UW_PROBE_FENTRY)
		return reads && k->trampolines && k->root.preemption == UW_PREEMPTION_NONE &&
		       k->functions[UW_FN_UNLINK] && k->functions[UW_FN_RMDIR] &&
		       k->functions[UW_FN_RENAME];
	if (k->root.tracefs < 0 || (plan->kernel_reads && !reads))
		return false;
	if (plan->probe == UW_PROBE_KPROBE)
		return k->root.kprobe_events && k->functions[UW_FN_UNLINK] &&
		       k->functions[UW_FN_RMDIR] && k->functions[UW_FN_RENAME];
	return k->root.syscall_events;
}

static bool by_functions(const struct uw_plan *plan)
{
	return plan->probe == UW_PROBE_KPROBE || plan->probe == UW_PROBE_FENTRY;
}

/* The hooks are of use together only. */
static bool without_paths(const struct uw_kernel *k, const struct uw_plan *plan)
{
	return !by_functions(plan) || !k->functions[UW_FN_PATH_UNLINK] ||
	       !k->functions[UW_FN_PATH_RMDIR] || !k->functions[UW_FN_PATH_RENAME];
}

static void check_plan(const struct uw_kernel *k, const struct uw_plan *plan)
{
	bool blind = without_paths(k, plan);
	size_t f;

	assert_int_equal(!plan->why_not, possible(k, plan));
	assert_non_null(plan->not_covered);
	assert_int_equal(!!strstr(plan->not_covered, "true paths"), blind);
	assert_int_equal(!!strstr(plan->not_covered, "what a rename replaces"), blind);
	assert_int_equal(!!strstr(plan->not_covered, "CONFIG_SECURITY_PATH"),
			 blind && by_functions(plan));
	for (f = 0; f < UW_FN_MAX; f++)
		assert_ptr_equal(plan->functions[f], by_functions(plan) ? k->functions[f] : NULL);
}

static void check_facts(const struct uw_kernel *k)
{
	static const enum uw_probe_choice choices[] = { UW_CHOOSE_AUTO, UW_CHOOSE_KPROBE,
							UW_CHOOSE_FENTRY, UW_CHOOSE_TRACEPOINT };
	struct uw_plan plans[UW_PLANS_MAX + 1];
	size_t c, n, i;

	for (c = 0; c < LEN(choices); c++) {
		memset(plans, 0xa5, sizeof(plans));
		n = uw_kernel_plan(k, choices[c], plans);
		assert_in_range(n, 1, UW_PLANS_MAX);
		for (i = 0; i < n; i++) {
			check_plan(k, &plans[i]);
			assert_int_equal(plans[i].raw, !by_functions(&plans[i]) && i == n - 1);
			if (choices[c] != UW_CHOOSE_AUTO)
				assert_int_equal(plans[i].probe, choices[c]);
		}
	}
}

static void test_all_facts(void **state)
{
	static const char *const names[UW_FN_MAX] = { "a", "b", "c", "d", "e", "f" };
	static const int tracefs[] = { 0, 3, -EPERM, -EACCES, -ENOENT, -ENODEV };
	size_t bits, t, lockdown, f;
	struct uw_kernel k;

	(void)state;
	for (bits = 0; bits < (size_t)32 << UW_FN_MAX; bits++) {
		for (t = 0; t < LEN(tracefs); t++) {
			for (lockdown = 0; lockdown <= UW_LOCKDOWN_CONFIDENTIALITY; lockdown++) {
				k = (struct uw_kernel){
					.root.tracefs = tracefs[t],
					.btf = bits & 1,
					.root.kprobe_events = bits & 2,
					.root.syscall_events = bits & 4,
					.trampolines = bits & 8,
					.root.preemption = bits & 16 ? UW_PREEMPTION_FULL
								     : UW_PREEMPTION_NONE,
					.root.lockdown = (enum uw_lockdown)lockdown,
				};
				for (f = 0; f < UW_FN_MAX; f++)
					k.functions[f] = bits & (size_t)32 << f ? names[f] : NULL;
				check_facts(&k);
			}
		}
	}
}

static void test_functions(void **state)
{
	static const char *const names[UW_FN_MAX] = {
		[UW_FN_UNLINK] = "filename_unlinkat",
		[UW_FN_RMDIR] = "filename_rmdir",
		[UW_FN_RENAME] = "filename_renameat2",
		[UW_FN_PATH_UNLINK] = "security_path_unlink",
		[UW_FN_PATH_RMDIR] = "security_path_rmdir",
		[UW_FN_PATH_RENAME] = "security_path_rename",
	};
	struct uw_kernel k = { EVENTS, .btf = true };
	struct uw_plan plans[UW_PLANS_MAX];
	size_t i, f;

	(void)state;
	memcpy(k.functions, names, sizeof(k.functions));
	memset(plans, 0xa5, sizeof(plans));
	assert_int_equal(uw_kernel_plan(&k, UW_CHOOSE_AUTO, plans), UW_PLANS_MAX);
	for (f = 0; f < UW_FN_MAX; f++) {
		assert_ptr_equal(plans[0].functions[f], names[f]);
		assert_ptr_equal(plans[1].functions[f], names[f]);
		for (i = 2; i < UW_PLANS_MAX; i++)
			assert_null(plans[i].functions[f]);
	}
}

/* "neither filename_unlinkat nor do_unlinkat" would send its reader the wrong way. */
static void test_one_missing(void **state)
{
	static const struct {
		enum uw_function function;
		const char *names[2];
	} needed[] = {
		{ UW_FN_UNLINK, { "filename_unlinkat", "do_unlinkat" } },
		{ UW_FN_RMDIR, { "filename_rmdir", "do_rmdir" } },
		{ UW_FN_RENAME, { "filename_renameat2", "do_renameat2" } },
	};
	struct uw_plan plans[UW_PLANS_MAX];
	size_t i, n;

	(void)state;
	for (i = 0; i < LEN(needed); i++) {
		struct uw_kernel k = { MODEL };

		k.functions[needed[i].function] = NULL;
		assert_int_equal(uw_kernel_plan(&k, UW_CHOOSE_KPROBE, plans), 1);
		assert_non_null(plans[0].why_not);
		for (n = 0; n < 2; n++)
			if (!strstr(plans[0].why_not, needed[i].names[n]))
				fail_msg("%s is not in the reason: \"%s\"", needed[i].names[n],
					 plans[0].why_not);
	}
}

/* A way in sees as much as the one before it, or less, and says so. */
static void test_not_covered(void **state)
{
	static const struct {
		const char *what;
		size_t from; /* the first plan that does not cover it */
	} gaps[] = {
		{ "subvolumes of btrfs", 0 },
		{ "mq_unlink", 0 },
		{ "kernel threads (nfsd, ksmbd)", 2 },
		{ "io_uring", 2 },
		{ "32-bit system calls", 2 },
		{ "what a rename replaces", 2 },
		{ "true paths", 2 },
		{ "parent processes", 3 },
		{ "the directories of relative names", 3 },
		{ "CONFIG_SECURITY_PATH", UW_PLANS_MAX },
	};
	struct uw_kernel k = { MODEL, .vfs = true };
	struct uw_plan plans[UW_PLANS_MAX];
	size_t i, g;

	(void)state;
	assert_int_equal(uw_kernel_plan(&k, UW_CHOOSE_AUTO, plans), UW_PLANS_MAX);
	for (i = 0; i < UW_PLANS_MAX; i++)
		for (g = 0; g < LEN(gaps); g++)
			if (!strstr(plans[i].not_covered, gaps[g].what) != (i < gaps[g].from))
				fail_msg("plan %zu, %s: \"%s\"", i, gaps[g].what,
					 plans[i].not_covered);
}

/* Every one of the hooks counts: paths of some deletions alone would be taken for those of all. */
static void test_path_missing(void **state)
{
	static const enum uw_function hooks[] = { UW_FN_PATH_UNLINK, UW_FN_PATH_RMDIR,
						  UW_FN_PATH_RENAME };
	struct uw_plan plans[UW_PLANS_MAX];
	size_t missing, i;

	(void)state;
	for (missing = 1; missing < 8; missing++) {
		struct uw_kernel k = { MODEL };

		for (i = 0; i < LEN(hooks); i++)
			if (missing & (size_t)1 << i)
				k.functions[hooks[i]] = NULL;
		assert_int_equal(uw_kernel_plan(&k, UW_CHOOSE_KPROBE, plans), 1);
		assert_null(plans[0].why_not);
		assert_string_equal(
			plans[0].not_covered,
			"true paths (the kernel has no CONFIG_SECURITY_PATH), what a rename "
			"replaces, kernel threads (nfsd, ksmbd), subvolumes of btrfs "
			"removed by ioctl(2), mq_unlink(3)");
	}
}

/* Kernel threads take kprobes, and BTF that has the functions. */
static void test_kthreads(void **state)
{
	struct uw_kernel all = { MODEL, .vfs = true }, no_vfs = { MODEL }, no_kprobes = all;
	struct uw_plan plans[UW_PLANS_MAX];
	size_t i;

	(void)state;
	assert_int_equal(uw_kernel_plan(&all, UW_CHOOSE_AUTO, plans), UW_PLANS_MAX);
	assert_string_equal(plans[0].not_covered,
			    "subvolumes of btrfs removed by ioctl(2), mq_unlink(3)");
	for (i = 0; i < UW_PLANS_MAX; i++)
		assert_int_equal(plans[i].kthreads, i < 2);
	no_kprobes.root.kprobe_events = false;
	uw_kernel_plan(&no_kprobes, UW_CHOOSE_KPROBE, plans);
	assert_false(plans[0].kthreads);
	uw_kernel_plan(&no_vfs, UW_CHOOSE_KPROBE, plans);
	assert_false(plans[0].kthreads);
	assert_non_null(strstr(plans[0].not_covered, "kernel threads (nfsd, ksmbd)"));
}

static void test_done(void **state)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct uw_kernel k = { .root.tracefs = fd };

	(void)state;
	assert_true(fd >= 0);
	uw_kernel_done(&k);
	assert_int_equal(k.root.tracefs, -EBADF);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	uw_kernel_done(&k);
	assert_int_equal(k.root.tracefs, -EBADF);
	k.root.tracefs = -EPERM;
	uw_kernel_done(&k);
}

/* Whatever this kernel is like and whoever runs the test. */
static void test_read(void **state)
{
	static const char *const names[UW_FN_MAX][2] = {
		[UW_FN_UNLINK] = { "filename_unlinkat", "do_unlinkat" },
		[UW_FN_RMDIR] = { "filename_rmdir", "do_rmdir" },
		[UW_FN_RENAME] = { "filename_renameat2", "do_renameat2" },
		[UW_FN_PATH_UNLINK] = { "security_path_unlink", "" },
		[UW_FN_PATH_RMDIR] = { "security_path_rmdir", "" },
		[UW_FN_PATH_RENAME] = { "security_path_rename", "" },
		[UW_FN_SYMLINK] = { "filename_symlinkat", "do_symlinkat" },
		[UW_FN_PATH_SYMLINK] = { "security_path_symlink", "" },
	};
	struct uw_kernel k;
	size_t f;

	(void)state;
	memset(&k, 0xa5, sizeof(k));
	uw_kernel_read(&k);
	if (k.root.tracefs < 0) {
		assert_false(k.root.kprobe_events);
		assert_false(k.root.syscall_events);
	} else {
		assert_true(fcntl(k.root.tracefs, F_GETFD) & FD_CLOEXEC);
	}
	assert_in_range(k.root.lockdown, UW_LOCKDOWN_NONE, UW_LOCKDOWN_CONFIDENTIALITY);
	assert_in_range(k.root.preemption, UW_PREEMPTION_UNKNOWN, UW_PREEMPTION_FULL);
	if (!k.btf)
		assert_false(k.trampolines);
	for (f = 0; f < UW_FN_MAX; f++) {
		const char *name = k.functions[f];

		if (!k.btf)
			assert_null(name);
		if (name && strcmp(name, names[f][0]) != 0 &&
		    (!names[f][1] || strcmp(name, names[f][1]) != 0))
			fail_msg("function %zu is %s", f, name);
	}
	uw_kernel_done(&k);
	assert_int_equal(k.root.tracefs, -EBADF);
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
	static const char *const details[] = { "", "", "", " without kernel reads",
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
	TEST("gives the names of the functions to fentry and kprobes alone", test_functions),
	TEST("names every function that is needed where only one is missing", test_one_missing),
	TEST("says of each way in what it does not cover", test_not_covered),
	TEST("says what kprobes do not cover where a function of CONFIG_SECURITY_PATH is missing",
	     test_path_missing),
	TEST("watches kernel threads where kprobes can", test_kthreads),
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
