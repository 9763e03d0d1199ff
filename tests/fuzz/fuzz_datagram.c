/* Fuzzes the whole way from datagrams to encoded rows: templates, data and samples in sequence.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The input is several datagrams, each after its length in two bytes (network order); what does not
 * fit that form is one datagram. Checked beside what the sanitizers see: every datagram ends in one
 * account, every row that the decoder counted is there, and encoders keep to their room. */
#include <stdio.h>
#include <stdlib.h>
#include <urcu-qsbr.h>

#include "bytes.h"
#include "decode/exporter.h"
#include "publish/encode.h"
#include "mutate_messages.h"

static struct flow_batch batch;
static struct row_constants json_constants, protobuf_constants;
static uint8_t *row;
static uint64_t rows;

static void check(bool good, const char *what)
{
	if (!good) {
		fprintf(stderr, "fuzz_datagram: %s\n", what);
		abort();
	}
}

static void encode(struct flow_batch *b, void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < b->n; i++) {
		check(json_format.flow(row, &json_constants, &b->rows[i]) <= row + ENCODED_ROW_MAX,
		      "a flow as JSON is too long");
		check(protobuf_format.flow(row, &protobuf_constants, &b->rows[i]) <=
			      row + ENCODED_ROW_MAX,
		      "a flow as Protobuf is too long");
	}
	for (uint32_t i = 0; i < b->n_samples; i++) {
		json_format.sample(row, &json_constants, &b->samples[i]);
		protobuf_format.sample(row, &protobuf_constants, &b->samples[i]);
	}
	rows += b->n;
	b->n = b->n_exts = b->n_samples = 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	rcu_register_thread();
	row = malloc(ENCODED_ROW_MAX);
	check(row && !flow_batch_init(&batch, 64, 4), "out of memory");
	batch.full = encode;
	json_format.constants(&json_constants, "fuzz");
	protobuf_format.constants(&protobuf_constants, "fuzz");
	return 0;
}

static void one_datagram(struct decoder *d, const uint8_t *data, uint32_t len, unsigned n)
{
	static const enum account_id ends[] = {ACCOUNT_DECODED, ACCOUNT_DECODED_PARTLY,
					       ACCOUNT_MALFORMED, ACCOUNT_UNKNOWN_VERSION,
					       ACCOUNT_EXPORTER_LIMIT};
	static const uint8_t from[4] = {192, 0, 2, 1};
	struct account *account = d->context.account;
	struct datagram dg = {
		.len = len,
		.src_port = 2055,
		.dst_port = 2055,
		.received_ns = 1700000000000000000u + n * 1000000u,
		.via = VIA_PCAP,
	};
	/* A copy of its own, so that a read beyond its end is seen. */
	uint8_t *copy = malloc(len ? len : 1);
	uint64_t ended = 0;

	check(copy, "out of memory");
	memcpy(copy, data, len);
	dg.data = copy;
	ip_from_v4(&dg.src, from);
	ip_from_v4(&dg.dst, from);
	decoder_fetch(d, &dg, 1);
	decoder_datagram(d, &dg, &batch);
	encode(&batch, NULL);
	free(copy);
	for (unsigned i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		ended += account_get(account, ends[i]);
	check(ended == n + 1, "a datagram ended in no account, or in two");
	check(rows == account_get(account, ACCOUNT_FLOWS), "rows made are not rows counted");
	rcu_quiescent_state();
	rcu_barrier();
}

/* Do the length prefixes end exactly where the input does? */
static bool is_sequence(const uint8_t *p, size_t size)
{
	while (size >= 2 && be16(p) <= size - 2) {
		size_t step = 2u + be16(p);

		p += step;
		size -= step;
	}
	return size == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct account account = {0};
	struct decode_options options = decode_defaults;
	struct exporter_store *store;
	struct decoder decoder;
	unsigned n = 0;

	options.max_templates_per_exporter = 16;
	options.max_waiting_bytes_per_exporter = 4096;
	store = exporter_store_new(&options, 1);
	check(store, "out of memory");
	decoder_init(&decoder, &options, store, &account, 0);
	rows = 0;
	if (!size || !is_sequence(data, size)) {
		one_datagram(&decoder, data, size < 65507 ? size : 65507, n++);
		size = 0;
	}
	while (size) {
		uint16_t len = be16(data);

		one_datagram(&decoder, data + 2, len, n++);
		data += 2 + len;
		size -= 2u + len;
	}
	exporter_store_free(store);
	rcu_quiescent_state();
	rcu_barrier();
	return 0;
}
