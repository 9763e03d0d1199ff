/* The Kafka sink's topics: one, or one for each group of exporters, and their partitions.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "../log.h"
#include "kafka_sink.h"

#define GROUP	 "{group}"
#define NO_GROUP "other"

enum { METADATA_WAIT_MS = 1000, TOPIC_NAME_MAX = 249 };

bool kafka_topic_is_grouped(const char *name)
{
	return strstr(name, GROUP) != NULL;
}

/* For librdkafka: Kafka's default partitioner, whatever is known of the topic when the message is
 * handed over. All flows in a message share its partition, so this follows how messages are filled:
 * by no more lanes than SINK_LANES_MAX, and for topics by group by KAFKA_LANES. */
static int32_t partition_of(const rd_kafka_topic_t *topic, const void *key, size_t len, int32_t n,
			    void *sink, void *message)
{
	const struct kafka_sink *s = sink;
	uint32_t hash = murmur2(key, len) & 0x7fffffff;

	(void)topic;
	(void)message;
	if (s->sink.grouped)
		hash %= KAFKA_LANES;
	else if (n > SINK_LANES_MAX)
		n = SINK_LANES_MAX;
	return (int32_t)(hash % (uint32_t)n);
}

rd_kafka_topic_t *kafka_topic_new(struct kafka_sink *s, const char *name)
{
	/* A new one would have librdkafka's defaults, not what the settings say of topics. */
	rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(s->rk);

	rd_kafka_topic_conf_set_opaque(conf, s);
	rd_kafka_topic_conf_set_partitioner_cb(conf, s->sink.options->key_exporter
							     ? partition_of
							     : rd_kafka_msg_partitioner_random);
	return rd_kafka_topic_new(s->rk, name, conf);
}

static struct kafka_topic *find(struct kafka_sink *s, const char *group)
{
	unsigned n = __atomic_load_n(&s->n_topics, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < n; i++)
		if (!strcmp(s->topics[i].group, group))
			return &s->topics[i];
	return NULL;
}

/* Under the lock, so that two workers do not add the same. */
static struct kafka_topic *add(struct kafka_sink *s, const char *group)
{
	const char *pattern = s->sink.options->topic, *at = strstr(pattern, GROUP);
	struct kafka_topic *t = find(s, group);
	char name[TOPIC_NAME_MAX + 1];
	int n;

	if (t || s->n_topics == SINK_GROUPS_MAX)
		return t;
	n = snprintf(name, sizeof(name), "%.*s%s%s", (int)(at - pattern), pattern,
		     *group ? group : NO_GROUP, at + strlen(GROUP));
	t = &s->topics[s->n_topics];
	t->topic = n < (int)sizeof(name) ? kafka_topic_new(s, name) : NULL;
	if (!t->topic) {
		if (log_allowed(&s->said_topic, KAFKA_SAY_AGAIN))
			log_error("output %s: no topic for group '%s' of exporters: %s",
				  s->sink.name, group,
				  n < (int)sizeof(name) ? rd_kafka_err2str(rd_kafka_last_error())
							: "its name would be too long");
		return NULL;
	}
	snprintf(t->group, sizeof(t->group), "%s", group);
	__atomic_store_n(&s->n_topics, s->n_topics + 1, __ATOMIC_RELEASE);
	return t;
}

bool kafka_topics_begin(struct kafka_sink *s)
{
	return add(s, "") != NULL;
}

/* Where there is none for the group, that of those without one. */
static struct kafka_topic *topic_of_group(struct kafka_sink *s, const char *group)
{
	struct kafka_topic *t = find(s, group);

	if (t)
		return t;
	pthread_mutex_lock(&s->lock);
	t = add(s, group);
	pthread_mutex_unlock(&s->lock);
	return t ? t : s->topics;
}

rd_kafka_topic_t *kafka_topic_of(struct kafka_sink *s, const struct message *m)
{
	if (m->counters)
		return s->counters;
	return s->sink.grouped ? topic_of_group(s, m->group)->topic : s->flows;
}

/* How many partitions the topic has; 0 where it is not there yet or nobody answers. */
static int32_t count_partitions(struct kafka_sink *s, rd_kafka_topic_t *topic)
{
	const struct rd_kafka_metadata *md;
	int32_t n = 0;

	if (rd_kafka_metadata(s->rk, 0, topic, &md, METADATA_WAIT_MS))
		return 0;
	if (md->topic_cnt == 1 && !md->topics[0].err)
		n = md->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(md);
	return n;
}

void kafka_ask_partitions(struct kafka_sink *s)
{
	int32_t n;

	if (s->sink.grouped)
		return;
	n = count_partitions(s, s->flows);
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

bool kafka_knows_partitions(const struct kafka_sink *s)
{
	return s->sink.grouped || s->partitions;
}

void kafka_topics_free(struct kafka_sink *s)
{
	if (s->flows)
		rd_kafka_topic_destroy(s->flows);
	if (s->counters)
		rd_kafka_topic_destroy(s->counters);
	for (unsigned i = 0; i < s->n_topics; i++)
		rd_kafka_topic_destroy(s->topics[i].topic);
}
