/* What the table of addresses costs to load and to ask, and what an enriched flow costs to encode.
 * SPDX-License-Identifier: Apache-2.0
 *
 * usage: bench_enrich [PREFIXES [FILE [only]]]: the table is of the kind that GeoLite2 makes with a
 * reference for each block: every value is another one. FILE keeps it, with the ip.table beside it
 * that `weir load trie` would make; with `only` that is all. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "../unit/mmdb_build.h"
#include "clock.h"
#include "conf/settings.h"
#include "enrich/ip_table.h"
#include "enrich/meta.h"
#include "enrich/table_file.h"
#include "pipeline.h"
#include "publish/encode.h"

enum {
	SYSTEMS = 80000,
	PLACES = 100000,
	ROWS = 1024,
	ROUNDS = 400,
	LOOKUPS = 1 << 20,
	HOT = 20000
};

static uint64_t seed = 42;
static uint8_t output[(512 << 10) + ENCODED_ROW_MAX];

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static double now(void)
{
	return (double)clock_thread_ns() / 1e9; /* other programs are no matter */
}

static uint32_t put(struct mmdb_build *m, const char *text)
{
	uint32_t at = (uint32_t)m->len;

	mmdb_put_text(m, text, strlen(text));
	return at;
}

static void pair(struct mmdb_build *m, uint32_t key, uint32_t value)
{
	mmdb_put_pointer(m, key);
	mmdb_put_pointer(m, value);
}

/* One prefix with its own value, whose parts are shared as a loader shares them. */
static void add(struct mmdb_build *m, const uint8_t a[16], unsigned len, const char *ref,
		const uint32_t keys[], const uint32_t as[][5], const uint32_t place[][4])
{
	uint32_t at = (uint32_t)m->len, i = (uint32_t)(next_random() % SYSTEMS);
	uint32_t p = (i * 7 + (uint32_t)(next_random() % 8)) % PLACES;

	mmdb_put_head(m, 7, 10);
	for (unsigned k = 0; k < 5; k++)
		pair(m, keys[k], as[i][k]);
	for (unsigned k = 0; k < 4; k++)
		pair(m, keys[5 + k], place[p][k]);
	mmdb_put_pointer(m, keys[9]);
	mmdb_put_text(m, ref, strlen(ref));
	mmdb_insert(m, a, len, at);
}

