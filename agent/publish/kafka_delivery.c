/* Messages to librdkafka, and what it says became of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "../clock.h"
#include "../log.h"
#include "kafka_sink.h"

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

rd_kafka_resp_err_t kafka_produce(struct kafka_sink *s, struct message *m)
{
	bool keyed = s->sink.options->key_exporter;
	rd_kafka_headers_t *h = headers_of(s, m);
	rd_kafka_topic_t *topic = kafka_topic_of(s, m);
	rd_kafka_resp_err_t err;

	err = rd_kafka_producev(
		s->rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(0),
		RD_KAFKA_V_VALUE(m->bytes, m->len),
		RD_KAFKA_V_KEY(keyed ? m->exporter.b : NULL, keyed ? sizeof(m->exporter.b) : 0),
		RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_OPAQUE(m), RD_KAFKA_V_END);
	if (err)
		rd_kafka_headers_destroy(h);
	return err;
}

void kafka_add_sent(struct kafka_sink *s, struct message *m)
{
	m->sent_ms = clock_monotonic_ms();
	m->sent_next = NULL;
	m->sent_before = s->sent_last;
	if (s->sent_last) /* the thread may walk the list without the lock */
		__atomic_store_n(&s->sent_last->sent_next, m, __ATOMIC_RELEASE);
	else
		s->sent = m;
	s->sent_last = m;
	s->sent_bytes += m->len;
}

struct message *kafka_oldest_sent(struct kafka_sink *s)
{
	struct message *m;

	pthread_mutex_lock(&s->lock);
	m = s->sent;
	pthread_mutex_unlock(&s->lock);
	return m;
}

void kafka_done_with(struct kafka_sink *s, struct message *m)
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

void kafka_retry_later(struct kafka_sink *s, struct message *m, rd_kafka_resp_err_t err)
{
	m->error = err;
	pthread_mutex_lock(&s->lock);
	message_queue_put(&s->retry, m);
	pthread_mutex_unlock(&s->lock);
}

void kafka_failed(struct kafka_sink *s, struct message *m, rd_kafka_resp_err_t err)
{
	const char *topic = rd_kafka_topic_name(kafka_topic_of(s, m));

	switch (err) {
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
		if (log_allowed(&s->said_refused, KAFKA_SAY_AGAIN))
			log_error(
				"output %s: a message of %u bytes is over the broker's limit and "
				"was dropped with its %u rows; lower the output's message size or "
				"raise max.message.bytes of topic %s",
				s->sink.name, m->len, m->rows, topic);
		sink_count_dropped(&s->sink, m, ACCOUNT_DROPPED_ERROR);
		kafka_done_with(s, m);
		return;
	case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
	case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
		if (m->spool.offset) /* the spool keeps it for the next run */
			return;
		sink_count_dropped(&s->sink, m, ACCOUNT_DROPPED_ERROR);
		kafka_done_with(s, m);
		return;
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		if (log_allowed(&s->said_refused, KAFKA_SAY_AGAIN))
			log_error("output %s: the broker has no topic %s; create it: until then "
				  "flows wait",
				  s->sink.name, topic);
		break;
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		if (log_allowed(&s->said_refused, KAFKA_SAY_AGAIN))
			log_error("output %s: we may not write to topic %s; grant WRITE to the "
				  "agent's principal: until then flows wait",
				  s->sink.name, topic);
		break;
	default:
		if (log_allowed(&s->said_refused, KAFKA_SAY_AGAIN))
			log_warning("output %s: a message was not delivered (%s) and is tried "
				    "again",
				    s->sink.name, rd_kafka_err2str(err));
	}
	kafka_retry_later(s, m, RD_KAFKA_RESP_ERR_NO_ERROR);
}

void kafka_delivery_report(rd_kafka_t *rk, const rd_kafka_message_t *report, void *opaque)
{
	struct kafka_sink *s = opaque;
	struct message *m = report->_private;

	(void)rk;
	if (report->err) {
		kafka_failed(s, m, report->err);
		return;
	}
	if (s->unreachable) {
		s->unreachable = false;
		log_info("output %s: delivering again", s->sink.name);
	}
	__atomic_store_n(&s->delivered_ms, clock_monotonic_ms(), __ATOMIC_RELAXED);
	sink_count_delivered(&s->sink, m);
	kafka_done_with(s, m);
}

void kafka_on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
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
		if (log_allowed(&s->said_unreachable, KAFKA_SAY_AGAIN))
			log_warning("output %s: no broker can be reached (%s); flows wait, check "
				    "address and broker",
				    s->sink.name, reason);
		return;
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
		s->unreachable = true;
		if (log_allowed(&s->said_security, KAFKA_SAY_AGAIN))
			log_error("output %s: the broker refuses our login (%s); check mechanism, "
				  "user and password",
				  s->sink.name, reason);
		return;
	case RD_KAFKA_RESP_ERR__SSL:
		s->unreachable = true;
		if (log_allowed(&s->said_security, KAFKA_SAY_AGAIN))
			log_error("output %s: TLS failed (%s); check CA, certificate and key",
				  s->sink.name, reason);
		return;
	default:
		if (log_allowed(&s->said_other, KAFKA_SAY_AGAIN))
			log_warning("output %s: %s: %s", s->sink.name, rd_kafka_err2name(err),
				    reason);
	}
}

void kafka_try_again(struct kafka_sink *s)
{
	struct message_queue waiting;
	struct message *m;

	message_queue_init(&waiting);
	pthread_mutex_lock(&s->lock);
	while ((m = message_queue_take(&s->retry)))
		message_queue_put(&waiting, m);
	pthread_mutex_unlock(&s->lock);
	while ((m = message_queue_take(&waiting))) {
		rd_kafka_resp_err_t err = m->error ? m->error : kafka_produce(s, m);

		m->error = 0;
		if (err)
			kafka_failed(s, m, err);
	}
}
