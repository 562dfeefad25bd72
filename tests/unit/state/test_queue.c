// SPDX-License-Identifier: MIT
/* Tests of daemon/state/queue.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "state/queue.h"

#define SIZE 4096

static void make(struct uw_queue *q, size_t size)
{
	void *ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(ring, MAP_FAILED);
	uw_queue_init(q, ring, size);
}

static void unmake(struct uw_queue *q)
{
	munmap(q->ring, q->size);
}

static void push(struct uw_queue *q, const char *text)
{
	struct uw_queue_tag tag = { .kind = (uint32_t)text[0], .weight = strlen(text) };

	assert_true(uw_queue_push(q, tag, text, strlen(text)));
}

static void check_first(const struct uw_queue *q, const char *text)
{
	const struct uw_queue_entry *entry = uw_queue_first(q);

	assert_non_null(entry);
	assert_int_equal(entry->len, strlen(text));
	assert_memory_equal(entry->data, text, strlen(text));
	assert_int_equal(entry->tag.kind, text[0]);
	assert_int_equal(entry->tag.weight, strlen(text));
}

static void test_order(void **state)
{
	static const char *const texts[] = { "a", "bb", "c\nc", "dddddddd", "eeeeeeeee" };
	const struct uw_queue_entry *entry;
	struct uw_queue q;
	size_t i;

	(void)state;
	make(&q, SIZE);
	assert_null(uw_queue_first(&q));
	for (i = 0; i < 5; i++)
		push(&q, texts[i]);
	for (i = 0, entry = uw_queue_first(&q); i < 5; i++, entry = uw_queue_next(&q, entry))
		assert_memory_equal(entry->data, texts[i], strlen(texts[i]));
	assert_null(entry);
	for (i = 0; i < 5; i++) {
		check_first(&q, texts[i]);
		uw_queue_pop(&q);
	}
	assert_null(uw_queue_first(&q));
	assert_int_equal(q.used, 0);
	unmake(&q);
}

static void test_empty_record(void **state)
{
	struct uw_queue q;

	(void)state;
	make(&q, SIZE);
	assert_true(uw_queue_push(&q, (struct uw_queue_tag){ 0 }, "", 0));
	assert_int_equal(uw_queue_first(&q)->len, 0);
	uw_queue_pop(&q);
	unmake(&q);
}

static void test_full(void **state)
{
	static char record[SIZE];
	struct uw_queue q;
	size_t n = 0, fits = 0;

	(void)state;
	make(&q, SIZE);
	while (uw_queue_fits(&q, fits))
		fits++;
	assert_true(fits > SIZE / 2 && fits < SIZE);
	assert_false(uw_queue_push(&q, (struct uw_queue_tag){ 0 }, record, fits));
	assert_true(uw_queue_push(&q, (struct uw_queue_tag){ 0 }, record, fits - 1));
	assert_false(uw_queue_fits(&q, 0));
	uw_queue_pop(&q);
	while (uw_queue_push(&q, (struct uw_queue_tag){ 0 }, record, 100))
		n++;
	assert_in_range(n, SIZE / 200, SIZE / 100);
	/* There is room for as much as was removed, and no more. */
	uw_queue_pop(&q);
	assert_true(uw_queue_fits(&q, 100));
	assert_false(uw_queue_fits(&q, 300));
	assert_false(uw_queue_fits(&q, SIZE_MAX));
	unmake(&q);
}

static void test_memory_returned(void **state)
{
	size_t size = (size_t)8 << 20, i;
	char *record = calloc(1, 64 << 10);
	struct uw_queue q;

	(void)state;
	assert_non_null(record);
	memset(record, 'x', 64 << 10);
	make(&q, size);
	for (i = 0; i < 32; i++)
		assert_true(uw_queue_push(&q, (struct uw_queue_tag){ 0 }, record, 64 << 10));
	while (uw_queue_first(&q))
		uw_queue_pop(&q);
	uw_queue_trim(&q);
	/* Memory that was given back reads as zeroes. */
	assert_int_equal(q.ring[1 << 20], 0);
	unmake(&q);
	free(record);
}

static void test_copy(void **state)
{
	struct uw_queue q, other;
	int i;

	(void)state;
	make(&q, 2 * SIZE);
	for (i = 0; i < 200; i++)
		push(&q, "0123456789");
	make(&other, SIZE);
	assert_int_equal(uw_queue_copy(&q, &other), -ENOSPC);
	unmake(&other);
	make(&other, 4 * SIZE);
	assert_int_equal(uw_queue_copy(&q, &other), 0);
	for (i = 0; i < 200; i++) {
		check_first(&q, "0123456789");
		check_first(&other, "0123456789");
		uw_queue_pop(&q);
		uw_queue_pop(&other);
	}
	assert_null(uw_queue_first(&other));
	unmake(&other);
	unmake(&q);
}

/* Compares the queue with a plain list of the same records. The random seed is fixed. */
static void test_random(void **state)
{
	static uint16_t lens[4096];
	static char record[1024], want[1024];
	size_t head = 0, tail = 0, len, refused = 0;
	struct uw_queue q;
	unsigned int seed = 4711;
	int step;

	(void)state;
	make(&q, SIZE);
	for (step = 0; step < 300000; step++) {
		/* Runs of more pushes than pops, and the other way round. */
		if ((unsigned int)rand_r(&seed) % 8 < (step / 1000 % 2 ? 3u : 5u)) {
			len = (size_t)rand_r(&seed) % (step / 7000 % 2 ? 1000 : 40);
			memset(record, (int)(tail % 251), len);
			if (uw_queue_push(&q, (struct uw_queue_tag){ 1, tail }, record, len))
				lens[tail++ % 4096] = (uint16_t)len;
			else
				refused++;
		} else if (head < tail) {
			const struct uw_queue_entry *entry = uw_queue_first(&q);

			len = lens[head % 4096];
			memset(want, (int)(head % 251), len);
			assert_int_equal(entry->len, len);
			assert_int_equal(entry->tag.weight, head);
			assert_memory_equal(entry->data, want, len);
			uw_queue_pop(&q);
			head++;
		}
		assert_int_equal(q.n, tail - head);
		assert_true(q.used <= q.size);
	}
	assert_true(refused > 1000);
	unmake(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "returns records in order", test_order, NULL, NULL, NULL },
		{ "accepts an empty record", test_empty_record, NULL, NULL, NULL },
		{ "accepts a record only if it fits", test_full, NULL, NULL, NULL },
		{ "gives memory back when it is empty", test_memory_returned, NULL, NULL, NULL },
		{ "is copied to a queue of another size if it fits", test_copy, NULL, NULL, NULL },
		{ "loses, doubles and tears nothing in 300,000 random steps", test_random, NULL,
		  NULL, NULL },
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
