// SPDX-License-Identifier: MIT
#include "probe/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>
#include <linux/mount.h>

#include "config/words.h"
#include "helper/helper_client.h"
#include "probe/btf_find.h"
#include "probe/vfs_btf.h"

#define NEVER	    "subvolumes of btrfs removed by ioctl(2), mq_unlink(3)"
#define NO_KTHREADS "kernel threads (nfsd, ksmbd), "
#define NO_PATHS    "true paths (the kernel has no CONFIG_SECURITY_PATH), what a rename replaces, "
#define NO_RENAMES  "what a rename replaces, true paths, " NO_KTHREADS
#define NO_READS                                                                                        \
	"io_uring, 32-bit system calls, parent processes, the directories of relative names where the " \
	"process has exited, "
#define NO_BTF "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)"

/* Fills in what the kernel's functions say. */
static void find_functions(struct uw_kernel *k, const struct btf *btf)
{
	struct uw_btf_wanted wanted[2 * UW_FN_MAX + 1];
	const size_t n = sizeof(wanted) / sizeof(wanted[0]);
	int i;

	for (i = 0; i < 2 * UW_FN_MAX; i++)
		wanted[i] =
			(struct uw_btf_wanted){ uw_target_names[i / 2][i % 2], BTF_KIND_FUNC, 0 };
	/* CONFIG_BPF_JIT. The BTF of 5.10 does not show the rest: attaching will. */
	wanted[i] = (struct uw_btf_wanted){ "bpf_trampoline_link_prog", BTF_KIND_FUNC, 0 };
	uw_btf_find(btf, wanted, n);
	k->trampolines = wanted[i].id;
	while (i--)
		if (wanted[i].id)
			k->functions[i / 2] = wanted[i].name;
}

/* UNLINKWATCH_PREEMPTION=none is for the tests: fentry where its programs are skipped. */
void uw_kernel_read(struct uw_kernel *ret)
{
	const char *pretend = getenv("UNLINKWATCH_PREEMPTION");
	libbpf_print_fn_t print = libbpf_set_print(NULL); /* a missing BTF is reported elsewhere */
	struct btf *btf = btf__load_vmlinux_btf();

	libbpf_set_print(print);
	memset(ret, 0, sizeof(*ret));
	if (geteuid() == 0 || uw_helper_facts(&ret->root) < 0)
		uw_root_facts_read(&ret->root);
	if (pretend && !strcmp(pretend, "none"))
		ret->root.preemption = UW_PREEMPTION_NONE;
	ret->ftrace_off = uw_tracefs_off();
	/* libbpf 1.0 and later: NULL on failure. */
	if (btf) {
		ret->btf = true;
		find_functions(ret, btf);
		ret->vfs = uw_vfs_find(btf, &ret->vfs_args);
		btf__free(btf);
	}
}

void uw_kernel_done(struct uw_kernel *kernel)
{
	if (kernel->root.tracefs >= 0)
		close(kernel->root.tracefs);
	kernel->root.tracefs = -EBADF;
}

static const char *why_no_kernel_reads(const struct uw_kernel *k)
{
	if (k->root.lockdown == UW_LOCKDOWN_CONFIDENTIALITY)
		return "lockdown=confidentiality forbids reading kernel memory";
	if (!k->btf)
		return NO_BTF;
	return NULL;
}

static const char *why_no_tracefs(const struct uw_kernel *k)
{
	if (k->root.tracefs == -EPERM || k->root.tracefs == -EACCES)
		return "tracefs cannot be opened; this takes root";
	return "tracefs is not there; mount it with: mount -t tracefs tracefs /sys/kernel/tracing";
}

static const char *why_no_functions(const struct uw_kernel *k)
{
	if (why_no_kernel_reads(k))
		return why_no_kernel_reads(k);
	if (!k->functions[UW_FN_UNLINK] || !k->functions[UW_FN_RMDIR] ||
	    !k->functions[UW_FN_RENAME])
		return "this kernel's BTF lacks the function that unlinks (filename_unlinkat, do_unlinkat), "
		       "the one for directories (filename_rmdir, do_rmdir) or the one that renames "
		       "(filename_renameat2, do_renameat2)";
	return NULL;
}

static const char *why_no_kprobe(const struct uw_kernel *k)
{
	if (why_no_functions(k))
		return why_no_functions(k);
	if (k->root.tracefs < 0)
		return why_no_tracefs(k);
	if (k->ftrace_off)
		return "ftrace is off, so that kprobes see nothing; turn it on with: "
		       "sysctl kernel.ftrace_enabled=1";
	if (!k->root.kprobe_events)
		return "tracefs has no kprobe_events that can be written: no CONFIG_KPROBE_EVENTS, or no right";
	return NULL;
}

