// SPDX-License-Identifier: MIT
#include "probe/event_dedup.h"

#include <stdlib.h>

bool uw_event_dedup_add(struct uw_event_dedup *o, uint32_t tid, uint64_t enter_ns, uint64_t exit_ns)
{
	size_t *bucket = &o->buckets[tid % UW_EVENT_DEDUP_BUCKETS], room;
	struct uw_event_dedup_span *spans;

	if (o->n == o->room) {
		room = o->room ? 2 * o->room : 1024;
		spans = reallocarray(o->spans, room, sizeof(*spans));
		if (!spans)
			return false;
		o->spans = spans;
		o->room = room;
	}
	o->spans[o->n++] = (struct uw_event_dedup_span){
		.tid = tid,
		.next = *bucket,
		.enter_ns = enter_ns,
		.exit_ns = exit_ns,
	};
	*bucket = o->n;
	return true;
}

bool uw_event_dedup_take(struct uw_event_dedup *o, uint32_t tid, uint64_t enter_ns,
			 uint64_t exit_ns)
{
	struct uw_event_dedup_span *span, *first = NULL;
	size_t i;

	for (i = o->buckets[tid % UW_EVENT_DEDUP_BUCKETS]; i; i = span->next) {
		span = &o->spans[i - 1];
		if (!span->used && span->tid == tid && span->enter_ns <= exit_ns &&
		    enter_ns <= span->exit_ns && (!first || span->enter_ns < first->enter_ns))
			first = span;
	}
	if (first)
		first->used = true;
	return first;
}

void uw_event_dedup_done(struct uw_event_dedup *o)
{
	free(o->spans);
	*o = (struct uw_event_dedup){ 0 };
}
