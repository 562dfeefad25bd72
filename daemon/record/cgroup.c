// SPDX-License-Identifier: MIT
/*
 * This follows systemd for units and slices: cg_path_get_unit() and cg_path_get_slice() in
 * src/basic/cgroup-util.c, unit_name_is_valid() in src/basic/unit-name.c. There is no standard for
 * the names of containers; comments below name the manager of each form.
 */
#include "record/cgroup.h"

#include <stdbool.h>
#include <assert.h>
#include <string.h>

#include "base/containers.h"

static struct uw_str from(struct uw_str s, size_t at)
{
	return (struct uw_str){ s.s + at, s.len - at };
}

static bool cut_start(struct uw_str *s, const char *start)
{
	size_t len = strlen(start);

	if (s->len < len || memcmp(s->s, start, len))
		return false;
	*s = from(*s, len);
	return true;
}

static bool cut_end(struct uw_str *s, const char *end)
{
	if (!uw_str_ends(*s, end))
		return false;
	s->len -= strlen(end);
	return true;
}

/* Cuts the first component off path. Returns it, or an empty one at the end. */
static struct uw_str next(struct uw_str *path)
{
	struct uw_str name;
	const char *slash;

	while (path->len && path->s[0] == '/')
		*path = from(*path, 1);
	slash = memchr(path->s, '/', path->len);
	name = (struct uw_str){ path->s, slash ? (size_t)(slash - path->s) : path->len };
	*path = from(*path, name.len);
	return name;
}

/* systemd puts an underscore before a name that the kernel could use: cg_escape(). */
static struct uw_str unescape(struct uw_str name)
{
	return name.len && name.s[0] == '_' ? from(name, 1) : name;
}

static bool of_type(struct uw_str type)
{
	static const char *const types[] = { ".service", ".scope", ".socket",	 ".mount",
					     ".swap",	 ".timer", ".automount", ".path",
					     ".target",	 ".device" };
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (uw_str_is(type, types[i]))
			return true;
	return false;
}

static bool may_be_in_unit(char c)
{
	switch (c) {
	case '0' ... '9':
	case 'a' ... 'z':
	case 'A' ... 'Z':
	case '@':
	case ':':
	case '-':
	case '_':
	case '.':
	case '\\':
		return true;
	}
	return false;
}

/* A unit's name without its type: valid characters, and no template without an instance. */
static bool valid_stem(struct uw_str stem)
{
	const char *at;
	size_t i;

	for (i = 0; i < stem.len; i++)
		if (!may_be_in_unit(stem.s[i]))
			return false;
	at = stem.len ? memchr(stem.s, '@', stem.len) : NULL;
	return stem.len && (!at || (at != stem.s && at != stem.s + stem.len - 1));
}

static bool is_unit(struct uw_str name)
{
	const char *dot = name.len ? memrchr(name.s, '.', name.len) : NULL;
	struct uw_str stem = { name.s, dot ? (size_t)(dot - name.s) : 0 };

	return dot && name.len <= UW_CGROUP_NAME_MAX && of_type(from(name, stem.len)) &&
	       valid_stem(stem);
}

/* A slice has no instances. */
static bool is_slice(struct uw_str name)
{
	struct uw_str stem = unescape(name);

	return stem.len <= UW_CGROUP_NAME_MAX && cut_end(&stem, ".slice") && valid_stem(stem) &&
	       !memchr(stem.s, '@', stem.len);
}

static void find_unit(struct uw_str path, struct uw_cgroup *ret)
{
	struct uw_str name = next(&path);

	for (; is_slice(name); name = next(&path))
		ret->slice = unescape(name);
	name = unescape(name);
	if (!is_unit(name))
		return;
	ret->unit = name;
	if (!ret->slice.len)
		ret->slice = (struct uw_str){ "-.slice", 7 }; /* the root of all slices */
}