static const char *why_no_fentry(const struct uw_kernel *k)
{
	if (why_no_functions(k))
		return why_no_functions(k);
	if (!k->trampolines)
		return "this kernel has no BPF trampolines (CONFIG_BPF_JIT)";
	if (k->root.preemption == UW_PREEMPTION_FULL)
		return "this kernel preempts such programs, and skips them for other threads meanwhile";
	if (k->root.preemption == UW_PREEMPTION_UNKNOWN)
		return "debugfs does not tell whether this kernel preempts such programs, and skips them for "
		       "other threads meanwhile";
	return NULL;
}

static const char *why_no_tracepoint(const struct uw_kernel *k)
{
	if (k->root.tracefs < 0)
		return why_no_tracefs(k);
	if (!k->root.syscall_events && k->root.lockdown == UW_LOCKDOWN_CONFIDENTIALITY)
		return "lockdown=confidentiality keeps tracefs empty";
	if (!k->root.syscall_events)
		return "tracefs has no events/syscalls: no CONFIG_FTRACE_SYSCALLS, or no right to read it";
	return NULL;
}

static bool has_path_hooks(const struct uw_kernel *k)
{
	return k->functions[UW_FN_PATH_UNLINK] && k->functions[UW_FN_PATH_RMDIR] &&
	       k->functions[UW_FN_PATH_RENAME];
}

/* By kprobes, whichever probe sees processes. */
static bool can_see_kthreads(const struct uw_kernel *k)
{
	return k->vfs && k->root.tracefs >= 0 && k->root.kprobe_events;
}

/* What kprobes and fentry programs do not see. */
static const char *not_covered_inside(const struct uw_kernel *k)
{
	bool kthreads = can_see_kthreads(k);

	if (has_path_hooks(k))
		return kthreads ? NEVER : NO_KTHREADS NEVER;
	return kthreads ? NO_PATHS NEVER : NO_PATHS NO_KTHREADS NEVER;
}

static struct uw_plan plan_functions(const struct uw_kernel *k, enum uw_probe probe)
{
	struct uw_plan plan = {
		.probe = probe,
		.kernel_reads = true,
		.why_not = probe == UW_PROBE_FENTRY ? why_no_fentry(k) : why_no_kprobe(k),
		.kthreads = can_see_kthreads(k),
		.not_covered = not_covered_inside(k),
	};

	memcpy(plan.functions, k->functions, sizeof(plan.functions));
	return plan;
}

size_t uw_kernel_plan(const struct uw_kernel *kernel, enum uw_probe_choice choice,
		      struct uw_plan plans[UW_PLANS_MAX])
{
	size_t n = 0;

	/* First, as it costs less than kprobe and sees the same. */
	if (choice == UW_CHOOSE_AUTO || choice == UW_CHOOSE_FENTRY)
		plans[n++] = plan_functions(kernel, UW_PROBE_FENTRY);
	if (choice == UW_CHOOSE_AUTO || choice == UW_CHOOSE_KPROBE)
		plans[n++] = plan_functions(kernel, UW_PROBE_KPROBE);
	if (choice == UW_CHOOSE_AUTO || choice == UW_CHOOSE_TRACEPOINT) {
		const char *why_not = why_no_tracepoint(kernel);
		const char *why_no_reads = why_no_kernel_reads(kernel);

		plans[n++] = (struct uw_plan){
			.probe = UW_PROBE_TRACEPOINT,
			.kernel_reads = true,
			.why_not = why_not ? why_not : why_no_reads,
			.not_covered = "io_uring, 32-bit system calls, " NO_RENAMES NEVER,
		};
		plans[n++] = (struct uw_plan){
			.probe = UW_PROBE_TRACEPOINT,
			.why_not = why_not,
			.not_covered = NO_READS NO_RENAMES NEVER,
		};
		plans[n++] = (struct uw_plan){
			.probe = UW_PROBE_TRACEPOINT,
			.raw = true,
			.why_not = kernel->btf ? NULL : NO_BTF,
			.not_covered = NO_READS NO_RENAMES NEVER,
		};
	}
	return n;
}

const char *uw_probe_name(enum uw_probe probe)
{
	const char *word = uw_word_of(uw_probe_words, (int)probe);

	return word ? word : "unknown";
}

const char *uw_plan_detail(const struct uw_plan *plan)
{
	if (plan->raw)
		return " of all system calls, without kernel reads";
	return plan->kernel_reads ? "" : " without kernel reads";
}
