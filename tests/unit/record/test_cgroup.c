// SPDX-License-Identifier: MIT
/*
 * Tests of daemon/record/cgroup.c with paths as systemd and container managers create them. Each
 * path is in memory of its exact size, so that the address sanitizer finds a read beyond it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/cgroup.h"
#include "unlinkwatch.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

#define ID    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID63  "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define A50   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A250  A50 A50 A50 A50 A50
#define POD   "pod6c4c0d0e_8f5d_4c9e_9f6a_2b1d3c4e5f60"

static const struct row {
	const char *title, *path, *unit, *slice, *container;
} rows[] = {
	/* units and slices */
	{ "a service", "/system.slice/cron.service", "cron.service", "system.slice", "" },
	{ "an instance", "/system.slice/getty@tty1.service", "getty@tty1.service", "system.slice",
	  "" },
	{ "an instance in a slice of its kind",
	  "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service",
	  "system-getty.slice", "" },
	{ "a session", "/user.slice/user-1000.slice/session-3.scope", "session-3.scope",
	  "user-1000.slice", "" },
	{ "a unit of a user's manager",
	  "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.service",
	  "user@1000.service", "user-1000.slice", "" },
	{ "a scope of a user's manager",
	  "/user.slice/user-1000.slice/user@1000.service/session.slice/run-r1.scope",
	  "user@1000.service", "user-1000.slice", "" },
	{ "a user's manager itself", "/user.slice/user-0.slice/user@0.service/init.scope",
	  "user@0.service", "user-0.slice", "" },
	{ "the system's manager", "/init.scope", "init.scope", "-.slice", "" },
	{ "a service in no slice", "/foo.service", "foo.service", "-.slice", "" },
	{ "a group below a service", "/system.slice/foo.service/workers/7", "foo.service",
	  "system.slice", "" },
	{ "a group below a service that is called like a unit",
	  "/system.slice/foo.service/bar.service", "foo.service", "system.slice", "" },
	{ "a name that systemd had to escape", "/system.slice/_cgroup.procs.service",
	  "cgroup.procs.service", "system.slice", "" },
	{ "a slice that systemd had to escape", "/_cpu.slice/_memory.x.service", "memory.x.service",
	  "cpu.slice", "" },
	{ "one underscore of two", "/system.slice/__x.service", "_x.service", "system.slice", "" },
	{ "a name with escapes", "/system.slice/dev-disk-by\\x2duuid-1.swap",
	  "dev-disk-by\\x2duuid-1.swap", "system.slice", "" },
	{ "a mount", "/system.slice/srv-data.mount", "srv-data.mount", "system.slice", "" },
	{ "a socket", "/system.slice/cups.socket", "cups.socket", "system.slice", "" },
	{ "a slice without a unit", "/user.slice/user-1000.slice", "", "user-1000.slice", "" },
	{ "a group that is no unit in a slice", "/system.slice/foo", "", "system.slice", "" },
	{ "a unit below a group that is none", "/foo/bar.service", "", "", "" },
	{ "a unit in a slice below a group that is none", "/foo/system.slice/bar.service", "", "",
	  "" },
	{ "a unit with redundant slashes", "//system.slice///cron.service//", "cron.service",
	  "system.slice", "" },
	{ "the root", "/", "", "", "" },
	{ "no path", "", "", "", "" },
	{ "a path that lost its beginning", "slice/cron.service", "", "", "" },
	{ "a template without an instance", "/system.slice/getty@.service", "", "system.slice",
	  "" },
	{ "an instance of nothing", "/system.slice/@tty1.service", "", "system.slice", "" },
	{ "a slice with an instance", "/foo@1.slice/bar.service", "", "", "" },
	{ "a type without a name", "/system.slice/.service", "", "system.slice", "" },
	{ "a slice without a name", "/.slice/a.service", "", "", "" },
	{ "a unit of an unknown type", "/system.slice/foo.servic", "", "system.slice", "" },
	{ "a type in the wrong case", "/system.slice/foo.Service", "", "system.slice", "" },
	{ "a name with a space", "/system.slice/foo bar.service", "", "system.slice", "" },
	{ "a name with a newline", "/system.slice/foo\nUNLINK_UNIT=sshd.service", "",
	  "system.slice", "" },
	{ "a name that is not UTF-8", "/system.slice/\xff\xfe.service", "", "system.slice", "" },
	{ "a slice with a byte that no unit has", "/a\x01.slice/b.service", "", "", "" },
	{ "a name of 255 bytes", "/" A250 ".path", A250 ".path", "-.slice", "" },
	{ "a name of 256 bytes", "/" A250 "a.path", "", "", "" },
	{ "an escaped name of 255 bytes", "/_" A250 ".path", A250 ".path", "-.slice", "" },
	{ "a slice of 256 bytes", "/" A250 ".slice/b.service", "", "", "" },

	/* containers */
	{ "docker with systemd", "/system.slice/docker-" ID ".scope", "docker-" ID ".scope",
	  "system.slice", ID },
	{ "docker without systemd", "/docker/" ID, "", "", ID },
	{ "docker without systemd, below a group", "/docker/" ID "/init", "", "", ID },
	{ "docker below a slice of the administrator", "/batch.slice/docker-" ID ".scope",
	  "docker-" ID ".scope", "batch.slice", ID },
	{ "docker in a group of the administrator", "/a/docker/" ID, "", "", ID },
	{ "podman", "/machine.slice/libpod-" ID ".scope/container", "libpod-" ID ".scope",
	  "machine.slice", ID },
	{ "podman of a user",
	  "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container",
	  "user@1000.service", "user-1000.slice", ID },
	{ "podman in a service of Quadlet", "/system.slice/web.service/libpod-payload-" ID,
	  "web.service", "system.slice", ID },
	{ "podman's monitor", "/machine.slice/libpod-conmon-" ID ".scope",
	  "libpod-conmon-" ID ".scope", "machine.slice", ID },
	{ "podman without systemd", "/libpod_parent/libpod-" ID, "", "", ID },
	{ "podman's monitor without systemd", "/libpod_parent/libpod-conmon-" ID, "", "", ID },
	{ "containerd below Kubernetes",
	  "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-" POD
	  ".slice/cri-containerd-" ID ".scope",
	  "cri-containerd-" ID ".scope", "kubepods-burstable-" POD ".slice", ID },
	{ "CRI-O", "/kubepods.slice/kubepods-" POD ".slice/crio-" ID ".scope", "crio-" ID ".scope",
	  "kubepods-" POD ".slice", ID },
	{ "CRI-O's monitor", "/kubepods.slice/kubepods-" POD ".slice/crio-conmon-" ID ".scope",
	  "crio-conmon-" ID ".scope", "kubepods-" POD ".slice", ID },
	{ "Kubernetes without systemd", "/kubepods/besteffort/" POD "/" ID, "", "", ID },
	{ "Kubernetes without systemd, guaranteed", "/kubepods/" POD "/" ID "/x", "", "", ID },
	{ "Kubernetes with containerd not told of systemd",
	  "/system.slice/containerd.service/kubepods-burstable-" POD ".slice:cri-containerd:" ID,
	  "containerd.service", "system.slice", ID },
	{ "nerdctl", "/system.slice/nerdctl-" ID ".scope", "nerdctl-" ID ".scope", "system.slice",
	  ID },
	{ "containerd in a namespace", "/default/" ID, "", "", ID },
	{ "containerd in a namespace, below a group", "/k8s.io/" ID "/a/b", "", "", ID },
	{ "an id in a slice", "/system.slice/" ID, "", "system.slice", "" },
	{ "an id below a service", "/foo.service/" ID, "foo.service", "-.slice", "" },
	{ "an id further down", "/a/b/" ID, "", "", "" },
	{ "an id alone", "/" ID, "", "", "" },
	{ "an id of 63 digits", "/docker/" ID63, "", "", "" },
	{ "an id of 65 digits", "/docker/" ID "0", "", "", "" },
	{ "an id with a capital",
	  "/docker/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "", "", "" },
	{ "a docker scope without an id", "/system.slice/docker-volume.scope",
	  "docker-volume.scope", "system.slice", "" },
	{ "the service of docker itself", "/system.slice/docker.service", "docker.service",
	  "system.slice", "" },
	{ "an unknown prefix", "/system.slice/mydocker-" ID ".scope", "mydocker-" ID ".scope",
	  "system.slice", "" },
	{ "nspawn", "/machine.slice/machine-web.scope/payload/system.slice/nginx.service",
	  "machine-web.scope", "machine.slice", "web" },
	{ "nspawn with a dash in the name", "/machine.slice/machine-web\\x2d1\\x2db.scope",
	  "machine-web\\x2d1\\x2db.scope", "machine.slice", "web-1-b" },
	{ "nspawn as a service", "/machine.slice/systemd-nspawn@web-1.service/payload",
	  "systemd-nspawn@web-1.service", "machine.slice", "web-1" },
	{ "nspawn as a service, escaped", "/machine.slice/systemd-nspawn@a\\x2db.service",
	  "systemd-nspawn@a\\x2db.service", "machine.slice", "a-b" },
	{ "invalid escapes", "/machine.slice/machine-a\\x2\\x\\xzz\\y\\x00.scope",
	  "machine-a\\x2\\x\\xzz\\y\\x00.scope", "machine.slice", "a\\x2\\x\\xzz\\y\\x00" },
	{ "an escape of any byte", "/machine.slice/machine-\\xff\\x0a.scope",
	  "machine-\\xff\\x0a.scope", "machine.slice", "\xff\n" },
	{ "an escape at the end", "/machine.slice/machine-a\\x2.scope", "machine-a\\x2.scope",
	  "machine.slice", "a\\x2" },
	{ "an LXC container of libvirt", "/machine.slice/machine-lxc\\x2d42\\x2dweb.scope",
	  "machine-lxc\\x2d42\\x2dweb.scope", "machine.slice", "lxc-42-web" },
	{ "a virtual machine of libvirt", "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope",
	  "machine-qemu\\x2d1\\x2dweb.scope", "machine.slice", "" },
	{ "a container that is called like an emulator", "/machine.slice/machine-qemu\\x2dx.scope",
	  "machine-qemu\\x2dx.scope", "machine.slice", "qemu-x" },
	{ "a machine without a name", "/machine.slice/machine-.scope", "machine-.scope",
	  "machine.slice", "" },
	{ "a service that is called like a machine", "/system.slice/machine-web.service",
	  "machine-web.service", "system.slice", "" },
	{ "a scope that is called like nspawn's service",
	  "/system.slice/systemd-nspawn@a.service.scope", "systemd-nspawn@a.service.scope",
	  "system.slice", "" },
	{ "LXC before 4", "/lxc/web/init.scope", "", "", "web" },
	{ "LXC 4", "/lxc.payload.web-1/system.slice/nginx.service", "", "", "web-1" },
	{ "LXC 3", "/lxc.payload/web", "", "", "web" },
	{ "LXC of a user", "/user.slice/user-1000.slice/session-1.scope/lxc/web", "session-1.scope",
	  "user-1000.slice", "web" },
	{ "LXC's monitor, which is outside", "/lxc.monitor.web", "", "", "" },
	{ "LXC's group itself", "/lxc", "", "", "" },
	{ "an LXC container without a name", "/lxc.payload.", "", "", "" },
	{ "an LXC container whose name is hostile", "/lxc/a\nUNLINK_UID=0 \xff", "", "",
	  "a\nUNLINK_UID=0 \xff" },

	/* nested */
	{ "docker in nspawn", "/machine.slice/machine-web.scope/payload/docker/" ID,
	  "machine-web.scope", "machine.slice", ID },
	{ "nspawn in docker", "/docker/" ID "/machine.slice/machine-in\\x2dner.scope", "", "",
	  "in-ner" },
	{ "nspawn in nspawn",
	  "/machine.slice/machine-outer.scope/payload/machine.slice/machine-in.scope",
	  "machine-outer.scope", "machine.slice", "in" },
	{ "docker in docker", "/docker/" ID "/docker/" OTHER, "", "", OTHER },
	{ "Kubernetes in docker",
	  "/system.slice/docker-" ID ".scope/kubepods/besteffort/" POD "/" OTHER,
	  "docker-" ID ".scope", "system.slice", OTHER },
	{ "LXC in LXC", "/lxc.payload.a/lxc.payload.b/x", "", "", "b" },
	{ "a service in docker", "/system.slice/docker-" ID ".scope/system.slice/cron.service",
	  "docker-" ID ".scope", "system.slice", ID },
};

