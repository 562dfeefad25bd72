// SPDX-License-Identifier: MIT
/* Tests of daemon/status/findings.c: facts in, findings out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "status/findings.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

#define ADMIN	 21
#define RESOURCE 24
#define PERFMON	 38
#define BPF	 39
#define BIT(n)	 (UINT64_C(1) << (n))

#define NAMES                                                                                     \
	"do_unlinkat", "do_rmdir", "do_renameat2", "security_path_unlink", "security_path_rmdir", \
		"security_path_rename"

static const struct uw_trial kprobe = {
	.plan = { .probe = UW_PROBE_KPROBE,
		  .kernel_reads = true,
		  .functions = { NAMES },
		  .not_covered = "this" },
	.attached = true,
	.memory = 12 << 20,
	.verdict = UW_VERDICT_SEES,
};
static const struct uw_trial tracepoint = {
	.plan = { .probe = UW_PROBE_TRACEPOINT, .kernel_reads = true, .not_covered = "that" },
	.attached = true,
	.verdict = UW_VERDICT_SEES,
};

/* A host that lacks nothing. */
static struct uw_facts model(void)
{
	struct uw_facts facts = {
		.release = "6.1.0",
		.machine = "x86_64",
		.kernel = { .root.tracefs = 3,
			    .btf = true,
			    .root.kprobe_events = true,
			    .root.syscall_events = true,
			    .functions = { NAMES } },
		.kprobes_armed = UW_YES,
		.initial_user_ns = UW_YES,
		.capabilities = UINT64_MAX,
		.paranoid_known = UW_YES,
		.paranoid = 3,
		.memlock_charged = UW_NO,
		.memlock = 65536,
		.ring_size = 4 << 20,
		.cgroup2 = UW_YES,
		.instances = 4096,
		.trials = { kprobe, tracepoint },
		.n_trials = 2,
	};
	size_t i;

	for (i = 0; i < UW_OPTIONS_MAX; i++)
		facts.option[i] = UW_YES;
	for (i = 0; i < UW_FN_MAX; i++) {
		facts.symbol[i] = UW_SYMBOL_WHOLE;
		facts.blacklisted[i] = UW_NO;
	}
	return facts;
}

static void none_attached(struct uw_facts *f)
{
	f->trials[0].memory = 0;
}

static void no_options(struct uw_facts *f)
{
	memset(f->option, 0, sizeof(f->option));
}

static void two_options(struct uw_facts *f)
{
	f->option[2] = f->option[3] = UW_NO;
}

static void no_btf(struct uw_facts *f)
{
	f->kernel.btf = false;
	memset(f->kernel.functions, 0, sizeof(f->kernel.functions));
}

static void integrity(struct uw_facts *f)
{
	f->kernel.root.lockdown = UW_LOCKDOWN_INTEGRITY;
}

static void confidentiality(struct uw_facts *f)
{
	f->kernel.root.lockdown = UW_LOCKDOWN_CONFIDENTIALITY;
	f->kernel.root.kprobe_events = f->kernel.root.syscall_events = false;
}

static void no_tracefs(struct uw_facts *f)
{
	f->kernel.root.tracefs = -ENOENT;
}

static void no_kprobe_events(struct uw_facts *f)
{
	f->kernel.root.kprobe_events = false;
}

static void no_syscall_events(struct uw_facts *f)
{
	f->kernel.root.syscall_events = false;
}

static void disarmed(struct uw_facts *f)
{
	f->kprobes_armed = UW_NO;
}

static void armed_unknown(struct uw_facts *f)
{
	f->kprobes_armed = UW_UNKNOWN;
}

static void ftrace_off(struct uw_facts *f)
{
	f->kernel.ftrace_off = true;
}

static void inlined(struct uw_facts *f)
{
	f->symbol[UW_FN_RENAME] = UW_SYMBOL_ABSENT;
	f->symbol[UW_FN_RMDIR] = UW_SYMBOL_CHANGED;
	f->blacklisted[UW_FN_UNLINK] = UW_YES;
}

