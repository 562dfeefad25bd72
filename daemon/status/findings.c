// SPDX-License-Identifier: MIT
#include "status/findings.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Newer than the headers of some systems that can build this. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

#define MIB (UINT64_C(1) << 20)

/* Locked memory for the maps beside the ring buffer, most of it for deletions in flight. */
#define MAPS_BYTES (16 * MIB)

const char *const uw_options[UW_OPTIONS_MAX] = {
	"BPF_SYSCALL",	 "BPF_EVENTS",	    "DEBUG_INFO_BTF", "KPROBES",
	"KPROBE_EVENTS", "FTRACE_SYSCALLS", "SECURITY_PATH",
};

static void say(struct uw_finding *f, enum uw_level level, const char *advice, const char *format,
		...)
{
	va_list args;

	f->level = level;
	f->advice = advice;
	va_start(args, format);
	vsnprintf(f->text, sizeof(f->text), format, args);
	va_end(args);
}

/* Adds a word to a list in text. */
static void enumerate(struct uw_finding *f, size_t start, const char *word, const char *more)
{
	size_t len = strlen(f->text);

	snprintf(f->text + len, sizeof(f->text) - len, "%s%s%s", len > start ? ", " : "", word,
		 more);
}

static bool has(const struct uw_facts *facts, int capability)
{
	return facts->capabilities >> capability & 1;
}

static void judge_kernel(const struct uw_facts *facts, struct uw_finding *f)
{
	say(f, UW_LEVEL_OK, NULL, "Linux %s on %s", facts->release, facts->machine);
}

static void judge_config(const struct uw_facts *facts, struct uw_finding *f)
{
	bool known = false, missing = false;
	size_t i, start;

	say(f, UW_LEVEL_LACKING,
	    "use a kernel that is built with it, as those of distributions are",
	    "this kernel is built without ");
	start = strlen(f->text);
	for (i = 0; i < UW_OPTIONS_MAX; i++) {
		known = known || facts->option[i] != UW_UNKNOWN;
		if (facts->option[i] != UW_NO)
			continue;
		missing = true;
		enumerate(f, start, "CONFIG_", uw_options[i]);
	}
	if (!known)
		say(f, UW_LEVEL_NOTE, NULL, "how it was built is not readable (/boot/config-%s)",
		    facts->release);
	else if (!missing)
		say(f, UW_LEVEL_OK, NULL, "it is built with all that is used");
}

static void judge_btf(const struct uw_facts *facts, struct uw_finding *f)
{
	if (facts->kernel.btf)
		say(f, UW_LEVEL_OK, NULL, "it describes its types (BTF)");
	else
		say(f, UW_LEVEL_LACKING,
		    "use a kernel with CONFIG_DEBUG_INFO_BTF, and let /sys/kernel/btf/vmlinux be readable",
		    "there is no BTF to read, without which neither paths nor processes can be");
}

static void judge_lockdown(const struct uw_facts *facts, struct uw_finding *f)
{
	switch (facts->kernel.root.lockdown) {
	case UW_LOCKDOWN_CONFIDENTIALITY:
		say(f, UW_LEVEL_LACKING,
		    "boot with lockdown=integrity or none, if your policy allows that",
		    "lockdown=confidentiality forbids reading kernel memory and hides tracefs");
		break;
	case UW_LOCKDOWN_INTEGRITY:
		say(f, UW_LEVEL_OK, NULL, "lockdown=integrity does not stand in the way");
		break;
	case UW_LOCKDOWN_NONE:
		say(f, UW_LEVEL_OK, NULL, "none that can be seen");
		break;
	}
}

static void judge_tracefs(const struct uw_facts *facts, struct uw_finding *f)
{
	const struct uw_kernel *k = &facts->kernel;

	if (k->root.tracefs < 0)
		say(f, UW_LEVEL_LACKING, "as root: mount -t tracefs tracefs /sys/kernel/tracing",
		    "it cannot be opened: %s", strerror(-k->root.tracefs));
	else if (!k->root.syscall_events && k->root.lockdown == UW_LOCKDOWN_CONFIDENTIALITY)
		say(f, UW_LEVEL_LACKING, "see lockdown", "lockdown keeps it empty");
	else if (!k->root.kprobe_events)
		say(f, UW_LEVEL_LACKING,
		    "run as root; in a unit, have ReadWritePaths=/sys/kernel/tracing and no "
		    "ProtectKernelTunables=; otherwise the kernel lacks CONFIG_KPROBE_EVENTS",
		    "it has no kprobe_events that can be written");
	else
		say(f, UW_LEVEL_OK, NULL, "it is there, and kprobes can be made in it%s",
		    k->root.syscall_events ? "" : "; the system calls' tracepoints are not there");
}

