/* The running agent: opens everything, watches, reloads, stops.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <urcu-qsbr.h>

#include "agent.h"
#include "clock.h"
#include "confine.h"
#include "decode/state.h"
#include "kept.h"
#include "pipeline.h"
#include "receivers.h"
#include "service.h"
#include "share/topic.h"
#include "succession.h"
#include "worker.h"

enum {
	ALL_ARE_BACK = -1, /* where else a signal stands */
	HOUSEKEEPING_SECONDS = 5,
	STATE_SECONDS = 60,
	TOPIC_SECONDS = 5,    /* that starting waits for templates.topic */
	HANDOVER_MILLIS = 10, /* how soon a word of the one after us is heard */
	STANDSTILL_SECONDS = 10,
	LINK_SECONDS = 1,
	CLOCK_SET_SECONDS = 10, /* a step of this much is no correction that time servers make */
	RECEIVERS_PER_WORKER = OPS_RECEIVERS_MAX + 1,
};

struct agent {
	const struct settings *settings; /* those it started with; the modules point into them */
	struct settings latest;		 /* of the last reload */
	bool reloaded;
	struct settings_source source;
	struct agent_place place;
	struct succession succession;

	struct receivers *receivers;
	struct exporter_store *store;
	char *state_path; /* NULL: nothing is kept */
	uint64_t state_said;
	struct topic *topic; /* NULL: nothing is shared */
	struct publisher *publisher;
	struct enricher *enricher;
	struct worker *workers[RX_WORKERS_MAX];
	unsigned n_workers;
	struct ops *ops;

	struct account account; /* what this thread counts */
	const struct account *accounts[RX_WORKERS_MAX + 2];
	const uint64_t *heartbeats[RX_WORKERS_MAX];
	clockid_t clocks[RX_WORKERS_MAX];
};

/* Templates and sampling rates of the last run. Without them the flows of an exporter wait until it
 * sends its templates again, so no fault here is a reason not to start. */
static void load_state(struct agent *a)
{
	const char *directory = a->settings->state_directory;
	char error[400];
	int n;

	if (!directory || !*directory)
		return;
	if (asprintf(&a->state_path, "%s/templates", directory) < 0) {
		a->state_path = NULL;
		return;
	}
	if (mkdir(directory, 0750) && errno != EEXIST)
		log_warning("state.directory %s cannot be made: %s; templates will not survive a "
			    "restart",
			    directory, strerror(errno));
	rcu_thread_online();
	n = state_load(a->store, a->state_path, &a->account, error, sizeof(error));
	rcu_thread_offline();
	if (n > 0)
		log_info("%d templates of the last run are known", n);
	else if (n < 0 && n != -ENOENT)
		log_warning("%s", error);
}

static void save_state(struct agent *a)
{
	char error[400];
	int err;

	if (!a->state_path)
		return;
	rcu_thread_online();
	err = state_save(a->store, a->state_path, error, sizeof(error));
	rcu_thread_offline();
	if (err && log_allowed(&a->state_said, 3600))
		log_warning("%s", error);
}

static int start_workers(struct agent *a)
{
	struct receiver receivers[RECEIVERS_PER_WORKER];
	unsigned n = receivers_workers(a->receivers);

	for (unsigned w = 0; w < n; w++) {
		struct worker_options o = {
			.index = w,
			.receivers = receivers,
			.n_receivers = receivers_of(a->receivers, w, receivers,
						    RECEIVERS_PER_WORKER),
			.decode = &a->settings->decode,
			.store = a->store,
			.publisher = a->publisher,
			.security = &a->settings->security,
			.enricher = a->enricher,
		};
		int err = worker_start(&a->workers[w], &o);

		if (err) {
			log_error("worker %u cannot be started: %s", w, strerror(-err));
			return err;
		}
		a->n_workers++;
		a->accounts[w] = worker_account(a->workers[w]);
		a->heartbeats[w] = worker_heartbeat(a->workers[w]);
		a->clocks[w] = worker_clock(a->workers[w]);
	}
	a->accounts[n] = &a->account;
	if (a->topic)
		a->accounts[n + 1] = topic_account(a->topic);
	return 0;
}

static int start_ops(struct agent *a)
{
	const struct ops_sources sources = {
		.accounts = a->accounts,
		.heartbeats = a->heartbeats,
		.clocks = a->clocks,
		.n_accounts = a->n_workers + 1 + (a->topic ? 1 : 0),
		.n_workers = a->n_workers,
		.store = a->store,
		.enricher = a->enricher,
		.publisher = a->publisher,
		.n_outputs = a->settings->publish.n_outputs,
		.receivers = receivers_report,
		.reasons = receivers_reasons,
		.arg = a->receivers,
		.successor = succession_asked,
		.successor_arg = &a->succession,
		.collector_id = a->settings->publish.collector_id,
	};

	a->ops = ops_start(&a->settings->ops, &sources);
	return a->ops ? 0 : -EIO;
}

