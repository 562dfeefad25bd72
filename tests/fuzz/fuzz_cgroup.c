// SPDX-License-Identifier: MIT
/* Finds only components of a control group's path: any bytes but NUL. */
#include "record/cgroup.h"
#include "fuzz.h"

static bool ends_with(struct uw_str s, const char *end)
{
	return s.len > strlen(end) && !memcmp(s.s + s.len - strlen(end), end, strlen(end));
}

/* Whether name is a component of the path, with or without the underscore that systemd prepends. */
static bool is_component(struct uw_str path, struct uw_str name)
{
	while (path.len > 0) {
		struct uw_str part = take(&path, "/");

		if (same(part, name) || (part.len == name.len + 1 && part.s[0] == '_' &&
					 same((struct uw_str){ part.s + 1, name.len }, name)))
			return true;
	}
	return false;
}

static void check_name(struct uw_str path, struct uw_str name)
{
	CHECK(name.len <= UW_CGROUP_NAME_MAX);
	CHECK(is_printable(name));
	CHECK(is_component(path, name) || same(name, text("-.slice")));
}

static void check_container(struct uw_str path, const char *buffer, struct uw_str name)
{
	CHECK(name.len <= UW_CGROUP_NAME_MAX);
	if (name.len > 0 && name.s != buffer && name.s != buffer + UW_CGROUP_NAME_MAX)
		CHECK(name.s > path.s && name.s + name.len <= path.s + path.len &&
		      !memchr(name.s, '/', name.len));
}

static void check(struct uw_str path, const char *buffer, const struct uw_cgroup *found)
{
	if (found->unit.len > 0) {
		check_name(path, found->unit);
		CHECK(found->slice.len > 0);
	}
	if (found->slice.len > 0) {
		check_name(path, found->slice);
		CHECK(ends_with(found->slice, ".slice"));
	}
	check_container(path, buffer, found->container);
	check_container(path, buffer, found->outer);
	CHECK(!found->container.len == !found->outer.len);
	CHECK(found->of_user || !found->logged_in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uw_str path = { (const char *)data, size };
	char *buffer = malloc(UW_CGROUP_ROOM);
	struct uw_cgroup found;

	CHECK(buffer);
	path = take(&path, "\n"); /* files may end in one */
	if (path.len >= UW_PATH_MAX)
		path.len = UW_PATH_MAX - 1;
	path.len = strnlen(path.s, path.len);
	path.s = copy_of(path.s, path.len);
	uw_cgroup_parse(path, buffer, &found);
	check(path, buffer, &found);
	free((void *)(uintptr_t)path.s);
	free(buffer);
	return 0;
}
