// SPDX-License-Identifier: MIT
#include "manager.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory_trim.h"
#include "base/priority.h"
#include "event_reader.h"
#include "helper/helper_client.h"
#include "helper/restart.h"
#include "probe/kthreads.h"
#include "probe/probe_select.h"
#include "record/message_ids.h"
#include "rules/mountwatch.h"
#include "rules/ruleset.h"
#include "state/stats.h"
#include "status/report.h"

#define USEC_PER_S UINT64_C(1000000)

/*
 * How often the daemon reports losses, renews its status and looks for missed returns.
 * UNLINKWATCH_TICK_MS= is for the tests, which would otherwise sleep most of the time.
 */
#define TICK_USEC     (2 * USEC_PER_S)
#define TICK_MS_LEAST 10
#define TICK_MS_MOST  60000

/* The probe is tested every so many ticks. */
#define PROOF_TICKS 5

/* The host's tree is read again every so many ticks, for changes that the kernel does not report. */
#define LOOK_TICKS 2

/* How long the stop waits for an output that takes nothing. systemd kills after 90 s. */
#define STOP_TIMEOUT_MS 30000

/* The same if the next process can go on writing. */
#define LEAVE_TIMEOUT_MS 2000

/*
 * A deletion that takes longer than this counts as one whose return was missed, and loses its
 * result. It is long since a network file system may hang for minutes.
 */
#define MISSED_AFTER_NS (300 * UW_NS_PER_S)

/* So many mistakes of a configuration are written to the journal, one by one. */
#define ERRORS_SHOWN 100

struct uw_manager {
	struct uw_options options;
	sd_event *event;
	struct uw_fdstore store;
	struct uw_persistent persistent;
	struct uw_output *output;
	struct uw_probe_select probe_select;
	struct uw_kthreads kthreads;
	struct uw_ruleset ruleset;
	struct uw_pipeline pipeline;
	struct uw_event_reader reader;
	struct uw_report report;
	uint64_t tick_usec;
	unsigned int ticks;
	struct uw_mountwatch *mountwatch;
};

/* Reads the configuration, and logs its mistakes. */
static int load_rules(struct uw_manager *m, const char *consequence, struct uw_rules *ret)
{
	struct uw_errors errors = { 0 };
	size_t i;
	int r;

	r = uw_ruleset_load(&m->ruleset, m->options.config, m->options.config_optional, &errors,
			    ret);
	if (r == -EINVAL) {
		uw_output_note(m->output, UW_ID_CONFIG_REJECTED, LOG_ERR,
			       "configuration rejected, %s; mistakes: %zu", consequence, errors.n);
		for (i = 0; i < errors.n && i < ERRORS_SHOWN; i++)
			uw_output_note(m->output, UW_ID_CONFIG_REJECTED, LOG_ERR, "%s",
				       errors.line[i]);
	} else if (r < 0) {
		uw_output_note(m->output, UW_ID_CONFIG_REJECTED, LOG_ERR,
			       "configuration not read, %s: %s", consequence, strerror(-r));
	}
	uw_errors_free(&errors);
	return r;
}

static bool on_other_tree(void *userdata)
{
	struct uw_manager *m = userdata;

	return uw_mountwatch_on_event(m->mountwatch);
}

static void on_event(const void *data, size_t size, void *userdata)
{
	struct uw_manager *m = userdata;

	if (size == sizeof(struct uw_tree_change))
		uw_mountwatch_on_change(m->mountwatch);
	else
		uw_event_reader_take(data, size, &m->reader);
}

static bool on_next(const struct uw_next *next, const struct uw_event *first, void *userdata)
{
	struct uw_manager *m = userdata;

	return uw_event_reader_take_next(next, first, &m->reader);
}

/* The self-test reads the ring buffer, so events may be recorded meanwhile. */
static void test_probe(struct uw_manager *m)
{
	uw_pipeline_set_clock(&m->pipeline);
	uw_probe_select_check(&m->probe_select, m->ruleset.now.config,
			      &m->ruleset.now.filter->tables);
	if (m->kthreads.source != m->probe_select.source) {
		uw_kthreads_init(&m->kthreads, &m->probe_select.plan, m->probe_select.source,
				 m->output);
		uw_memory_trim();
	}
	uw_output_flush(m->output);
}

