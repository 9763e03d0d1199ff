/* The Kafka sink: messages go to librdkafka as they are and come back with its delivery report.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../clock.h"
#include "../log.h"
#include "../thread.h"
#include "kafka_conf.h"
#include "kafka_sink.h"

enum {
	POLL_MS = 100,
	SPOOL_POLL_MS = 5, /* while messages pass through the spool */
	SPOOL_TICK_MS = 1000,
	STOP_WITHOUT_DELIVERY_MS = 5000, /* then stopping leaves the rest to the spool */
	RETRY_MS = 1000,		 /* for what the broker refused but may take later */
	METADATA_MS = 300 * 1000,	 /* partitions may be added while we run */
};

static struct kafka_sink *of(struct sink *s)
{
	return (struct kafka_sink *)s; /* its first member */
}

/* librdkafka's own lines say again what kafka_on_error() has said. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	log_debug("librdkafka: %s: %s", facility, text);
}

/* librdkafka's own waits end at a time of the wall clock: when that is set back, they last. */
static void wait_for_events(struct kafka_sink *s, int milliseconds)
{
	struct pollfd fd = {.fd = s->events, .events = POLLIN};
	uint64_t n;

	if (poll(&fd, 1, milliseconds) > 0 && read(s->events, &n, sizeof(n)) < 0)
		log_debug("output %s: eventfd: %s", s->sink.name, strerror(errno));
}

static void *kafka_thread(void *arg)
{
	struct kafka_sink *s = arg;
	uint64_t asked = 0, tried = 0, ticked = 0;

	while (!__atomic_load_n(&s->stopping, __ATOMIC_RELAXED)) {
		uint64_t now;
		bool known;

		wait_for_events(s, s->spool && kafka_spool_is_active(s) ? SPOOL_POLL_MS : POLL_MS);
		rd_kafka_poll(s->rk, 0);
		now = clock_monotonic_ms();
		message_pool_trim(&s->sink.pool, now * 1000000);
		if (now - tried >= RETRY_MS) {
			tried = now;
			kafka_try_again(s);
		}
		known = kafka_knows_partitions(s);
		if (now - asked >= (known ? METADATA_MS : RETRY_MS)) {
			asked = now;
			kafka_ask_partitions(s);
		}
		if (s->spool) {
			kafka_spool_work(s, now, now - ticked >= SPOOL_TICK_MS);
			if (now - ticked >= SPOOL_TICK_MS)
				ticked = now;
		}
	}
	return NULL;
}

static void kafka_submit(struct sink *sink, struct message *m)
{
	struct kafka_sink *s = of(sink);
	bool half_full = s->spool && message_pool_is_half_full(&sink->pool);
	rd_kafka_resp_err_t err;

	m->boot = sink->boot;
	m->format = (uint8_t)sink->options->format;
	if (m->counters && m->format == FORMAT_NATIVE)
		m->format = FORMAT_JSON;
	pthread_mutex_lock(&s->lock);
	if (half_full)
		s->spooling = true;
	if (s->spooling) {
		message_queue_put(&s->to_spool, m);
		pthread_mutex_unlock(&s->lock);
		return;
	}
	m->spool.segment = s->segment;
	kafka_add_sent(s, m);
	pthread_mutex_unlock(&s->lock);
	err = kafka_produce(s, m);
	if (err)
		kafka_retry_later(s, m, err);
}

/* True while stopping may still deliver something. */
static bool is_pending(struct kafka_sink *s, uint64_t since)
{
	uint64_t delivered;
	bool pending;

	pthread_mutex_lock(&s->lock);
	pending = s->sent || s->to_spool.head;
	pthread_mutex_unlock(&s->lock);
	if (!s->spool)
		return pending;
	if (__atomic_load_n(&s->sink.spooled_flows, __ATOMIC_RELAXED))
		pending = true;
	delivered = __atomic_load_n(&s->delivered_ms, __ATOMIC_RELAXED);
	if (delivered > since)
		since = delivered;
	return pending && clock_monotonic_ms() < since + STOP_WITHOUT_DELIVERY_MS;
}

