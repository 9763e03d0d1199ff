/* Templates, sampling rates and names shared through a Kafka topic.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>

#include "../buffer.h"
#include "../clock.h"
#include "../decode/names.h"
#include "../decode/state.h"
#include "../decode/template.h"
#include "../log.h"
#include "../publish/kafka_conf.h"
#include "topic.h"

enum {
	POLL_MS = 100,
	CONNECT_MS = 1000,
	CREATE_MS = 5000,
	CLOSE_MS = 2000,
	SAY_AGAIN = 60,
	/* Entries are told again after a quarter of the time for which templates are kept, while
	 * the exporter refreshes them: a topic that is not compacted but short will do, too. */
	REFRESH_PART = 4,
	REFRESH_DEFAULT = 2700, /* s */
	WALK_SECONDS = 60,	/* at least; sooner when something was learnt */
	KNOWN_MAX = 1 << 20,
	NAME_GROUPS = 16,
	KEY_MAX = 160,
	PARTITIONS_MAX = 1024,
};

/* A message's value is this and then entries of the state file, the stream's first. */
static const uint8_t MAGIC[3] = {'W', 'S', 1};

struct topic {
	char *name, *collector_id;
	struct exporter_store *store;
	rd_kafka_t *producer, *consumer;
	rd_kafka_topic_t *topic; /* the producer's; NULL: not connected yet */
	pthread_t thread;
	bool started, stopping, read; /* atomics; read: up to the end once */
	int partitions, at_end;
	struct account account;
	/* What the topic has: hash of a key → checksum of the value without times << 32 | when it
	 * was last true, s since 1970. */
	struct idtable known;
	uint64_t changes, walked_ms; /* of the store, when it was compared last */
	bool again;		     /* an exporter was left out that may be told of soon */
	struct buffer value, bare;
	uint64_t said;
};

static uint64_t hash_of(const void *key, size_t len)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ ((const uint8_t *)key)[i]) * 1099511628211u;
	return hash;
}

static uint32_t checksum(const void *p, size_t len)
{
	return (uint32_t)crc32(0, p, (uInt)len);
}

static void note_known(struct topic *t, uint64_t hash, uint32_t sum, uint64_t seen_s)
{
	void *old;

	if (idtable_count(&t->known) >= KNOWN_MAX) { /* all is told again */
		idtable_free(&t->known);
		t->known = (struct idtable){0};
	}
	idtable_put(&t->known, hash,
		    (void *)(uintptr_t)((uint64_t)sum << 32 | (uint32_t)seen_s | 1), &old);
}

/* Telling. */

struct entry {
	struct topic *topic;
	struct domain *domain;
	const struct template *template; /* or NULL */
	int group;			 /* of names; -1: sampling rates */
};

static void put_entry(struct buffer *b, const struct entry *e, uint64_t seen_s)
{
	buffer_clear(b);
	buffer_bytes(b, MAGIC, sizeof(MAGIC));
	state_put_domain(b, e->domain, seen_s * 1000000000u);
	if (e->template)
		state_put_template(b, e->template, seen_s);
	else if (e->group < 0)
		state_put_samplers(b, e->domain);
	else
		state_put_names(b, e->domain, (unsigned)e->group, NAME_GROUPS);
}

static size_t put_key(char key[KEY_MAX], const struct entry *e)
{
	static const char *const versions[] = {"-", "sflow", "netflow5", "netflow9", "ipfix"};
	struct buffer address = {0};
	char what[32];
	int n;

	if (e->template)
		snprintf(what, sizeof(what), "template/%u", e->template->id);
	else if (e->group < 0)
		snprintf(what, sizeof(what), "samplers");
	else
		snprintf(what, sizeof(what), "names/%d", e->group);
	buffer_ip(&address, &e->domain->exporter->address);
	n = snprintf(key, KEY_MAX, "%.*s/%s/%" PRIu32 "/%s", (int)address.len,
		     address.p ? address.p : "", versions[e->domain->version], e->domain->id, what);
	buffer_free(&address);
	return (size_t)n;
}

