// SPDX-License-Identifier: MIT
#include "manager.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "clock.h"
#include "footprint.h"
#include "ids.h"
#include "intake.h"
#include "kthreads.h"
#include "ladder.h"
#include "mountwatch.h"
#include "recorder.h"
#include "report.h"
#include "rulebook.h"
#include "stats.h"

#define USEC_PER_S UINT64_C(1000000)

/* How often losses are reported, the status is renewed and missed returns are looked for. */
#define TICK_USEC (2 * USEC_PER_S)

/* Every so many ticks the probe has to prove that it sees. */
#define PROOF_TICKS 5

/* And the host's tree is looked at for what nobody tells. */
#define LOOK_TICKS 2

/*
 * How long the stop waits for a journal, or a reader, that takes nothing. systemd's patience
 * (TimeoutStopSec=) is 90 s.
 */
#define STOP_TIMEOUT_MS 30000

/* The same where the next process can go on writing. */
#define LEAVE_TIMEOUT_MS 2000

/*
 * A deletion that takes longer than this is taken to have missed its return. It is long, as one on
 * a network file system may hang for minutes: such a deletion gets its result lost by it.
 */
#define MISSED_AFTER_NS (300 * UW_NS_PER_S)

/* Mistakes of a configuration that are written to the journal one by one. */
#define ERRORS_SHOWN 100

struct uw_manager {
	struct uw_options options;
	sd_event *event;
	struct uw_store store;
	struct uw_ledger ledger;
	struct uw_sink *sink;
	struct uw_ladder ladder;
	struct uw_kthreads kthreads;
	struct uw_rulebook book;
	struct uw_recorder recorder;
	struct uw_intake intake;
	struct uw_report report;
	unsigned int ticks;
	struct uw_mountwatch *mountwatch;
};

/* Reads the configuration. What is wrong with it is said here. */
static int load_rules(struct uw_manager *m, const char *consequence, struct uw_rules *ret)
{
	struct uw_errors errors = { 0 };
	size_t i;
	int r;

	r = uw_rulebook_load(&m->book, m->options.config, m->options.config_optional, &errors, ret);
	if (r == -EINVAL) {
		uw_sink_note(m->sink, UW_ID_CONFIG_REJECTED, LOG_ERR,
			     "configuration rejected, %s; mistakes: %zu", consequence, errors.n);
		for (i = 0; i < errors.n && i < ERRORS_SHOWN; i++)
			uw_sink_note(m->sink, UW_ID_CONFIG_REJECTED, LOG_ERR, "%s", errors.line[i]);
	} else if (r < 0) {
		uw_sink_note(m->sink, UW_ID_CONFIG_REJECTED, LOG_ERR,
			     "configuration not read, %s: %s", consequence, strerror(-r));
	}
	uw_errors_free(&errors);
	return r;
}

static void on_other_tree(void *userdata)
{
	struct uw_manager *m = userdata;

	uw_mountwatch_on_event(m->mountwatch);
}

static void on_event(const void *data, size_t size, void *userdata)
{
	struct uw_manager *m = userdata;

	if (size == sizeof(struct uw_tree_change))
		uw_mountwatch_on_change(m->mountwatch);
	else
		uw_intake_take(data, size, &m->intake);
}

/* All that the ring buffer holds, if there is room for that: then nothing is left of the
 * generations before the last. */
static void drain(void *userdata)
{
	struct uw_manager *m = userdata;
	struct uw_source_usage before, after;

	uw_source_usage(m->ladder.source, &before);
	uw_intake_read(&m->intake,
		       (unsigned int)(m->book.now.config->ring_size / sizeof(struct uw_event)) + 1);
	uw_source_usage(m->ladder.source, &after);
	if (after.consumed >= before.written)
		uw_rulebook_trim(&m->book);
}