static void no_symbols(struct uw_facts *f)
{
	memset(f->symbol, 0, sizeof(f->symbol));
	memset(f->blacklisted, 0, sizeof(f->blacklisted));
}

static void unknown_function(struct uw_facts *f)
{
	f->kernel.functions[UW_FN_RMDIR] = NULL;
}

static void no_hooks(struct uw_facts *f)
{
	f->kernel.functions[UW_FN_PATH_RENAME] = NULL;
}

static void no_capabilities(struct uw_facts *f)
{
	f->capabilities = 0;
}

static void none_at_two(struct uw_facts *f)
{
	f->capabilities = 0;
	f->paranoid = 2;
}

static void contained(struct uw_facts *f)
{
	f->capabilities = BIT(BPF);
	f->paranoid = 2;
	f->initial_user_ns = UW_NO;
}

static void both_young(struct uw_facts *f)
{
	f->capabilities = BIT(BPF) | BIT(PERFMON);
}

static void both_young_at_two(struct uw_facts *f)
{
	both_young(f);
	f->paranoid = 2;
}

static void admin_alone(struct uw_facts *f)
{
	f->capabilities = BIT(ADMIN);
}

static void paranoid_unknown(struct uw_facts *f)
{
	f->paranoid_known = UW_UNKNOWN;
}

static void memlock(struct uw_facts *f)
{
	f->memlock_charged = UW_YES;
	f->capabilities &= ~BIT(RESOURCE);
}

static void memlock_perhaps(struct uw_facts *f)
{
	memlock(f);
	f->memlock_charged = UW_UNKNOWN;
}

static void memlock_raised(struct uw_facts *f)
{
	memlock(f);
	f->memlock = UINT64_MAX;
}

static void memlock_can_be_raised(struct uw_facts *f)
{
	memlock(f);
	f->capabilities |= BIT(RESOURCE);
}

static void cgroup1(struct uw_facts *f)
{
	f->cgroup2 = UW_NO;
}

static void cgroup_unknown(struct uw_facts *f)
{
	f->cgroup2 = UW_UNKNOWN;
}

static void missed(struct uw_facts *f)
{
	f->missed = 17;
}

static void not_running(struct uw_facts *f)
{
	f->instances = 0;
}

static void refused(struct uw_facts *f)
{
	f->trials[0].plan.why_not = "the moon is wrong";
	f->trials[0].attached = false;
}

static void failed(struct uw_facts *f)
{
	f->trials[0].attached = false;
	strcpy(f->trials[0].why, "cannot attach to it");
}

static void blind(struct uw_facts *f)
{
	f->trials[0].verdict = UW_VERDICT_BLIND;
	strcpy(f->trials[0].why, "rmdir is not seen");
}

static void resultless(struct uw_facts *f)
{
	blind(f);
	f->trials[0].verdict = UW_VERDICT_NO_RESULT;
}

static void untested(struct uw_facts *f)
{
	f->trials[0].verdict = UW_VERDICT_UNKNOWN;
	strcpy(f->trials[0].why, "no file can be made");
}

static void busy(struct uw_facts *f)
{
	untested(f);
	f->trials[0].verdict = UW_VERDICT_BUSY;
}

static void raw(struct uw_facts *f)
{
	f->trials[1].plan.raw = true;
	f->trials[1].plan.kernel_reads = false;
}

static void plain(struct uw_facts *f)
{
	f->trials[1].plan.kernel_reads = false;
}

static void hookless(struct uw_facts *f)
{
	f->trials[0].plan.functions[UW_FN_PATH_RMDIR] = NULL;
}

static void nothing_works(struct uw_facts *f)
{
	refused(f);
	f->trials[1].verdict = UW_VERDICT_BLIND;
}

static void nothing_tried(struct uw_facts *f)
{
	f->n_trials = 0;
}

static void fentry(struct uw_facts *f)
{
	f->trials[0].plan.probe = UW_PROBE_FENTRY;
}

