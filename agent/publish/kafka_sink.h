/* The Kafka sink's inside: what its three files share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * kafka.c opens, runs and stops it; kafka_delivery.c sends and hears what became of it;
 * kafka_spool.c has what the broker does not take now. */
#ifndef WEIR_KAFKA_SINK_H
#define WEIR_KAFKA_SINK_H

#include <librdkafka/rdkafka.h>

#include "sink.h"
#include "spool.h"

enum {
	KAFKA_SAY_AGAIN = 60, /* s */
	/* Until the topic's partitions are known: a multiple of most numbers of partitions, so that
	 * what shares a lane will share its partition. */
	KAFKA_LANES = 24,
};

/* One thread polls librdkafka, which calls kafka_delivery_report() from there, and works on the
 * spool. Workers hand over by kafka_submit(). A message that was taken over is in `to_spool`, or in
 * `sent` until its delivery is reported; if it is to be tried again, in `retry`, too. */
struct kafka_sink {
	struct sink sink;
	rd_kafka_t *rk;
	rd_kafka_topic_t *flows, *counters;
	int32_t partitions; /* of the flow topic; 0: not known yet */
	/* Where the topic's name has {group} in it: topics by group, instead of `flows`. Added
	 * under the lock, and there for good then; the first is of those without a group. */
	unsigned n_topics;
	struct kafka_topic {
		char group[MESSAGE_GROUP_MAX + 1];
		rd_kafka_topic_t *topic;
	} topics[SINK_GROUPS_MAX];
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
	uint64_t said_unreachable, said_refused, said_security, said_other, said_spool, said_topic;
};

/* kafka_topics.c */

/* True when the topic's name depends on the group of the exporter. */
bool kafka_topic_is_grouped(const char *name);

/* A handle on a topic, whose partitioner keeps an exporter in one partition where keys are asked
 * for. */
rd_kafka_topic_t *kafka_topic_new(struct kafka_sink *s, const char *name);

/* The topic of the message. Any thread may ask. */
rd_kafka_topic_t *kafka_topic_of(struct kafka_sink *s, const struct message *m);

/* Asks a broker how many partitions the topic has, so that as many messages are filled side by
 * side. Waits for a second at most where nobody answers. Not for topics by group. */
void kafka_ask_partitions(struct kafka_sink *s);

/* Whether that is known, where it is asked for. */
bool kafka_knows_partitions(const struct kafka_sink *s);

/* Makes the topic of those without a group. False: its name is not one. */
bool kafka_topics_begin(struct kafka_sink *s);
void kafka_topics_free(struct kafka_sink *s);

/* kafka_delivery.c */

/* Hands the message to librdkafka; its delivery is reported later unless this returns an error. */
rd_kafka_resp_err_t kafka_produce(struct kafka_sink *s, struct message *m);

/* Notes the message as the newest of those on their way, before it is handed over. The caller
 * holds the lock. */
void kafka_add_sent(struct kafka_sink *s, struct message *m);

/* The oldest of those on their way. Only the thread may walk on from it. */
struct message *kafka_oldest_sent(struct kafka_sink *s);

/* Delivered or dropped: gives the message and its place in the spool back. Only for the thread,
 * so that it can walk the list. */
void kafka_done_with(struct kafka_sink *s, struct message *m);

/* To be handed to librdkafka again by kafka_try_again(), or, where err is set, to fail there. */
void kafka_retry_later(struct kafka_sink *s, struct message *m, rd_kafka_resp_err_t err);
void kafka_try_again(struct kafka_sink *s);

/* A message that the broker will never take is dropped; all others are tried again. */
void kafka_failed(struct kafka_sink *s, struct message *m, rd_kafka_resp_err_t err);

/* librdkafka's callbacks. */
void kafka_delivery_report(rd_kafka_t *rk, const rd_kafka_message_t *report, void *opaque);
void kafka_on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque);

/* kafka_spool.c; all but kafka_spool_is_active() only where s->spool is set */

/* Opens the spool where one is configured; what an earlier run left there goes first. False when
 * it cannot be used, with one message logged. */
bool kafka_spool_open(struct kafka_sink *s);

/* True when what comes goes to the spool. */
bool kafka_spool_is_active(struct kafka_sink *s);

/* One round of the thread: begins and ends spooling, writes, reads and sends. `tick`: about a
 * second has passed. */
void kafka_spool_work(struct kafka_sink *s, uint64_t now, bool tick);

/* The thread has ended: puts on disk what was not delivered. */
void kafka_spool_keep(struct kafka_sink *s);

/* Tells the audit what is on disk and nowhere else. */
void kafka_spool_note_unread(struct kafka_sink *s);

#endif