/* Threads that speak with the network or read files never need a capability: the thread that makes
 * them has none, nor has RCU's own, which the first of them makes. */
struct unprivileged {
	struct agent *a;
	void (*open)(struct agent *a);
};

static void *run_unprivileged(void *arg)
{
	const struct unprivileged *u = arg;

	security_drop(&u->a->settings->security);
	get_default_call_rcu_data();
	u->open(u->a);
	return NULL;
}

static int open_unprivileged(struct agent *a, const char *what, void (*open)(struct agent *a))
{
	struct unprivileged u = {a, open};
	pthread_t thread;
	int err = pthread_create(&thread, NULL, run_unprivileged, &u);

	if (err) {
		log_error("%s cannot be opened: %s", what, strerror(err));
		return -err;
	}
	pthread_join(thread, NULL);
	return 0;
}

static void open_enricher(struct agent *a)
{
	a->enricher = pipeline_enricher(&a->settings->enrich, &a->settings->publish);
}

static void open_publisher(struct agent *a)
{
	a->publisher = publisher_open(&a->settings->publish, receivers_workers(a->receivers));
}

static void open_topic(struct agent *a)
{
	a->topic = topic_open(settings_kafka_output(a->settings), a->settings->templates_topic,
			      a->settings->publish.collector_id, a->store, TOPIC_SECONDS);
}

/* What must be open before the agent that we take over from stops: as much as two can have. */
static int start_beside(struct agent *a)
{
	if (confine_check(a->settings, a->source.path))
		return -EACCES;
	service_open();
	if (a->place.replace)
		succession_begin(&a->succession, a->settings->ops.control_socket);
	a->receivers = receivers_open(&a->settings->rx);
	if (!a->receivers || confine_start(a->settings, a->source.path) ||
	    open_unprivileged(a, "files to enrich from", open_enricher) || !a->enricher)
		return -EIO;
	return 0;
}

static int start(struct agent *a)
{
	unsigned n;

	if (start_beside(a))
		return -EIO;
	succession_complete(&a->succession, a->settings->drain_seconds);
	n = receivers_workers(a->receivers);
	if (open_unprivileged(a, "outputs", open_publisher) || !a->publisher)
		return -EIO;
	a->store = exporter_store_new(&a->settings->decode, n);
	if (!a->store) {
		log_error("out of memory");
		return -ENOMEM;
	}
	load_state(a);
	if (a->settings->templates_topic &&
	    (open_unprivileged(a, "templates.topic", open_topic) || !a->topic))
		return -EIO;
	if (receivers_start(a->receivers) || start_workers(a) ||
	    security_drop_last(&a->settings->security, receivers_map_fd(a->receivers)) ||
	    start_ops(a) || security_filter(&a->settings->security))
		return -EIO;
	for (unsigned w = 0; w < a->n_workers; w++)
		worker_go(a->workers[w]);
	enricher_watch(a->enricher);
	log_info("collecting with %u worker%s; flows go to %s%s", n, n == 1 ? "" : "s",
		 publisher_output_name(a->publisher, 0),
		 a->settings->publish.n_outputs > 1 ? " and others" : "");
	receivers_keep(a->receivers);
	kept_close();
	service_notify("READY=1");
	return 0;
}

static void log_change(const char *key, bool reloadable, const char *before, const char *after,
		       void *arg)
{
	(void)arg;
	if (reloadable)
		log_info("%s: %s, was %s", key, after, before);
	else
		log_warning("%s: %s takes effect at the next start; still %s", key, after, before);
}

static const struct settings *in_force(const struct agent *a)
{
	return a->reloaded ? &a->latest : a->settings;
}

static void reload(struct agent *a)
{
	struct buffer errors = {0};
	struct settings next;

	service_notify("RELOADING=1");
	publisher_reopen(a->publisher);
	enricher_check(a->enricher);
	if (settings_read(&next, a->source.path, a->source.sets, a->source.n_sets, &errors)) {
		buffer_char(&errors, '\0');
		if (!errors.failed)
			log_error("the settings in force stay, the new ones are not valid (`weir "
				  "check` tells all): %.*s",
				  (int)strcspn(errors.p, "\n"), errors.p);
		settings_free(&next);
	} else {
		if (!settings_diff(in_force(a), &next, log_change, NULL))
			log_info("settings are unchanged; files were reopened");
		log_set_level(next.log_level);
		receivers_reload(a->receivers, &next.rx);
		exporter_store_set_limits(a->store, &next.decode);
		if (a->reloaded)
			settings_free(&a->latest);
		a->latest = next;
		a->reloaded = true;
	}
	buffer_free(&errors);
	service_notify("READY=1");
}

