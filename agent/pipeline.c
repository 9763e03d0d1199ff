/* Decode, enrich and publish, for one thread.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <urcu-qsbr.h>

#include "buffer.h"
#include "log.h"
#include "pipeline.h"
#include "publish/encode.h"

enum {
	SAMPLES = 32,
	BAD_DATAGRAM_LOG_SECONDS = 60,
};

static void publish(struct flow_batch *batch, void *arg)
{
	struct pipeline *p = arg;

	if (p->enrich)
		enrich_batch(p->enrich, batch);
	publish_batch(p->publish, batch);
	batch->n = batch->n_exts = batch->n_samples = 0;
}

struct enricher *pipeline_enricher(const struct enrich_options *o,
				   const struct publish_options *outputs)
{
	const info_writer *writers[INFO_FORMATS] = {NULL};

	for (unsigned i = 0; i < outputs->n_outputs; i++) {
		if (outputs->outputs[i].format == FORMAT_PROTOBUF)
			writers[INFO_PROTOBUF] = protobuf_info;
		else if (outputs->outputs[i].format == FORMAT_JSON)
			writers[INFO_JSON] = json_info;
	}
	return enricher_open(o, writers);
}

int pipeline_open(struct pipeline *p, const struct decode_options *options,
		  struct exporter_store *store, struct publisher *publisher,
		  struct enricher *enricher, unsigned worker, struct account *account)
{
	int err;

	memset(p, 0, sizeof(*p));
	err = flow_batch_init(&p->batch, publisher_batch_rows(publisher), SAMPLES);
	if (err)
		return err;
	p->batch.full = publish;
	p->batch.arg = p;
	p->publish = publisher_worker(publisher, worker, account);
	if (enricher) {
		p->enrich = enrich_worker_new(enricher, p->batch.cap, account);
		if (!p->enrich) {
			flow_batch_free(&p->batch);
			return -ENOMEM;
		}
	}
	decoder_init(&p->decoder, options, store, account, worker);
	return 0;
}

void pipeline_close(struct pipeline *p)
{
	enrich_worker_free(p->enrich);
	flow_batch_free(&p->batch);
}

static void log_bad(struct pipeline *p, const struct datagram *dg, enum decode_status status)
{
	struct buffer text = {0};

	if (!log_allowed(&p->said, BAD_DATAGRAM_LOG_SECONDS))
		return;
	buffer_ip(&text, &dg->src);
	buffer_char(&text, '\0');
	if (!text.failed)
		log_warning("datagram of exporter %s to port %u: %s (said once a minute, all are "
			    "counted)",
			    text.p, dg->dst_port, decode_reason(status));
	buffer_free(&text);
}

void pipeline_run(struct pipeline *p, const struct datagram *datagrams, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		enum decode_status status;

		if (i % DECODER_FETCH_MAX == 0 && n - i > 1)
			decoder_fetch(&p->decoder, datagrams + i,
				      n - i < DECODER_FETCH_MAX ? n - i : DECODER_FETCH_MAX);
		status = decoder_datagram(&p->decoder, &datagrams[i], &p->batch);

		__atomic_store_n(&p->statuses[status], p->statuses[status] + 1, __ATOMIC_RELAXED);
		if (status != DECODE_OK && status != DECODE_NO_TEMPLATE)
			log_bad(p, &datagrams[i], status);
	}
	if (p->batch.n || p->batch.n_samples)
		publish(&p->batch, p);
	rcu_quiescent_state();
}