static void make_file(unsigned prefixes, const char *path)
{
	static const char *const names[] = {
		"as",	   "as_name", "as_ref",	  "organization", "organization_ref",
		"country", "city",    "latitude", "longitude",	  "ip_ref"};
	static uint32_t as[SYSTEMS][5], place[PLACES][4];
	uint32_t keys[10], countries[240];
	struct mmdb_build m;
	char text[100], description[64];

	mmdb_build_init(&m);
	snprintf(description, sizeof(description), TABLE_CONTENT "%032x", prefixes);
	m.description = description;
	for (unsigned i = 0; i < 10; i++)
		keys[i] = put(&m, names[i]);
	for (unsigned i = 0; i < 240; i++) {
		snprintf(text, sizeof(text), "%c%c", 'A' + i % 26, 'A' + i / 26);
		countries[i] = put(&m, text);
	}
	for (unsigned i = 0; i < SYSTEMS; i++) {
		uint32_t number = __builtin_bswap32(1000 + i);

		as[i][0] = (uint32_t)m.len;
		mmdb_put_head(&m, 6, 4);
		mmdb_put(&m, &number, 4);
		snprintf(text, sizeof(text), "EXAMPLE-NET-%u", i);
		as[i][1] = put(&m, text);
		snprintf(text, sizeof(text), "%u__v1", 1000 + i);
		as[i][2] = put(&m, text);
		snprintf(text, sizeof(text), "Example Networks Number %u", i);
		as[i][3] = put(&m, text);
		snprintf(text, sizeof(text), "caida:EX-%u-RIPE__v1", i);
		as[i][4] = put(&m, text);
	}
	for (unsigned i = 0; i < PLACES; i++) {
		place[i][0] = countries[i % 240];
		snprintf(text, sizeof(text), "Sample City %u", i);
		place[i][1] = put(&m, text);
		for (unsigned k = 0; k < 2; k++) {
			place[i][2 + k] = (uint32_t)m.len;
			mmdb_put_double(&m, (double)(int)(next_random() % 1800000) / 1e4 - 90);
		}
	}
	/* Neighbouring blocks of /20 to /28, and a fifth as many of IPv6. */
	for (uint64_t at = (uint64_t)1 << 24, n = 0; n < prefixes && at < 0xe0000000; n++) {
		unsigned len = 21 + (unsigned)(next_random() % 9);
		uint64_t size = (uint64_t)1 << (32 - len);
		uint8_t a[16] = {0};

		at = (at + size - 1) & ~(size - 1);
		a[12] = (uint8_t)(at >> 24);
		a[13] = (uint8_t)(at >> 16);
		a[14] = (uint8_t)(at >> 8);
		a[15] = (uint8_t)at;
		snprintf(text, sizeof(text), "%u.%u.%u.%u/%u__v1", a[12], a[13], a[14], a[15], len);
		add(&m, a, 96 + len, text, keys, (const uint32_t(*)[5])as,
		    (const uint32_t(*)[4])place);
		at += size;
		if (n % 5 == 0) {
			/* /48s one after the other, 16 of each /32 */
			uint64_t r = n / 5;
			uint8_t six[16] = {0x20 + (uint8_t)(r / 4 % 10),
					   (uint8_t)(r >> 22),
					   (uint8_t)(r >> 14),
					   (uint8_t)(r >> 6),
					   0,
					   (uint8_t)(r & 15)};

			snprintf(text, sizeof(text), "%x%02x:%x:%x::/48__v1", six[0], six[1],
				 six[2] << 8 | six[3], six[4] << 8 | six[5]);
			add(&m, six, 48, text, keys, (const uint32_t(*)[5])as,
			    (const uint32_t(*)[4])place);
			n++;
		}
	}
	printf("file: %u nodes, %zu MiB of values\n", m.n_nodes, m.len >> 20);
	mmdb_build_write(&m, path);
	mmdb_build_free(&m);
}

static void random_address(struct ip_addr *a, bool v6)
{
	uint64_t r = next_random();
	uint8_t v4[4] = {(uint8_t)(1 + (r >> 8) % 120), (uint8_t)(r >> 16), (uint8_t)(r >> 24),
			 (uint8_t)(r >> 32)};

	ip_from_v4(a, v4);
	if (!v6)
		return;
	memset(a, 0, sizeof(*a));
	a->b[0] = (uint8_t)(0x20 + r % 10);
	a->b[2] = (uint8_t)(r >> 8) & 63;
	a->b[3] = (uint8_t)(r >> 16);
	a->b[5] = (uint8_t)(r >> 24) & 15;
}

static void lookups(const struct ip_table *t, bool v6)
{
	struct ip_addr *a = calloc(LOOKUPS, sizeof(*a));
	double best = 1e9;
	uint64_t sum = 0;

	for (unsigned i = 0; i < LOOKUPS; i++)
		random_address(&a[i], v6);
	for (int round = 0; round < 7; round++) {
		double start = now();

		for (unsigned i = 0; i < LOOKUPS; i++)
			sum += ip_table_find(t, &a[i]);
		start = now() - start;
		best = start < best ? start : best;
	}
	printf("look-up of random %s: %.1f ns (%llu)\n", v6 ? "IPv6" : "IPv4", best * 1e9 / LOOKUPS,
	       (unsigned long long)sum % 10);
	free(a);
}

/* As traffic is: few of many addresses have most of it. */
static void hot_address(struct ip_addr *a)
{
	static struct ip_addr hot[HOT];
	uint64_t r = next_random();
	unsigned i = (unsigned)((r & 0xffff) * (r >> 16 & 0xffff) * HOT >> 32);

	if (ip_is_unset(&hot[i]))
		random_address(&hot[i], false);
	*a = hot[i];
}