static uint64_t tick_usec(void)
{
	const char *text = getenv("UNLINKWATCH_TICK_MS");
	long ms = text ? strtol(text, NULL, 10) : 0;

	return ms >= TICK_MS_LEAST && ms <= TICK_MS_MOST ? (uint64_t)ms * 1000 : TICK_USEC;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct uw_manager *m = userdata;
	int r;

	(void)usec;
	uw_event_reader_tick(&m->reader, MISSED_AFTER_NS);
	if (++m->ticks % PROOF_TICKS == 0)
		test_probe(m);
	uw_kthreads_check(&m->kthreads);
	if (m->ticks % LOOK_TICKS == 0)
		uw_mountwatch_look(m->mountwatch);
	uw_mountwatch_trim(m->mountwatch);
	uw_report_renew(&m->report);
	r = sd_event_source_set_time_relative(source, m->tick_usec);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void resize_queue(struct uw_manager *m)
{
	int r = uw_output_resize(m->output, m->ruleset.now.config->queue_size);

	if (r < 0)
		uw_output_note(m->output, NULL, LOG_NOTICE,
			       "QueueSize= takes effect at the next reload or start, not now: %s",
			       r == -ENOSPC ? "more records are waiting" : strerror(-r));
}

/* Puts the new rules in force, or logs why the old ones stay. */
static void reload(struct uw_manager *m)
{
	const struct uw_config *old = m->ruleset.now.config;
	struct uw_rules rules;
	bool restart;

	/* First, so that storms of the old rules end with what the ring buffer holds. */
	uw_event_reader_read(&m->reader, UINT_MAX);
	if (load_rules(m, "the rules in force stay", &rules) < 0)
		return;
	restart = rules.config->probe != old->probe || rules.config->ring_size != old->ring_size;
	uw_pipeline_end_storms(&m->pipeline);
	if (uw_mountwatch_swap(m->mountwatch, &rules) < 0)
		return;
	uw_mountwatch_look(m->mountwatch);
	resize_queue(m);
	if (restart)
		uw_output_note(m->output, NULL, LOG_NOTICE,
			       "Probe= and RingBufferSize= take effect at the next start, not now");
	uw_output_note(m->output, UW_ID_CONFIG_ACCEPTED, LOG_INFO,
		       "configuration accepted; rules: %zu", m->ruleset.now.config->n_rules);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct uw_manager *m = userdata;

	(void)source, (void)si;
	/* Type=notify-reload (systemd 253) needs the time; older versions ignore it. */
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reading the configuration",
		   uw_clock_ns(CLOCK_MONOTONIC) / 1000);
	reload(m);
	uw_memory_trim();
	sd_notify(0, "READY=1");
	uw_report_renew(&m->report);
	return 0;
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	(void)si, (void)userdata;
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

/* What is still NULL or zero is accepted by each of the functions that free. */
static int manager_init(struct uw_manager *m)
{
	enum uw_output_format format = uw_output_choose(m->options.output);
	int r;

	/* Nobody can tell afterwards how much of a line a stream has taken. */
	uw_fdstore_open(&m->store, format == UW_OUTPUT_JOURNAL);
	r = uw_persistent_open(&m->store, UW_QUEUE_SIZE_DEFAULT, &m->persistent);
	if (r < 0)
		return r;
	r = uw_output_new(format, &m->persistent, &m->output);
	if (r < 0)
		return r;
	r = uw_probe_select_init(&m->probe_select, &m->persistent, &m->store, m->output, on_event,
				 on_next, m);
	if (r < 0)
		return r;
	r = uw_pipeline_init(&m->pipeline, &m->persistent, m->output, &m->ruleset, on_other_tree,
			     m);
	if (r < 0)
		return r;
	r = sd_event_default(&m->event);
	if (r < 0)
		return r;
	r = uw_mountwatch_new(m->event, &m->ruleset, m->output, &m->mountwatch);
	if (r < 0)
		return r;
	r = sd_event_add_signal(m->event, NULL, SIGHUP, on_hangup, m);
	if (r < 0)
		return r;
	r = sd_event_add_signal(m->event, NULL, SIGINT, on_terminate, m);
	return r < 0 ? r : sd_event_add_signal(m->event, NULL, SIGTERM, on_terminate, m);
}

int uw_manager_new(const struct uw_options *options, struct uw_manager **ret)
{
	struct uw_manager *m;
	sigset_t mask;
	int denied, r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);

	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->options = *options;
	uw_memory_limit_heap();
	denied = uw_priority_take();
	r = manager_init(m);
	if (r < 0) {
		uw_manager_free(m);
		return r;
	}
	if (denied)
		uw_output_note(m->output, NULL, LOG_NOTICE,
			       "no real-time priority, so events may be lost while other processes "
			       "are busy: %s",
			       strerror(-denied));
	if (m->persistent.refused)
		uw_output_note(m->output, NULL, LOG_WARNING,
			       "another version has run before this one: the counts begin anew, "
			       "and records that it could not write any more are lost");
	*ret = m;
	return 0;
}

