/* Fuzzes the NetFlow v9 and IPFIX decoder with messages that make sense on the outside.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An input is a row of datagrams, each behind its length in two bytes, from two exporters in turn.
 * The mutator knows the format: it adds template sets over elements that the decoder treats in some
 * special way, data sets for them, and mends lengths that blind mutation broke. */
#include <stdlib.h>
#include <urcu-qsbr.h>

#include "bytes.h"
#include "decode/decoder.h"
#include "decode/exporter.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_MAX = 1500 };

/* Elements with a rule of their own, and the length they usually have; 0: variable. */
static const struct {
	uint16_t id, length;
} elements[] = {
	{1, 8},	  {2, 8},   {4, 1},   {5, 1},	{6, 2},	  {7, 2},   {8, 4},    {10, 4},	 {11, 2},
	{12, 4},  {14, 4},  {21, 4},  {22, 4},	{27, 16}, {28, 16}, {32, 2},   {34, 4},	 {48, 1},
	{56, 6},  {58, 2},  {60, 1},  {61, 1},	{70, 3},  {71, 3},  {79, 3},   {80, 6},	 {82, 0},
	{83, 0},  {84, 0},  {95, 4},  {96, 0},	{104, 0}, {130, 4}, {131, 16}, {139, 2}, {145, 2},
	{149, 4}, {150, 4}, {152, 8}, {154, 8}, {156, 8}, {158, 4}, {160, 8},  {195, 1}, {197, 1},
	{225, 4}, {226, 4}, {231, 8}, {232, 8}, {234, 4}, {236, 0}, {291, 0},  {292, 0}, {293, 0},
	{298, 8}, {299, 8}, {302, 4}, {304, 2}, {305, 4}, {306, 4}, {309, 4},  {310, 4}, {311, 8},
	{312, 2}, {313, 0}, {315, 0}, {316, 0}, {351, 8}, {371, 0}, {484, 0},  {490, 0}, {496, 0},
	{497, 0}, {498, 1},
};

static uint32_t state;

static uint32_t random_below(uint32_t n)
{
	state = state * 1664525u + 1013904223u;
	return n ? (state >> 8) % n : 0;
}

static uint8_t *put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

/* Writes a message with a (data or options) template and a set of records for it. */
static size_t make_message(uint8_t *m, bool v9)
{
	bool options = random_below(4) == 0;
	unsigned n = 1 + random_below(12), id = 256 + random_below(4), scope = options ? 1 : 0;
	uint8_t *p = m + (v9 ? 20 : 16), *set = p;

	memset(m, 0, MESSAGE_MAX);
	put16(m, v9 ? 9 : 10);
	for (uint8_t *q = m + 4; q < p - 4; q++)
		*q = (uint8_t)random_below(256);
	m[(v9 ? 19 : 15)] = (uint8_t)random_below(2);
	p = put16(p, v9 ? options : 2u + options) + 2;
	p = put16(p, id);
	if (v9 && options) {
		p = put16(p, 4 * scope);
		p = put16(p, 4 * (n - 1));
	} else {
		p = put16(p, n);
		if (options)
			p = put16(p, scope);
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned k = random_below(sizeof(elements) / sizeof(*elements));
		unsigned length = elements[k].length ? elements[k].length
				  : v9		     ? random_below(40)
						     : 65535;

		if (!random_below(10))
			length = random_below(18);
		if (!v9 && !random_below(8)) {
			p = put16(p, elements[k].id | 0x8000);
			p = put16(p, length);
			p = put16(p, 0);
			p = put16(p, 29305);
		} else {
			p = put16(p, v9 && options && !i ? 1 + random_below(5) : elements[k].id);
			p = put16(p, length);
		}
	}
	put16(set + 2, (unsigned)(p - set));
	set = p;
	p = put16(p, id) + 2;
	for (unsigned i = 4 + random_below(300); i; i--)
		*p++ = (uint8_t)(random_below(3) ? random_below(256) : random_below(20));
	put16(set + 2, (unsigned)(p - set));
	if (!v9)
		put16(m + 2, (unsigned)(p - m));
	return (size_t)(p - m);
}

/* Makes the lengths of a message and its sets agree with its bytes. */
static void mend(uint8_t *m, size_t len)
{
	uint8_t *p, *end = m + len;

	if (len < 20)
		return;
	if (be16(m) == 10)
		put16(m + 2, (unsigned)len);
	for (p = m + (be16(m) == 10 ? 16 : 20); end - p >= 4; p += be16(p + 2))
		if (be16(p + 2) < 4 || be16(p + 2) > end - p)
			put16(p + 2, (unsigned)(end - p));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	uint8_t message[MESSAGE_MAX];
	size_t len;

	state = seed;
	if (random_below(3) == 0) {
		len = make_message(message, random_below(2));
		if (size + 2 + len <= max) {
			put16(data + size, (unsigned)len);
			memcpy(data + size + 2, message, len);
			size += 2 + len;
		}
	} else {
		size = LLVMFuzzerMutate(data, size, max);
	}
	if (random_below(2))
		return size;
	for (size_t at = 0; at + 2 <= size; at += 2 + len) {
		len = be16(data + at);
		if (len > size - at - 2) {
			len = size - at - 2;
			put16(data + at, (unsigned)len);
		}
		mend(data + at + 2, len);
	}
	return size;
}

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
		decoder_datagram(&decoder, &dg, &batch);
		emptied(&batch, NULL);
		free(copy);
		data += 2 + len;
		size -= 2 + len;
	}
	exporter_store_expire(store, dg.received_ns + 100000000000000u, &account);
	exporter_store_free(store);
	rcu_quiescent_state();
	return 0;
}
