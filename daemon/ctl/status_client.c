// SPDX-License-Identifier: MIT
#include "ctl/status_client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define TIMEOUT_S  5
#define SIZE_LIMIT ((size_t)64 << 20) /* 64 rules with 65536 paths have their place */

static int read_all(int fd, struct uw_buf *buf)
{
	char chunk[16384];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk)))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		uw_buf_add(buf, chunk, (size_t)n);
		if (buf->failed)
			return -ENOMEM;
		if (buf->len > SIZE_LIMIT)
			return -EMSGSIZE;
	}
	return 0;
}

int uw_status_client_fetch(const char *path, struct uw_buf *buf)
{
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r = 0;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* The one for sending is that of connect(2), too. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		r = errno == EAGAIN ? -ETIMEDOUT : -errno;
	else
		r = read_all(fd, buf);
	close(fd);
	return r;
}

int uw_status_client_parse(const struct uw_buf *buf, json_t **ret)
{
	json_t *root = json_loadb(buf->p ?: "", buf->len, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(root)) {
		json_decref(root);
		return -EBADMSG;
	}
	*ret = root;
	return 0;
}

bool uw_status_client_uint(const json_t *root, const char *member, const char *second,
			   uint64_t *ret)
{
	const json_t *value = json_object_get(root, member);

	if (second)
		value = json_object_get(value, second);
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*ret = (uint64_t)json_integer_value(value);
	return true;
}

const char *uw_status_client_text(const json_t *root, const char *member)
{
	return json_string_value(json_object_get(root, member)) ?: "";
}

struct uw_str uw_status_client_bytes(const json_t *value, struct uw_buf *room)
{
	const json_t *byte;
	size_t i;

	if (json_is_string(value))
		return (struct uw_str){ json_string_value(value), json_string_length(value) };
	uw_buf_reset(room);
	json_array_foreach(value, i, byte)
		uw_buf_printf(room, "%c", (char)json_integer_value(byte));
	return (struct uw_str){ room->p ?: "", room->len };
}
