/* What is remembered of exporters: streams, templates, sampling, names. Shared by all workers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Look-ups are RCU read sides (urcu-qsbr): no lock, and pointers stay valid until the reader's next
 * quiescent state. Whatever is learnt is put in under the store's mutex. */
#ifndef WEIR_EXPORTER_H
#define WEIR_EXPORTER_H

#include <pthread.h>
#include <urcu-qsbr.h>

#include "decoder.h"
#include "idtable.h"
#include "sequence.h"

struct template;
struct waiting_set;

/* Counts of one exporter by one worker; only that worker writes. */
struct exporter_counts {
	uint64_t datagrams, bytes, flows, records, malformed, no_template;
	uint64_t last_seen_ns;	/* ns since 1970 */
	uint64_t sampling_rate; /* of its latest flow, and who said so */
	int64_t lag_ns;		/* from the end of its latest flow to the reception */
	uint32_t versions;	/* bit n: enum flow_type n was seen */
	uint32_t sampling_origin;
};

struct exporter {
	struct ip_addr address;
	struct exporter_store *store;
	uint64_t first_seen_ns; /* relaxed: it follows the clock when that is set */
	uint32_t override_rate; /* of the settings; 0: none */
	struct idtable domains; /* version << 32 | id → struct domain */
	uint32_t n_templates;	/* under the mutex, as the rest */
	uint32_t template_kib;	/* what they take, see template_define() */
	uint32_t waiting_bytes;
	bool gone; /* expired: nothing may be added any more */
	struct rcu_head rcu;
	struct exporter_counts counts[]; /* one per worker */
};

/* One sequence of datagrams: an observation domain of v9/IPFIX, an engine of v5, a sub-agent of
 * sFlow. Templates, sampling and names belong to it. */
struct domain {
	struct exporter *exporter;
	uint32_t version; /* enum flow_type */
	uint32_t id; /* source id, observation domain id, engine type << 8 | engine id, sub-agent */
	struct sequence sequence;
	struct idtable templates; /* template id → struct template */
	struct idtable samplers;  /* see sampler.h */
	struct idtable names;	  /* see names.h */
	uint32_t name_kinds;	  /* bit n: names has some of enum name_kind n; relaxed */
	bool resume; /* another agent told the template for which some of `waiting` wait */
	bool sampled_by_interface;   /* samplers has rates of interfaces; relaxed */
	uint64_t system_init_ms;     /* IE 160 from options, ms since 1970; 0: unknown; relaxed */
	struct waiting_set *waiting; /* oldest first, under the mutex */
	struct rcu_head rcu;
};

struct exporter_store {
	struct decode_options options;
	unsigned workers;
	uint64_t seed;
	pthread_mutex_t mutex;
	struct idtable exporters;			/* mixed address → struct exporter */
	uint32_t n_domains, n_templates, waiting_bytes; /* under the mutex */
	uint32_t template_kib, shared_kib; /* all, and what is beyond what each has set aside */
	uint64_t changes; /* rises with each template, rate or name learnt; relaxed */
	bool closing;	  /* no reader is left */
};

/* Half of the room for templates is set aside, the same for each exporter, so that one that is new
 * finds some while others flood: KiB for each, and KiB that they share beside that. */
static inline uint32_t exporter_store_own_kib(const struct exporter_store *s)
{
	return s->options.max_templates / 2 / s->options.max_exporters;
}

static inline uint32_t exporter_store_shared_kib(const struct exporter_store *s)
{
	return s->options.max_templates - exporter_store_own_kib(s) * s->options.max_exporters;
}

/* Notes that something was learnt. Under the mutex. */
static inline void exporter_store_changed(struct exporter_store *s)
{
	__atomic_store_n(&s->changes, s->changes + 1, __ATOMIC_RELAXED);
}

/* Calls fn(head) when all readers of now have moved on. */
static inline void exporter_store_defer(struct exporter_store *s, struct rcu_head *head,
					void (*fn)(struct rcu_head *head))
{
	if (s->closing)
		fn(head);
	else
		call_rcu(head, fn);
}

/* A store for this many workers; options are copied. NULL: out of memory. */
struct exporter_store *exporter_store_new(const struct decode_options *options, unsigned workers);

/* Frees everything; no reader may be left. */
/* Takes over the limits that are compared under the mutex: numbers of exporters, templates,
 * domains, samplers and names, waiting bytes, timeouts. What is over a lower one stays until it
 * goes by itself. By the thread that calls exporter_store_expire(). */
void exporter_store_set_limits(struct exporter_store *s, const struct decode_options *o);
void exporter_store_free(struct exporter_store *s);

/* The exporter with this address, made if new. NULL: the limit is reached (or no memory). */
struct exporter *exporter_get(struct exporter_store *s, const struct ip_addr *address,
			      uint64_t now_ns);

/* The keys of an exporter in the store, and of a stream in its exporter. */
static inline uint64_t exporter_key(const struct exporter_store *s, const struct ip_addr *address)
{
	return idtable_mix(address->q[0], address->q[1], s->seed);
}

static inline uint64_t domain_key(uint32_t version, uint32_t id)
{
	return (uint64_t)version << 32 | id;
}

/* When any worker last had a datagram of this exporter: ns since 1970. */
uint64_t exporter_last_seen(const struct exporter *e);

/* The stream of this exporter, made if new; NULL as above. */
struct domain *domain_get(struct exporter_store *s, struct exporter *e, uint32_t version,
			  uint32_t id);

/* Walks all exporters, or all streams; fn returns false to stop. The caller is an RCU reader. */
void exporter_each(struct exporter_store *s, bool (*fn)(struct exporter *e, void *arg), void *arg);
void domain_each(struct exporter_store *s, bool (*fn)(struct domain *d, void *arg), void *arg);
unsigned exporter_store_workers(const struct exporter_store *s);

/* Removes templates not refreshed in template_timeout, data that waited too long, and exporters
 * unseen for as long that have none of either. Call every few seconds. Counts in account. */
void exporter_store_expire(struct exporter_store *s, uint64_t now_ns, struct account *account);

/* The clock was set by by_ns and says now_ns since 1970: what was noted before follows it, so that
 * nothing seems old that is not, and nothing from the future. */
void exporter_store_clock_set(struct exporter_store *s, int64_t by_ns, uint64_t now_ns);

#endif