static void check(const char *what, struct uw_str got, const char *want)
{
	if (got.len != strlen(want) || memcmp(got.s, want, got.len))
		fail_msg("%s: \"%.*s\", not \"%s\"", what, (int)got.len, got.s, want);
}

static void parse(const void *path, size_t len, char *buffer, struct uw_cgroup *ret)
{
	uw_cgroup_parse((struct uw_str){ path, len }, buffer, ret);
}

static void test_row(void **state)
{
	const struct row *row = *state;
	size_t len = strlen(row->path);
	char *path = malloc(len ?: 1), *buffer = malloc(UW_CGROUP_ROOM);
	struct uw_cgroup cgroup;

	assert_non_null(path);
	assert_non_null(buffer);
	memcpy(path, row->path, len);
	memset(&cgroup, 0xa5, sizeof(cgroup));
	parse(path, len, buffer, &cgroup);
	check("unit", cgroup.unit, row->unit);
	check("slice", cgroup.slice, row->slice);
	check("container", cgroup.container, row->container);
	free(path);
	free(buffer);
}

/* The outermost container, which is the innermost one's name where there is but one. */
static const struct {
	const char *path, *container, *outer;
} nested[] = {
	{ "/system.slice/cron.service", "", "" },
	{ "/docker/" ID, ID, ID },
	{ "/docker/" ID "/docker/" OTHER, OTHER, ID },
	{ "/docker/" ID "/machine.slice/machine-in\\x2dner.scope", "in-ner", ID },
	{ "/machine.slice/machine-out\\x2der.scope/payload/docker/" ID, ID, "out-er" },
	{ "/machine.slice/machine-a\\x2db.scope/payload/machine-c\\x2dd.scope/machine-e\\x2df.scope",
	  "e-f", "a-b" },
	{ "/lxc.payload.a/lxc.payload.b/lxc.payload.c", "c", "a" },
	{ "/system.slice/docker-" ID ".scope/kubepods/besteffort/" POD "/" OTHER, OTHER, ID },
	{ "/user.slice/user-1000.slice/user@1000.service/docker-" ID ".scope/lxc/a", "a", ID },
};

