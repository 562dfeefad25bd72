// SPDX-License-Identifier: MIT
#include "base/containers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"

#define SETS	       64
#define WAYS	       4
#define KEEP_NS	       (60 * UW_NS_PER_S) /* a container may be renamed */
#define RETRY_NS       (2 * UW_NS_PER_S)  /* its file may come after its first deletion */
#define FILE_MAX       ((size_t)1 << 20)
#define NAMESPACES_MAX 32

enum text { NAME, IMAGE, POD, POD_NAMESPACE, N_TEXTS };

struct slot {
	char id[UW_CONTAINER_ID]; /* "": free */
	uint64_t since_ns;
	char *text[N_TEXTS];
};

struct uw_containers {
	const char *root;
	uid_t owner;
	struct slot slot[SETS][WAYS];
};

struct key {
	const char *key;
	enum text text;
};

int uw_containers_new(const char *root, uid_t owner, struct uw_containers **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->root = root;
	(*ret)->owner = owner;
	return 0;
}

static void forget(char *text[N_TEXTS])
{
	for (size_t i = 0; i < N_TEXTS; i++) {
		free(text[i]);
		text[i] = NULL;
	}
}

void uw_containers_free(struct uw_containers *containers)
{
	if (!containers)
		return;
	for (size_t i = 0; i < SETS; i++)
		for (size_t k = 0; k < WAYS; k++)
			forget(containers->slot[i][k].text);
	free(containers);
}

static bool is_known(char *const text[N_TEXTS])
{
	return text[NAME] || text[IMAGE] || text[POD] || text[POD_NAMESPACE];
}

/* O_NONBLOCK: a FIFO would wait for its writer. */
static char *read_file(const struct uw_containers *c, const char *path, size_t *ret_size)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	_cleanup_close_ int fd = open(path, flags);
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != c->owner ||
	    st.st_mode & (S_IWGRP | S_IWOTH) || st.st_size > (off_t)FILE_MAX)
		return NULL;
	return uw_file_read_all(fd, FILE_MAX, &text, ret_size) < 0 ? NULL : text;
}

/*
 * Reads one value at the beginning of the text. Limits of a process are often 2^64 - 1, which is no
 * integer for jansson.
 */
static json_t *parse(const char *text, size_t size)
{
	return json_loadb(text, size,
			  JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK, NULL);
}

static json_t *load(const struct uw_containers *c, const char *path)
{
	size_t size;
	_cleanup_free_ char *text = read_file(c, path, &size);

	return text ? parse(text, size) : NULL;
}

/* Takes a string, without `prefix` if it begins so. */
static void take(char *text[N_TEXTS], enum text which, const json_t *value, const char *prefix)
{
	size_t len = json_string_length(value), skip = strlen(prefix);
	const char *s = json_string_value(value);

	if (!s || strlen(s) != len)
		return;
	if (!strncmp(s, prefix, skip)) {
		s += skip;
		len -= skip;
	}
	if (len && len <= UW_CONTAINER_TEXT_MAX && !text[which])
		text[which] = strdup(s);
}

/* docker: Container.Name and its Config.Image, of moby's daemon/container. */
static void find_docker(const struct uw_containers *c, const char *id, char *text[N_TEXTS])
{
	char path[PATH_MAX];
	json_t *file;

	snprintf(path, sizeof(path), "%s/var/lib/docker/containers/%s/config.v2.json", c->root, id);
	file = load(c, path);
	take(text, NAME, json_object_get(file, "Name"), "/");
	take(text, IMAGE, json_object_get(json_object_get(file, "Config"), "Image"), "");
	json_decref(file);
}

/*
 * The annotations of a container's specification. nerdctl copies the labels of the image, which may
 * be called like keys of Kubernetes; its own it sets itself.
 */
static void find_annotations(const struct uw_containers *c, const char *path,
			     const struct key *keys, char *text[N_TEXTS])
{
	json_t *file = load(c, path), *annotations = json_object_get(file, "annotations");

	take(text, NAME, json_object_get(annotations, "nerdctl/name"), "");
	for (; keys->key && !json_object_get(annotations, "nerdctl/name"); keys++)
		take(text, keys->text, json_object_get(annotations, keys->key), "");
	json_decref(file);
}

/* containerd: pkg/cri/annotations; nerdctl: pkg/labels. */
static void find_containerd(const struct uw_containers *c, const char *id, char *text[N_TEXTS])
{
	static const char *const dirs[] = { "/run/containerd", "/run/k3s/containerd" };
	static const struct key keys[] = {
		{ "io.kubernetes.cri.container-name", NAME },
		{ "io.kubernetes.cri.image-name", IMAGE },
		{ "io.kubernetes.cri.sandbox-name", POD },
		{ "io.kubernetes.cri.sandbox-namespace", POD_NAMESPACE },
		{ 0 },
	};
	const struct dirent *namespace;
	char dir[PATH_MAX / 2], path[PATH_MAX];
	DIR *list;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(dir, sizeof(dir), "%s%s/io.containerd.runtime.v2.task", c->root, dirs[i]);
		list = opendir(dir);
		for (size_t n = 0; list && n < NAMESPACES_MAX && (namespace = readdir(list)); n++) {
			snprintf(path, sizeof(path), "%s/%s/%s/config.json", dir, namespace->d_name,
				 id);
			if (namespace->d_name[0] != '.' && !is_known(text))
				find_annotations(c, path, keys, text);
		}
		if (list)
			closedir(list);
	}
}