static void tell(const struct entry *e, uint64_t seen_s)
{
	struct topic *t = e->topic;
	uint32_t timeout = t->store->options.template_timeout;
	uint32_t refresh = timeout ? timeout / REFRESH_PART : REFRESH_DEFAULT, sum;
	char key[KEY_MAX];
	size_t len = put_key(key, e);
	uint64_t hash = hash_of(key, len), known;

	put_entry(&t->bare, e, 0);
	if (t->bare.failed)
		return;
	sum = checksum(t->bare.p, t->bare.len);
	known = (uint64_t)(uintptr_t)idtable_get(&t->known, hash);
	if (known && known >> 32 == sum && seen_s < (uint32_t)known + (uint64_t)refresh)
		return;
	put_entry(&t->value, e, seen_s);
	if (t->value.failed ||
	    rd_kafka_produce(t->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, t->value.p,
			     t->value.len, key, len, (void *)(uintptr_t)hash)) {
		t->again = true; /* its queue is full */
		return;
	}
	note_known(t, hash, sum, seen_s);
	account_add(&t->account, ACCOUNT_SHARED_TOLD, 1);
}

static bool tell_template(uint64_t key, void *value, void *arg)
{
	struct entry e = *(struct entry *)arg;

	(void)key;
	e.template = value;
	tell(&e, __atomic_load_n(&e.template->last_seen, __ATOMIC_RELAXED));
	return true;
}

/* Those who only ever sent templates, as spoofed sources do, are not told of. */
static bool has_sent(const struct exporter *e)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < e->store->workers; i++)
		n += __atomic_load_n(&e->counts[i].records, __ATOMIC_RELAXED);
	return n > 0;
}

static bool tell_domain(struct domain *d, void *arg)
{
	struct topic *t = arg;
	struct entry e = {.topic = t, .domain = d, .group = -1};
	uint64_t seen_s = exporter_last_seen(d->exporter) / 1000000000u;

	if (!has_sent(d->exporter)) {
		t->again = true;
		return true;
	}
	idtable_each(&d->templates, tell_template, &e);
	if (idtable_count(&d->samplers))
		tell(&e, seen_s);
	for (e.group = 0; idtable_count(&d->names) && e.group < NAME_GROUPS; e.group++)
		if (state_has_names(d, (unsigned)e.group, NAME_GROUPS))
			tell(&e, seen_s);
	return true;
}

static void tell_news(struct topic *t)
{
	uint64_t changes = __atomic_load_n(&t->store->changes, __ATOMIC_RELAXED);
	uint64_t now = clock_monotonic_ms();
	uint64_t pause = t->again ? 1000 : WALK_SECONDS * 1000;

	if (changes == t->changes && now - t->walked_ms < pause)
		return;
	t->changes = changes;
	t->walked_ms = now;
	t->again = false;
	rcu_thread_online();
	domain_each(t->store, tell_domain, t);
	rcu_thread_offline();
}

static void delivery_report(rd_kafka_t *rk, const rd_kafka_message_t *report, void *opaque)
{
	struct topic *t = opaque;

	(void)rk;
	if (!report->err)
		return;
	note_known(t, (uint64_t)(uintptr_t)report->_private, 0, 0); /* is told again */
	t->again = true;
	if (log_allowed(&t->said, SAY_AGAIN))
		log_warning("templates.topic %s: not told (%s); grant WRITE to the agent's "
			    "principal, or mend the topic: it is tried again",
			    t->name, rd_kafka_err2str(report->err));
}

/* Listening. */

/* What note_known() keeps of a message: its entries' checksum with the times left out. */
static void know_message(struct topic *t, const rd_kafka_message_t *m, uint64_t hash)
{
	uint64_t seen_s;

	buffer_clear(&t->bare);
	buffer_bytes(&t->bare, m->payload, m->len);
	if (t->bare.failed)
		return;
	seen_s = state_clear_times((uint8_t *)t->bare.p + sizeof(MAGIC),
				   t->bare.len - sizeof(MAGIC));
	note_known(t, hash, checksum(t->bare.p, t->bare.len), seen_s);
}

static void take(struct topic *t, const rd_kafka_message_t *m)
{
	const uint8_t *p = m->payload;
	uint64_t hash = hash_of(m->key, m->key_len);
	uint64_t before = (uint64_t)(uintptr_t)idtable_get(&t->known, hash);
	int n;

	if (!m->len)
		return; /* removed from the topic; here it expires */
	if (m->len < sizeof(MAGIC) || memcmp(p, MAGIC, sizeof(MAGIC))) {
		account_add(&t->account, ACCOUNT_SHARED_REFUSED, 1);
		return;
	}
	know_message(t, m, hash);
	if (before && before == (uint64_t)(uintptr_t)idtable_get(&t->known, hash))
		return; /* our own, come back */
	rcu_thread_online();
	n = state_entries(t->store, p + sizeof(MAGIC), m->len - sizeof(MAGIC), &t->account);
	rcu_thread_offline();
	account_add(&t->account, n < 0 ? ACCOUNT_SHARED_REFUSED : ACCOUNT_SHARED_TAKEN, 1);
	if (n < 0 && log_allowed(&t->said, SAY_AGAIN))
		log_warning("templates.topic %s: something else than weir's entries is in it; "
			    "give it a topic of its own",
			    t->name);
}

