// SPDX-License-Identifier: MIT
#include "probe/kthreads.h"

#include <string.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/memory_trim.h"

/* Each attempt starts the root helper, so a failure is tried again ever later. */
#define RETRY_FIRST_NS (2 * UW_NS_PER_S)
#define RETRY_MOST_NS  (300 * UW_NS_PER_S)

static void on_module(void *userdata)
{
	struct uw_kthreads *k = userdata;

	k->retry_ns = 0;
	uw_kthreads_check(k);
}

void uw_kthreads_init(struct uw_kthreads *k, const struct uw_plan *plan, struct uw_source *source,
		      struct uw_output *output)
{
	*k = (struct uw_kthreads){ .source = source, .output = output, .possible = plan->kthreads };
	k->watching = uw_source_watches_kthreads(source);
	uw_source_on_module(source, on_module, k);
	uw_kthreads_check(k);
}

static void start(struct uw_kthreads *k, const char *deleter)
{
	int r = uw_source_watch_kthreads(k->source);

	k->watching = r >= 0;
	if (k->watching)
		uw_output_note(k->output, NULL, LOG_INFO,
			       "%s is there: watching what kernel threads delete, too", deleter);
	else if (!k->failed)
		uw_output_note(k->output, NULL, LOG_ERR,
			       "%s is there, but what kernel threads delete cannot be watched: %s",
			       deleter, strerror(-r));
	k->failed = !k->watching;
	k->wait_ns = k->watching ? 0 : uw_clock_back_off(k->wait_ns, RETRY_FIRST_NS, RETRY_MOST_NS);
	k->retry_ns = uw_clock_ns(CLOCK_MONOTONIC) + k->wait_ns;
}

/* Before the probes are attached, and before a server that has just been loaded serves anybody. */
static void find_servers(struct uw_kthreads *k)
{
	struct uw_server_offsets offsets;
	struct uw_servers_loaded loaded;

	uw_vfs_servers_loaded(UW_SYS_MODULE, &loaded);
	if (!memcmp(&loaded, &k->loaded, sizeof(loaded)))
		return;
	k->loaded = loaded;
	uw_vfs_read_servers(&loaded, &offsets);
	uw_source_set_servers(k->source, &offsets);
	uw_memory_trim();
}

void uw_kthreads_check(struct uw_kthreads *k)
{
	const char *deleter;

	if (k->possible)
		find_servers(k);
	deleter = uw_vfs_deleter(UW_SYS_MODULE);
	if (deleter && !k->watching && k->possible) {
		if (uw_clock_ns(CLOCK_MONOTONIC) >= k->retry_ns)
			start(k, deleter);
	} else if (!deleter && k->watching) {
		uw_source_leave_kthreads(k->source);
		k->watching = false;
		uw_output_note(
			k->output, NULL, LOG_INFO,
			"no kernel module is left that deletes for others: not watching kernel threads "
			"any more");
	}
	/* They may rename directories, too. */
	uw_source_trust_renames(k->source, !deleter || k->watching);
}
