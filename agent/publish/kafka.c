/* The Kafka sink: messages go to librdkafka as they are and come back with its delivery report.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../log.h"
#include "kafka_conf.h"
#include "sink.h"

enum {
	POLL_MS = 100,
	RETRY_MS = 1000,	  /* for what the broker refused but may take later */
	METADATA_MS = 300 * 1000, /* partitions may be added while we run */
	METADATA_WAIT_MS = 1000,
	/* Until the topic's partitions are known: a multiple of most numbers of partitions, so that
	 * what shares a lane will share its partition. */
	LANES_UNKNOWN = 24,
	SAY_AGAIN = 60, /* s */
};

struct kafka_sink {
	struct sink sink;
	rd_kafka_t *rk;
	rd_kafka_topic_t *flows, *counters;
	int32_t partitions; /* of the flow topic; 0: not known yet */
	pthread_t thread;
	bool started, stopping;

	pthread_mutex_t lock; /* of the next two */
	struct message_queue retry;
	uint64_t in_flight; /* messages taken over and not yet reported */

	bool unreachable; /* said so, and no delivery since */
	uint64_t said_unreachable, said_refused, said_security, said_other;
};

static struct kafka_sink *of(struct sink *s)
{
	return (struct kafka_sink *)s; /* its first member */
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint32_t murmur2(const void *key, size_t len)
{
	const uint32_t mix = 0x5bd1e995;
	const uint8_t *p = key;
	uint32_t h = 0x9747b28c ^ (uint32_t)len, k;

	for (; len >= 4; p += 4, len -= 4) {
		memcpy(&k, p, 4);
		k *= mix;
		k ^= k >> 24;
		k *= mix;
		h = h * mix ^ k;
	}
	if (len) {
		for (k = 0; len; len--)
			k = k << 8 | p[len - 1];
		h = (h ^ k) * mix;
	}
	h ^= h >> 13;
	h *= mix;
	return h ^ h >> 15;
}

static void headers_add(rd_kafka_headers_t *h, const char *name, const char *value)
{
	rd_kafka_header_add(h, name, -1, value, -1);
}

/* What a consumer needs without decoding the message: how many rows, in which form, and an identity
 * that is the same when the message comes twice. */
static rd_kafka_headers_t *headers_of(const struct kafka_sink *s, const struct message *m)
{
	static const char *const formats[] = {
		[FORMAT_JSON] = "json",
		[FORMAT_PROTOBUF] = "protobuf",
		[FORMAT_NATIVE] = "native",
		[FORMAT_ROWBINARY] = "rowbinary",
	};
	rd_kafka_headers_t *h = rd_kafka_headers_new(5);
	char text[512];

	snprintf(text, sizeof(text), "%" PRIu32, m->rows);
	headers_add(h, "weir.count", text);
	headers_add(h, "weir.schema", "1");
	headers_add(h, "weir.format", formats[s->sink.options->format]);
	headers_add(h, "weir.collector", s->sink.collector_id);
	snprintf(text, sizeof(text), "%.256s/%" PRIx64 "/%u/%" PRIu64, s->sink.collector_id,
		 s->sink.boot, m->worker, m->sequence);
	headers_add(h, "weir.batch", text);
	return h;
}

/* The partition that Kafka's default partitioner gives to the exporter's 16 bytes as a key: all
 * flows in the message share it as soon as the number of partitions is known. */
static int32_t partition_of(const struct kafka_sink *s, const struct message *m)
{
	int32_t n = __atomic_load_n(&s->partitions, __ATOMIC_RELAXED);

	if (!s->sink.options->key_exporter || m->counters || !n)
		return RD_KAFKA_PARTITION_UA;
	return (int32_t)((murmur2(m->exporter.b, 16) & 0x7fffffff) % (uint32_t)n);
}

static rd_kafka_resp_err_t produce(struct kafka_sink *s, struct message *m)
{
	bool keyed = s->sink.options->key_exporter;
	rd_kafka_headers_t *h = headers_of(s, m);
	rd_kafka_resp_err_t err;

	err = rd_kafka_producev(
		s->rk, RD_KAFKA_V_RKT(m->counters ? s->counters : s->flows),
		RD_KAFKA_V_PARTITION(partition_of(s, m)), RD_KAFKA_V_MSGFLAGS(0),
		RD_KAFKA_V_VALUE(m->bytes, m->len),
		RD_KAFKA_V_KEY(keyed ? m->exporter.b : NULL, keyed ? sizeof(m->exporter.b) : 0),
		RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_OPAQUE(m), RD_KAFKA_V_END);
	if (err)
		rd_kafka_headers_destroy(h);
	return err;
}

static void done_with(struct kafka_sink *s, struct message *m)
{
	pthread_mutex_lock(&s->lock);
	s->in_flight--;
	pthread_mutex_unlock(&s->lock);
	message_give_back(&s->sink.pool, m);
}

/* A message that the broker will never take is dropped; all others are tried again. */
static void failed(struct kafka_sink *s, struct message *m, rd_kafka_resp_err_t err)
{
	const char *topic = m->counters ? s->sink.options->counter_topic : s->sink.options->topic;

	switch (err) {
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
		if (log_allowed(&s->said_refused, SAY_AGAIN))
			log_error(
				"output %s: a message of %u bytes is over the broker's limit and "
				"was dropped with its %u rows; lower the output's message size or "
				"raise max.message.bytes of topic %s",
				s->sink.name, m->len, m->rows, topic);
		sink_count_dropped(&s->sink, m, ACCOUNT_DROPPED_ERROR);
		done_with(s, m);
		return;
	case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
	case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
		sink_count_dropped(&s->sink, m, ACCOUNT_DROPPED_ERROR);
		done_with(s, m);
		return;
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		if (log_allowed(&s->said_refused, SAY_AGAIN))
			log_error("output %s: the broker has no topic %s; create it: until then "
				  "flows wait",
				  s->sink.name, topic);
		break;
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		if (log_allowed(&s->said_refused, SAY_AGAIN))
			log_error("output %s: we may not write to topic %s; grant WRITE to the "
				  "agent's principal: until then flows wait",
				  s->sink.name, topic);
		break;
	default:
		if (log_allowed(&s->said_refused, SAY_AGAIN))
			log_warning("output %s: a message was not delivered (%s) and is tried "
				    "again",
				    s->sink.name, rd_kafka_err2str(err));
	}
	pthread_mutex_lock(&s->lock);
	message_queue_put(&s->retry, m);
	pthread_mutex_unlock(&s->lock);
}

static void delivery_report(rd_kafka_t *rk, const rd_kafka_message_t *report, void *opaque)
{
	struct kafka_sink *s = opaque;
	struct message *m = report->_private;

	(void)rk;
	if (report->err) {
		failed(s, m, report->err);
		return;
	}
	if (s->unreachable) {
		s->unreachable = false;
		log_info("output %s: delivering again", s->sink.name);
	}
	sink_count_delivered(&s->sink, m);
	done_with(s, m);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	struct kafka_sink *s = opaque;
	char fatal[512];

	switch (err) {
	case RD_KAFKA_RESP_ERR__FATAL:
		rd_kafka_fatal_error(rk, fatal, sizeof(fatal));
		log_error("output %s: librdkafka gave up: %s; restart the agent", s->sink.name,
			  fatal);
		return;
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__RESOLVE:
		s->unreachable = true;
		if (log_allowed(&s->said_unreachable, SAY_AGAIN))
			log_warning("output %s: no broker can be reached (%s); flows wait, check "
				    "address and broker",
				    s->sink.name, reason);
		return;
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
		s->unreachable = true;
		if (log_allowed(&s->said_security, SAY_AGAIN))
			log_error("output %s: the broker refuses our login (%s); check mechanism, "
				  "user and password",
				  s->sink.name, reason);
		return;
	case RD_KAFKA_RESP_ERR__SSL:
		s->unreachable = true;
		if (log_allowed(&s->said_security, SAY_AGAIN))
			log_error("output %s: TLS failed (%s); check CA, certificate and key",
				  s->sink.name, reason);
		return;
	default:
		if (log_allowed(&s->said_other, SAY_AGAIN))
			log_warning("output %s: %s: %s", s->sink.name, rd_kafka_err2name(err),
				    reason);
	}
}

/* librdkafka's own lines say again what on_error() has said. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	log_debug("librdkafka: %s: %s", facility, text);
}

/* How many partitions the topic has; a topic that is not there yet is asked for again. */
static void ask_partitions(struct kafka_sink *s)
{
	const struct rd_kafka_metadata *md;
	int32_t n = 0;

	if (rd_kafka_metadata(s->rk, 0, s->flows, &md, METADATA_WAIT_MS))
		return;
	if (md->topic_cnt == 1 && !md->topics[0].err)
		n = md->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(md);
	if (!n || n == s->partitions)
		return;
	if (n > SINK_LANES_MAX) {
		log_warning("output %s: only %d of the topic's %d partitions are used, to bound "
			    "the number of messages being filled",
			    s->sink.name, SINK_LANES_MAX, n);
		n = SINK_LANES_MAX;
	}
	__atomic_store_n(&s->partitions, n, __ATOMIC_RELAXED);
	if (s->sink.options->key_exporter)
		__atomic_store_n(&s->sink.lanes, (unsigned)n, __ATOMIC_RELAXED);
}

static void try_again(struct kafka_sink *s)
{
	struct message_queue waiting;
	struct message *m;

	pthread_mutex_lock(&s->lock);
	waiting = s->retry;
	if (!waiting.head)
		message_queue_init(&waiting);
	message_queue_init(&s->retry);
	pthread_mutex_unlock(&s->lock);
	while ((m = message_queue_take(&waiting))) {
		rd_kafka_resp_err_t err = produce(s, m);

		if (err)
			failed(s, m, err);
	}
}

static void *kafka_thread(void *arg)
{
	struct kafka_sink *s = arg;
	uint64_t asked = 0, tried = 0;

	while (!__atomic_load_n(&s->stopping, __ATOMIC_RELAXED)) {
		uint64_t now;

		rd_kafka_poll(s->rk, POLL_MS);
		now = now_ms();
		if (now - tried >= RETRY_MS) {
			tried = now;
			try_again(s);
		}
		if (now - asked >= (s->partitions ? METADATA_MS : RETRY_MS)) {
			asked = now;
			ask_partitions(s);
		}
	}
	return NULL;
}

static void kafka_submit(struct sink *sink, struct message *m)
{
	struct kafka_sink *s = of(sink);
	rd_kafka_resp_err_t err;

	pthread_mutex_lock(&s->lock);
	s->in_flight++;
	pthread_mutex_unlock(&s->lock);
	err = produce(s, m);
	if (err)
		failed(s, m, err);
}

static uint64_t in_flight(struct kafka_sink *s)
{
	uint64_t n;

	pthread_mutex_lock(&s->lock);
	n = s->in_flight;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static uint64_t kafka_stop(struct sink *sink, unsigned seconds)
{
	struct kafka_sink *s = of(sink);
	uint64_t before = account_get(&sink->account, ACCOUNT_DROPPED_ERROR);
	uint64_t deadline = now_ms() + 1000ull * seconds;
	struct message *m;

	if (!s->started)
		return 0;
	s->started = false;
	/* The thread goes on polling and trying again meanwhile. */
	while (in_flight(s) && now_ms() < deadline)
		rd_kafka_flush(s->rk, 100);
	__atomic_store_n(&s->stopping, true, __ATOMIC_RELAXED);
	pthread_join(s->thread, NULL);
	if (in_flight(s)) {
		rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_flush(s->rk, 1000); /* calls the reports */
		while ((m = message_queue_take(&s->retry)))
			failed(s, m, RD_KAFKA_RESP_ERR__PURGE_QUEUE);
	}
	return account_get(&sink->account, ACCOUNT_DROPPED_ERROR) - before;
}

static void kafka_free(struct sink *sink)
{
	struct kafka_sink *s = of(sink);

	if (s->flows)
		rd_kafka_topic_destroy(s->flows);
	if (s->counters)
		rd_kafka_topic_destroy(s->counters);
	if (s->rk)
		rd_kafka_destroy(s->rk);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static rd_kafka_topic_t *topic_new(struct kafka_sink *s, const char *topic)
{
	rd_kafka_topic_conf_t *conf = rd_kafka_topic_conf_new();

	/* For messages without a partition of our choice. */
	rd_kafka_topic_conf_set_partitioner_cb(conf, s->sink.options->key_exporter
							     ? rd_kafka_msg_partitioner_murmur2
							     : rd_kafka_msg_partitioner_random);
	return rd_kafka_topic_new(s->rk, topic, conf);
}

static int start(struct kafka_sink *s, rd_kafka_conf_t *conf)
{
	char why[512];
	sigset_t all, before;
	int err = 0;

	rd_kafka_conf_set_opaque(conf, s);
	rd_kafka_conf_set_dr_msg_cb(conf, delivery_report);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_log_cb(conf, on_log);
	/* The process's signals are not for librdkafka's threads, nor for ours. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	s->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!s->rk) {
		log_error("output %s: %s", s->sink.name, why);
		rd_kafka_conf_destroy(conf);
		err = -EINVAL;
	} else {
		s->flows = topic_new(s, s->sink.options->topic);
		if (s->sink.options->counter_topic)
			s->counters = topic_new(s, s->sink.options->counter_topic);
		if (!s->flows || (s->sink.options->counter_topic && !s->counters)) {
			log_error("output %s: topic: %s", s->sink.name,
				  rd_kafka_err2str(rd_kafka_last_error()));
			err = -EINVAL;
		} else {
			err = -pthread_create(&s->thread, NULL, kafka_thread, s);
			s->started = !err;
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

struct sink *kafka_sink_open(const struct output_options *o)
{
	static const struct sink_operations operations = {
		.submit = kafka_submit,
		.stop = kafka_stop,
		.free = kafka_free,
	};
	struct kafka_sink *s = calloc(1, sizeof(*s));
	rd_kafka_conf_t *conf;

	if (!s) {
		log_error("output kafka:%s: out of memory", o->brokers);
		return NULL;
	}
	s->sink.op = &operations;
	s->sink.options = o;
	s->sink.lanes = o->key_exporter ? LANES_UNKNOWN : 1;
	pthread_mutex_init(&s->lock, NULL);
	message_queue_init(&s->retry);
	snprintf(s->sink.name, sizeof(s->sink.name), "kafka:%s/%s", o->brokers, o->topic);
	conf = kafka_conf_new(o, s->sink.name);
	if (conf && !start(s, conf))
		return &s->sink;
	kafka_free(&s->sink);
	return NULL;
}