static void create(struct topic *t)
{
	rd_kafka_NewTopic_t *wanted;
	rd_kafka_AdminOptions_t *options;
	rd_kafka_queue_t *queue = rd_kafka_queue_new(t->producer);
	rd_kafka_event_t *event;
	char why[256];

	wanted = rd_kafka_NewTopic_new(t->name, 1, -1, why, sizeof(why));
	options = rd_kafka_AdminOptions_new(t->producer, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_NewTopic_set_config(wanted, "cleanup.policy", "compact");
	rd_kafka_AdminOptions_set_request_timeout(options, CREATE_MS, why, sizeof(why));
	rd_kafka_CreateTopics(t->producer, &wanted, 1, options, queue);
	event = rd_kafka_queue_poll(queue, CREATE_MS);
	if (event && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		size_t n;
		const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
			rd_kafka_event_CreateTopics_result(event), &n);
		rd_kafka_resp_err_t err = n ? rd_kafka_topic_result_error(results[0]) : 0;

		if (err && err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS &&
		    log_allowed(&t->said, SAY_AGAIN))
			log_warning(
				"templates.topic %s is missing and cannot be made (%s); make it "
				"with cleanup.policy=compact",
				t->name, rd_kafka_err2str(err));
		else if (!err)
			log_info("templates.topic %s was made", t->name);
	}
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_NewTopic_destroy(wanted);
	rd_kafka_queue_destroy(queue);
}

/* Begins to read all partitions from their beginnings. */
static void connect_topic(struct topic *t)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_topic_t *topic = rd_kafka_topic_new(t->consumer, t->name, NULL);
	rd_kafka_resp_err_t err = rd_kafka_metadata(t->consumer, 0, topic, &md, CONNECT_MS);
	int n = 0;

	rd_kafka_topic_destroy(topic);
	if (!err) {
		err = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
		n = err ? 0 : md->topics[0].partition_cnt;
		rd_kafka_metadata_destroy(md);
	}
	if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
	    err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
		create(t);
	else if (err && log_allowed(&t->said, SAY_AGAIN))
		log_warning("templates.topic %s cannot be read yet: %s", t->name,
			    rd_kafka_err2str(err));
	if (n <= 0 || n > PARTITIONS_MAX)
		return;
	list = rd_kafka_topic_partition_list_new(n);
	for (int i = 0; i < n; i++)
		rd_kafka_topic_partition_list_add(list, t->name, i)->offset =
			RD_KAFKA_OFFSET_BEGINNING;
	/* Not before: a producer that knows of a topic makes brokers create it in their own way. */
	t->topic = rd_kafka_topic_new(t->producer, t->name, NULL);
	if (t->topic && !rd_kafka_assign(t->consumer, list))
		t->partitions = n;
	rd_kafka_topic_partition_list_destroy(list);
}

static void listen_once(struct topic *t)
{
	rd_kafka_message_t *m = rd_kafka_consumer_poll(t->consumer, POLL_MS);

	for (; m; m = rd_kafka_consumer_poll(t->consumer, 0)) {
		if (!m->err)
			take(t, m);
		else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && t->at_end < t->partitions)
			t->at_end++;
		rd_kafka_message_destroy(m);
		if (__atomic_load_n(&t->stopping, __ATOMIC_RELAXED))
			break;
	}
	if (t->at_end >= t->partitions)
		__atomic_store_n(&t->read, true, __ATOMIC_RELEASE);
}