static const struct row {
	const char *title;
	void (*change)(struct uw_facts *facts);
	const char *id;
	enum uw_level level;
	const char *text;   /* part of it */
	const char *advice; /* part of it, NULL for none at all */
	bool partial;	    /* no probe covers all */
} rows[] = {
	{ "says what the kernel is", NULL, "kernel", UW_LEVEL_OK, "Linux 6.1.0 on x86_64" },
	{ "has nothing against a kernel that is built with all", NULL, "kernel-config", UW_LEVEL_OK,
	  "all that is used" },
	{ "does not guess how a kernel was built", no_options, "kernel-config", UW_LEVEL_NOTE,
	  "not readable (/boot/config-6.1.0)" },
	{ "names the options that are not set", two_options, "kernel-config", UW_LEVEL_LACKING,
	  "without CONFIG_DEBUG_INFO_BTF, CONFIG_KPROBES", "use a kernel" },
	{ "finds BTF", NULL, "btf", UW_LEVEL_OK, "describes its types" },
	{ "misses BTF", no_btf, "btf", UW_LEVEL_LACKING, "no BTF", "CONFIG_DEBUG_INFO_BTF" },
	{ "knows no function without BTF", no_btf, "functions", UW_LEVEL_NOTE, "without BTF" },
	{ "knows no hook without BTF", no_btf, "path-hooks", UW_LEVEL_NOTE, "without BTF" },
	{ "finds no lockdown", NULL, "lockdown", UW_LEVEL_OK, "none" },
	{ "does not mind lockdown=integrity", integrity, "lockdown", UW_LEVEL_OK, "integrity" },
	{ "minds lockdown=confidentiality", confidentiality, "lockdown", UW_LEVEL_LACKING,
	  "confidentiality", "lockdown=integrity" },
	{ "blames lockdown for an empty tracefs", confidentiality, "tracefs", UW_LEVEL_LACKING,
	  "lockdown keeps it empty", "see lockdown" },
	{ "finds tracefs", NULL, "tracefs", UW_LEVEL_OK, "kprobes can be made in it" },
	{ "says how to mount tracefs", no_tracefs, "tracefs", UW_LEVEL_LACKING, "No such file",
	  "mount -t tracefs" },
	{ "says why kprobe_events may not be writable", no_kprobe_events, "tracefs",
	  UW_LEVEL_LACKING, "no kprobe_events", "ReadWritePaths=" },
	{ "says that the system calls have no tracepoints", no_syscall_events, "tracefs",
	  UW_LEVEL_OK, "tracepoints are not there" },
	{ "finds kprobes armed", NULL, "kprobes-armed", UW_LEVEL_OK, "armed" },
	{ "finds kprobes disarmed", disarmed, "kprobes-armed", UW_LEVEL_LACKING, "disarmed",
	  "echo 1 > /sys/kernel/debug/kprobes/enabled" },
	{ "does not guess whether kprobes are armed", armed_unknown, "kprobes-armed", UW_LEVEL_NOTE,
	  "not readable" },
	{ "finds ftrace on", NULL, "ftrace", UW_LEVEL_OK, "on" },
	{ "finds ftrace off", ftrace_off, "ftrace", UW_LEVEL_LACKING, "off",
	  "sysctl kernel.ftrace_enabled=1" },
	{ "finds the functions", NULL, "functions", UW_LEVEL_OK,
	  "do_unlinkat, do_rmdir and do_renameat2 can be probed" },
	{ "says what is wrong with each function", inlined, "functions", UW_LEVEL_LACKING,
	  "do_unlinkat may not be probed, do_rmdir was changed by the compiler, "
	  "do_renameat2 is inlined everywhere",
	  "report" },
	{ "does not guess about functions", no_symbols, "functions", UW_LEVEL_NOTE,
	  "/proc/kallsyms" },
	{ "names the function that is not known", unknown_function, "functions", UW_LEVEL_LACKING,
	  "none is known that removes directories", "report" },
	{ "finds the hooks", NULL, "path-hooks", UW_LEVEL_OK, "true paths" },
	{ "misses one of the hooks", no_hooks, "path-hooks", UW_LEVEL_LACKING, "no true paths",
	  "CONFIG_SECURITY_PATH" },
	{ "finds all capabilities", NULL, "capabilities", UW_LEVEL_OK, "all" },
	{ "names all capabilities that are missing", no_capabilities, "capabilities",
	  UW_LEVEL_LACKING, "CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN", "run as root" },
	{ "wants no CAP_SYS_ADMIN where nothing asks for it", none_at_two, "capabilities",
	  UW_LEVEL_LACKING, "lacks CAP_BPF, CAP_PERFMON", "run as root" },
	{ "says in which namespace capabilities count", contained, "capabilities", UW_LEVEL_LACKING,
	  "CAP_PERFMON, in the initial user namespace", "run as root" },
	{ "takes CAP_SYS_ADMIN for the others", admin_alone, "capabilities", UW_LEVEL_OK, "all" },
	{ "wants CAP_SYS_ADMIN at perf_event_paranoid=3", both_young, "capabilities",
	  UW_LEVEL_LACKING, "lacks CAP_SYS_ADMIN", "run as root" },
	{ "says who wants it", both_young, "perf-event-paranoid", UW_LEVEL_LACKING, "=3 asks for",
	  "perf_event_paranoid=2" },
	{ "does without it at 2", both_young_at_two, "capabilities", UW_LEVEL_OK, "all" },
	{ "has nothing against 2", both_young_at_two, "perf-event-paranoid", UW_LEVEL_OK, "=2" },
	{ "does not guess perf_event_paranoid", paranoid_unknown, "perf-event-paranoid",
	  UW_LEVEL_NOTE, "not readable" },
	{ "does not mind a limit that charges nothing", NULL, "memlock", UW_LEVEL_OK,
	  "does not charge" },
	{ "minds a low limit of locked memory", memlock, "memlock", UW_LEVEL_LACKING,
	  "limited to 64 KiB, and about 20480", "LimitMEMLOCK=infinity" },
	{ "notes a low limit that may not matter", memlock_perhaps, "memlock", UW_LEVEL_NOTE,
	  "64 KiB", "LimitMEMLOCK=infinity" },
	{ "finds a limit that is high enough", memlock_raised, "memlock", UW_LEVEL_OK, "enough" },
	{ "knows that root can raise it", memlock_can_be_raised, "memlock", UW_LEVEL_OK, "raised" },
	{ "says how large the ring buffer is", NULL, "ring-buffer", UW_LEVEL_OK, "4096 KiB" },
	{ "says how much memory maps take", NULL, "memory", UW_LEVEL_OK, "up to 12288 KiB" },
	{ "does not guess how much that is", none_attached, "memory", UW_LEVEL_NOTE,
	  "nothing is known" },
	{ "finds the unified hierarchy", NULL, "cgroup2", UW_LEVEL_OK, "mounted" },
	{ "misses the unified hierarchy", cgroup1, "cgroup2", UW_LEVEL_LACKING,
	  "unit and container", "systemd.unified_cgroup_hierarchy=1" },
	{ "does not guess about cgroups", cgroup_unknown, "cgroup2", UW_LEVEL_NOTE,
	  "not readable" },
	{ "finds nothing missed", NULL, "missed", UW_LEVEL_OK, "none, with 4096" },
	{ "counts what was missed", missed, "missed", UW_LEVEL_LACKING, "17 times, with 4096",
	  "unknown result" },
	{ "notes that none runs", not_running, "missed", UW_LEVEL_NOTE, "no unlinkwatchd" },
	{ "says what a probe that works does not see", NULL, "probe-kprobe", UW_LEVEL_OK,
	  "kprobe works; not covered: this" },
	{ "says why a probe was not tried", refused, "probe-kprobe", UW_LEVEL_LACKING,
	  "kprobe cannot be used: the moon is wrong", .partial = true },
	{ "says what failed", failed, "probe-kprobe", UW_LEVEL_LACKING,
	  "kprobe cannot be used: cannot attach to it", .partial = true },
	{ "says what is not seen", blind, "probe-kprobe", UW_LEVEL_LACKING,
	  "can be attached, but rmdir is not seen", .partial = true },
	{ "is not content without results", resultless, "probe-kprobe", UW_LEVEL_LACKING,
	  "can be attached, but", .partial = true },
	{ "says that something is not proven", untested, "probe-kprobe", UW_LEVEL_NOTE,
	  "not known: no file can be made", .partial = true },
	{ "does not take a busy host for blindness", busy, "probe-kprobe", UW_LEVEL_NOTE,
	  "not known", .partial = true },
	{ "names tracepoints", NULL, "probe-tracepoint", UW_LEVEL_OK, "tracepoint works" },
	{ "names plain tracepoints", plain, "probe-tracepoint-plain", UW_LEVEL_OK,
	  "tracepoint without kernel reads works" },
	{ "names raw tracepoints", raw, "probe-tracepoint-raw", UW_LEVEL_OK,
	  "tracepoint of all system calls" },
	{ "names a probe that it knows nothing of", fentry, "probe-fentry", UW_LEVEL_OK,
	  "fentry works" },
	{ "ends with the best probe", NULL, "result", UW_LEVEL_OK, "in full, by kprobe" },
	{ "ends with what is covered in part", refused, "result", UW_LEVEL_LACKING,
	  "in part, by tracepoint; not covered: that", "above", true },
	{ "takes no probe without all hooks for a whole one", hookless, "result", UW_LEVEL_LACKING,
	  "in part, by kprobe; not covered: this", "above", true },
	{ "ends with nothing", nothing_works, "result", UW_LEVEL_LACKING, "no deletion", "above",
	  true },
	{ "ends with nothing where nothing was tried", nothing_tried, "result", UW_LEVEL_LACKING,
	  "no deletion", "above", true },
};

