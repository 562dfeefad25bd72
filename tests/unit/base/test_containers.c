// SPDX-License-Identifier: MIT
/* Tests of daemon/base/containers.c, with files like those that the runtimes keep. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/containers.h"

#define ID64(c)	   c c c c c c c c "0123456789abcdef0123456789abcdef0123456789abcdef01234567"
#define ID	   ID64("a")
#define OTHER	   ID64("b")
#define DOCKER	   "/var/lib/docker/containers/" ID "/config.v2.json"
#define TASKS	   "/io.containerd.runtime.v2.task/"
#define CONTAINERD "/run/containerd" TASKS "k8s.io/" ID "/config.json"
#define CRIO	   "/run/containers/storage/overlay-containers/" ID "/userdata/config.json"
#define STORE	   "/var/lib/containers/storage/overlay-containers/"
#define PODMAN	   STORE "containers.json"
#define PODMAN_RM  STORE "volatile-containers.json"
#define DOCKER_WEB "{\"Config\":{\"Image\":\"shop/web:1\"},\"Name\":\"/web\"}"
#define PODMAN_ITEM(id, name, image)                                                     \
	"{\"id\":\"" id "\",\"names\":[\"" name "\"],\"image\":\"5f\",\"layer\":\"6e\"," \
	"\"metadata\":\"{\\\"image-name\\\":\\\"" image "\\\",\\\"name\\\":\\\"old\\\"}\"}"
#define CRI(more)                                                                \
	"{\"process\":{\"rlimits\":[{\"hard\":18446744073709551615}]},"          \
	"\"annotations\":{" more "\"io.kubernetes.cri.container-name\":\"web\"," \
	"\"io.kubernetes.cri.image-name\":\"shop/web:1\","                       \
	"\"io.kubernetes.cri.sandbox-name\":\"web-0\","                          \
	"\"io.kubernetes.cri.sandbox-namespace\":\"shop\"}}"

static char root[64];
static struct uw_containers *containers;

static int set_up(void **state)
{
	(void)state;
	strcpy(root, "/tmp/unlinkwatchd-test-XXXXXX");
	return mkdtemp(root) ? uw_containers_new(root, geteuid(), &containers) : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	uw_containers_free(containers);
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

/* The path below `root`, whose directories are made. */
static const char *below(const char *path)
{
	static char full[512];

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *slash = full + strlen(root); (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	return full;
}

static void write_bytes(const char *path, const char *text, size_t len)
{
	int fd = open(below(path), O_CREAT | O_WRONLY | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static void write_file(const char *path, const char *text)
{
	write_bytes(path, text, strlen(text));
}

static struct uw_container find_at(const char *id, uint64_t s)
{
	return uw_containers_find(containers, (struct uw_str){ id, strlen(id) }, s * UW_NS_PER_S);
}

static void need_text(const char *got, const char *wanted)
{
	if (wanted && got)
		assert_string_equal(got, wanted);
	else
		assert_true(!wanted && !got);
}

static void need(struct uw_container got, const char *name, const char *image, const char *pod,
		 const char *namespace)
{
	need_text(got.name, name);
	need_text(got.image, image);
	need_text(got.pod, pod);
	need_text(got.pod_namespace, namespace);
}

static void need_none(struct uw_container got)
{
	need(got, NULL, NULL, NULL, NULL);
}

static const struct row {
	const char *title, *path, *text;
	const char *name, *image, *pod, *namespace;
} rows[] = {
	{ "docker", DOCKER, DOCKER_WEB, "web", "shop/web:1" },
	{ "docker: a name without a slash", DOCKER, "{\"Name\":\"web\"}", "web" },
	{ "docker: other types", DOCKER, "{\"Name\":7,\"Config\":[]}" },
	{ "docker: no object", DOCKER, "[1]" },
	{ "an empty name", DOCKER, "{\"Name\":\"/\",\"Config\":{\"Image\":\"\"}}" },
	{ "a name with a NUL", DOCKER, "{\"Name\":\"/we\\u0000b\",\"Config\":{\"Image\":\"x\"}}",
	  NULL, "x" },
	{ "a name with a newline", DOCKER, "{\"Name\":\"/a\\nUNLINK_UID=0\"}", "a\nUNLINK_UID=0" },
	{ "a text that ends too early", DOCKER, "{\"Name\":\"/web\"" },
	{ "an empty file", DOCKER, "" },
	{ "no JSON", DOCKER, "web" },
	{ "containerd of Kubernetes", CONTAINERD, CRI(""), "web", "shop/web:1", "web-0", "shop" },
	{ "containerd of k3s", "/run/k3s/containerd" TASKS "k8s.io/" ID "/config.json", CRI(""),
	  "web", "shop/web:1", "web-0", "shop" },
	{ "containerd in another namespace", "/run/containerd" TASKS "x/" ID "/config.json",
	  CRI(""), "web", "shop/web:1", "web-0", "shop" },
	{ "nerdctl, with an image that has Kubernetes' labels", CONTAINERD,
	  CRI("\"nerdctl/name\":\"n\","), "n" },
	{ "containerd: a specification without annotations", CONTAINERD, "{\"process\":{}}" },
	{ "CRI-O", CRIO,
	  "{\"annotations\":{\"io.kubernetes.container.name\":\"web\","
	  "\"io.kubernetes.cri-o.ImageName\":\"shop/web:1\","
	  "\"io.kubernetes.pod.name\":\"web-0\",\"io.kubernetes.pod.namespace\":\"shop\"}}",
	  "web", "shop/web:1", "web-0", "shop" },
	{ "podman", PODMAN,
	  "[" PODMAN_ITEM(OTHER, "db", "shop/db:2") "," PODMAN_ITEM(ID, "web", "shop/web:1") "]",
	  "web", "shop/web:1" },
	{ "podman run --rm", PODMAN_RM, "[" PODMAN_ITEM(ID, "web", "shop/web:1") "]", "web",
	  "shop/web:1" },
	{ "podman: another container alone", PODMAN, "[" PODMAN_ITEM(OTHER, "db", "x") "]" },
	{ "podman: an id in a name", PODMAN,
	  "[{\"id\":\"1\",\"names\":[\"{\\\"id\\\":\\\"" ID
	  "\\\",\\\"names\\\":[\\\"x\\\"]}\"]}]" },
	{ "podman: metadata that are no JSON", PODMAN,
	  "[{\"id\":\"" ID "\",\"names\":[\"web\"],\"metadata\":\"{\"}]", "web" },
	{ "podman: metadata that are no text", PODMAN,
	  "[{\"id\":\"" ID "\",\"names\":[\"web\"],\"metadata\":{}}]", "web" },
	{ "podman: without names", PODMAN, "[{\"id\":\"" ID "\",\"names\":{}}]" },
};

static void each_runtime_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		print_message("# %s\n", row->title);
		write_file(row->path, row->text);
		need(find_at(ID, 1), row->name, row->image, row->pod, row->namespace);
		tear_down(NULL);
		assert_int_equal(set_up(NULL), 0);
	}
}

static void a_text_that_is_too_long_is_not_known(void **state)
{
	char file[UW_CONTAINER_TEXT_MAX + 64], name[UW_CONTAINER_TEXT_MAX + 2];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[UW_CONTAINER_TEXT_MAX] = '\0';
	snprintf(file, sizeof(file), "{\"Name\":\"/%s\"}", name);
	write_file(DOCKER, file);
	need(find_at(ID, 1), name, NULL, NULL, NULL);
	snprintf(file, sizeof(file), "{\"Name\":\"/n%s\"}", name);
	write_file("/var/lib/docker/containers/" OTHER "/config.v2.json", file);
	need_none(find_at(OTHER, 1));
}

static void an_id_of_another_form_is_no_path(void **state)
{
	static const char *const ids[] = {
		"",
		"web",
		ID "a",
		"A" ID,
		"../containers/aaaaaaaa0123456789abcdef0123456789abcdef0123456789",
	};

	(void)state;
	write_file(DOCKER, DOCKER_WEB);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		need_none(find_at(ids[i], 1));
	need_none(uw_containers_find(containers, (struct uw_str){ ID, 63 }, UW_NS_PER_S));
}

static void a_file_of_another_kind_is_not_read(void **state)
{
	(void)state;
	write_file("/file", DOCKER_WEB);
	assert_int_equal(symlink("/file", below(DOCKER)), 0);
	need_none(find_at(ID, 1));
	assert_int_equal(unlink(below(DOCKER)), 0);
	assert_int_equal(mkfifo(below(DOCKER), 0644), 0);
	need_none(find_at(ID, 10));
	assert_int_equal(unlink(below(DOCKER)), 0);
	assert_int_equal(mkdir(below(DOCKER), 0755), 0);
	need_none(find_at(ID, 20));
}

static void a_file_that_others_write_is_not_read(void **state)
{
	struct uw_containers *of_another;

	(void)state;
	write_file(DOCKER, DOCKER_WEB);
	assert_int_equal(uw_containers_new(root, geteuid() + 1, &of_another), 0);
	need_none(uw_containers_find(of_another, (struct uw_str){ ID, 64 }, UW_NS_PER_S));
	uw_containers_free(of_another);
	assert_int_equal(chmod(below(DOCKER), 0664), 0);
	need_none(find_at(ID, 1));
	assert_int_equal(chmod(below(DOCKER), 0646), 0);
	need_none(find_at(ID, 10));
	assert_int_equal(chmod(below(DOCKER), 0600), 0);
	need(find_at(ID, 20), "web", "shop/web:1", NULL, NULL);
}

static void a_huge_file_is_not_read(void **state)
{
	size_t size = (1 << 20) + 1;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	memset(text, ' ', size);
	memcpy(text, DOCKER_WEB, strlen(DOCKER_WEB));
	write_bytes(DOCKER, text, size);
	need_none(find_at(ID, 1));
	write_bytes(DOCKER, text, size - 1);
	need(find_at(ID, 10), "web", "shop/web:1", NULL, NULL);
	/* As deep as it is long. */
	memset(text, '[', size);
	write_bytes("/var/lib/docker/containers/" OTHER "/config.v2.json", text, size - 1);
	need_none(find_at(OTHER, 1));
	free(text);
}

static void a_file_is_read_again_after_a_while(void **state)
{
	(void)state;
	need_none(find_at(ID, 1));
	write_file(DOCKER, DOCKER_WEB);
	need_none(find_at(ID, 3));
	need(find_at(ID, 4), "web", "shop/web:1", NULL, NULL);
	write_file(DOCKER, "{\"Name\":\"/renamed\"}");
	need(find_at(ID, 64), "web", "shop/web:1", NULL, NULL);
	/* Events of two CPUs come in any order. */
	need(find_at(ID, 2), "web", "shop/web:1", NULL, NULL);
	need(find_at(ID, 65), "renamed", NULL, NULL, NULL);
	/* The last deletions of a container are read after its end. */
	assert_int_equal(unlink(below(DOCKER)), 0);
	need(find_at(ID, 200), "renamed", NULL, NULL, NULL);
}

static void any_number_of_containers_come(void **state)
{
	char id[UW_CONTAINER_ID + 1];

	(void)state;
	write_file(DOCKER, DOCKER_WEB);
	for (int i = 0; i < 5000; i++) {
		snprintf(id, sizeof(id), "%064x", i);
		need_none(find_at(id, 1));
		need(find_at(ID, 1), "web", "shop/web:1", NULL, NULL);
	}
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(each_runtime_is_read),
		T(a_text_that_is_too_long_is_not_known),
		T(an_id_of_another_form_is_no_path),
		T(a_file_of_another_kind_is_not_read),
		T(a_file_that_others_write_is_not_read),
		T(a_huge_file_is_not_read),
		T(a_file_is_read_again_after_a_while),
		T(any_number_of_containers_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