static void *run(void *arg)
{
	struct topic *t = arg;
	uint64_t tried = 0;

	rcu_register_thread();
	rcu_thread_offline();
	while (!__atomic_load_n(&t->stopping, __ATOMIC_RELAXED)) {
		uint64_t now = clock_monotonic_ms();

		if (t->partitions) {
			listen_once(t);
		} else if (now - tried >= CONNECT_MS) {
			tried = now;
			connect_topic(t);
		} else {
			rd_kafka_poll(t->producer, POLL_MS);
		}
		rd_kafka_poll(t->producer, 0);
		/* What the topic has is not told to it again. */
		if (__atomic_load_n(&t->read, __ATOMIC_RELAXED))
			tell_news(t);
	}
	if (__atomic_load_n(&t->read, __ATOMIC_RELAXED)) {
		t->changes--;
		tell_news(t);
	}
	rcu_unregister_thread();
	return NULL;
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	const struct topic *t = opaque;

	(void)rk;
	log_debug("templates.topic %s: %s: %s", t->name, rd_kafka_err2name(err), reason);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	log_debug("librdkafka: %s: %s", facility, text);
}

static rd_kafka_t *client_new(struct topic *t, const struct output_options *o, rd_kafka_type_t type)
{
	char label[320], why[512];
	rd_kafka_conf_t *conf;
	rd_kafka_t *rk;

	snprintf(label, sizeof(label), "templates.topic %.256s", t->name);
	conf = kafka_conf_new(o, label);
	if (!conf)
		return NULL;
	rd_kafka_conf_set_opaque(conf, t);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_log_cb(conf, on_log);
	if (type == RD_KAFKA_PRODUCER) {
		rd_kafka_conf_set_dr_msg_cb(conf, delivery_report);
	} else {
		/* No group is joined: every agent reads everything. */
		rd_kafka_conf_set(conf, "group.id", t->collector_id, NULL, 0);
		rd_kafka_conf_set(conf, "enable.auto.commit", "false", NULL, 0);
		rd_kafka_conf_set(conf, "enable.partition.eof", "true", NULL, 0);
	}
	rk = rd_kafka_new(type, conf, why, sizeof(why));
	if (!rk) {
		log_error("%s: %s", label, why);
		rd_kafka_conf_destroy(conf);
	}
	return rk;
}

static void wait_until_read(struct topic *t, unsigned seconds)
{
	static const struct timespec moment = {.tv_nsec = 10000000};
	uint64_t until = clock_monotonic_ms() + 1000ull * seconds;

	while (!__atomic_load_n(&t->read, __ATOMIC_ACQUIRE) && clock_monotonic_ms() < until)
		nanosleep(&moment, NULL);
	if (__atomic_load_n(&t->read, __ATOMIC_ACQUIRE))
		log_info("templates.topic %s: %" PRIu64 " entries of other agents are known",
			 t->name, account_get(&t->account, ACCOUNT_SHARED_TAKEN));
	else
		log_warning("templates.topic %s was not read in %u s; receiving begins without it",
			    t->name, seconds);
}

struct topic *topic_open(const struct output_options *o, const char *name, const char *collector_id,
			 struct exporter_store *store, unsigned seconds)
{
	struct topic *t = aligned_alloc(_Alignof(struct topic), sizeof(*t));
	sigset_t all, before;

	if (!t) {
		log_error("templates.topic: out of memory");
		return NULL;
	}
	memset(t, 0, sizeof(*t));
	t->store = store;
	t->name = strdup(name);
	t->collector_id = strdup(collector_id);
	sigfillset(&all); /* the process's signals are for none of these threads */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (t->name && t->collector_id) {
		t->producer = client_new(t, o, RD_KAFKA_PRODUCER);
		t->consumer = t->producer ? client_new(t, o, RD_KAFKA_CONSUMER) : NULL;
	}
	if (t->consumer) {
		rd_kafka_poll_set_consumer(t->consumer);
		t->started = !pthread_create(&t->thread, NULL, run, t);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!t->started) {
		topic_close(t);
		return NULL;
	}
	wait_until_read(t, seconds);
	return t;
}

void topic_close(struct topic *t)
{
	if (!t)
		return;
	__atomic_store_n(&t->stopping, true, __ATOMIC_RELAXED);
	if (t->started) {
		pthread_join(t->thread, NULL);
		rd_kafka_flush(t->producer, CLOSE_MS);
		rd_kafka_purge(t->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_consumer_close(t->consumer);
	}
	if (t->topic)
		rd_kafka_topic_destroy(t->topic);
	if (t->consumer)
		rd_kafka_destroy(t->consumer);
	if (t->producer)
		rd_kafka_destroy(t->producer);
	idtable_free(&t->known);
	buffer_free(&t->value);
	buffer_free(&t->bare);
	free(t->name);
	free(t->collector_id);
	free(t);
}

const struct account *topic_account(const struct topic *t)
{
	return &t->account;
}