static void test_nested(void **state)
{
	char buffer[UW_CGROUP_ROOM];
	struct uw_cgroup cgroup;

	(void)state;
	for (size_t i = 0; i < LEN(nested); i++) {
		parse(nested[i].path, strlen(nested[i].path), buffer, &cgroup);
		check(nested[i].path, cgroup.container, nested[i].container);
		check(nested[i].path, cgroup.outer, nested[i].outer);
	}
}

#define ALICE "/user.slice/user-1000.slice"

/* Whose slice it is, -1: nobody's; and whether this user has logged in there. */
static const struct {
	const char *path;
	int64_t user;
	bool logged_in;
} users[] = {
	{ ALICE "/session-3.scope", 1000, true },
	{ ALICE "/session-c1.scope/a/b", 1000, true },
	{ ALICE "/user@1000.service", 1000, true },
	{ ALICE "/user@1000.service/app.slice/docker-" ID ".scope", 1000, true },
	{ "//user.slice//user-0.slice//session-1.scope", 0, true },
	{ "/user.slice/user-4294967294.slice/session-1.scope", 4294967294, true },
	/* Neither a session nor the user's own manager. */
	{ ALICE, 1000, false },
	{ ALICE "/user@1001.service", 1000, false },
	{ ALICE "/user@01000.service", 1000, false },
	{ ALICE "/user@.service", 1000, false },
	{ ALICE "/user-runtime-dir@1000.service", 1000, false },
	{ ALICE "/run-u3.scope", 1000, false },
	{ ALICE "/session-.scope", 1000, false },
	{ ALICE "/session-3.service", 1000, false },
	{ ALICE "/a/session-3.scope", 1000, false },
	{ ALICE "/user-1000-a.slice/session-3.scope", 1000, false },
	/* In nobody's slice. */
	{ "/system.slice/cron.service", -1, false },
	{ "/system.slice/session-3.scope", -1, false },
	{ "/session-3.scope", -1, false },
	{ "/user.slice/session-3.scope", -1, false },
	{ "/user.slice/user-.slice/session-3.scope", -1, false },
	{ "/user.slice/user-01000.slice/session-3.scope", -1, false },
	{ "/user.slice/user-4294967295.slice/session-3.scope", -1, false },
	{ "/user.slice/user-4294968296.slice/session-3.scope", -1, false },
	{ "/user.slice/user-18446744073709552616.slice/session-3.scope", -1, false },
	{ "/user.slice/user-alice.slice/session-3.scope", -1, false },
	{ "/user-1000.slice/session-3.scope", -1, false },
	{ "/docker/" ID ALICE "/session-3.scope", -1, false },
	{ "/machine.slice/machine-web.scope/payload" ALICE "/user@1000.service", -1, false },
	{ "user.slice/user-1000.slice/session-3.scope", -1, false },
};