static void judge_armed(const struct uw_facts *facts, struct uw_finding *f)
{
	if (facts->kprobes_armed == UW_NO)
		say(f, UW_LEVEL_LACKING, "echo 1 > /sys/kernel/debug/kprobes/enabled",
		    "somebody has disarmed the kprobes of the whole system: none sees anything");
	else if (facts->kprobes_armed == UW_YES)
		say(f, UW_LEVEL_OK, NULL, "kprobes are armed");
	else
		say(f, UW_LEVEL_NOTE, NULL, "not readable in debugfs; the trial below shows it");
}

static void judge_ftrace(const struct uw_facts *facts, struct uw_finding *f)
{
	if (facts->kernel.ftrace_off)
		say(f, UW_LEVEL_LACKING, "sysctl kernel.ftrace_enabled=1",
		    "it is off: kprobes at the entry of functions see nothing");
	else
		say(f, UW_LEVEL_OK, NULL, "it is on");
}

/* Lists the functions with what is wrong with each. */
static void judge_functions(const struct uw_facts *facts, struct uw_finding *f)
{
	static const char *const wrong[] = {
		[UW_SYMBOL_ABSENT] = " is inlined everywhere",
		[UW_SYMBOL_CHANGED] = " was changed by the compiler",
	};
	bool known = false;
	int i;

	say(f, UW_LEVEL_LACKING, "report this kernel; the trials below show what works", "%s", "");
	for (i = 0; i <= UW_FN_RENAME; i++) {
		const char *name = facts->kernel.functions[i];
		enum uw_symbol symbol = facts->symbol[i];

		known = known || symbol != UW_SYMBOL_UNKNOWN;
		if (!name && facts->kernel.btf)
			enumerate(f, 0, "none is known ",
				  i == UW_FN_UNLINK  ? "that unlinks"
				  : i == UW_FN_RMDIR ? "that removes directories"
						     : "that renames");
		else if (name && facts->blacklisted[i] == UW_YES)
			enumerate(f, 0, name, " may not be probed");
		else if (name && (symbol == UW_SYMBOL_ABSENT || symbol == UW_SYMBOL_CHANGED))
			enumerate(f, 0, name, wrong[symbol]);
	}
	if (f->text[0])
		return;
	if (!facts->kernel.btf)
		say(f, UW_LEVEL_NOTE, NULL, "without BTF it is not known what they are called");
	else
		say(f, known ? UW_LEVEL_OK : UW_LEVEL_NOTE, NULL, "%s, %s and %s%s",
		    facts->kernel.functions[UW_FN_UNLINK], facts->kernel.functions[UW_FN_RMDIR],
		    facts->kernel.functions[UW_FN_RENAME],
		    known ? " can be probed"
			  : "; /proc/kallsyms, which would say more, is not readable");
}

static bool has_hooks(const struct uw_kernel *k)
{
	return k->functions[UW_FN_PATH_UNLINK] && k->functions[UW_FN_PATH_RMDIR] &&
	       k->functions[UW_FN_PATH_RENAME];
}

static void judge_hooks(const struct uw_facts *facts, struct uw_finding *f)
{
	if (has_hooks(&facts->kernel))
		say(f, UW_LEVEL_OK, NULL,
		    "security_path_unlink and its kin are there, for true paths");
	else if (!facts->kernel.btf)
		say(f, UW_LEVEL_NOTE, NULL, "without BTF it is not known whether they are there");
	else
		say(f, UW_LEVEL_LACKING,
		    "use a kernel with CONFIG_SECURITY_PATH, as AppArmor and TOMOYO need it",
		    "security_path_unlink and its kin are not there: no true paths, no renames");
}