int uw_manager_start(struct uw_manager *m)
{
	const struct uw_config *config;
	struct uw_rules rules;
	int r;

	/* Events that wait carry the numbers of earlier generations. */
	m->ruleset.now.gen = (uint32_t)m->persistent.words->gen;
	r = load_rules(m, "not started", &rules);
	if (r < 0)
		return r;
	uw_ruleset_commit(&m->ruleset, &rules, 0);
	config = m->ruleset.now.config;
	resize_queue(m);
	m->reader.probe_select = &m->probe_select;
	m->reader.output = m->output;
	m->reader.pipeline = &m->pipeline;
	m->reader.mountwatch = m->mountwatch;
	m->probe_select.choice = m->options.probe_set ? m->options.probe : config->probe;
	uw_pipeline_set_clock(&m->pipeline);
	r = uw_probe_select_start(&m->probe_select, config, &m->ruleset.now.filter->tables);
	uw_output_flush(m->output);
	if (r < 0)
		return r;
	m->report = (struct uw_report){
		.probe_select = &m->probe_select,
		.config_file = m->options.config,
		.ruleset = &m->ruleset,
		.output = m->output,
		.persistent = &m->persistent,
		.users = m->pipeline.users,
	};
	r = uw_event_reader_start(&m->reader, m->event);
	if (r >= 0)
		r = uw_mountwatch_start(m->mountwatch, &m->probe_select.source);
	if (r < 0)
		return r;
	m->tick_usec = tick_usec();
	return sd_event_add_time_relative(m->event, NULL, CLOCK_MONOTONIC, m->tick_usec, 0, on_tick,
					  m);
}

static void say_started(struct uw_manager *m)
{
	struct uw_buf *text = &m->report.text;

	uw_buf_reset(text);
	uw_probe_select_describe(&m->probe_select, text);
	uw_output_note(m->output, m->probe_select.continues ? UW_ID_CONTINUED : UW_ID_STARTED,
		       LOG_INFO, "%s deletions by %.*s; rules: %zu; not covered: %s",
		       m->probe_select.continues ? "going on without a gap, watching" : "watching",
		       (int)text->len, text->p, m->ruleset.now.config->n_rules,
		       m->probe_select.plan.not_covered);
}

/* Logs the last counts. What has not been written by now is lost. */
static void say_stopped(struct uw_manager *m)
{
	struct uw_buf *text = &m->report.text;
	struct uw_balance b;
	struct uw_stats stats;
	uint64_t unwritten = uw_output_counts(m->output)->queued[UW_KIND_SUMMARY];

	uw_report_renew(&m->report);
	uw_report_stats(&m->report, &stats);
	uw_stats_balance(&stats, &b);
	uw_buf_reset(text);
	uw_buf_printf(text, "deletions seen: %" PRIu64 ", recorded: %" PRIu64, b.seen, b.recorded);
	if (b.summarised > unwritten)
		uw_buf_printf(text, ", summarised: %" PRIu64, b.summarised - unwritten);
	uw_buf_printf(text, ", lost: %" PRIu64, b.lost + b.queued + b.in_flight + unwritten);
	sd_notifyf(0, "STATUS=Stopped; %.*s", (int)text->len, text->p);
	uw_output_note(m->output, UW_ID_STOPPED, LOG_INFO, "stopped; %.*s", (int)text->len,
		       text->p);
}

/* Whether systemd stops this process only to start the service again, and keeps descriptors of it. */
static bool is_restart(const struct uw_manager *m)
{
	int r;

	if (!m->store.enabled)
		return false;
	r = geteuid() ? uw_helper_is_restart() : -EPERM;
	return r < 0 ? uw_restart_is_due(getpid()) : r;
}

int uw_manager_run(struct uw_manager *m)
{
	int r;

	say_started(m);
	uw_report_start(&m->report, m->event);
	uw_kthreads_init(&m->kthreads, &m->probe_select.plan, m->probe_select.source, m->output);
	sd_notify(0, "READY=1");
	/*
	 * Not before: the first ping starts systemd's clock, and the start may take longer than
	 * that allows.
	 */
	sd_event_set_watchdog(m->event, true);
	uw_report_renew(&m->report);
	uw_memory_trim();
	r = sd_event_loop(m->event);
	sd_notify(0, "STOPPING=1\nSTATUS=Writing the last records");
	if (r >= 0 && is_restart(m)) {
		uw_event_reader_leave(&m->reader, LEAVE_TIMEOUT_MS);
		return 0;
	}
	uw_event_reader_finish(&m->reader, STOP_TIMEOUT_MS);
	say_stopped(m);
	return r < 0 ? r : 0;
}

void uw_manager_free(struct uw_manager *m)
{
	if (!m)
		return;
	uw_report_done(&m->report);
	uw_event_reader_done(&m->reader);
	uw_probe_select_done(&m->probe_select);
	uw_pipeline_done(&m->pipeline);
	uw_ruleset_done(&m->ruleset);
	uw_mountwatch_free(m->mountwatch);
	uw_output_free(m->output);
	uw_persistent_done(&m->persistent);
	uw_fdstore_done(&m->store);
	sd_event_unref(m->event);
	free(m);
}
