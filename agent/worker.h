/* A worker: one thread that receives, decodes, enriches and publishes, run to completion.
 * SPDX-License-Identifier: Apache-2.0
 *
 * It owns its receivers, decoder, batch and output buffers; templates and exporters are shared with
 * the other workers through RCU. Per datagram there is no lock, allocation or system call. */
#ifndef WEIR_WORKER_H
#define WEIR_WORKER_H

#include <time.h>

#include "decode/decoder.h"
#include "publish/publish.h"
#include "rx/rx.h"
#include "security/security.h"

/* One source of datagrams: the three calls that all receivers have. */
struct receiver {
	void *of;
	unsigned (*receive)(void *of, struct datagram *out, unsigned max, struct account *account);
	void (*release)(void *of);
	int (*fd)(void *of);
	bool in_memory; /* asking it costs no system call */
};

struct worker_options {
	unsigned index;
	const struct receiver *receivers; /* copied */
	unsigned n_receivers;
	const struct decode_options *decode;
	struct exporter_store *store;
	struct publisher *publisher;
	const struct security_options *security; /* NULL: the thread keeps its capabilities */
	struct enricher *enricher;		 /* NULL: none */
};

struct worker;

/* Makes a worker and starts its thread. Returns 0 or a negative errno. */
int worker_start(struct worker **out, const struct worker_options *o);

/* Lets it take datagrams: not before all that confines it is in force. */
void worker_go(struct worker *w);

/* Asks it to take what its receivers still hold, at most for DRAIN_SECONDS, and to end. */
void worker_stop(struct worker *w);

/* Waits for the end and frees nothing: the account stays readable. */
void worker_join(struct worker *w);
void worker_free(struct worker *w);

/* Any thread may read these while the worker lives. */
const struct account *worker_account(const struct worker *w);
const uint64_t *worker_heartbeat(const struct worker *w); /* monotonic ns of its last turn */
clockid_t worker_clock(const struct worker *w);		  /* the time its thread ran */
uint64_t worker_status(const struct worker *w, enum decode_status status); /* datagrams */

#endif
