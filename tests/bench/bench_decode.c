/* CPU time per flow of the decoders, over datagrams made here.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <urcu-qsbr.h>

#include "clock.h"
#include "decode/decoder.h"
#include "decode/exporter.h"

enum { DATAGRAM = 1400, ROUNDS = 200000, BATCH = 64, EXPORTERS_MAX = 10000 };

/* Twenty elements in about 64 bytes: what a router's usual IPv4 template holds. */
static const uint16_t usual[][2] = {
	{8, 4}, {12, 4}, {15, 4}, {10, 4},  {14, 4},  {2, 4},  {1, 4},	{7, 2}, {11, 2}, {4, 1},
	{6, 1}, {5, 1},	 {61, 1}, {152, 8}, {153, 8}, {16, 2}, {17, 2}, {9, 1}, {13, 1}, {58, 2},
};

static uint8_t *put(uint8_t *p, uint64_t v, unsigned n)
{
	while (n--)
		*p++ = (uint8_t)(v >> 8 * n);
	return p;
}

static uint32_t header(uint8_t *d, bool v9, uint32_t sequence)
{
	uint8_t *p = put(d, v9 ? 9 : 10, 2);

	p = put(p, 0, 2);
	if (v9)
		p = put(p, 100000, 4);
	p = put(p, 1700000000, 4);
	p = put(p, sequence, 4);
	p = put(p, 7, 4);
	return (uint32_t)(p - d);
}

static uint32_t finish(uint8_t *d, bool v9, uint8_t *set, uint8_t *end)
{
	put(set + 2, (uint64_t)(end - set), 2);
	if (!v9)
		put(d + 2, (uint64_t)(end - d), 2);
	return (uint32_t)(end - d);
}

static uint32_t make_template(uint8_t *d, bool v9)
{
	uint8_t *set = d + header(d, v9, 0), *p = set;

	p = put(p, v9 ? 0 : 2, 2);
	p = put(p, 0, 2);
	p = put(p, 256, 2);
	p = put(p, sizeof(usual) / sizeof(*usual), 2);
	for (unsigned i = 0; i < sizeof(usual) / sizeof(*usual); i++) {
		p = put(p, usual[i][0], 2);
		p = put(p, usual[i][1], 2);
	}
	return finish(d, v9, set, p);
}

static uint32_t make_data(uint8_t *d, bool v9)
{
	uint8_t *set = d + header(d, v9, 1), *p = set;
	uint32_t record = 0;

	for (unsigned i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		record += usual[i][1];
	p = put(p, 256, 2);
	p = put(p, 0, 2);
	while (p - d + record <= DATAGRAM)
		for (unsigned i = 0; i < record; i++)
			*p++ = (uint8_t)rand();
	return finish(d, v9, set, p);
}

static uint32_t make_netflow5(uint8_t *d)
{
	uint8_t *p = put(d, 5, 2);

	p = put(p, 28, 2);
	p = put(p, 100000, 4);
	p = put(p, 1700000000, 4);
	for (int i = 12; i < 24 + 28 * 48; i++)
		*p++ = (uint8_t)rand();
	return (uint32_t)(p - d);
}

static void emptied(struct flow_batch *b, void *arg)
{
	uint64_t *flows = arg;

	*flows += b->n;
	b->n = b->n_exts = b->n_samples = 0;
}

static void run(const char *name, const uint8_t *first, uint32_t first_len, const uint8_t *data,
		uint32_t len, unsigned exporters)
{
	struct exporter_store *store = exporter_store_new(&decode_defaults, 1);
	static struct account account;
	struct flow_batch batch;
	struct decoder decoder;
	uint64_t flows = 0, start;
	struct datagram dg = {.received_ns = 1700000000000000000u, .src_port = 2055};

	flow_batch_init(&batch, 4096, 16);
	batch.full = emptied;
	batch.arg = &flows;
	decoder_init(&decoder, &decode_defaults, store, &account, 0);
	for (unsigned i = 0; i < exporters && first_len; i++) {
		ip_from_v4(&dg.src, &(uint32_t){__builtin_bswap32(0x0a000001 + i)});
		dg.data = first;
		dg.len = first_len;
		decoder_datagram(&decoder, &dg, &batch);
	}
	dg.data = data;
	dg.len = len;
	start = clock_thread_ns();
	for (unsigned i = 0; i < ROUNDS; i++) {
		ip_from_v4(&dg.src, &(uint32_t){__builtin_bswap32(0x0a000001 + i % exporters)});
		if (decoder_datagram(&decoder, &dg, &batch) != DECODE_OK)
			abort();
		if (i % BATCH == BATCH - 1) {
			batch.full(&batch, batch.arg);
			rcu_quiescent_state();
		}
	}
	batch.full(&batch, batch.arg);
	printf("%-12s %6u exporters %8.1f ns/flow %9.1f ns/datagram\n", name, exporters,
	       (double)(clock_thread_ns() - start) / (double)flows,
	       (double)(clock_thread_ns() - start) / ROUNDS);
	flow_batch_free(&batch);
	exporter_store_free(store);
}

int main(void)
{
	static const unsigned exporters[] = {1, 100, EXPORTERS_MAX};
	static uint8_t first[DATAGRAM], data[DATAGRAM + 64];
	uint32_t first_len, len;

	rcu_register_thread();
	for (unsigned i = 0; i < 3; i++) {
		for (int v9 = 1; v9 >= 0; v9--) {
			first_len = make_template(first, v9);
			len = make_data(data, v9);
			run(v9 ? "netflow9" : "ipfix", first, first_len, data, len, exporters[i]);
		}
		len = make_netflow5(data);
		run("netflow5", first, 0, data, len, exporters[i]);
	}
	rcu_unregister_thread();
	return 0;
}
