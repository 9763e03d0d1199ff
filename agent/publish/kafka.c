/* The Kafka sink: messages go to librdkafka as they are and come back with its delivery report.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../log.h"
#include "kafka_conf.h"
#include "sink.h"
#include "spool.h"

enum {
	POLL_MS = 100,
	SPOOL_POLL_MS = 5, /* while messages pass through the spool */
	SPOOL_TICK_MS = 1000,
	/* A message that waits this long for the broker: those after it go to the spool … */
	SPOOL_AFTER_MS = 2000,
	/* … and those before it, which librdkafka has in memory, are copied there. */
	COPY_AFTER_MS = 5000,
	STOP_WITHOUT_DELIVERY_MS = 5000, /* then stopping leaves the rest to the spool */
	RETRY_MS = 1000,		 /* for what the broker refused but may take later */
	METADATA_MS = 300 * 1000,	 /* partitions may be added while we run */
	METADATA_WAIT_MS = 1000,
	/* Until the topic's partitions are known: a multiple of most numbers of partitions, so that
	 * what shares a lane will share its partition. */
	LANES_UNKNOWN = 24,
	SAY_AGAIN = 60, /* s */
};

/* One thread polls librdkafka, which calls delivery_report() from there, and works on the spool.
 * Workers hand over by kafka_submit(). A message that was taken over is in `to_spool`, or in `sent`
 * until its delivery is reported; if it is to be tried again, in `retry`, too. */
struct kafka_sink {
	struct sink sink;
	rd_kafka_t *rk;
	rd_kafka_topic_t *flows, *counters;
	int32_t partitions; /* of the flow topic; 0: not known yet */
	pthread_t thread;
	bool started, stopping;
	int events; /* eventfd: librdkafka has something to report */

	pthread_mutex_t lock; /* of all up to the next empty line but delivered_ms */
	struct message_queue retry, to_spool;
	struct message *sent, *sent_last; /* oldest first */
	uint64_t sent_bytes;
	bool spooling;	       /* what comes goes to the spool */
	uint64_t segment;      /* of the spool, for messages sent past it */
	uint64_t delivered_ms; /* when the broker took one last */

	struct spool *spool;   /* NULL: none configured */
	struct message *stuck; /* that the spool's disk did not take */

	bool unreachable; /* said so, and no delivery since */
	uint64_t said_unreachable, said_refused, said_security, said_other, said_spool;
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
	headers_add(h, "weir.format", formats[m->format]);
	headers_add(h, "weir.collector", s->sink.collector_id);
	snprintf(text, sizeof(text), "%.256s/%" PRIx64 "/%u/%" PRIu64, s->sink.collector_id,
		 m->boot, m->worker, m->sequence);
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

/* The message goes to librdkafka; the lock is held. */
static void add_sent(struct kafka_sink *s, struct message *m)
{
	m->sent_ms = now_ms();
	m->sent_next = NULL;
	m->sent_before = s->sent_last;
	if (s->sent_last) /* the thread may walk the list without the lock */
		__atomic_store_n(&s->sent_last->sent_next, m, __ATOMIC_RELEASE);
	else
		s->sent = m;
	s->sent_last = m;
	s->sent_bytes += m->len;
}

static struct message *oldest_sent(struct kafka_sink *s)
{
	struct message *m;

