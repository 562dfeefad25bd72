// SPDX-License-Identifier: MIT
#include "status/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <linux/magic.h>

#include "base/file.h"
#include "helper/tracefs.h"
#include "probe/selftest.h"
#include "status/findings.h"

/* The first line of a file, without its newline. False where it cannot be read. */
static bool read_line(int dir, const char *path, char *line, size_t size)
{
	ssize_t n = uw_file_read_small(dir, path, line, size);

	line[strcspn(line, "\n")] = '\0';
	return n > 0;
}

/* NULL where it cannot be read. */
static FILE *open_text(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f && fd >= 0)
		close(fd);
	return f;
}

/* Reads only what the file states: CONFIG_X=y or "# CONFIG_X is not set". */
static void read_options(struct uw_facts *facts)
{
	char path[128], line[256], name[64];
	size_t i;
	FILE *f;

	snprintf(path, sizeof(path), "/boot/config-%s", facts->release);
	f = open_text(AT_FDCWD, path);
	if (!f) {
		snprintf(path, sizeof(path), "/lib/modules/%s/config", facts->release);
		f = open_text(AT_FDCWD, path);
	}
	if (!f)
		return;
	for (i = 0; i < UW_OPTIONS_MAX; i++)
		facts->option[i] = UW_NO;
	while (fgets(line, sizeof(line), f))
		for (i = 0; i < UW_OPTIONS_MAX; i++) {
			snprintf(name, sizeof(name), "CONFIG_%s=y\n", uw_options[i]);
			if (!strcmp(line, name))
				facts->option[i] = UW_YES;
		}
	fclose(f);
}

/* Lines are "address type name"; without the right to see them, the addresses are 0. */
static void read_symbols(struct uw_facts *facts)
{
	const char *const *names = facts->kernel.functions;
	FILE *f = open_text(AT_FDCWD, "/proc/kallsyms");
	char line[512], symbol[256];
	size_t len;
	int i;

	if (!f)
		return;
	for (i = 0; i < UW_FN_MAX; i++)
		facts->symbol[i] = names[i] ? UW_SYMBOL_ABSENT : UW_SYMBOL_UNKNOWN;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %*s %255s", symbol) != 1)
			continue;
		for (i = 0; i < UW_FN_MAX; i++) {
			len = names[i] ? strlen(names[i]) : 0;
			if (!len || strncmp(symbol, names[i], len))
				continue;
			if (!symbol[len])
				facts->symbol[i] = UW_SYMBOL_WHOLE;
			else if (symbol[len] == '.' && facts->symbol[i] == UW_SYMBOL_ABSENT)
				facts->symbol[i] = UW_SYMBOL_CHANGED;
		}
	}
	fclose(f);
}

/* Lines are "from-to<tab>name". */
static void read_blacklist(struct uw_facts *facts, int debugfs)
{
	FILE *f = open_text(debugfs, "kprobes/blacklist");
	char line[512], symbol[256];
	int i;

	if (!f)
		return;
	for (i = 0; i < UW_FN_MAX; i++)
		facts->blacklisted[i] = UW_NO;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %255s", symbol) != 1)
			continue;
		for (i = 0; i < UW_FN_MAX; i++)
			if (facts->kernel.functions[i] &&
			    !strcmp(symbol, facts->kernel.functions[i]))
				facts->blacklisted[i] = UW_YES;
	}
	fclose(f);
}