static void test_users(void **state)
{
	char buffer[UW_CGROUP_ROOM];
	struct uw_cgroup cgroup;

	(void)state;
	for (size_t i = 0; i < LEN(users); i++) {
		parse(users[i].path, strlen(users[i].path), buffer, &cgroup);
		if (cgroup.of_user != (users[i].user >= 0) ||
		    cgroup.logged_in != users[i].logged_in ||
		    (cgroup.of_user && cgroup.user != users[i].user))
			fail_msg("%s: user %d, %u, login %d", users[i].path, cgroup.of_user,
				 cgroup.user, cgroup.logged_in);
	}
}

static bool inside(struct uw_str s, const char *from, size_t len)
{
	uintptr_t start = (uintptr_t)from, at = (uintptr_t)s.s;

	return at >= start && at <= start + len && s.len <= start + len - at;
}

static void check_any(const char *text, size_t len)
{
	char *path = malloc(len ?: 1), *buffer = malloc(UW_CGROUP_ROOM);
	struct uw_cgroup cgroup;

	assert_non_null(path);
	assert_non_null(buffer);
	memcpy(path, text, len);
	parse(path, len, buffer, &cgroup);
	assert_true(!cgroup.unit.len || inside(cgroup.unit, path, len));
	assert_true(!cgroup.container.len || inside(cgroup.container, path, len) ||
		    inside(cgroup.container, buffer, UW_CGROUP_ROOM));
	assert_true(cgroup.unit.len <= UW_CGROUP_NAME_MAX &&
		    cgroup.slice.len <= UW_CGROUP_NAME_MAX &&
		    cgroup.container.len <= UW_CGROUP_NAME_MAX);
	assert_true(!cgroup.outer.len || inside(cgroup.outer, path, len) ||
		    inside(cgroup.outer, buffer, UW_CGROUP_ROOM));
	assert_int_equal(!cgroup.outer.len, !cgroup.container.len);
	assert_true(cgroup.of_user || !cgroup.logged_in);
	assert_true(!cgroup.unit.len || cgroup.slice.len);
	assert_false(memchr(cgroup.unit.s, '\0', cgroup.unit.len));
	assert_false(memchr(cgroup.container.s, '\0', cgroup.container.len));
	free(path);
	free(buffer);
}