	pthread_mutex_lock(&s->lock);
	m = s->sent;
	pthread_mutex_unlock(&s->lock);
	return m;
}

/* Delivered or dropped. Only the thread calls it, so that it can walk the list. */
static void done_with(struct kafka_sink *s, struct message *m)
{
	pthread_mutex_lock(&s->lock);
	if (m->sent_before)
		m->sent_before->sent_next = m->sent_next;
	else
		s->sent = m->sent_next;
	if (m->sent_next)
		m->sent_next->sent_before = m->sent_before;
	else
		s->sent_last = m->sent_before;
	s->sent_bytes -= m->len;
	pthread_mutex_unlock(&s->lock);
	if (s->spool)
		spool_done(s->spool, m);
	message_give_back(&s->sink.pool, m);
}

static void retry_later(struct kafka_sink *s, struct message *m, rd_kafka_resp_err_t err)
{
	m->error = err;
	pthread_mutex_lock(&s->lock);
	message_queue_put(&s->retry, m);
	pthread_mutex_unlock(&s->lock);
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
		if (m->spool.offset) /* the spool keeps it for the next run */
			return;
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
	retry_later(s, m, RD_KAFKA_RESP_ERR_NO_ERROR);
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
	__atomic_store_n(&s->delivered_ms, now_ms(), __ATOMIC_RELAXED);
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

	message_queue_init(&waiting);
	pthread_mutex_lock(&s->lock);
	while ((m = message_queue_take(&s->retry)))
		message_queue_put(&waiting, m);
	pthread_mutex_unlock(&s->lock);
	while ((m = message_queue_take(&waiting))) {
		rd_kafka_resp_err_t err = m->error ? m->error : produce(s, m);

		m->error = 0;
		if (err)
			failed(s, m, err);
	}
}

static struct message *take_to_spool(struct kafka_sink *s)
{
	struct message *m = s->stuck;

