/* Messages: pooled buffers that are filled by a worker, sent by a sink, and then used again.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A message belongs to the worker that took it until it hands it to its sink, then to the sink
 * until it gives it back. What is on its way is bounded by bytes and by the number of buffers. */
#ifndef WEIR_MESSAGE_H
#define WEIR_MESSAGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../flow.h"

enum { MESSAGE_GROUP_MAX = 63 }; /* bytes of a group's name; longer ones are cut */

struct message {
	struct message *next; /* in the pool or a sink's queue */
	uint32_t touched;     /* the pool's own: bytes that were ever filled and have memory */
	uint32_t len;	      /* bytes filled */
	uint32_t rows;	      /* flows, or counter samples */
	bool counters;	      /* of counter samples */
	uint16_t worker;
	uint32_t lane;			   /* of the worker, see sink.h */
	uint64_t sequence;		   /* of the worker, for this sink */
	struct ip_addr exporter;	   /* of the first flow */
	char group[MESSAGE_GROUP_MAX + 1]; /* of the exporters, where topics differ by it */

	/* The Kafka sink's own: */
	struct message *sent_next, *sent_before; /* those on their way, oldest first */
	uint64_t sent_ms;			 /* monotonic, when it was handed to librdkafka */
	uint64_t boot;				 /* of the run that made it; 0: this one */
	int error;				 /* librdkafka's, why it is to be tried again */
	uint8_t format;				 /* enum output_format */
	struct {
		uint64_t segment, offset; /* offset 0: not on disk */
	} spool;
	uint8_t bytes[];
};

struct message_pool {
	pthread_mutex_t lock;
	pthread_cond_t given_back;
	struct message *free;
	uint64_t sent_bytes; /* handed to the sink and not yet given back; read without the lock,
				too */
	uint64_t sent_flows; /* rows in them, counter samples not counted */
	uint64_t max_sent_bytes;
	size_t capacity; /* bytes in a buffer */
	size_t stride;
	uint8_t *memory;
	size_t n, used; /* buffers in all, and those ever taken */
	size_t in_use;	/* buffers taken and not given back */
	/* Touched, of free buffers, and the least that was since the last look: what nobody has
	 * needed for a while goes back to the system, so that memory follows the load. The first is
	 * read without the lock, too. */
	uint64_t free_bytes, least_free_bytes;
	uint64_t looked_ns;
};

/* Reserves `n` buffers of `capacity` bytes; memory is used only as buffers are filled. Returns 0 or
 * -ENOMEM. */
int message_pool_init(struct message_pool *p, size_t capacity, size_t n, uint64_t max_sent_bytes);
void message_pool_free(struct message_pool *p);

/* An empty message, or NULL when too much is on its way. With `wait` it waits instead. */
struct message *message_take(struct message_pool *p, bool wait);

/* The same for what was here before and now goes on, as from the spool to the broker: takes from a
 * reserve where the bounds are reached. */
struct message *message_take_reserved(struct message_pool *p);

/* True when half of what may be on its way is. Any thread may ask. */
bool message_pool_is_half_full(struct message_pool *p);

/* How much of what may be on its way is, in per cent. Any thread may ask. */
unsigned message_pool_fill(struct message_pool *p);

/* Counts the message as on its way; call before the sink can give it back. */
void message_sent(struct message_pool *p, const struct message *m);

/* Flows handed to the sink and not yet given back. Any thread may ask. */
uint64_t message_pool_sent_flows(struct message_pool *p);

/* The message is done with: written, acknowledged or dropped. */
void message_give_back(struct message_pool *p, struct message *m);

/* One that was taken and will not be sent. */
void message_discard(struct message_pool *p, struct message *m);

/* Gives the system the memory of buffers that were free all the time since the last look, a second
 * ago or longer, but for a quarter of what may be on its way. For the sink's thread, as often as it
 * likes; now_ns is monotonic. */
void message_pool_trim(struct message_pool *p, uint64_t now_ns);

/* A first-in-first-out list; whoever uses it has its lock. */
struct message_queue {
	struct message *head, **tail;
};

static inline void message_queue_init(struct message_queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

static inline void message_queue_put(struct message_queue *q, struct message *m)
{
	m->next = NULL;
	*q->tail = m;
	q->tail = &m->next;
}

static inline struct message *message_queue_take(struct message_queue *q)
{
	struct message *m = q->head;

	if (m && !(q->head = m->next))
		q->tail = &q->head;
	return m;
}

#endif