static void test_long(void **state)
{
	static const char *const pieces[] = { "/",
					      "a",
					      "/a.slice",
					      "/a.service",
					      "/docker-" ID ".scope",
					      "\\x2d",
					      "/machine-\\x2d.scope",
					      "/lxc",
					      ("/" ID) };
	static char text[UW_PATH_MAX];
	size_t i, len;

	(void)state;
	for (i = 0; i < LEN(pieces); i++) {
		text[0] = '/';
		for (len = 1; len + strlen(pieces[i]) < sizeof(text); len += strlen(pieces[i]))
			memcpy(text + len, pieces[i], strlen(pieces[i]));
		check_any(text, len);
	}
	/* A name that consists of escapes and fills the buffer. */
	memcpy(text, "/machine-", 9);
	for (len = 9; len < 9 + 240; len += 4)
		memcpy(text + len, "\\x61", 4);
	memcpy(text + len, ".scope", 6);
	check_any(text, len + 6);
}

static uint64_t seed = 0x6367726f7570;

static uint64_t any(uint64_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * UINT64_C(0x2545f4914f6cdd1d) >> 16) % below;
}

/* Joins rows, changes bytes and cuts anywhere. */
static void test_chance(void **state)
{
	char text[2048];
	size_t len, n, i, k;

	(void)state;
	for (i = 0; i < 100000; i++) {
		len = 0;
		for (n = 1 + any(3); n; n--) {
			const char *path = rows[any(LEN(rows))].path;

			memcpy(text + len, path, strlen(path));
			len += strlen(path);
		}
		for (n = any(6); n && len; n--) {
			k = any(len);
			text[k] = any(2) ? (char)any(256) : "/\\x_@.-"[any(7)];
			/* The decoder rejects paths with a NUL. */
			text[k] = text[k] ?: '/';
		}
		len = any(4) ? len : any(len + 1);
		check_any(text, len);
	}
}

#define TEST(title, function)                     \
	{                                         \
		title, function, NULL, NULL, NULL \
	}

static const struct CMUnitTest others[] = {
	TEST("knows the outermost container as well as the innermost", test_nested),
	TEST("knows whose slice it is, and who has logged in there", test_users),
	TEST("stays within its bounds with the longest paths", test_long),
	TEST("stays within its bounds with 100,000 random paths", test_chance),
};

int main(void)
{
	static struct CMUnitTest tests[LEN(rows) + LEN(others)];
	static char titles[LEN(rows)][128];
	size_t n = 0, i;

	for (i = 0; i < LEN(rows); i++, n++) {
		snprintf(titles[i], sizeof(titles[i]), "reads the path of %s", rows[i].title);
		tests[n] = (struct CMUnitTest){ titles[i], test_row, NULL, NULL,
						(void *)(uintptr_t)&rows[i] };
	}
	for (i = 0; i < LEN(others); i++)
		tests[n++] = others[i];
	return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