/* What is read meanwhile may be events. */
static void prove(struct uw_manager *m)
{
	uw_recorder_set_clock(&m->recorder);
	uw_ladder_check(&m->ladder, m->book.now.config, m->book.now.filter);
	if (m->kthreads.source != m->ladder.source) {
		uw_kthreads_init(&m->kthreads, &m->ladder.plan, m->ladder.source, m->sink);
		uw_footprint_trim();
	}
	uw_sink_flush(m->sink);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct uw_manager *m = userdata;
	int r;

	(void)usec;
	uw_intake_tick(&m->intake, MISSED_AFTER_NS);
	if (++m->ticks % PROOF_TICKS == 0)
		prove(m);
	uw_kthreads_check(&m->kthreads);
	if (m->ticks % LOOK_TICKS == 0) {
		drain(m);
		uw_mountwatch_look(m->mountwatch);
	}
	uw_report_renew(&m->report);
	r = sd_event_source_set_time_relative(source, TICK_USEC);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void resize_queue(struct uw_manager *m)
{
	int r = uw_sink_resize(m->sink, m->book.now.config->queue_size);

	if (r < 0)
		uw_sink_note(m->sink, NULL, LOG_NOTICE,
			     "QueueSize= takes effect at the next reload or start, not now: %s",
			     r == -ENOSPC ? "more records are waiting" : strerror(-r));
}

/* The new rules, or the old ones with the reason in the log: a reload never leaves none. */
static void reload(struct uw_manager *m)
{
	const struct uw_config *old = m->book.now.config;
	struct uw_rules rules;
	bool restart;

	/* First: an event may have the rules in force renewed, which takes the next generation. */
	drain(m);
	if (load_rules(m, "the rules in force stay", &rules) < 0)
		return;
	restart = rules.config->probe != old->probe || rules.config->ring_size != old->ring_size;
	uw_recorder_end_floods(&m->recorder);
	if (uw_mountwatch_swap(m->mountwatch, &rules) < 0)
		return;
	uw_mountwatch_look(m->mountwatch);
	resize_queue(m);
	if (restart)
		uw_sink_note(m->sink, NULL, LOG_NOTICE,
			     "Probe= and RingBufferSize= take effect at the next start, not now");
	uw_sink_note(m->sink, UW_ID_CONFIG_ACCEPTED, LOG_INFO, "configuration accepted; rules: %zu",
		     m->book.now.config->n_rules);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct uw_manager *m = userdata;

	(void)source, (void)si;
	/* Type=notify-reload (systemd 253) needs the time, older ones ignore it. */
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reading the configuration",
		   uw_clock_ns(CLOCK_MONOTONIC) / 1000);
	reload(m);
	uw_footprint_trim();
	sd_notify(0, "READY=1");
	uw_report_renew(&m->report);
	return 0;
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	(void)si, (void)userdata;
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

int uw_manager_new(const struct uw_options *options, struct uw_manager **ret)
{
	struct uw_manager *m;
	enum uw_output output;
	sigset_t mask;
	int r;

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
	output = uw_sink_choose(options->output);
	/* What a stream has taken of a line nobody can tell afterwards. */
	uw_store_open(&m->store, output == UW_OUTPUT_JOURNAL);
	r = uw_store_ledger(&m->store, UW_QUEUE_SIZE_DEFAULT, &m->ledger);
	if (r >= 0)
		r = uw_sink_new(output, &m->ledger, &m->sink);
	if (r >= 0)
		r = uw_ladder_init(&m->ladder, &m->ledger, &m->store, m->sink, on_event, m);
	if (r >= 0)
		r = uw_recorder_init(&m->recorder, &m->ledger, m->sink, &m->book, on_other_tree, m);
	if (r >= 0)
		r = sd_event_default(&m->event);
	if (r >= 0)
		r = uw_mountwatch_new(m->event, &m->book, m->sink, drain, m, &m->mountwatch);
	if (r >= 0)
		r = sd_event_add_signal(m->event, NULL, SIGHUP, on_hangup, m);
	if (r >= 0)
		r = sd_event_add_signal(m->event, NULL, SIGINT, on_terminate, m);
	if (r >= 0)
		r = sd_event_add_signal(m->event, NULL, SIGTERM, on_terminate, m);
	if (r < 0) {
		uw_manager_free(m);
		return r;
	}
	if (m->ledger.refused)
		uw_sink_note(m->sink, NULL, LOG_WARNING,
			     "another version has run before this one: the counts begin anew, and "
			     "records that it could not write any more are lost");
	*ret = m;
	return 0;
}

int uw_manager_start(struct uw_manager *m)
{
	const struct uw_config *config;
	struct uw_rules rules;
	int r;

	/* Events on their way have the numbers of the generations before. */
	m->book.now.gen = (uint32_t)m->ledger.words->gen;
	r = load_rules(m, "not started", &rules);
	if (r < 0)
		return r;
	uw_rulebook_commit(&m->book, &rules);
	config = m->book.now.config;
	resize_queue(m);
	m->intake.ladder = &m->ladder;
	m->intake.sink = m->sink;
	m->intake.recorder = &m->recorder;
	m->ladder.choice = m->options.probe_set ? m->options.probe : config->probe;
	uw_recorder_set_clock(&m->recorder);
	r = uw_ladder_start(&m->ladder, config, m->book.now.filter);
	uw_sink_flush(m->sink);
	if (r < 0)
		return r;
	m->report = (struct uw_report){
		.ladder = &m->ladder,
		.config_file = m->options.config,
		.book = &m->book,
		.recorder = &m->recorder,
		.sink = m->sink,
		.ledger = &m->ledger,
	};
	r = uw_intake_start(&m->intake, m->event);
	if (r >= 0)
		r = uw_mountwatch_start(m->mountwatch, &m->ladder.source);
	if (r < 0)
		return r;
	return sd_event_add_time_relative(m->event, NULL, CLOCK_MONOTONIC, TICK_USEC, 0, on_tick,
					  m);
}

static void say_started(struct uw_manager *m)
{
	struct uw_buf *text = &m->report.text;

	uw_buf_reset(text);
	uw_ladder_describe(&m->ladder, text);
	uw_sink_note(m->sink, m->ladder.continues ? UW_ID_CONTINUED : UW_ID_STARTED, LOG_INFO,
		     "%s deletions by %.*s; rules: %zu; not covered: %s",
		     m->ladder.continues ? "going on without a gap, watching" : "watching",
		     (int)text->len, text->p, m->book.now.config->n_rules,
		     m->ladder.plan.not_covered);
}

/* The last count. What could not be written by now is lost. */
static void say_stopped(struct uw_manager *m)
{
	struct uw_buf *text = &m->report.text;
	struct uw_balance b;
	struct uw_stats stats;
	uint64_t unwritten = uw_sink_counts(m->sink)->queued[UW_KIND_SUMMARY];

	uw_report_renew(&m->report);
	uw_report_stats(&m->report, &stats);
	uw_stats_balance(&stats, &b);
	uw_buf_reset(text);
	uw_buf_printf(text, "deletions seen: %" PRIu64 ", recorded: %" PRIu64, b.seen, b.recorded);
	if (b.summarised > unwritten)
		uw_buf_printf(text, ", summarised: %" PRIu64, b.summarised - unwritten);
	uw_buf_printf(text, ", lost: %" PRIu64, b.lost + b.queued + b.in_flight + unwritten);
	sd_notifyf(0, "STATUS=Stopped; %.*s", (int)text->len, text->p);
	uw_sink_note(m->sink, UW_ID_STOPPED, LOG_INFO, "stopped; %.*s", (int)text->len, text->p);
}

int uw_manager_run(struct uw_manager *m)
{
	int r;

	say_started(m);
	uw_report_start(&m->report, m->event);
	uw_kthreads_init(&m->kthreads, &m->ladder.plan, m->ladder.source, m->sink);
	sd_notify(0, "READY=1");
	/*
	 * Not before: the first ping starts systemd's clock, and the start may take longer than
	 * that allows.
	 */
	sd_event_set_watchdog(m->event, true);
	uw_report_renew(&m->report);
	uw_footprint_trim();
	r = sd_event_loop(m->event);
	sd_notify(0, "STOPPING=1\nSTATUS=Writing the last records");
	if (r >= 0 && uw_store_is_restart(&m->store)) {
		uw_intake_leave(&m->intake, LEAVE_TIMEOUT_MS);
		return 0;
	}
	uw_intake_finish(&m->intake, STOP_TIMEOUT_MS);
	say_stopped(m);
	return r < 0 ? r : 0;
}

void uw_manager_free(struct uw_manager *m)
{
	if (!m)
		return;
	uw_report_done(&m->report);
	uw_intake_done(&m->intake);
	uw_ladder_done(&m->ladder);
	uw_recorder_done(&m->recorder);
	uw_rulebook_done(&m->book);
	uw_mountwatch_free(m->mountwatch);
	uw_sink_free(m->sink);
	uw_ledger_done(&m->ledger);
	uw_store_done(&m->store);
	sd_event_unref(m->event);
	free(m);
}