static void read_debugfs(struct uw_facts *facts)
{
	char line[16];
	int debugfs = uw_mount_detached("debugfs");

	if (debugfs < 0)
		debugfs = open("/sys/kernel/debug", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (debugfs < 0)
		return;
	if (read_line(debugfs, "kprobes/enabled", line, sizeof(line)))
		facts->kprobes_armed = line[0] == '1' ? UW_YES : UW_NO;
	read_blacklist(facts, debugfs);
	close(debugfs);
}

static void read_rights(struct uw_facts *facts)
{
	FILE *f = open_text(AT_FDCWD, "/proc/self/status");
	unsigned long long inside, outside, count;
	struct rlimit limit;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %" SCNx64, &facts->capabilities) == 1)
			break;
	if (f)
		fclose(f);
	if (read_line(AT_FDCWD, "/proc/self/uid_map", line, sizeof(line)) &&
	    sscanf(line, "%llu %llu %llu", &inside, &outside, &count) == 3)
		facts->initial_user_ns = !inside && !outside && count == UINT32_MAX ? UW_YES
										    : UW_NO;
	if (read_line(AT_FDCWD, "/proc/sys/kernel/perf_event_paranoid", line, sizeof(line))) {
		facts->paranoid_known = UW_YES;
		facts->paranoid = atoi(line);
	}
	facts->memlock = UINT64_MAX;
	if (!getrlimit(RLIMIT_MEMLOCK, &limit) && limit.rlim_cur != RLIM_INFINITY)
		facts->memlock = limit.rlim_cur;
}

/* The kernel that added this helper charges maps to the memory cgroup; libbpf tests for it, too. */
static enum uw_answer memlock_charged(void)
{
	int r = libbpf_probe_bpf_helper(BPF_PROG_TYPE_SOCKET_FILTER, BPF_FUNC_ktime_get_coarse_ns,
					NULL);

	return r < 0 ? UW_UNKNOWN : r ? UW_NO : UW_YES;
}

static enum uw_answer read_cgroup2(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	enum uw_answer answer = UW_UNKNOWN;
	struct statfs sfs;
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (statfs(places[i], &sfs))
			continue;
		if (sfs.f_type == CGROUP2_SUPER_MAGIC)
			return UW_YES;
		answer = UW_NO;
	}
	return answer;
}

/* Of the daemon that runs, or of all of them. */
static void read_missed(struct uw_facts *facts)
{
	FILE *f = open_text(facts->kernel.root.tracefs, "kprobe_events");
	char line[512], name[256], path[300];
	unsigned int instances;
	uint64_t missed;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "r%u:%255s", &instances, name) == 2 &&
		    !strncmp(name, UW_TRACEFS_GROUP "/", strlen(UW_TRACEFS_GROUP "/")))
			facts->instances = instances;
	if (f)
		fclose(f);
	/* "event hits misses", the event without its group. */
	f = open_text(facts->kernel.root.tracefs, "kprobe_profile");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%255s %*u %" SCNu64, name, &missed) != 2)
			continue;
		snprintf(path, sizeof(path), "events/" UW_TRACEFS_GROUP "/%s", name);
		if (!faccessat(facts->kernel.root.tracefs, path, F_OK, 0))
			facts->missed += missed;
	}
	if (f)
		fclose(f);
}

static void read_facts(struct uw_facts *facts, const struct uw_config *config)
{
	struct utsname name;

	memset(facts, 0, sizeof(*facts));
	uw_kernel_read(&facts->kernel);
	if (!uname(&name)) {
		snprintf(facts->release, sizeof(facts->release), "%s", name.release);
		snprintf(facts->machine, sizeof(facts->machine), "%s", name.machine);
	}
	facts->ring_size = uw_config_ring_size(config);
	facts->cgroup2 = read_cgroup2();
	facts->memlock_charged = memlock_charged();
	read_options(facts);
	read_symbols(facts);
	read_debugfs(facts);
	read_rights(facts);
	/* Events of a daemon that was killed would count as those of one that runs. */
	uw_tracefs_clean(facts->kernel.root.tracefs);
	read_missed(facts);
}

static void on_event(const void *data, size_t size, void *userdata)
{
	/* The doctor ignores all other events. */
	(void)uw_selftest_take(userdata, data, size);
}