static void judge_capabilities(const struct uw_facts *facts, struct uw_finding *f)
{
	static const struct {
		int number;
		const char *name;
	} needed[] = {
		{ CAP_BPF, "CAP_BPF" },
		{ CAP_PERFMON, "CAP_PERFMON" },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	};
	bool asks_admin = facts->paranoid_known == UW_YES && facts->paranoid >= 3;
	size_t i, start;

	say(f, UW_LEVEL_LACKING,
	    "run as root; in a unit, CapabilityBoundingSet=CAP_BPF CAP_PERFMON CAP_SYS_ADMIN",
	    "this process lacks ");
	start = strlen(f->text);
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		/* CAP_SYS_ADMIN includes the other two, which are newer. */
		if (has(facts, needed[i].number) || has(facts, CAP_SYS_ADMIN))
			continue;
		if (needed[i].number == CAP_SYS_ADMIN && !asks_admin)
			continue;
		enumerate(f, start, needed[i].name, "");
	}
	if (strlen(f->text) == start)
		say(f, UW_LEVEL_OK, NULL, "all that are needed");
	else if (facts->initial_user_ns == UW_NO)
		enumerate(f, start, "in the initial user namespace", "");
}

static void judge_paranoid(const struct uw_facts *facts, struct uw_finding *f)
{
	if (facts->paranoid_known != UW_YES)
		say(f, UW_LEVEL_NOTE, NULL, "kernel.perf_event_paranoid is not readable");
	else if (facts->paranoid >= 3 && !has(facts, CAP_SYS_ADMIN))
		say(f, UW_LEVEL_LACKING,
		    "grant CAP_SYS_ADMIN, or sysctl kernel.perf_event_paranoid=2",
		    "kernel.perf_event_paranoid=%d asks for CAP_SYS_ADMIN, whatever else one has",
		    facts->paranoid);
	else
		say(f, UW_LEVEL_OK, NULL, "kernel.perf_event_paranoid=%d does not stand in the way",
		    facts->paranoid);
}

static void judge_memlock(const struct uw_facts *facts, struct uw_finding *f)
{
	uint64_t need = facts->ring_size + MAPS_BYTES;
	bool enough = facts->memlock >= need || has(facts, CAP_SYS_RESOURCE);

	if (facts->memlock_charged == UW_NO)
		say(f, UW_LEVEL_OK, NULL, "this kernel does not charge BPF maps to it");
	else if (enough)
		say(f, UW_LEVEL_OK, NULL,
		    "the limit of locked memory is high enough, or can be raised");
	else
		say(f, facts->memlock_charged == UW_YES ? UW_LEVEL_LACKING : UW_LEVEL_NOTE,
		    "ulimit -l unlimited; in a unit, LimitMEMLOCK=infinity",
		    "locked memory is limited to %" PRIu64 " KiB, and about %" PRIu64
		    " KiB are needed where the kernel charges BPF maps to it (up to 5.10)",
		    facts->memlock / 1024, need / 1024);
}

static void judge_ring(const struct uw_facts *facts, struct uw_finding *f)
{
	say(f, UW_LEVEL_OK, NULL, "%zu KiB (RingBufferSize=)", facts->ring_size / 1024);
}

/* The most of the probes that were attached: one is at a time. */
static void judge_memory(const struct uw_facts *facts, struct uw_finding *f)
{
	uint64_t most = 0;
	size_t i;

	for (i = 0; i < facts->n_trials; i++)
		if (facts->trials[i].memory > most)
			most = facts->trials[i].memory;
	if (most)
		say(f, UW_LEVEL_OK, NULL,
		    "maps and programs take up to %" PRIu64
		    " KiB in the kernel beside the ring buffer",
		    most / 1024);
	else
		say(f, UW_LEVEL_NOTE, NULL, "no probe was attached, so nothing is known");
}

static void judge_cgroup(const struct uw_facts *facts, struct uw_finding *f)
{
	if (facts->cgroup2 == UW_NO)
		say(f, UW_LEVEL_LACKING, "boot with systemd.unified_cgroup_hierarchy=1",
		    "no unified hierarchy is mounted: records may lack unit and container");
	else if (facts->cgroup2 == UW_YES)
		say(f, UW_LEVEL_OK, NULL, "the unified hierarchy is mounted");
	else
		say(f, UW_LEVEL_NOTE, NULL, "/sys/fs/cgroup is not readable");
}

static void judge_missed(const struct uw_facts *facts, struct uw_finding *f)
{
	if (!facts->instances)
		say(f, UW_LEVEL_NOTE, NULL,
		    "no unlinkwatchd runs with kprobes, so nothing is counted");
	else if (facts->missed)
		say(f, UW_LEVEL_LACKING,
		    "expect records with an unknown result; fewer deletions at a time would help",
		    "the kernel has skipped probes of a running unlinkwatchd %" PRIu64
		    " times, with %u instances for returns",
		    facts->missed, facts->instances);
	else
		say(f, UW_LEVEL_OK, NULL,
		    "a running unlinkwatchd has missed none, with %u instances for returns",
		    facts->instances);
}

