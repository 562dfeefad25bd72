// SPDX-License-Identifier: MIT
/*
 * A name service module that is as slow as /run/nss_slow says: "hang", or milliseconds for each
 * look-up. The user of uid N, 100000 or more, is called "slowN". Without the file there are no
 * users.
 */
#include <errno.h>
#include <fcntl.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum nss_status _nss_slow_getpwuid_r(uid_t uid, struct passwd *result, char *buffer, size_t size,
				     int *error);

/* Returns 0 if there is no such file. */
static int read_mode(char mode[16])
{
	int fd = open("/run/nss_slow", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, mode, 15) : -1;

	if (fd >= 0)
		close(fd);
	mode[n > 0 ? n : 0] = '\0';
	return n > 0;
}

enum nss_status _nss_slow_getpwuid_r(uid_t uid, struct passwd *result, char *buffer, size_t size,
				     int *error)
{
	char mode[16];

	while (read_mode(mode) && !strncmp(mode, "hang", 4))
		usleep(50000);
	usleep((useconds_t)(1000 * atoi(mode)));
	*error = ENOENT;
	if (!mode[0] || uid < 100000)
		return NSS_STATUS_NOTFOUND;
	if ((size_t)snprintf(buffer, size, "slow%u", uid) >= size) {
		*error = ERANGE;
		return NSS_STATUS_TRYAGAIN;
	}
	*result = (struct passwd){ .pw_name = buffer,
				   .pw_uid = uid,
				   .pw_gid = 65534,
				   .pw_passwd = "x",
				   .pw_gecos = "",
				   .pw_dir = "/",
				   .pw_shell = "/bin/false" };
	return NSS_STATUS_SUCCESS;
}
