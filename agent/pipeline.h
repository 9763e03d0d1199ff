/* Decode, enrich and publish, for one thread: what the workers and replay have in common.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PIPELINE_H
#define WEIR_PIPELINE_H

#include "decode/decoder.h"
#include "enrich/enrich.h"
#include "publish/publish.h"

struct pipeline {
	struct decoder decoder;
	struct flow_batch batch;
	struct enrich_worker *enrich; /* NULL: nothing is attached to flows */
	struct publish_worker *publish;
	/* Datagrams by what became of them; written by the owner only, relaxed. */
	uint64_t statuses[DECODE_STATUS_MAX];
	uint64_t said; /* when a bad datagram was last logged */
};

/* Opens what pipelines enrich with, so that it fits the outputs; NULL as enricher_open(). */
struct enricher *pipeline_enricher(const struct enrich_options *o,
				   const struct publish_options *outputs);

/* Options, store, publisher and enricher (NULL: none) must outlive the pipeline. `worker` is the
 * number of this thread in the store and the publisher. Returns 0 or -ENOMEM. */
int pipeline_open(struct pipeline *p, const struct decode_options *options,
		  struct exporter_store *store, struct publisher *publisher,
		  struct enricher *enricher, unsigned worker, struct account *account);
void pipeline_close(struct pipeline *p);

/* Decodes n datagrams and publishes what they gave; afterwards nothing refers to their bytes. The
 * calling thread is registered with RCU; this is a quiescent state of it. */
void pipeline_run(struct pipeline *p, const struct datagram *datagrams, unsigned n);

#endif
