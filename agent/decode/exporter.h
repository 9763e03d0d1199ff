/* What is remembered of exporters: streams, templates, sampling, names. Shared by all workers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Look-ups are RCU read sides (urcu-qsbr): no lock, pointers stay valid until the reader's next
 * quiescent state. Learning takes a mutex. */
#ifndef WEIR_EXPORTER_H
#define WEIR_EXPORTER_H

#include <urcu-qsbr.h>
#include <urcu/rculfhash.h>

#include "decoder.h"
#include "sequence.h"

enum { EXPORTER_WORKERS_MAX = 64 };

/* Counts of one exporter by one worker; only that worker writes. */
struct exporter_counts {
	uint64_t datagrams, bytes, flows, records, malformed, no_template;
	uint64_t last_seen_ns; /* ns since 1970 */
	uint32_t versions;     /* bit n: enum flow_type n was seen */
	uint32_t filler;
};

struct exporter {
	struct cds_lfht_node node;
	struct ip_addr address;
	uint64_t first_seen_ns;
	uint32_t n_templates; /* under the store's mutex */
	uint32_t waiting_bytes;
	struct rcu_head rcu;
	struct exporter_counts counts[]; /* one per worker */
};

/* One sequence of datagrams: an observation domain of v9/IPFIX, an engine of v5, a sub-agent of
 * sFlow. Sampling and names hang here, too. */
struct domain {
	struct cds_lfht_node node;
	struct exporter *exporter;
	uint32_t version; /* enum flow_type */
	uint32_t id; /* source id, observation domain id, engine type << 8 | engine id, sub-agent */
	struct sequence sequence;
	struct sampler_table *samplers; /* NULL until options name one */
	uint64_t system_init_ms;	/* IE 160 from options; 0: unknown */
	struct rcu_head rcu;
};

struct exporter_store *exporter_store_new(const struct decode_options *options, unsigned workers);
void exporter_store_free(struct exporter_store *s);

/* The exporter with this address, made if new. NULL: the limit is reached (or no memory). */
struct exporter *exporter_get(struct exporter_store *s, const struct ip_addr *address,
			      uint64_t now_ns);

/* The stream of this exporter, made if new; NULL as above. */
struct domain *domain_get(struct exporter_store *s, struct exporter *e, uint32_t version,
			  uint32_t id);

/* Walks all exporters under rcu_read_lock; fn returns false to stop. */
void exporter_each(struct exporter_store *s, bool (*fn)(struct exporter *e, void *arg), void *arg);
void domain_each(struct exporter_store *s, bool (*fn)(struct domain *d, void *arg), void *arg);
unsigned exporter_store_workers(const struct exporter_store *s);

/* Resolves the sampling rate of an sFlow sample or a record that carries `rate` (0: none):
 * override of the settings, the record, options, configured default, 1. */
uint32_t sampling_resolve(const struct decode_options *o, const struct exporter *e, uint64_t rate,
			  uint8_t *origin);

#endif
