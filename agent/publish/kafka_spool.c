/* The Kafka sink and its spool: what the broker does not take now goes to disk and comes back.
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "../log.h"
#include "kafka_sink.h"

enum {
	/* A message that waits this long for the broker: those after it go to the spool … */
	SPOOL_AFTER_MS = 2000,
	/* … and those before it, which librdkafka has in memory, are copied there. */
	COPY_AFTER_MS = 5000,
};

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

bool kafka_spool_is_active(struct kafka_sink *s)
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

void kafka_spool_note_unread(struct kafka_sink *s)
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
			if (log_allowed(&s->said_spool, KAFKA_SAY_AGAIN))
				log_error("output %s: cannot write to the spool %s: %s; flows wait "
					  "in memory while there is room",
					  s->sink.name, s->sink.options->spool_path,
					  strerror(-err));
			return err;
		}
		if (!m->counters)
			sink_count(&s->sink, ACCOUNT_SPOOLED_FLOWS, m->rows);
		kafka_spool_note_unread(s);
		message_give_back(&s->sink.pool, m);
	}
	return 0;
}

/* Hands the message to librdkafka as the newest of those on their way. */
static void send_next(struct kafka_sink *s, struct message *m)
{
	rd_kafka_resp_err_t err;

	pthread_mutex_lock(&s->lock);
	kafka_add_sent(s, m);
	pthread_mutex_unlock(&s->lock);
	err = kafka_produce(s, m);
	if (err)
		kafka_failed(s, m, err);
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
			kafka_spool_note_unread(s);
			send_next(s, m);
			continue;
		}
		kafka_spool_note_unread(s);
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
	for (struct message *m = kafka_oldest_sent(s); m && m->sent_ms < handed_over_before;
	     m = __atomic_load_n(&m->sent_next, __ATOMIC_ACQUIRE)) {
		int err;

		if (m->spool.offset)
			continue;
		err = spool_put_sent(s->spool, m);
		if (err) {
			if (log_allowed(&s->said_spool, KAFKA_SAY_AGAIN))
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
	if (log_allowed(&s->said_spool, KAFKA_SAY_AGAIN))
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

void kafka_spool_work(struct kafka_sink *s, uint64_t now, bool tick)
{
	struct message *oldest = kafka_oldest_sent(s);
	uint64_t waited = oldest && now > oldest->sent_ms ? now - oldest->sent_ms : 0;
	bool was_spooling = kafka_spool_is_active(s);
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
		spool_tick(s->spool, kafka_oldest_sent(s));
		kafka_spool_note_unread(s);
	}
}

void kafka_spool_keep(struct kafka_sink *s)
{
	struct message *m;

	write_to_spool(s);
	while ((m = take_to_spool(s))) { /* the disk failed */
		sink_count_dropped(&s->sink, m, ACCOUNT_DROPPED_ERROR);
		message_give_back(&s->sink.pool, m);
	}
	copy_sent(s, UINT64_MAX);
}

/* Flows that the spool had to give up. */
static void on_spool_dropped(void *arg, const struct spool_rows *rows, bool damaged)
{
	struct kafka_sink *s = arg;

	sink_count(&s->sink, damaged ? ACCOUNT_DROPPED_ERROR : ACCOUNT_DROPPED_SPOOL_FULL,
		   rows->n[0]);
	sink_count(&s->sink, ACCOUNT_DROPPED_COUNTERS, rows->n[1]);
}

bool kafka_spool_open(struct kafka_sink *s)
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
	kafka_spool_note_unread(s);
	s->spooling = unread.n[0] || unread.n[1];
	s->segment = s->spooling ? 0 : spool_reserve(s->spool);
	if (s->spooling)
		log_info("output %s: the spool %s has %" PRIu64
			 " flows of an earlier run: they go first",
			 s->sink.name, o->spool_path, unread.n[0]);
	return true;
}
