/* Fuzzes the NetFlow v9 and IPFIX decoder with messages that make sense on the outside.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An input is a row of datagrams, each behind its length in two bytes, from two exporters in turn.
 */
#include <stdlib.h>
#include <urcu-qsbr.h>

#include "bytes.h"
#include "decode/decoder.h"
#include "decode/exporter.h"
#include "mutate_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void emptied(struct flow_batch *b, void *arg)
{
	(void)arg;
	b->n = b->n_exts = b->n_samples = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct flow_batch batch;
	static struct account account;
	struct decode_options options = decode_defaults;
	struct exporter_store *store;
	struct decoder decoder;
	struct datagram dg = {.received_ns = 1700000000000000000u};
	unsigned n = 0;

	if (!batch.cap) {
		rcu_register_thread();
		flow_batch_init(&batch, 64, 4);
		batch.full = emptied;
	}
	options.max_waiting_bytes_per_exporter = 4096;
	options.max_templates_per_exporter = 16;
	store = exporter_store_new(&options, 1);
	decoder_init(&decoder, &options, store, &account, 0);
	while (size >= 2) {
		size_t len = be16(data) < size - 2 ? be16(data) : size - 2;
		uint8_t *copy = malloc(len ? len : 1); /* so that a read past its end is seen */

		memcpy(copy, data + 2, len);
		dg.data = copy;
		dg.len = (uint32_t)len;
		ip_from_v4(&dg.src, &(uint32_t){n++ % 2});
		decoder_fetch(&decoder, &dg, 1);
		decoder_datagram(&decoder, &dg, &batch);
		emptied(&batch, NULL);
		free(copy);
		rcu_quiescent_state();
		rcu_barrier();
		data += 2 + len;
		size -= 2 + len;
	}
	exporter_store_expire(store, dg.received_ns + 100000000000000u, &account);
	exporter_store_free(store);
	rcu_quiescent_state();
	rcu_barrier();
	return 0;
}