static void make_rows(struct flow_batch *b, bool hot)
{
	for (unsigned i = 0; i < ROWS; i++) {
		struct flow *f = &b->rows[i];
		uint64_t r = next_random();

		*f = (struct flow){
			.type = FLOW_IPFIX,
			.time_received_ns = 1700000000123456789u + i,
			.time_flow_start_ns = 1700000000000000000u - (r >> 30),
			.time_flow_end_ns = 1700000000000000000u - (r >> 35),
			.sequence_num = 123456 + i,
			.sampling_rate = 1000,
			.bytes = r >> 44,
			.packets = 1 + (r >> 54),
			.etype = 0x0800,
			.proto = 6,
			.src_port = 443,
			.dst_port = (uint16_t)(r >> 20),
			.in_if = 500 + (r >> 61),
			.out_if = 510 + (r >> 60 & 7),
			.tcp_flags = 0x18,
			.src_net = 24,
			.dst_net = 16,
			.sampling_origin = SAMPLING_OPTIONS,
		};
		ip_from_v4(&f->sampler_address, "\x0a\x01\x02\x03");
		if (hot) {
			hot_address(&f->src_addr);
			hot_address(&f->dst_addr);
			continue;
		}
		random_address(&f->src_addr, false);
		random_address(&f->dst_addr, false);
	}
	b->n = ROWS;
}

/* Many batches of other addresses each, so that little is still in the cache. */
static void flows(struct enricher *e, const struct row_format *format, const char *name, bool hot)
{
	static struct flow_batch batch;
	static struct account account;
	struct enrich_worker *w = e ? enrich_worker_new(e, ROWS, &account) : NULL;
	double enrich = 1e9, encode = 1e9, sum_enrich = 0, sum_encode = 0;
	struct row_constants constants;
	uint64_t bytes = 0;

	flow_batch_init(&batch, ROWS, 1);
	format->constants(&constants, "collector-1");
	for (int round = 0; round < ROUNDS; round++) {
		uint8_t *p = output;
		double start, middle, end;

		make_rows(&batch, hot);
		start = now();
		if (w)
			enrich_batch(w, &batch);
		middle = now();
		bytes = 0;
		for (unsigned i = 0; i < ROWS; i++) {
			uint8_t *to = format->flow(p, &constants, &batch.rows[i]);

			bytes += (uint64_t)(to - p);
			p = to - output > 512 << 10 ? output : to;
		}
		end = now();
		enrich = middle - start < enrich ? middle - start : enrich;
		encode = end - middle < encode ? end - middle : encode;
		sum_enrich += middle - start;
		sum_encode += end - middle;
	}
	printf("%-9s %-16s look up %5.1f ns (mean %5.1f), encode %5.1f ns (mean %5.1f), %5.0f "
	       "bytes\n",
	       name,
	       !e    ? "plain"
	       : hot ? "20000 addresses"
		     : "any address",
	       enrich * 1e9 / ROWS, sum_enrich * 1e9 / ROWS / ROUNDS, encode * 1e9 / ROWS,
	       sum_encode * 1e9 / ROWS / ROUNDS, (double)bytes / ROWS);
	enrich_worker_free(w);
	flow_batch_free(&batch);
}