static void housekeeping(struct agent *a)
{
	rcu_thread_online();
	exporter_store_expire(a->store, clock_real_ns(), &a->account);
	rcu_thread_offline();
}

/* Tells the service manager that the workers turn. Where one stands still it is not told, and
 * starts the agent anew when its patience ends. */
static void feed_watchdog(const struct agent *a, uint64_t now)
{
	for (unsigned w = 0; w < a->n_workers; w++) {
		uint64_t beat = __atomic_load_n(a->heartbeats[w], __ATOMIC_RELAXED);

		if (beat < now && now - beat > STANDSTILL_SECONDS * 1000000000ull)
			return;
	}
	service_notify("WATCHDOG=1");
}

/* What has an age by the clock must not become old because somebody set it. *offset is what the
 * clock was ahead of the monotonic one. */
static void follow_clock(struct agent *a, int64_t *offset)
{
	uint64_t now = clock_real_ns();
	int64_t by = (int64_t)(now - clock_monotonic_ns()) - *offset;

	*offset += by;
	if (llabs(by) < CLOCK_SET_SECONDS * 1000000000ll)
		return;
	log_warning("the clock was set by %lld s; templates and exporters keep their ages, flows "
		    "have the times that the clock says",
		    (long long)by / 1000000000);
	rcu_thread_online();
	exporter_store_clock_set(a->store, by, now);
	rcu_thread_offline();
}

/* What is done every second or so. */
struct rounds {
	uint64_t kept_house, saved, looked;
	int64_t clock_offset;
	bool watched;
	bool all_back; /* of the interfaces that were removed */
};

static void make_rounds(struct agent *a, struct rounds *r, uint64_t now)
{
	if (r->watched)
		feed_watchdog(a, now);
	follow_clock(a, &r->clock_offset);
	if (now - r->kept_house >= HOUSEKEEPING_SECONDS * 1000000000ull) {
		r->kept_house = now;
		housekeeping(a);
	}
	if (now - r->saved >= STATE_SECONDS * 1000000000ull) {
		r->saved = now;
		save_state(a);
	}
	if (now - r->looked >= LINK_SECONDS * 1000000000ull) {
		r->looked = now;
		r->all_back = receivers_all_back(a->receivers, now);
	}
}

/* Another agent that takes over attaches by itself to what is back. */
static bool wants_to_start_again(const struct agent *a, const struct rounds *r)
{
	return r->all_back && in_force(a)->rx.when_back == RX_EXIT &&
	       !succession_awaits(&a->succession);
}

/* Until it is time to stop. Returns the signal, SUCCESSION_SIGNAL when another agent takes over,
 * ALL_ARE_BACK when it is to be started again, or 0 when no output can take anything any more. */
static int watch(struct agent *a, const sigset_t *signals)
{
	const struct timespec second = {.tv_sec = 1}, soon = {.tv_nsec = HANDOVER_MILLIS * 1000000};
	uint64_t now = clock_monotonic_ns();
	struct rounds rounds = {
		.kept_house = now,
		.saved = now,
		.looked = now,
		.watched = service_watchdog_ns(),
	};

	rounds.clock_offset = (int64_t)(clock_real_ns() - now);
	while (!publisher_ended(a->publisher)) {
		int signal = sigtimedwait(signals, NULL,
					  succession_awaits(&a->succession) ? &soon : &second);

		if (signal == SIGTERM || signal == SIGINT)
			return signal;
		if (signal == SIGHUP)
			reload(a);
		if (succession_turn(&a->succession, a->receivers, &in_force(a)->rx))
			return SUCCESSION_SIGNAL;
		make_rounds(a, &rounds, clock_monotonic_ns());
		if (wants_to_start_again(a, &rounds))
			return ALL_ARE_BACK;
	}
	return 0;
}

static uint64_t sum(const struct agent *a, enum account_id id)
{
	uint64_t v = account_get(&a->account, id);

	for (unsigned w = 0; w < a->n_workers; w++)
		v += account_get(worker_account(a->workers[w]), id);
	return v;
}

/* Flows that outputs had to drop so far. */
static uint64_t dropped(const struct agent *a)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < a->settings->publish.n_outputs; i++) {
		const struct account *of = publisher_account(a->publisher, i);

		v += account_get(of, ACCOUNT_DROPPED_QUEUE_FULL) +
		     account_get(of, ACCOUNT_DROPPED_SPOOL_FULL) +
		     account_get(of, ACCOUNT_DROPPED_ERROR);
	}
	return v;
}