static uint64_t kafka_stop(struct sink *sink, unsigned seconds)
{
	struct kafka_sink *s = of(sink);
	uint64_t before = account_get(&sink->account, ACCOUNT_DROPPED_ERROR);
	static const struct timespec moment = {.tv_nsec = 10000000};
	uint64_t start = clock_monotonic_ms();
	struct message *m;

	if (!s->started)
		return 0;
	s->started = false;
	/* The thread goes on polling, trying again and emptying the spool meanwhile. */
	while (is_pending(s, start) && clock_monotonic_ms() < start + 1000ull * seconds)
		nanosleep(&moment, NULL);
	__atomic_store_n(&s->stopping, true, __ATOMIC_RELAXED);
	pthread_join(s->thread, NULL);
	if (s->spool)
		kafka_spool_keep(s);
	if (s->sent) {
		rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_flush(s->rk, 1000); /* calls the reports */
		while ((m = message_queue_take(&s->retry)))
			kafka_failed(s, m, RD_KAFKA_RESP_ERR__PURGE_QUEUE);
	}
	if (s->spool) {
		kafka_spool_note_unread(s);
		spool_close(s->spool, s->sent);
		s->spool = NULL;
	}
	while ((m = s->sent)) { /* on disk, for the next run */
		if (!m->counters)
			sink->spooled_flows += m->rows;
		kafka_done_with(s, m);
	}
	return account_get(&sink->account, ACCOUNT_DROPPED_ERROR) - before;
}

static void kafka_free(struct sink *sink)
{
	struct kafka_sink *s = of(sink);

	kafka_topics_free(s);
	if (s->rk)
		rd_kafka_destroy(s->rk);
	if (s->events >= 0)
		close(s->events);
	if (s->spool)
		spool_close(s->spool, NULL);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static bool watch_events(struct kafka_sink *s)
{
	static const uint64_t one = 1;
	rd_kafka_queue_t *queue;

	s->events = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->events < 0)
		return false;
	queue = rd_kafka_queue_get_main(s->rk);
	rd_kafka_queue_io_event_enable(queue, s->events, &one, sizeof(one));
	rd_kafka_queue_destroy(queue);
	return true;
}

static bool client_new(struct kafka_sink *s, rd_kafka_conf_t *conf)
{
	const struct output_options *o = s->sink.options;
	char why[512];

	rd_kafka_conf_set_opaque(conf, s);
	rd_kafka_conf_set_dr_msg_cb(conf, kafka_delivery_report);
	rd_kafka_conf_set_error_cb(conf, kafka_on_error);
	rd_kafka_conf_set_log_cb(conf, on_log);
	s->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!s->rk) {
		log_error("output %s: %s", s->sink.name, why);
		rd_kafka_conf_destroy(conf);
		return false;
	}
	if (!watch_events(s)) {
		log_error("output %s: eventfd: %s", s->sink.name, strerror(errno));
		return false;
	}
	if (!s->sink.grouped)
		s->flows = kafka_topic_new(s, o->topic);
	if (o->counter_topic)
		s->counters = kafka_topic_new(s, o->counter_topic);
	if ((s->sink.grouped ? kafka_topics_begin(s) : s->flows != NULL) &&
	    (!o->counter_topic || s->counters))
		return true;
	log_error("output %s: topic: %s", s->sink.name, rd_kafka_err2str(rd_kafka_last_error()));
	return false;
}

static int kafka_start(struct sink *sink)
{
	struct kafka_sink *s = of(sink);
	int err = thread_start(&s->thread, kafka_thread, s);

	s->started = !err;
	return err;
}

struct sink *kafka_sink_open(const struct output_options *o)
{
	static const struct sink_operations operations = {
		.start = kafka_start,
		.submit = kafka_submit,
		.stop = kafka_stop,
		.free = kafka_free,
	};
	struct kafka_sink *s = calloc(1, sizeof(*s));
	rd_kafka_conf_t *conf;
	sigset_t all, before;
	bool opened;

	if (!s) {
		log_error("output kafka:%s: out of memory", o->brokers);
		return NULL;
	}
	s->sink.op = &operations;
	s->sink.options = o;
	s->sink.lanes = o->key_exporter ? KAFKA_LANES : 1;
	s->sink.grouped = kafka_topic_is_grouped(o->topic);
	if (s->sink.grouped)
		s->sink.lanes *= SINK_GROUPS_MAX;
	pthread_mutex_init(&s->lock, NULL);
	s->events = -1;
	message_queue_init(&s->retry);
	message_queue_init(&s->to_spool);
	snprintf(s->sink.name, sizeof(s->sink.name), "kafka:%s/%s", o->brokers, o->topic);
	conf = kafka_conf_new(o, s->sink.name);
	/* The process's signals are not for librdkafka's threads either. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	opened = conf && client_new(s, conf);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (opened && kafka_spool_open(s))
		return &s->sink;
	kafka_free(&s->sink);
	return NULL;
}
