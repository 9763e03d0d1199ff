/* How long a worker stands still when the table of addresses is exchanged under it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * usage: bench_swap CACHE [SWAPS]: CACHE is a directory with ip.mmdb, whose time is changed so that
 * it is loaded again.
 *
 * One thread enriches and encodes batches of flows between random addresses, another loads and
 * swaps. Told is the longest batch: CPU time, which other programs do not add to, and wall time.
 * Those after a swap meet a table of which nothing is in the processor's cache. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <urcu-qsbr.h>

#include "clock.h"
#include "conf/settings.h"
#include "enrich/enricher.h"
#include "publish/encode.h"

enum {
	ROWS = 256,   /* as publish.c has them */
	AFTER = 1000, /* batches that count as after a swap */
	SETTLE = 20000,
};

struct longest {
	uint64_t batches, cpu_ns, wall_ns;
	uint64_t total_cpu_ns;
};

static uint64_t seed = 42;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void fill(struct flow_batch *b)
{
	b->n = ROWS;
	for (unsigned i = 0; i < ROWS; i++) {
		struct flow *f = &b->rows[i];
		uint64_t r = next_random();
		uint32_t src = (uint32_t)r, dst = (uint32_t)(r >> 32);

		*f = (struct flow){.type = FLOW_IPFIX, .bytes = r & 0xffff, .packets = 1};
		ip_from_v4(&f->src_addr, &src);
		ip_from_v4(&f->dst_addr, &dst);
	}
}

static void one_batch(struct enrich_worker *w, struct flow_batch *b, struct row_constants *c,
		      uint8_t *output, struct longest *to)
{
	uint64_t cpu, wall;
	uint8_t *p = output;

	fill(b);
	wall = clock_monotonic_ns();
	cpu = clock_thread_ns();
	enrich_batch(w, b);
	for (unsigned i = 0; i < ROWS; i++)
		p = protobuf_format.flow(p, c, &b->rows[i]);
	rcu_quiescent_state();
	cpu = clock_thread_ns() - cpu;
	wall = clock_monotonic_ns() - wall;
	to->batches++;
	to->total_cpu_ns += cpu;
	to->cpu_ns = cpu > to->cpu_ns ? cpu : to->cpu_ns;
	to->wall_ns = wall > to->wall_ns ? wall : to->wall_ns;
}

static void say(const char *when, const struct longest *l)
{
	printf("%s: %.3f %.3f ms of CPU, longest and mean of %llu; %.3f ms of wall time\n", when,
	       (double)l->cpu_ns / 1e6, (double)l->total_cpu_ns / 1e6 / (double)l->batches,
	       (unsigned long long)l->batches, (double)l->wall_ns / 1e6);
}

int main(int argc, char **argv)
{
	const info_writer *const writers[INFO_FORMATS] = {protobuf_info};
	struct enrich_table tables[ENRICH_TABLES];
	unsigned swaps = argc > 2 ? (unsigned)atoi(argv[2]) : 3;
	struct longest settled = {0}, loading = {0}, swapped = {0};
	struct row_constants constants = {0};
	struct account account = {0};
	struct settings settings;
	struct flow_batch batch;
	struct enrich_worker *w;
	struct enricher *e;
	uint8_t *output;
	char path[4096];
	uint64_t loads;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_swap CACHE [SWAPS]\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/ip.mmdb", argv[1]);
	settings_init(&settings);
	free(settings.enrich.cache);
	settings.enrich.cache = strdup(argv[1]);
	settings.enrich.check_seconds = 3600; /* only when told to */
	rcu_register_thread();
	e = enricher_open(&settings.enrich, writers);
	output = malloc((size_t)ROWS * 4096 + ENCODED_ROW_MAX);
	w = e ? enrich_worker_new(e, ROWS, &account) : NULL;
	if (!w || !output || flow_batch_init(&batch, ROWS, 1) || !enricher_ip_table(e)) {
		fprintf(stderr, "bench_swap: no table in %s\n", argv[1]);
		return 1;
	}
	protobuf_format.constants(&constants, "bench");
	enricher_watch(e);
	enricher_tables(e, tables);
	for (loads = tables[0].loads; swaps; swaps--) {
		for (unsigned i = 0; i < SETTLE; i++)
			one_batch(w, &batch, &constants, output, &settled);
		if (utimensat(AT_FDCWD, path, NULL, 0)) {
			fprintf(stderr, "bench_swap: %s: %s\n", path, strerror(errno));
			return 1;
		}
		enricher_check(e);
		while (tables[0].loads == loads && !tables[0].refused) {
			one_batch(w, &batch, &constants, output, &loading);
			enricher_tables(e, tables);
		}
		for (unsigned i = 0; i < AFTER; i++)
			one_batch(w, &batch, &constants, output, &swapped);
		enricher_tables(e, tables);
		loads = tables[0].loads;
	}
	say("while a table is loaded", &loading);
	say("1,000 after each swap", &swapped);
	rcu_thread_offline();
	enrich_worker_free(w);
	enricher_close(e);
	flow_batch_free(&batch);
	settings_free(&settings);
	free(output);
	return 0;
}