/* "DIRECTORY/ip.table" of "DIRECTORY/ip.mmdb" */
static void table_path(const char *path, char to[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	snprintf(to, PATH_MAX, "%.*sip.table", slash ? (int)(slash + 1 - path) : 0, path);
}

static void make_table(const char *path)
{
	struct ip_table_options o = ip_table_everything(&path, 1);
	char error[300] = "", to[PATH_MAX];
	struct table_identity id;
	struct ip_table *t;

	o.own_files = true;
	t = ip_table_load(&o, error, sizeof(error));
	table_path(path, to);
	if (!t || !table_identify(path, &id) || table_write(t, &id, to)) {
		fprintf(stderr, "%s: no table: %s\n", to, error);
		exit(1);
	}
	ip_table_free(t);
}

/* The same table out of the file that was made of it. */
static void read_table(const char *path, const struct ip_table_options *o)
{
	char error[300] = "", from[PATH_MAX];
	struct table_identity id;
	struct ip_table *t;
	double used = now();

	table_path(path, from);
	t = table_identify(path, &id) ? table_read(from, &id, o, error, sizeof(error)) : NULL;
	used = now() - used;
	if (!t) {
		fprintf(stderr, "%s: %s\n", from, error);
		exit(1);
	}
	printf("table read ready-made in %.0f ms, %zu MiB (structs %zu)\n", used * 1e3,
	       t->size >> 20, t->interner.arena.bytes >> 20);
	ip_table_free(t);
}

static void write_meta(const char *path)
{
	FILE *f = fopen(path, "we");

	fprintf(f, "{\"version\":1,\"devices\":[{\"id\":\"rt-1\",\"ref\":\"rt-1__v1\",\"name\":"
		   "\"rt-1.example.net\",\"addresses\":[\"10.1.2.3\"]}],\"interfaces\":[");
	for (unsigned i = 500; i < 520; i++)
		fprintf(f,
			"%s{\"device_id\":\"rt-1\",\"flow_index\":%u,\"id\":\"rt-1::et-0/0/%u\","
			"\"ref\":\"rt-1::et-0/0/%u__v1\",\"name\":\"et-0/0/%u\",\"edge\":%s}",
			i > 500 ? "," : "", i, i, i, i, i % 2 ? "true" : "false");
	fprintf(f, "],\"applications\":[{\"id\":\"https\",\"protocol\":6,\"port_min\":443,"
		   "\"port_max\":443}],\"communities\":{},\"as\":[]}");
	fclose(f);
}

int main(int argc, char **argv)
{
	unsigned prefixes = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5000000;
	char directory[] = "/tmp/weir-bench-XXXXXX", path[100], meta[100], error[300];
	char table[PATH_MAX], kept[PATH_MAX];
	const info_writer *const writers[] = {protobuf_info, NULL};
	const char *paths[] = {path};
	struct ip_table_options o = ip_table_everything(paths, 1);
	static struct settings settings;
	struct enricher *e;
	struct ip_table *t;
	double used;

	if (argc > 3 && !strcmp(argv[3], "only")) {
		make_file(prefixes, argv[2]);
		make_table(argv[2]);
		return 0;
	}
	if (!mkdtemp(directory))
		return 1;
	snprintf(path, sizeof(path), "%s/ip.mmdb", directory);
	snprintf(meta, sizeof(meta), "%s/meta.json", directory);
	make_file(prefixes, path);
	make_table(path);
	write_meta(meta);
	o.writers = writers;
	used = now();
	t = ip_table_load(&o, error, sizeof(error));
	used = now() - used;
	if (!t) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	printf("table: %llu blocks, %u parts, %u structs, loaded in %.0f ms, %zu MiB (leaves %zu, "
	       "tries %zu, structs %zu)\n",
	       (unsigned long long)t->n_prefixes, t->n_parts, t->n_infos, used * 1e3, t->size >> 20,
	       t->n_words * 4 >> 20,
	       ((t->v4.n_nodes + t->v6.n_nodes) * sizeof(struct poptrie_node) +
		(t->v4.n_leaves + t->v6.n_leaves) * 4) >>
		       20,
	       t->interner.arena.bytes >> 20);
	lookups(t, false);
	lookups(t, true);
	ip_table_free(t);
	read_table(path, &o);

	rcu_register_thread();
	settings_init(&settings);
	free(settings.enrich.cache);
	settings.enrich.cache = strdup(directory);
	settings.enrich.check_seconds = 0;
	flows(NULL, &protobuf_format, "protobuf", false);
	flows(NULL, &json_format, "json", false);
	for (unsigned f = 0; f < INFO_FORMATS; f++) {
		const info_writer *one[INFO_FORMATS] = {NULL};

		one[f] = f ? json_info : protobuf_info;
		e = enricher_open(&settings.enrich, one);
		for (int hot = 0; hot < 2; hot++)
			flows(e, f ? &json_format : &protobuf_format, f ? "json" : "protobuf", hot);
		enricher_close(e);
	}
	settings_free(&settings);
	rcu_unregister_thread();
	table_path(path, table);
	if (argc > 2) {
		table_path(argv[2], kept);
		if (rename(table, kept) || rename(path, argv[2]))
			perror(argv[2]);
	}
	unlink(table);
	unlink(path);
	unlink(meta);
	return rmdir(directory);
}
