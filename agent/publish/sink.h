/* Where messages go: what files and Kafka have in common.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SINK_H
#define WEIR_SINK_H

#include "message.h"
#include "publish.h"

/* Where topics differ by group, that many groups have lanes of their own; further ones go with
 * those that have no group. */
enum { SINK_LANES_MAX = 384, SINK_GROUPS_MAX = 16 };

struct sink {
	const struct sink_operations *op;
	const struct output_options *options; /* as long as the publisher */
	const char *collector_id;
	char name[160];
	uint64_t
		boot; /* ns since 1970 of our start: tells our batches from those of earlier runs */
	struct account account; /* many threads count here: sink_count() */
	struct message_pool pool;
	/* Flows of an exporter go to the lane (its hash modulo this number), and each lane of a
	 * worker is a message being filled. The sink may change it while it runs. */
	unsigned lanes;
	bool grouped; /* lanes are those of each group in turn, SINK_GROUPS_MAX times as many */
	uint64_t spooled_flows; /* on disk and in no message; relaxed */
	bool ended;		/* can never deliver again */
};

struct sink_operations {
	/* Begins to deliver; everything above is set by then. 0 or a negative errno. May be NULL.
	 */
	int (*start)(struct sink *s);
	/* Takes over the message. Never blocks. */
	void (*submit)(struct sink *s, struct message *m);
	void (*reopen)(struct sink *s); /* may be NULL */
	/* Delivers what it has within `seconds`, ends its threads, and returns how many flows were
	 * neither delivered nor kept on disk. No message comes after it. */
	uint64_t (*stop)(struct sink *s, unsigned seconds);
	void (*free)(struct sink *s); /* after stop() */
};

/* Each opens its kind of output, or logs why not and returns NULL. The pool is the publisher's. */
struct sink *file_sink_open(const struct output_options *o);
struct sink *kafka_sink_open(const struct output_options *o);

static inline void sink_count(struct sink *s, enum account_id id, uint64_t n)
{
	__atomic_fetch_add(&s->account.n[id], n, __ATOMIC_RELAXED);
}

/* Counts a message that was delivered, or was dropped for the reason `id`. */
static inline void sink_count_delivered(struct sink *s, const struct message *m)
{
	sink_count(s, m->counters ? ACCOUNT_PUBLISHED_COUNTERS : ACCOUNT_PUBLISHED_FLOWS, m->rows);
	sink_count(s, ACCOUNT_PUBLISHED_MESSAGES, 1);
	sink_count(s, ACCOUNT_PUBLISHED_BYTES, m->len);
}

static inline void sink_count_dropped(struct sink *s, const struct message *m, enum account_id id)
{
	sink_count(s, m->counters ? ACCOUNT_DROPPED_COUNTERS : id, m->rows);
}

static inline bool sink_ended(const struct sink *s)
{
	return __atomic_load_n(&s->ended, __ATOMIC_RELAXED);
}

/* Kafka's default partitioner: the hash it makes of a key. */
uint32_t murmur2(const void *key, size_t len);

#endif
