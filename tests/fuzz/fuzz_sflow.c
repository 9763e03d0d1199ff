/* Fuzzes sFlow: each datagram is decoded to flows and counters, and printed as sent.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "decode/exporter.h"
#include "decode/sflow_print.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct exporter_store *store;
static struct flow_batch batch;

/* What an output would read: every byte that a row refers to. */
static void touch(const struct text *t)
{
	static volatile char sink;

	for (uint32_t i = 0; i < t->len; i++)
		sink = t->p[i];
	(void)sink;
}

static void full(struct flow_batch *b, void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < b->n; i++) {
		touch(&b->rows[i].ext->src_user);
		touch(&b->rows[i].ext->dst_user);
	}
	for (uint32_t i = 0; i < b->n_samples; i++) {
		const struct counter_sample *s = &b->samples[i];

		for (uint32_t k = 0; k < s->n_values; k++)
			if (s->values[k].kind == COUNTER_TEXT || s->values[k].kind == COUNTER_HEX)
				touch(&s->values[k].text);
	}
	b->n = b->n_exts = b->n_samples = 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	rcu_register_thread();
	store = exporter_store_new(&decode_defaults, 1);
	if (!store || flow_batch_init(&batch, 8, 2))
		abort();
	batch.full = full;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct account account;
	struct decode_context c = {
		.options = &decode_defaults, .store = store, .account = &account};
	struct datagram dg = {.data = data, .len = (uint32_t)size};
	struct buffer out = {0};

	c.exporter = exporter_get(store, &dg.src, 1);
	sflow_decode(&c, &dg, &batch);
	if (batch.n != batch.n_exts || batch.n > batch.cap || batch.n_samples > batch.cap_samples)
		abort();
	full(&batch, NULL);
	sflow_print(&out, &dg, 1);
	buffer_free(&out);
	rcu_quiescent_state();
	rcu_barrier();
	return 0;
}
