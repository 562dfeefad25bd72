// SPDX-License-Identifier: MIT
#include "helper/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

/* Events of one name in a process. */
#define NAMES_MAX 100

#define REMOVE_STEPS   100
#define REMOVE_STEP_NS 20000000

bool uw_tracefs_off(void)
{
	char text[16];
	ssize_t n =
		uw_file_read_small(AT_FDCWD, "/proc/sys/kernel/ftrace_enabled", text, sizeof(text));

	if (n == -ENOENT || n == -EACCES)
		return false; /* this kernel has no ftrace */
	/* ENODEV: ftrace found a bug and turned itself off for good. */
	return n <= 0 || text[0] == '0';
}

static int command(int tracefs, const char *line)
{
	size_t len = strlen(line);
	int fd, r = 0;

	/* O_APPEND, since an open that truncates removes everybody's probes. */
	fd = openat(tracefs, "kprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, line, len) != (ssize_t)len)
		r = errno ? -errno : -EIO;
	close(fd);
	return r;
}

void uw_tracefs_clean(int tracefs)
{
	char line[512], name[UW_EVENT_NAME_MAX];
	FILE *f;
	int fd, pid;

	if (uw_tracefs_off())
		return;
	fd = openat(tracefs, "kprobe_events", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		/* p:unlinkwatch/enter_do_unlinkat_0_4242 do_unlinkat */
		char *start = strstr(line, ":" UW_TRACEFS_GROUP "/"), *end, *id;

		if (!start++)
			continue;
		end = strchr(start, ' ');
		if (!end || (size_t)(end - start) >= sizeof(name))
			continue;
		*end = '\0';
		strcpy(name, start);
		id = strrchr(name, '_');
		pid = id ? atoi(id + 1) : 0;
		if (pid <= 0 || pid == getpid() || !kill(pid, 0) || errno != ESRCH)
			continue;
		/* Try once: another daemon may be using the event. */
		snprintf(line, sizeof(line), "-:%s\n", name);
		command(tracefs, line);
	}
	fclose(f);
}

int uw_tracefs_max_active(void)
{
	const char *text = getenv("UNLINKWATCH_MAXACTIVE");
	int n = text ? atoi(text) : UW_TRACEFS_MAX_ACTIVE;

	return n > 0 && n <= UW_TRACEFS_MAX_ACTIVE ? n : UW_TRACEFS_MAX_ACTIVE;
}

static int define(int tracefs, const char *function, int max_active, pid_t pid,
		  char ret_name[UW_EVENT_NAME_MAX])
{
	char name[UW_EVENT_NAME_MAX], line[256], type[16] = "p";
	int r = -EEXIST, i;

	if (max_active)
		snprintf(type, sizeof(type), "r%d", max_active);
	/* systemd may still hold an earlier one of this process. */
	for (i = 0; r == -EEXIST && i < NAMES_MAX; i++) {
		snprintf(name, sizeof(name), UW_TRACEFS_GROUP "/%s_%.24s_%d_%d",
			 max_active ? "leave" : "enter", function, i, pid);
		snprintf(line, sizeof(line), "%s:%s %s\n", type, name, function);
		r = command(tracefs, line);
	}
	if (r < 0)
		return r;
	strcpy(ret_name, name);
	return 0;
}

void uw_tracefs_remove(int tracefs, const char *name)
{
	const struct timespec step = { .tv_nsec = REMOVE_STEP_NS };
	char line[UW_EVENT_NAME_MAX + 4];
	int i;

	/*
	 * The event is useless now, but removing it while ftrace is off may hang the kernel: see
	 * tracefs.h.
	 */
	if (uw_tracefs_off())
		return;
	snprintf(line, sizeof(line), "-:%s\n", name);
	for (i = 0; command(tracefs, line) == -EBUSY && i < REMOVE_STEPS; i++)
		nanosleep(&step, NULL);
}

static int event_id(int tracefs, const char *name)
{
	char path[UW_EVENT_NAME_MAX + 32], text[16];
	ssize_t n;

	snprintf(path, sizeof(path), "events/%s/id", name);
	n = uw_file_read_small(tracefs, path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	return n ? atoi(text) : -EIO;
}

static int open_event(int tracefs, const char *name)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.sample_period = 1,
		.wakeup_events = 1,
	};
	int id = event_id(tracefs, name), fd;

	if (id < 0)
		return id;
	attr.config = (__u64)id;
	/*
	 * One CPU is enough: a program attached to a trace event runs wherever the event happens,
	 * the descriptor only holds it (perf_trace_buf_prepare and its callers, kernel/trace/).
	 */
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The descriptor holds the probe. BPF links for perf events exist only from 5.15 on. */
int uw_tracefs_attach(int tracefs, const char *name, int program)
{
	int fd = open_event(tracefs, name), r;

	if (fd < 0)
		return fd;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) < 0 ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int uw_tracefs_probe(int tracefs, const char *function, int max_active, pid_t pid, int program,
		     char ret_name[UW_EVENT_NAME_MAX])
{
	int r = define(tracefs, function, max_active, pid, ret_name);

	if (r < 0)
		return r;
	r = uw_tracefs_attach(tracefs, ret_name, program);
	if (r < 0)
		uw_tracefs_remove(tracefs, ret_name);
	return r;
}