/* Reads a uid as systemd writes it: without a sign or leading zeros. */
static bool parse_uid(struct uw_str s, uint32_t *ret)
{
	uint64_t n = 0;
	size_t i;

	if (!s.len || s.len > 10 || (s.s[0] == '0' && s.len > 1))
		return false;
	for (i = 0; i < s.len; i++) {
		if (s.s[i] < '0' || s.s[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(s.s[i] - '0');
	}
	*ret = (uint32_t)n;
	return n < UINT32_MAX;
}

/* user@N.service, or session-ID.scope, of the user whose slice it is in. */
static bool is_login(struct uw_str unit, uint32_t user)
{
	struct uw_str manager = unit, session = unit;
	uint32_t uid;

	if (cut_start(&manager, "user@") && cut_end(&manager, ".service"))
		return parse_uid(manager, &uid) && uid == user;
	return cut_start(&session, "session-") && cut_end(&session, ".scope") && session.len;
}

static void find_user(struct uw_str path, struct uw_cgroup *ret)
{
	struct uw_str name = next(&path);

	if (!uw_str_is(name, "user.slice"))
		return;
	name = next(&path);
	if (!cut_start(&name, "user-") || !cut_end(&name, ".slice"))
		return;
	ret->of_user = parse_uid(name, &ret->user);
	ret->logged_in = ret->of_user && is_login(ret->unit, ret->user) &&
			 uw_str_equal(unescape(next(&path)), ret->unit);
	name = ret->unit;
	if (ret->logged_in && cut_start(&name, "session-") && cut_end(&name, ".scope"))
		ret->session = name;
}

/* Names of the form PREFIX-ID, with or without ".scope". */
static bool prefixed_id(struct uw_str name, struct uw_str *ret)
{
	static const char *const prefixes[] = {
		"docker-",	   /* docker, systemd driver */
		"libpod-",	   /* podman */
		"libpod-payload-", /* the same with --cgroups=split, as in a Quadlet's service */
		"libpod-conmon-",  /* the monitor of a container of podman */
		"cri-containerd-", /* containerd below Kubernetes */
		"crio-",	   /* CRI-O */
		"crio-conmon-",	   /* its monitor */
		"nerdctl-",	   /* containerd by nerdctl */
	};
	struct uw_str head = { name.s,
			       name.len > UW_CONTAINER_ID ? name.len - UW_CONTAINER_ID : 0 };
	size_t i;

	if (!head.len)
		return false;
	/* containerd without its systemd driver, given a path for that driver. */
	if (cut_end(&head, ":cri-containerd:") &&
	    uw_container_is_id(from(name, name.len - UW_CONTAINER_ID))) {
		*ret = from(name, name.len - UW_CONTAINER_ID);
		return true;
	}
	cut_end(&name, ".scope");
	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		struct uw_str id = name;

		if (!cut_start(&id, prefixes[i]) || !uw_container_is_id(id))
			continue;
		*ret = id;
		return true;
	}
	return false;
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Undoes unit_name_escape(), which writes `-` as \x2d. Keeps what is no valid escape. */
static struct uw_str unescape_unit(struct uw_str s, char *buffer)
{
	size_t i, len = 0;

	for (i = 0; i < s.len; i++) {
		int high, low;

		buffer[len++] = s.s[i];
		if (s.len - i < 4 || s.s[i] != '\\' || s.s[i + 1] != 'x')
			continue;
		high = hex(s.s[i + 2]);
		low = hex(s.s[i + 3]);
		if (high < 0 || low < 0 || high + low == 0)
			continue;
		buffer[len - 1] = (char)(high << 4 | low);
		i += 3;
	}
	return (struct uw_str){ buffer, len };
}

/* libvirt registers virtual machines, which are no containers, as qemu-NUMBER-NAME. */
static bool is_qemu(struct uw_str name)
{
	size_t digits = 0;

	if (!cut_start(&name, "qemu-"))
		return false;
	while (digits < name.len && name.s[digits] >= '0' && name.s[digits] <= '9')
		digits++;
	return digits && digits < name.len && name.s[digits] == '-';
}

/* A machine of systemd-machined: a scope, or an instance of systemd-nspawn@.service. */
static bool machine(struct uw_str name, char *buffer, struct uw_str *ret)
{
	struct uw_str unit = unescape(name), scope = unit, service = unit, found;
	char decoded[UW_CGROUP_NAME_MAX];

	if (cut_end(&scope, ".scope") && cut_start(&scope, "machine-"))
		found = unescape_unit(scope, decoded);
	else if (cut_end(&service, ".service") && cut_start(&service, "systemd-nspawn@"))
		found = unescape_unit(service, decoded);
	else
		return false;
	if (!found.len || is_qemu(found) || !is_unit(unit))
		return false;
	memcpy(buffer, found.s, found.len);
	*ret = (struct uw_str){ buffer, found.len };
	return true;
}

/* LXC 4 calls the container lxc.payload.NAME. Its monitor has another group. */
static bool lxc_payload(struct uw_str name, struct uw_str *ret)
{
	if (!cut_start(&name, "lxc.payload.") || !name.len)
		return false;
	*ret = name;
	return true;
}

/*
 * Whether the group belongs to a container. `buffer` is for its name. `last` is the group above, and
 * `pods` tells whether one above is of Kubernetes, `namespace` whether it may be one of containerd.
 */
static bool is_container(struct uw_str name, struct uw_str last, bool pods, bool namespace,
			 char *buffer, struct uw_str *ret)
{
	if (name.len > UW_CGROUP_NAME_MAX)
		return false;
	if (prefixed_id(name, ret) || machine(name, buffer, ret) || lxc_payload(name, ret))
		return true;
	/* /docker/ID with the driver cgroupfs; /NAMESPACE/ID is containerd's own form. */
	*ret = name;
	if (uw_container_is_id(name) &&
	    (pods || namespace || uw_str_is(last, "docker") || uw_str_is(last, "libpod_parent")))
		return true;
	return uw_str_is(last, "lxc") || uw_str_is(last, "lxc.payload"); /* before LXC 4 */
}

static void find_containers(struct uw_str path, char *buffer, struct uw_cgroup *ret)
{
	struct uw_str name, last = { "", 0 };
	bool pods = false, namespace = false;
	size_t depth;

	for (depth = 1; (name = next(&path)).len; depth++, last = name) {
		char *room = ret->outer.len ? buffer + UW_CGROUP_NAME_MAX : buffer;
		struct uw_str start = name, found;

		if (is_container(name, last, pods, depth == 2 && namespace, room, &found)) {
			ret->container = found;
			if (!ret->outer.len)
				ret->outer = found;
		}
		pods = pods || (name.len <= UW_CGROUP_NAME_MAX && cut_start(&start, "kubepods"));
		namespace = depth == 1 && !is_slice(name) && !is_unit(unescape(name));
	}
}

void uw_cgroup_parse(struct uw_str path, char buffer[UW_CGROUP_ROOM], struct uw_cgroup *ret)
{
	*ret = (struct uw_cgroup){
		.unit = { "", 0 }, .slice = { "", 0 }, .container = { "", 0 }, .outer = { "", 0 }
	};
	if (!path.len || path.s[0] != '/')
		return;
	find_unit(path, ret);
	find_user(path, ret);
	find_containers(path, buffer, ret);
}

const struct uw_cgroup *uw_cgroup_of(struct uw_str path)
{
	static struct {
		char path[2 * UW_PATH_MAX], room[UW_CGROUP_ROOM];
		size_t len;
		struct uw_cgroup cgroup;
	} last;

	assert(path.len <= sizeof(last.path));
	if (!path.len)
		path.s = "";
	if (path.len != last.len || memcmp(path.s, last.path, path.len)) {
		memcpy(last.path, path.s, path.len);
		last.len = path.len;
		uw_cgroup_parse((struct uw_str){ last.path, path.len }, last.room, &last.cgroup);
	}
	return &last.cgroup;
}
