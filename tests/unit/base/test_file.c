// SPDX-License-Identifier: MIT
/* Tests of daemon/base/file.c and array.h. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/file.h"

/* Creates a file with the text. */
static int file_with(const char *text, size_t size, char path[64])
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), size);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static void a_small_file_loses_its_last_newline_alone(void **state)
{
	char path[64], buf[32];
	int fd = file_with("one\ntwo\n", 8, path);

	(void)state;
	assert_int_equal(uw_file_read_small(AT_FDCWD, path, buf, sizeof(buf)), 7);
	assert_string_equal(buf, "one\ntwo");
	close(fd);
}

static void the_beginning_of_a_longer_file_is_read(void **state)
{
	char path[64], buf[4];
	int fd = file_with("12345", 5, path);

	(void)state;
	assert_int_equal(uw_file_read_small(AT_FDCWD, path, buf, sizeof(buf)), 3);
	assert_string_equal(buf, "123");
	close(fd);
}

static void a_small_file_that_is_missing_leaves_an_empty_text(void **state)
{
	char buf[8] = "before";

	(void)state;
	assert_int_equal(uw_file_read_small(AT_FDCWD, "/nonexistent/file", buf, sizeof(buf)),
			 -ENOENT);
	assert_string_equal(buf, "");
}

static void a_directory_cannot_be_read_as_a_small_file(void **state)
{
	char buf[8] = "before";

	(void)state;
	assert_int_equal(uw_file_read_small(AT_FDCWD, "/", buf, sizeof(buf)), -EISDIR);
	assert_string_equal(buf, "");
}

static void a_large_file_is_read_whole(void **state)
{
	size_t size = 300000, got = 0;
	char path[64], *text = malloc(size), *read_back = NULL;
	int fd;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < size; i++)
		text[i] = (char)(i * 7);
	fd = file_with(text, size, path);
	assert_int_equal(uw_file_read_all(fd, size, &read_back, &got), 0);
	assert_int_equal(got, size);
	assert_memory_equal(read_back, text, size);
	close(fd);
	free(read_back);
	free(text);
}

static void a_file_above_the_limit_is_refused(void **state)
{
	char path[64], *text = NULL;
	size_t size = 42;
	int fd = file_with("12345", 5, path);

	(void)state;
	assert_int_equal(uw_file_read_all(fd, 4, &text, &size), -EFBIG);
	assert_null(text);
	assert_int_equal(size, 42);
	close(fd);
}

static void an_array_keeps_its_items_while_it_grows(void **state)
{
	uint32_t *array = NULL;
	size_t n;

	(void)state;
	for (n = 0; n < 1000; n++) {
		assert_true(uw_array_room(array, n));
		array[n] = (uint32_t)n;
	}
	while (n--)
		assert_int_equal(array[n], n);
	free(array);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_file_loses_its_last_newline_alone),
		cmocka_unit_test(the_beginning_of_a_longer_file_is_read),
		cmocka_unit_test(a_small_file_that_is_missing_leaves_an_empty_text),
		cmocka_unit_test(a_directory_cannot_be_read_as_a_small_file),
		cmocka_unit_test(a_large_file_is_read_whole),
		cmocka_unit_test(a_file_above_the_limit_is_refused),
		cmocka_unit_test(an_array_keeps_its_items_while_it_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