/* CRI-O: SpecAddAnnotations() in internal/factory/container. */
static void find_crio(const struct uw_containers *c, const char *id, char *text[N_TEXTS])
{
	static const struct key keys[] = {
		{ "io.kubernetes.container.name", NAME },
		{ "io.kubernetes.cri-o.ImageName", IMAGE },
		{ "io.kubernetes.pod.name", POD },
		{ "io.kubernetes.pod.namespace", POD_NAMESPACE },
		{ 0 },
	};
	char path[PATH_MAX];

	snprintf(path, sizeof(path),
		 "%s/run/containers/storage/overlay-containers/%s/userdata/config.json", c->root,
		 id);
	find_annotations(c, path, keys, text);
}

/*
 * podman: containers.go of containers/storage, whose metadata are those of libpod/storage.go. All
 * containers are in one array, from which this one alone is parsed: json.Marshal() writes its id
 * first, and no string has a quote that is not escaped.
 */
static void find_in_store(const struct uw_containers *c, const char *path, const char *id,
			  char *text[N_TEXTS])
{
	char begin[UW_CONTAINER_ID + sizeof("{\"id\":\"\"")];
	int len = snprintf(begin, sizeof(begin), "{\"id\":\"%s\"", id);
	size_t size = 0;
	_cleanup_free_ char *file = read_file(c, path, &size);
	const char *at = file ? memmem(file, size, begin, (size_t)len) : NULL;
	json_t *container = at ? parse(at, size - (size_t)(at - file)) : NULL,
	       *value = json_object_get(container, "metadata"),
	       *metadata = value ? parse(json_string_value(value), json_string_length(value))
				 : NULL;

	take(text, NAME, json_array_get(json_object_get(container, "names"), 0), "");
	take(text, IMAGE, json_object_get(metadata, "image-name"), "");
	json_decref(metadata);
	json_decref(container);
}

/* Of a container that `podman run --rm` made, the file is the second one. */
static void find_podman(const struct uw_containers *c, const char *id, char *text[N_TEXTS])
{
	static const char *const files[] = { "containers.json", "volatile-containers.json" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && !is_known(text); i++) {
		snprintf(path, sizeof(path), "%s/var/lib/containers/storage/overlay-containers/%s",
			 c->root, files[i]);
		find_in_store(c, path, id, text);
	}
}

/* What was known stays: the files go when the container ends, before its last records come. */
static void look_up(const struct uw_containers *c, struct slot *slot, uint64_t now_ns)
{
	static void (*const finders[])(const struct uw_containers *c, const char *id,
				       char *text[N_TEXTS]) = { find_docker, find_containerd,
								find_crio, find_podman };
	char id[UW_CONTAINER_ID + 1] = { 0 }, *text[N_TEXTS] = { 0 };

	slot->since_ns = now_ns;
	memcpy(id, slot->id, sizeof(slot->id));
	for (size_t i = 0; i < sizeof(finders) / sizeof(finders[0]) && !is_known(text); i++)
		finders[i](c, id, text);
	if (!is_known(text))
		return;
	forget(slot->text);
	memcpy(slot->text, text, sizeof(text));
	/* The tree of a file takes eight times its size, and is needed once. */
	malloc_trim(0);
}

/* The slot of the id, or in its place the one that was read longest ago. */
static struct slot *find_slot(struct uw_containers *c, struct uw_str id)
{
	struct slot *set = c->slot[uw_hash(UW_HASH_START, id.s, id.len) % SETS], *oldest = set;

	for (struct slot *slot = set; slot < set + WAYS; slot++) {
		if (!memcmp(slot->id, id.s, sizeof(slot->id)))
			return slot;
		if (slot->since_ns < oldest->since_ns)
			oldest = slot;
	}
	forget(oldest->text);
	*oldest = (struct slot){ 0 };
	memcpy(oldest->id, id.s, sizeof(oldest->id));
	return oldest;
}

struct uw_container uw_containers_find(struct uw_containers *containers, struct uw_str id,
				       uint64_t now_ns)
{
	struct slot *slot;

	if (!uw_container_is_id(id))
		return (struct uw_container){ 0 };
	slot = find_slot(containers, id);
	if (!slot->since_ns ||
	    now_ns > slot->since_ns + (is_known(slot->text) ? KEEP_NS : RETRY_NS))
		look_up(containers, slot, now_ns);
	return (struct uw_container){ slot->text[NAME], slot->text[IMAGE], slot->text[POD],
				      slot->text[POD_NAMESPACE] };
}