static bool works(const struct uw_trial *t)
{
	return t->attached && t->verdict == UW_VERDICT_SEES;
}

static bool is_whole(const struct uw_trial *t)
{
	int i;

	for (i = 0; i <= UW_FN_PATH_RENAME; i++)
		if (!t->plan.functions[i])
			return false;
	return works(t);
}

bool uw_findings_whole(const struct uw_facts *facts)
{
	size_t i;

	for (i = 0; i < facts->n_trials; i++)
		if (is_whole(&facts->trials[i]))
			return true;
	return false;
}

static void judge_trial(const struct uw_trial *t, struct uw_finding *f)
{
	const char *name = uw_probe_name(t->plan.probe), *detail = uw_plan_detail(&t->plan);

	snprintf(f->id, sizeof(f->id), "probe-%s%s", name,
		 t->plan.raw		? "-raw"
		 : t->plan.kernel_reads ? ""
					: "-plain");
	if (!t->attached)
		say(f, UW_LEVEL_LACKING, NULL, "%s%s cannot be used: %s", name, detail,
		    t->plan.why_not ? t->plan.why_not : t->why);
	else if (works(t))
		say(f, UW_LEVEL_OK, NULL, "%s%s works; not covered: %s", name, detail,
		    t->plan.not_covered);
	else if (t->verdict == UW_VERDICT_UNKNOWN || t->verdict == UW_VERDICT_BUSY)
		say(f, UW_LEVEL_NOTE, NULL,
		    "%s%s can be attached; whether it sees is not known: %s", name, detail, t->why);
	else
		say(f, UW_LEVEL_LACKING, NULL, "%s%s can be attached, but %s", name, detail,
		    t->why);
}

static void judge_result(const struct uw_facts *facts, struct uw_finding *f)
{
	const struct uw_trial *t;
	size_t i;

	snprintf(f->id, sizeof(f->id), "result");
	for (i = 0; i < facts->n_trials; i++) {
		t = &facts->trials[i];
		if (!works(t))
			continue;
		if (is_whole(t))
			say(f, UW_LEVEL_OK, NULL, "deletions can be seen in full, by %s%s",
			    uw_probe_name(t->plan.probe), uw_plan_detail(&t->plan));
		else
			say(f, UW_LEVEL_LACKING, "see what is lacking above",
			    "deletions can be seen in part, by %s%s; not covered: %s",
			    uw_probe_name(t->plan.probe), uw_plan_detail(&t->plan),
			    t->plan.not_covered);
		return;
	}
	say(f, UW_LEVEL_LACKING, "see what is lacking above", "no deletion can be seen");
}

static const struct check {
	const char *id;
	void (*judge)(const struct uw_facts *facts, struct uw_finding *f);
} checks[] = {
	{ "kernel", judge_kernel },
	{ "kernel-config", judge_config },
	{ "btf", judge_btf },
	{ "lockdown", judge_lockdown },
	{ "tracefs", judge_tracefs },
	{ "kprobes-armed", judge_armed },
	{ "ftrace", judge_ftrace },
	{ "functions", judge_functions },
	{ "path-hooks", judge_hooks },
	{ "capabilities", judge_capabilities },
	{ "perf-event-paranoid", judge_paranoid },
	{ "memlock", judge_memlock },
	{ "ring-buffer", judge_ring },
	{ "memory", judge_memory },
	{ "cgroup2", judge_cgroup },
	{ "missed", judge_missed },
};

#define N_CHECKS (sizeof(checks) / sizeof(checks[0]))

_Static_assert(N_CHECKS + 1 + UW_PLANS_MAX <= UW_FINDINGS_MAX, "room for all findings");

size_t uw_findings_judge(const struct uw_facts *facts, struct uw_finding ret[UW_FINDINGS_MAX])
{
	size_t n = 0, i;

	for (i = 0; i < N_CHECKS; i++, n++) {
		snprintf(ret[n].id, sizeof(ret[n].id), "%s", checks[i].id);
		checks[i].judge(facts, &ret[n]);
	}
	for (i = 0; i < facts->n_trials; i++)
		judge_trial(&facts->trials[i], &ret[n++]);
	judge_result(facts, &ret[n++]);
	return n;
}

const char *uw_level_name(enum uw_level level)
{
	static const char *const names[] = {
		[UW_LEVEL_OK] = "ok",
		[UW_LEVEL_NOTE] = "note",
		[UW_LEVEL_LACKING] = "lacking",
	};

	return names[level];
}
