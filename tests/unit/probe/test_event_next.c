// SPDX-License-Identifier: MIT
/* Tests of daemon/probe/event_next.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probe/event_next.h"

#define N 3

static struct uw_whole whole[N];

/* An event from origin 2: name, fsroot, path, exe. */
static struct uw_whole event(const char *name, const char *path)
{
	struct uw_whole w = { .ev = { .abi = UW_ABI,
				      .op = UW_OP_UNLINK,
				      .pid = 7,
				      .enter_ns = 10,
				      .exit_ns = 20,
				      .below = 3,
				      .file = { .ino = 5, .bytes = 6, .nlink = 1, .origin = 2 },
				      .comm = "rm" } };

	w.ev.len[UW_STR_NAME] = (__u16)strlen(name);
	w.ev.len[UW_STR_FSROOT] = 2;
	w.ev.len[UW_STR_PATH] = (__u16)strlen(path);
	w.ev.len[UW_STR_EXE] = 3;
	w.ev.size = (__u32)(sizeof(w.ev) +
			    (size_t)snprintf(w.data, sizeof(w.data), "%s/r%s/rm", name, path));
	return w;
}

/* What is sent of an event after the first. */
static size_t next_of(const struct uw_whole *w, struct uw_next *next)
{
	size_t own =
		(size_t)w->ev.len[UW_STR_NAME] + w->ev.len[UW_STR_FSROOT] + w->ev.len[UW_STR_PATH];

	*next = (struct uw_next){ .size = (__u32)(sizeof(*next) + own),
				  .abi = UW_ABI_NEXT,
				  .below = w->ev.below,
				  .origin = w->ev.file.origin,
				  .nlink = w->ev.file.nlink,
				  .since = 20,
				  .enter_ns = w->ev.enter_ns,
				  .exit_ns = w->ev.exit_ns,
				  .ino = w->ev.file.ino,
				  .bytes = w->ev.file.bytes };
	memcpy(next->len, w->ev.len, sizeof(next->len));
	memcpy(next + 1, w->data, own);
	return next->size;
}

static size_t make_whole(const void *next, size_t size, struct uw_made_whole *to)
{
	const struct uw_whole *first = uw_event_first(whole, N, next, size);

	return first ? uw_event_make_whole(first, next, to) : 0;
}

static void test_whole(void **state)
{
	struct uw_whole first = event("a", "/srv/a"), second = event("longer", "/srv/d/longer");
	struct uw_made_whole to;
	_Alignas(8) char bytes[512];
	struct uw_next *next = (struct uw_next *)bytes;
	size_t size;

	(void)state;
	memset(whole, 0, sizeof(whole));
	second.ev.enter_ns = 30;
	second.ev.exit_ns = 40;
	second.ev.below = 9;
	second.ev.file.ino = 50;
	second.ev.file.bytes = 60;
	second.ev.file.nlink = 2;
	size = next_of(&second, next);
	assert_true(uw_event_is_next(next, size));
	assert_false(uw_event_is_next(&first, first.ev.size));
	assert_int_equal(make_whole(next, size, &to), 0); /* none is there */
	uw_event_remember(whole, N, &first, first.ev.size);
	assert_int_equal(make_whole(next, size, &to), second.ev.size);
	assert_memory_equal(&to, &second, second.ev.size);
	/* Others follow the same one. */
	size = next_of(&first, next);
	assert_int_equal(make_whole(next, size, &to), first.ev.size);
	assert_memory_equal(&to, &first, first.ev.size);
}

static void test_refused(void **state)
{
	struct uw_whole first = event("a", "/srv/a");
	struct uw_made_whole to;
	_Alignas(8) char bytes[512];
	struct uw_next *next = (struct uw_next *)bytes;
	size_t size, i;

	(void)state;
	memset(whole, 0, sizeof(whole));
	uw_event_remember(whole, N, &first, first.ev.size);
	size = next_of(&first, next);
	for (i = sizeof(*next); i < size; i++)
		assert_int_equal(make_whole(next, i, &to), 0);
	next->since = 21;
	assert_int_equal(make_whole(next, size, &to), 0);
	next_of(&first, next);
	for (i = 0; i < 5; i++) {
		next->origin = (__u32)i;
		assert_int_equal(make_whole(next, size, &to), i == 2 ? first.ev.size : 0);
	}
	next_of(&first, next);
	next->len[UW_STR_PATH]++;
	assert_int_equal(make_whole(next, size, &to), 0);
}

/* Together they are longer than an event that others may follow. */
static void test_long(void **state)
{
	_Alignas(8) static char bytes[sizeof(struct uw_next) + UW_SLOT_DATA];
	static struct uw_whole first, second;
	static struct uw_made_whole to;
	struct uw_next *next = (struct uw_next *)bytes;
	char path[UW_SLOT_DATA - 2];
	size_t size;

	(void)state;
	memset(whole, 0, sizeof(whole));
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 5] = '\0';
	first = event("a", path);
	path[sizeof(path) - 5] = 'p';
	path[sizeof(path) - 1] = '\0';
	uw_event_remember(whole, N, &first, first.ev.size);
	second = event("", path);
	second.ev.len[UW_STR_EXE] = 0;
	size = next_of(&second, next);
	assert_int_equal(make_whole(next, size, &to), sizeof(to.ev) + strlen(path) + 2 + 3);
	assert_memory_equal(to.data, "/r", 2);
	assert_memory_equal(to.data + 2, path, strlen(path));
	assert_memory_equal(to.data + 2 + strlen(path), "/rm", 3);
}

static void test_not_remembered(void **state)
{
	struct uw_whole first = event("a", "/srv/a"), none[N] = { 0 };

	(void)state;
	memset(whole, 0, sizeof(whole));
	uw_event_remember(whole, N, &first, first.ev.size - 1);
	uw_event_remember(whole, N, &first, 8);
	first.ev.file.origin = 0;
	uw_event_remember(whole, N, &first, first.ev.size);
	first.ev.file.origin = N + 1;
	uw_event_remember(whole, N, &first, first.ev.size);
	first.ev.file.origin = 1;
	first.ev.len[UW_STR_PATH] = 4000;
	uw_event_remember(whole, N, &first, first.ev.size);
	assert_memory_equal(whole, none, sizeof(whole));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "makes an event whole, from the one it follows", test_whole, NULL, NULL, NULL },
		{ "refuses what does not add up, or follows another event", test_refused, NULL,
		  NULL, NULL },
		{ "makes a long event whole", test_long, NULL, NULL, NULL },
		{ "remembers only events that others may follow", test_not_remembered, NULL, NULL,
		  NULL },
	};

	return cmocka_run_group_tests_name("event_next", tests, NULL, NULL);
}