static void test_row(void **state)
{
	const struct row *row = *state;
	struct uw_finding findings[UW_FINDINGS_MAX];
	struct uw_facts facts = model();
	const struct uw_finding *f = NULL;
	size_t n, i;

	if (row->change)
		row->change(&facts);
	n = uw_findings_judge(&facts, findings);
	assert_in_range(n, 1, UW_FINDINGS_MAX);
	for (i = 0; i < n; i++)
		if (!strcmp(findings[i].id, row->id))
			f = &findings[i];
	assert_non_null(f);
	assert_string_equal(uw_level_name(f->level), uw_level_name(row->level));
	if (!strstr(f->text, row->text))
		fail_msg("'%s' is not in '%s'", row->text, f->text);
	assert_int_equal(!f->advice, !row->advice);
	if (row->advice && !strstr(f->advice, row->advice))
		fail_msg("'%s' is not in '%s'", row->advice, f->advice);
	assert_int_equal(uw_findings_whole(&facts), !row->partial);
	assert_string_equal(findings[n - 1].id, "result");
}

static void test_model(void **state)
{
	struct uw_finding findings[UW_FINDINGS_MAX];
	struct uw_facts facts = model();
	size_t n = uw_findings_judge(&facts, findings), i, j;

	(void)state;
	for (i = 0; i < n; i++) {
		assert_int_equal(findings[i].level, UW_LEVEL_OK);
		assert_null(findings[i].advice);
		for (j = 0; j < i; j++)
			assert_string_not_equal(findings[i].id, findings[j].id);
	}
}

int main(void)
{
	static struct CMUnitTest tests[LEN(rows) + 1];
	size_t i;

	for (i = 0; i < LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ rows[i].title, test_row, NULL, NULL,
						(void *)(uintptr_t)&rows[i] };
	tests[i] = (struct CMUnitTest)cmocka_unit_test(test_model);
	tests[i].name = "finds nothing amiss where nothing is";
	return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
