/* What is known of exporters, copied for those who show it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_OPS_EXPORTERS_H
#define WEIR_OPS_EXPORTERS_H

#include "ops.h"

enum { OPS_EXPORTERS_MAX = 65536 };

/* Sums over the workers and the streams of one exporter. */
struct ops_exporter {
	const void *id; /* which exporter it is; not to be followed */
	struct ip_addr address;
	uint64_t datagrams, bytes, flows, records, malformed, no_template;
	uint64_t lost;			      /* units that sequence numbers say are missing */
	uint64_t first_seen_ns, last_seen_ns; /* ns since 1970 */
	uint64_t sampling_rate;		      /* of its latest flow; 0: none yet */
	int64_t lag_ns;			      /* from the end of that flow to its reception */
	uint32_t sampling_origin;	      /* enum sampling_origin */
	uint32_t templates, streams;
	uint32_t versions; /* bit n: enum flow_type n */
};

struct ops_exporters {
	struct ops_exporter *p;
	unsigned n;	/* of those copied: at most OPS_EXPORTERS_MAX */
	uint64_t total; /* that there are */
};

/* Which come first: those who sent most flows, or those known longest. */
enum ops_order { OPS_BY_FLOWS, OPS_BY_AGE };

/* Copies all and sorts them. The calling thread is registered with RCU; it is online for the time
 * of the walk only. 0 or -ENOMEM; p is the caller's to free. */
int ops_exporters_read(struct exporter_store *store, enum ops_order order,
		       struct ops_exporters *to);

#endif
