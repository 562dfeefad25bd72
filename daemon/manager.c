// SPDX-License-Identifier: MIT
#include "manager.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <time.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "filter.h"
#include "ids.h"
#include "kernel.h"
#include "procfs.h"
#include "record.h"
#include "source.h"
#include "stats.h"
#include "users.h"

#define NS_PER_S UINT64_C(1000000000)
#define USEC_PER_S UINT64_C(1000000)

/* Events handled before the loop looks at signals and the watchdog again. */
#define BATCH 512

/* How often losses are reported, the status is renewed and missed returns are looked for. */
#define TICK_USEC (5 * USEC_PER_S)

/*
 * A deletion that takes longer than this is taken to have missed its return. It is long, as one on
 * a network file system may hang for minutes: such a deletion gets its result lost by it.
 */
#define MISSED_AFTER_NS (300 * NS_PER_S)

/* Mistakes of a configuration that are written to the journal one by one. */
#define ERRORS_SHOWN 100

/* A configuration and what was made of it. */
struct rules {
	struct uw_config *config;
	struct uw_filter *filter;
	uint32_t gen;
	const char *names[UW_RULES_MAX]; /* borrowed from config */
};

struct uw_manager {
	struct uw_options options;
	sd_event *event;
	struct uw_sink *sink;
	struct uw_users *users;
	struct uw_kernel kernel;
	struct uw_plan plan; /* in use */
	struct uw_source *source;
	/* Events that were decided before the last reload carry the generation of the rules before. */
	struct rules now, before;
	struct uw_stats stats, reported;
	struct uw_buf text;
	struct uw_record record;
	uint64_t realtime_offset_ns; /* CLOCK_REALTIME less CLOCK_BOOTTIME */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void rules_done(struct rules *rules)
{
	uw_filter_free(rules->filter);
	uw_config_free(rules->config);
	*rules = (struct rules){ 0 };
}

/* Reads the configuration. What is wrong with it is said here. */
static int rules_load(struct uw_manager *m, uint32_t gen, const char *consequence, struct rules *ret)
{
	struct rules rules = { .gen = gen };
	struct uw_errors errors = { 0 };
	size_t i;
	int r;

	r = uw_config_load(m->options.config, m->options.config_optional, &uw_names_system,
			   &rules.config, &errors);
	if (r == -EINVAL) {
		uw_sink_note(m->sink, UW_ID_CONFIG_REJECTED, LOG_ERR,
			     "configuration rejected, %s; mistakes: %zu", consequence, errors.n);
		for (i = 0; i < errors.n && i < ERRORS_SHOWN; i++)
			uw_sink_note(m->sink, UW_ID_CONFIG_REJECTED, LOG_ERR, "%s", errors.line[i]);
	}
	uw_errors_free(&errors);
	if (r < 0)
		return r;
	r = uw_filter_new(rules.config, gen, &rules.filter);
	if (r < 0) {
		rules_done(&rules);
		return r;
	}
	for (i = 0; i < rules.config->n_rules; i++)
		rules.names[i] = rules.config->rules[i].name;
	*ret = rules;
	return 0;
}

static void write_record(struct uw_manager *m, const struct rules *rules, uint64_t matches)
{
	const char *names[UW_RULES_MAX];
	struct uw_entry entry = {
		.record = &m->record,
		.time_ns = m->record.exit_ns + m->realtime_offset_ns,
		.priority = LOG_DEBUG,
		.rules = names,
		.user = uw_users_name(m->users, m->record.uid, m->record.exit_ns),
	};
	size_t i;

	for (i = 0; i < rules->config->n_rules; i++) {
		if (!(matches >> i & 1))
			continue;
		names[entry.n_rules++] = rules->names[i];
		/* The most urgent of the rules that asked for it. */
		if (rules->config->rules[i].priority < entry.priority)
			entry.priority = rules->config->rules[i].priority;
	}
	if (uw_sink_write(m->sink, &entry) < 0)
		m->stats.sink_failed++;
	else
		m->stats.written++;
}

static void on_event(const void *data, size_t size, void *userdata)
{
	struct uw_manager *m = userdata;
	const struct rules *rules = &m->now;
	struct uw_record *record = &m->record;
	char cwd[UW_PATH_MAX];
	uint64_t matches;
	ssize_t n;

	if (uw_record_decode(data, size, record) < 0) {
		m->stats.undecodable++;
		return;
	}
	if (uw_record_wants_cwd(record)) {
		n = uw_procfs_cwd(record->pid, record->tid, record->enter_ns, cwd, sizeof(cwd));
		if (n > 0)
			uw_record_guess(record, cwd, (size_t)n);
	}
	if (record->gen == m->before.gen && m->before.config)
		rules = &m->before;
	else if (record->gen != rules->gen)
		record->rules = UINT64_MAX; /* in flight for two reloads: decide it anew */
	matches = uw_filter_match(rules->filter, record);
	if (matches)
		write_record(m, rules, matches);
	else
		m->stats.filtered++;
}

static int read_events(struct uw_manager *m, unsigned int max)
{
	int n, r;

	m->realtime_offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
	n = uw_source_read(m->source, max);
	r = uw_sink_flush(m->sink);
	if (r == -EPIPE)
		return sd_event_exit(m->event, 0); /* the reader of the output has gone */
	return n;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source, (void)fd, (void)revents;
	return read_events(userdata, BATCH);
}

static void renew_stats(struct uw_manager *m)
{
	uint64_t lost;

	uw_source_counters(m->source, m->stats.kernel);
	uw_buf_reset(&m->text);
	lost = uw_stats_loss_report(&m->reported, &m->stats, &m->text);
	if (lost)
		uw_sink_note(m->sink, UW_ID_LOSS, LOG_WARNING, "deletions not recorded: %" PRIu64 " (%.*s)",
			     lost, (int)m->text.len, m->text.p);
	m->reported = m->stats;
	sd_notifyf(0, "STATUS=Watching by %s: %" PRIu64 " seen, %" PRIu64 " recorded, %" PRIu64 " lost",
		   uw_probe_name(m->plan.probe), m->stats.kernel[UW_CNT_SEEN], m->stats.written,
		   uw_stats_lost(&m->stats));
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct uw_manager *m = userdata;
	int r;

	(void)usec;
	uw_source_sweep(m->source, MISSED_AFTER_NS);
	renew_stats(m);
	r = sd_event_source_set_time_relative(source, TICK_USEC);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* The new rules, or the old ones with the reason in the log: a reload never leaves none. */
static void reload(struct uw_manager *m)
{
	struct rules rules;
	int r;

	r = rules_load(m, m->now.gen + 1, "the rules in force stay", &rules);
	if (r < 0) {
		if (r != -EINVAL)
			uw_sink_note(m->sink, UW_ID_CONFIG_REJECTED, LOG_ERR,
				     "configuration not read, the rules in force stay: %s", strerror(-r));
		return;
	}
	/* All that the ring buffer can hold, so that nothing is left of the generation before this one. */
	read_events(m, (unsigned int)(m->now.config->ring_size / sizeof(struct uw_event)) + 1);
	r = uw_source_set_filter(m->source, rules.filter);
	if (r < 0) {
		uw_sink_note(m->sink, UW_ID_CONFIG_REJECTED, LOG_ERR,
			     "the kernel did not take the new rules, those in force stay: %s", strerror(-r));
		rules_done(&rules);
		return;
	}
	if (rules.config->probe != m->now.config->probe ||
	    rules.config->ring_size != m->now.config->ring_size)
		uw_sink_note(m->sink, NULL, LOG_NOTICE,
			     "Probe= and RingBufferSize= take effect at the next start, not now");
	/* What the ring buffer has stays as large as it was. */
	rules.config->probe = m->now.config->probe;
	rules.config->ring_size = m->now.config->ring_size;
	rules_done(&m->before);
	m->before = m->now;
	m->now = rules;
	uw_sink_note(m->sink, UW_ID_CONFIG_ACCEPTED, LOG_INFO, "configuration accepted; rules: %zu",
		     m->now.config->n_rules);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct uw_manager *m = userdata;

	(void)source, (void)si;
	/* Type=notify-reload (systemd 253) needs the time, older ones ignore it. */
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reading the configuration",
		   clock_ns(CLOCK_MONOTONIC) / 1000);
	reload(m);
	sd_notify(0, "READY=1");
	renew_stats(m);
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
	m->kernel.tracefs = -EBADF;
	r = uw_sink_new(options->output, &m->sink);
	if (r >= 0)
		r = uw_users_new(&m->users);
	if (r >= 0)
		r = sd_event_default(&m->event);
	if (r >= 0)
		r = sd_event_set_watchdog(m->event, true);
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
	*ret = m;
	return 0;
}

/* Tries the ways in, the best first, and says of each that fails why it does. */
static int attach(struct uw_manager *m)
{
	enum uw_probe_choice choice =
		m->options.probe_set ? m->options.probe : m->now.config->probe;
	struct uw_plan plans[UW_PLANS_MAX];
	size_t n, i;
	char *why;
	int r;

	n = uw_kernel_plan(&m->kernel, choice, plans);
	for (i = 0; i < n; i++) {
		const struct uw_plan *plan = &plans[i];
		const char *how = uw_plan_detail(plan);

		if (plan->why_not) {
			uw_sink_note(m->sink, NULL, LOG_NOTICE, "%s%s cannot be used: %s",
				     uw_probe_name(plan->probe), how, plan->why_not);
			continue;
		}
		r = uw_source_new(&m->kernel, plan, m->now.config->ring_size, m->now.filter, on_event, m,
				  &m->source, &why);
		if (r >= 0) {
			m->plan = *plan;
			return 0;
		}
		uw_sink_note(m->sink, NULL, LOG_NOTICE, "%s%s cannot be used: %s",
			     uw_probe_name(plan->probe), how, why ? why : strerror(-r));
		free(why);
	}
	uw_sink_note(m->sink, NULL, LOG_ERR,
		     "no probe can be attached, so no deletion can be seen; see unlinkwatchd(8), PROBES");
	return -ENODEV;
}

int uw_manager_start(struct uw_manager *m)
{
	int r;

	r = rules_load(m, 1, "not started", &m->now);
	if (r < 0)
		return r;
	uw_kernel_read(&m->kernel);
	r = attach(m);
	if (r < 0)
		return r;
	r = sd_event_add_io(m->event, NULL, uw_source_fd(m->source), EPOLLIN, on_readable, m);
	if (r < 0)
		return r;
	return sd_event_add_time_relative(m->event, NULL, CLOCK_MONOTONIC, TICK_USEC, 0, on_tick, m);
}

static void say_started(struct uw_manager *m)
{
	const struct uw_plan *p = &m->plan;
	bool names = p->probe == UW_PROBE_KPROBE;

	uw_sink_note(m->sink, UW_ID_STARTED, LOG_INFO,
		     "watching deletions by %s%s%s%s%s%s; rules: %zu; not covered: %s",
		     uw_probe_name(p->probe), names ? " on " : "", names ? p->unlink_fn : "",
		     names ? " and " : "", names ? p->rmdir_fn : "",
		     uw_plan_detail(p), m->now.config->n_rules,
		     p->not_covered);
}

int uw_manager_run(struct uw_manager *m)
{
	int r;

	say_started(m);
	sd_notify(0, "READY=1");
	renew_stats(m);
	r = sd_event_loop(m->event);
	sd_notify(0, "STOPPING=1\nSTATUS=Writing the last records");
	uw_source_stop(m->source);
	while (read_events(m, BATCH) == BATCH)
		;
	renew_stats(m);
	uw_sink_note(m->sink, UW_ID_STOPPED, LOG_INFO,
		     "stopped; deletions seen: %" PRIu64 ", recorded: %" PRIu64 ", lost: %" PRIu64,
		     m->stats.kernel[UW_CNT_SEEN], m->stats.written, uw_stats_lost(&m->stats));
	return r < 0 ? r : 0;
}

void uw_manager_free(struct uw_manager *m)
{
	if (!m)
		return;
	uw_source_free(m->source);
	uw_kernel_done(&m->kernel);
	rules_done(&m->now);
	rules_done(&m->before);
	uw_users_free(m->users);
	uw_sink_free(m->sink);
	uw_buf_free(&m->text);
	sd_event_unref(m->event);
	free(m);
}
