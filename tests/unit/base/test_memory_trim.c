// SPDX-License-Identifier: MIT
/* Tests of daemon/base/memory_trim.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory_trim.h"

#define SIZE ((size_t)4 << 20)

/* Constant data of the program, like the BPF objects. */
static const unsigned char constants[SIZE] = { 1, [SIZE - 1] = 2 };

static unsigned int read_all(void)
{
	unsigned int sum = 0;
	size_t i;

	for (i = 0; i < SIZE; i++)
		sum += *(const volatile unsigned char *)&constants[i];
	return sum;
}

/* Resident file-backed memory in bytes: the third number of statm, in pages. */
static size_t mapped_resident(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long shared = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*s %*s %lu", &shared), 1);
	fclose(file);
	return shared * (size_t)sysconf(_SC_PAGESIZE);
}

static void test_constants(void **state)
{
	size_t before;

	(void)state;
	assert_int_equal(read_all(), 3);
	before = mapped_resident();
	uw_memory_trim();
	assert_true(mapped_resident() + SIZE / 2 < before);
	/* Reading them again gives the same. */
	assert_int_equal(read_all(), 3);
	assert_true(mapped_resident() + SIZE / 2 > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