/* The last words: what came in, what became of it, what went out. */
static void summary(const struct agent *a, uint64_t full, uint64_t lost, uint64_t undelivered)
{
	uint64_t xdp = sum(a, ACCOUNT_RX_XDP), udp = sum(a, ACCOUNT_RX_UDP);
	uint64_t decoded = sum(a, ACCOUNT_DECODED), partly = sum(a, ACCOUNT_DECODED_PARTLY);
	uint64_t malformed = sum(a, ACCOUNT_MALFORMED);
	uint64_t unknown = sum(a, ACCOUNT_UNKNOWN_VERSION);
	uint64_t limit = sum(a, ACCOUNT_EXPORTER_LIMIT);
	uint64_t out = decoded + partly + malformed + unknown + limit;

	log_info("received %" PRIu64 " datagrams (XDP %" PRIu64 ", UDP %" PRIu64
		 ") = decoded %" PRIu64 " + partly %" PRIu64 " + malformed %" PRIu64
		 " + unknown version %" PRIu64 " + exporter limit %" PRIu64 "%s",
		 xdp + udp, xdp, udp, decoded, partly, malformed, unknown, limit,
		 out == xdp + udp ? "" : ": DOES NOT BALANCE");
	log_info("before that: wrong checksum %" PRIu64 ", denied %" PRIu64
		 ", lost at full rings and sockets %" PRIu64,
		 sum(a, ACCOUNT_RX_BAD_CHECKSUM), sum(a, ACCOUNT_RX_DENIED), full);
	log_info("%" PRIu64 " flows made, %" PRIu64 " dropped by outputs, %" PRIu64
		 " not delivered at the stop",
		 sum(a, ACCOUNT_FLOWS), lost, undelivered);
}

/* In the order of the path, so that each stage gets all of the one before it. */
static int stop(struct agent *a)
{
	uint64_t full = 0, lost = 0, undelivered = 0;

	service_notify("STOPPING=1");
	if (a->receivers && succession_shares_pins(&a->succession))
		receivers_leave_pins(a->receivers);
	if (a->receivers)
		receivers_stop(a->receivers);
	for (unsigned w = 0; w < a->n_workers; w++)
		worker_stop(a->workers[w]);
	for (unsigned w = 0; w < a->n_workers; w++)
		worker_join(a->workers[w]);
	if (a->ops)
		ops_stop(a->ops);
	if (a->receivers) {
		full = receivers_dropped(a->receivers);
		receivers_close_rings(a->receivers);
	}
	topic_close(a->topic);
	if (a->publisher) {
		lost = dropped(a);
		undelivered = publisher_close(a->publisher, a->settings->drain_seconds);
	}
	if (a->n_workers) {
		save_state(a);
		summary(a, full, lost, undelivered);
	}
	for (unsigned w = 0; w < a->n_workers; w++)
		worker_free(a->workers[w]);
	enricher_close(a->enricher);
	if (a->store)
		exporter_store_free(a->store);
	free(a->state_path);
	receivers_close(a->receivers);
	if (a->reloaded)
		settings_free(&a->latest);
	return undelivered != 0;
}

static const char *reason(int why)
{
	return why == SIGTERM ? "SIGTERM" : why == SIGINT ? "SIGINT" : "another agent takes over";
}

int agent_run(const struct settings *settings, const struct settings_source *source,
	      const struct agent_place *place)
{
	static struct agent a; /* some tens of KiB; there is one */
	sigset_t signals;
	int status, why = 0;

	a = (struct agent){
		.settings = settings,
		.source = *source,
		.place = *place,
	};
	succession_init(&a.succession);
	log_set_level(settings->log_level);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SUCCESSION_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &signals, NULL); /* for all threads: this one waits for them */
	rcu_register_thread();
	rcu_thread_offline();

	status = start(&a) ? 1 : 0;
	if (!status) {
		why = watch(&a, &signals);
		if (why == ALL_ARE_BACK)
			log_info("interfaces that were removed are back: stopping, with exit "
				 "status %d to be started again; SIGTERM ends at once",
				 AGENT_START_AGAIN);
		else if (why)
			log_info("%s: stopping; %s ends at once", reason(why),
				 why == SUCCESSION_SIGNAL ? "SIGTERM" : "a second one");
		else
			log_error("no output can take flows any more: stopping");
		status = why ? 0 : 1;
	}
	/* From here on the default action is right: whoever asks twice will not wait. */
	sigdelset(&signals, SIGHUP);
	sigdelset(&signals, SUCCESSION_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
	if (stop(&a))
		status = 1;
	if (why == ALL_ARE_BACK)
		status = AGENT_START_AGAIN;
	succession_release(&a.succession);
	if (why == SUCCESSION_SIGNAL && a.place.stay)
		succession_stay();
	rcu_thread_online();
	rcu_unregister_thread();
	return status;
}