	s->stuck = NULL;
	if (m)
		return m;
	pthread_mutex_lock(&s->lock);
	m = message_queue_take(&s->to_spool);
	pthread_mutex_unlock(&s->lock);
	return m;
}

static bool is_spooling(struct kafka_sink *s)
{
	bool spooling;

	pthread_mutex_lock(&s->lock);
	spooling = s->spooling;
	pthread_mutex_unlock(&s->lock);
	return spooling;
}

static uint64_t bytes_sent(struct kafka_sink *s)
{
	uint64_t bytes;

	pthread_mutex_lock(&s->lock);
	bytes = s->sent_bytes;
	pthread_mutex_unlock(&s->lock);
	return bytes;
}

static void note_unread(struct kafka_sink *s)
{
	__atomic_store_n(&s->sink.spooled_flows, spool_unread(s->spool).n[0], __ATOMIC_RELAXED);
}

/* Writes what the workers handed over. A message that cannot be written waits, and the others
 * behind it: when the queue is full, workers drop and count. */
static int write_to_spool(struct kafka_sink *s)
{
	struct message *m;

	while ((m = take_to_spool(s))) {
		int err = spool_put(s->spool, m);

		if (err) {
			s->stuck = m;
			if (log_allowed(&s->said_spool, SAY_AGAIN))
				log_error("output %s: cannot write to the spool %s: %s; flows wait "
					  "in memory while there is room",
					  s->sink.name, s->sink.options->spool_path,
					  strerror(-err));
			return err;
		}
		if (!m->counters)
			sink_count(&s->sink, ACCOUNT_SPOOLED_FLOWS, m->rows);
		note_unread(s);
		message_give_back(&s->sink.pool, m);
	}
	return 0;
}

/* Hands the message to librdkafka as the newest of those on their way. */
static void send_next(struct kafka_sink *s, struct message *m)
{
	rd_kafka_resp_err_t err;

	pthread_mutex_lock(&s->lock);
	add_sent(s, m);
	pthread_mutex_unlock(&s->lock);
	err = produce(s, m);
	if (err)
		failed(s, m, err);
}

/* From the spool to librdkafka, as much as may be on its way there at a time. When the disk takes
 * nothing and the spool is read, what waits for it is sent past it. */
static void send_from_spool(struct kafka_sink *s, bool disk_failed)
{
	const uint64_t window = s->sink.options->queue_bytes / 4;
	struct message *m;

	while (bytes_sent(s) < window && (m = message_take_reserved(&s->sink.pool))) {
		if (spool_next(s->spool, m, s->sink.pool.capacity)) {
			message_sent(&s->sink.pool, m);
			note_unread(s);
			send_next(s, m);
			continue;
		}
		note_unread(s);
		message_discard(&s->sink.pool, m);
		m = disk_failed ? take_to_spool(s) : NULL;
		if (!m)
			return;
		m->spool.segment = spool_reserve(s->spool);
		send_next(s, m);
	}
}

/* Copies to disk what librdkafka has had in memory for long. */
static void copy_sent(struct kafka_sink *s, uint64_t handed_over_before)
{
	for (struct message *m = oldest_sent(s); m && m->sent_ms < handed_over_before;
	     m = __atomic_load_n(&m->sent_next, __ATOMIC_ACQUIRE)) {
		int err;

		if (m->spool.offset)
			continue;
		err = spool_put_sent(s->spool, m);
		if (err) {
			if (log_allowed(&s->said_spool, SAY_AGAIN))
				log_error("output %s: cannot write to the spool %s: %s; what waits "
					  "for the broker is in memory only",
					  s->sink.name, s->sink.options->spool_path,
					  strerror(-err));
			return;
		}
		if (!m->counters)
			sink_count(&s->sink, ACCOUNT_SPOOLED_FLOWS, m->rows);
	}
}

static void begin_spooling(struct kafka_sink *s)
{
	pthread_mutex_lock(&s->lock);
	s->spooling = true;
	pthread_mutex_unlock(&s->lock);
	if (log_allowed(&s->said_spool, SAY_AGAIN))
		log_warning("output %s: the broker does not take flows: they go to the spool %s",
			    s->sink.name, s->sink.options->spool_path);
}

/* When all was read and nothing new came, workers send again themselves. */
static void end_spooling(struct kafka_sink *s)
{
	struct spool_rows unread = spool_unread(s->spool);

	if (unread.n[0] || unread.n[1] || s->stuck)
		return;
	pthread_mutex_lock(&s->lock);
	if (!s->to_spool.head) {
		s->spooling = false;
		s->segment = spool_reserve(s->spool);
	}
	pthread_mutex_unlock(&s->lock);
}

static void work_on_spool(struct kafka_sink *s, uint64_t now, bool tick)
{
	struct message *oldest = oldest_sent(s);
	uint64_t waited = oldest && now > oldest->sent_ms ? now - oldest->sent_ms : 0;
	bool was_spooling = is_spooling(s);
	int err = 0;

	if (!was_spooling && waited >= SPOOL_AFTER_MS)
		begin_spooling(s);
	if (was_spooling) {
		if (!s->stuck || tick)
			err = write_to_spool(s);
		send_from_spool(s, err != 0 || s->stuck);
		if (waited < SPOOL_AFTER_MS)
			end_spooling(s);
	}
	if (waited >= COPY_AFTER_MS)
		copy_sent(s, now - COPY_AFTER_MS);
	if (tick) {
		spool_tick(s->spool, oldest_sent(s));
		note_unread(s);
	}
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

		wait_for_events(s, s->spool && is_spooling(s) ? SPOOL_POLL_MS : POLL_MS);
		rd_kafka_poll(s->rk, 0);
		now = now_ms();
		if (now - tried >= RETRY_MS) {
			tried = now;
			try_again(s);
		}
		if (now - asked >= (s->partitions ? METADATA_MS : RETRY_MS)) {
			asked = now;
			ask_partitions(s);
		}
		if (s->spool) {
			work_on_spool(s, now, now - ticked >= SPOOL_TICK_MS);
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
	add_sent(s, m);
	pthread_mutex_unlock(&s->lock);
	err = produce(s, m);
	if (err)
		retry_later(s, m, err);
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
	return pending && now_ms() < since + STOP_WITHOUT_DELIVERY_MS;
}

/* The thread has ended: puts on disk what was not delivered. */
static void keep_in_spool(struct kafka_sink *s)
{
	struct message *m;

	write_to_spool(s);
	while ((m = take_to_spool(s))) { /* the disk failed */
		sink_count_dropped(&s->sink, m, ACCOUNT_DROPPED_ERROR);
		message_give_back(&s->sink.pool, m);
	}
	copy_sent(s, UINT64_MAX);
}

static uint64_t kafka_stop(struct sink *sink, unsigned seconds)
{
	struct kafka_sink *s = of(sink);
	uint64_t before = account_get(&sink->account, ACCOUNT_DROPPED_ERROR);
	static const struct timespec moment = {.tv_nsec = 10000000};
	uint64_t start = now_ms();
	struct message *m;

	if (!s->started)
		return 0;
	s->started = false;
	/* The thread goes on polling, trying again and emptying the spool meanwhile. */
	while (is_pending(s, start) && now_ms() < start + 1000ull * seconds)
		nanosleep(&moment, NULL);
	__atomic_store_n(&s->stopping, true, __ATOMIC_RELAXED);
	pthread_join(s->thread, NULL);
	if (s->spool)
		keep_in_spool(s);
	if (s->sent) {
		rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_flush(s->rk, 1000); /* calls the reports */
		while ((m = message_queue_take(&s->retry)))
			failed(s, m, RD_KAFKA_RESP_ERR__PURGE_QUEUE);
	}
	if (s->spool) {
		note_unread(s);
		spool_close(s->spool, s->sent);
		s->spool = NULL;
	}
	while ((m = s->sent)) { /* on disk, for the next run */
		if (!m->counters)
			sink->spooled_flows += m->rows;
		done_with(s, m);
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
	if (s->events >= 0)
		close(s->events);
	if (s->spool)
		spool_close(s->spool, NULL);
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
	rd_kafka_conf_set_dr_msg_cb(conf, delivery_report);
	rd_kafka_conf_set_error_cb(conf, on_error);
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
	s->flows = topic_new(s, o->topic);
	if (o->counter_topic)
		s->counters = topic_new(s, o->counter_topic);
	if (s->flows && (!o->counter_topic || s->counters))
		return true;
	log_error("output %s: topic: %s", s->sink.name, rd_kafka_err2str(rd_kafka_last_error()));
	return false;
}

/* Flows that the spool had to give up. */
static void on_spool_dropped(void *arg, const struct spool_rows *rows, bool damaged)
{
	struct kafka_sink *s = arg;

	sink_count(&s->sink, damaged ? ACCOUNT_DROPPED_ERROR : ACCOUNT_DROPPED_SPOOL_FULL,
		   rows->n[0]);
	sink_count(&s->sink, ACCOUNT_DROPPED_COUNTERS, rows->n[1]);
}

static bool open_spool(struct kafka_sink *s)
{
	const struct output_options *o = s->sink.options;
	const struct spool_options options = {
		.path = o->spool_path,
		.name = s->sink.name,
		.max_bytes = o->spool_bytes,
		.max_seconds = o->spool_seconds,
		.sync = o->spool_sync,
		.dropped = on_spool_dropped,
		.arg = s,
	};
	struct spool_rows unread;

	if (!o->spool_path)
		return true;
	s->spool = spool_open(&options);
	if (!s->spool)
		return false;
	unread = spool_unread(s->spool);
	sink_count(&s->sink, ACCOUNT_RECOVERED_FLOWS, unread.n[0]);
	note_unread(s);
	s->spooling = unread.n[0] || unread.n[1];
	s->segment = s->spooling ? 0 : spool_reserve(s->spool);
	if (s->spooling)
		log_info("output %s: the spool %s has %" PRIu64
			 " flows of an earlier run: they go first",
			 s->sink.name, o->spool_path, unread.n[0]);
	return true;
}

static int kafka_start(struct sink *sink)
{
	struct kafka_sink *s = of(sink);
	sigset_t all, before;
	int err;

	sigfillset(&all); /* the process's signals are not for this thread */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&s->thread, NULL, kafka_thread, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->started = !err;
	return -err;
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
	s->sink.lanes = o->key_exporter ? LANES_UNKNOWN : 1;
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
	if (opened && open_spool(s))
		return &s->sink;
	kafka_free(&s->sink);
	return NULL;
}