/* Stores the reason so that it is safe to print. */
static void keep_why(struct uw_trial *t, const char *why, size_t len)
{
	struct uw_buf safe = { 0 };

	for (; len; why++, len--)
		uw_buf_printf(&safe, "%c", *why >= ' ' && *why <= '~' ? *why : '?');
	snprintf(t->why, sizeof(t->why), "%.*s", (int)safe.len, safe.len ? safe.p : "");
	uw_buf_free(&safe);
}

static void try_probe(struct uw_trial *t, const struct uw_kernel *kernel,
		      const struct uw_config *config, const struct uw_rule_tables *nothing,
		      struct uw_selftest *selftest)
{
	struct uw_source_setup setup = {
		.kernel = kernel,
		.plan = &t->plan,
		.ring_size = uw_config_ring_size(config),
		.detail = config->detail,
		.tables = nothing,
		.on_event = on_event,
		.userdata = selftest,
	};
	struct uw_source *source;
	struct uw_buf buf = { 0 };
	char *why = NULL;
	int r;

	if (t->plan.why_not)
		return;
	r = uw_source_new(&setup, &source, &why);
	if (r < 0) {
		keep_why(t, why ? why : strerror(-r), strlen(why ? why : strerror(-r)));
		free(why);
		return;
	}
	t->attached = true;
	t->memory = uw_source_memory(source);
	t->verdict = uw_selftest_run(source, &t->plan, selftest, &buf);
	keep_why(t, buf.p, buf.len);
	uw_buf_free(&buf);
	uw_source_free(source);
}

static int try_probes(struct uw_facts *facts, const struct uw_config *config,
		      enum uw_probe_choice choice)
{
	static const struct uw_rule_tables nothing; /* wants no deletion */
	struct uw_plan plans[UW_PLANS_MAX];
	struct uw_selftest *selftest = calloc(1, sizeof(*selftest));
	size_t i;

	if (!selftest)
		return -ENOMEM;
	facts->n_trials = uw_kernel_plan(&facts->kernel, choice, plans);
	for (i = 0; i < facts->n_trials; i++) {
		facts->trials[i].plan = plans[i];
		try_probe(&facts->trials[i], &facts->kernel, config, &nothing, selftest);
	}
	free(selftest);
	return 0;
}

static void add_member(struct uw_buf *buf, const char *before, const char *name, const char *value)
{
	uw_buf_printf(buf, "%s\"%s\":", before, name);
	uw_buf_add_json(buf, (struct uw_str){ value, strlen(value) });
}

static void print_json(const struct uw_finding *f)
{
	struct uw_buf buf = { 0 };

	add_member(&buf, "{", "id", f->id);
	add_member(&buf, ",", "state", uw_level_name(f->level));
	add_member(&buf, ",", "message", f->text);
	if (f->advice)
		add_member(&buf, ",", "advice", f->advice);
	uw_buf_puts(&buf, "}\n");
	fwrite(buf.p, 1, buf.len, stdout);
	uw_buf_free(&buf);
}

static void print_text(const struct uw_finding *f)
{
	printf("%-8s %-20s %s\n", uw_level_name(f->level), f->id, f->text);
	if (f->advice)
		printf("%-8s %-20s -> %s\n", "", "", f->advice);
}

int uw_doctor(const struct uw_config *config, enum uw_probe_choice choice, bool json)
{
	struct uw_finding *findings = calloc(UW_FINDINGS_MAX, sizeof(*findings));
	struct uw_facts *facts = calloc(1, sizeof(*facts));
	size_t n, i;
	int r = -ENOMEM;

	if (findings && facts) {
		read_facts(facts, config);
		r = try_probes(facts, config, choice);
	}
	if (r >= 0) {
		n = uw_findings_judge(facts, findings);
		for (i = 0; i < n; i++)
			json ? print_json(&findings[i]) : print_text(&findings[i]);
		uw_kernel_done(&facts->kernel);
		r = uw_findings_whole(facts) ? 0 : 1;
	}
	free(findings);
	free(facts);
	return r;
}
