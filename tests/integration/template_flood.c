/* Floods the decoder with random templates from made-up sources beside one honest exporter.
 * SPDX-License-Identifier: Apache-2.0
 *
 * usage: template_flood TEMPLATES SOURCES. Prints what was kept and the peak of memory, and fails
 * when that is over 64 MiB and 1 KiB for each template kept (a large one counts as several), or
 * when the honest exporter lost one flow. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <urcu-qsbr.h>

#include "decode/decoder.h"
#include "decode/exporter.h"

enum {
	FIELDS_MAX = 16, /* and of one template in LARGE_EVERY: */
	FIELDS_LARGE = 300,
	LARGE_EVERY = 16,
	PER_DATAGRAM = 8,
	HONEST_EVERY = 64,
	DATAGRAM_MAX = 20 + PER_DATAGRAM * 4 * (1 + FIELDS_LARGE),
};

static uint64_t state = 1;

static uint32_t random32(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static uint8_t *put(uint8_t *p, uint64_t v, unsigned n)
{
	while (n--)
		*p++ = (uint8_t)(v >> 8 * n);
	return p;
}

static uint8_t *header(uint8_t *d, uint32_t sequence, uint32_t domain)
{
	uint8_t *p = put(d, 10ull << 16, 4);

	return put(put(put(p, 1700000000, 4), sequence, 4), domain, 4);
}

static uint32_t finish(uint8_t *d, uint8_t *set, const uint8_t *end)
{
	put(set + 2, (uint64_t)(end - set), 2);
	put(d + 2, (uint64_t)(end - d), 2);
	return (uint32_t)(end - d);
}

static uint32_t random_templates(uint8_t *d)
{
	uint8_t *set = header(d, random32(), random32() % 3), *p = put(set, 2ull << 16, 4);

	for (unsigned t = 0; t < PER_DATAGRAM; t++) {
		unsigned n = 1 +
			     random32() % (random32() % LARGE_EVERY ? FIELDS_MAX : FIELDS_LARGE);

		p = put(p, 256 + random32() % 65280, 2);
		p = put(p, n, 2);
		for (unsigned i = 0; i < n; i++) {
			p = put(p, 1 + random32() % 500, 2);
			p = put(p, 1 + random32() % 8, 2);
		}
	}
	return finish(d, set, p);
}

static uint32_t honest_template(uint8_t *d)
{
	uint8_t *set = header(d, 0, 1), *p = put(set, 2ull << 16, 4);

	p = put(put(p, 256, 2), 2, 2);
	p = put(put(p, 1, 2), 4, 2);
	return finish(d, set, put(put(p, 2, 2), 4, 2));
}

static uint32_t honest_record(uint8_t *d, uint32_t sequence)
{
	uint8_t *set = header(d, sequence, 1), *p = put(set, 256ull << 16, 4);

	return finish(d, set, put(p, 1500ull << 32 | 1, 8));
}

static void emptied(struct flow_batch *b, void *arg)
{
	*(uint64_t *)arg += b->n;
	b->n = b->n_exts = b->n_samples = 0;
}

static uint64_t memory_peak(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)u.ru_maxrss * 1024;
}

int main(int argc, char **argv)
{
	uint64_t templates = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000, flows = 0,
		 honest = 0;
	uint64_t sources = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000, before, used, allowed;
	static struct account account;
	static uint8_t bytes[DATAGRAM_MAX];
	struct datagram dg = {.data = bytes, .received_ns = 1700000000000000000u};
	struct exporter_store *store;
	struct flow_batch batch;
	struct decoder decoder;

	rcu_register_thread();
	before = memory_peak();
	store = exporter_store_new(&decode_defaults, 1);
	flow_batch_init(&batch, 256, 4);
	batch.full = emptied;
	batch.arg = &flows;
	decoder_init(&decoder, &decode_defaults, store, &account, 0);

	ip_from_v4(&dg.src, "\xc0\x00\x02\x01");
	dg.len = honest_template(bytes);
	decoder_datagram(&decoder, &dg, &batch);
	for (uint64_t i = 0; i < templates / PER_DATAGRAM; i++) {
		if (i % HONEST_EVERY == 0) {
			ip_from_v4(&dg.src, "\xc0\x00\x02\x01");
			dg.len = honest_record(bytes, (uint32_t)honest++);
			decoder_datagram(&decoder, &dg, &batch);
			emptied(&batch, &flows);
			rcu_quiescent_state();
		}
		if (i % 65536 == 0)
			exporter_store_expire(store, dg.received_ns += 1000000000u, &account);
		ip_from_v4(&dg.src, &(uint32_t){__builtin_bswap32(0x0a000000 +
								  random32() % (uint32_t)sources)});
		dg.len = random_templates(bytes);
		decoder_datagram(&decoder, &dg, &batch);
	}
	used = memory_peak() - before;
	allowed = (64ull << 20) + 1024ull * store->template_kib;
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
	allowed = UINT64_MAX; /* the sanitizer's own memory is among what is used */
#endif
#endif
	printf("%llu templates sent, %u kept (as %u), %llu refused or left out; "
	       "%.1f MiB used, %.1f allowed; "
	       "%llu of %llu honest flows\n",
	       (unsigned long long)templates, store->n_templates, store->template_kib,
	       (unsigned long long)(account_get(&account, ACCOUNT_TEMPLATES_REFUSED) +
				    PER_DATAGRAM * account_get(&account, ACCOUNT_EXPORTER_LIMIT)),
	       (double)used / 1048576, (double)allowed / 1048576, (unsigned long long)flows,
	       (unsigned long long)honest);
	flow_batch_free(&batch);
	exporter_store_free(store);
	rcu_unregister_thread();
	return used > allowed || flows != honest;
}
