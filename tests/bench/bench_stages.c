/* What each stage of the packet path costs a flow, over a capture that send_load has written.
 * SPDX-License-Identifier: Apache-2.0
 *
 * usage: bench_stages STAGE CAPTURE [CACHE [ROUNDS]]
 *
 * Prints the least and the median CPU time a flow. Only what a round does lies inside measured(),
 * so that callgrind can count that alone (--toggle-collect=measured). CACHE is a directory with
 * ip.mmdb and meta.json, "-": none. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "clock.h"
#include "conf/settings.h"
#include "decode/exporter.h"
#include "enrich/enricher.h"
#include "pipeline.h"
#include "publish/encode.h"
#include "publish/kafka_sink.h"
#include "publish/spool.h"
#include "rx/frame.h"

enum {
	HEAD = 24,
	PACKET_HEAD = 16,
	BATCH = 64,
	ROWS = 1024,
	MESSAGE = 512 << 10,
	BATCHES_MAX = 4096,
	ROUNDS_MAX = 1000,
};

struct frame {
	const uint8_t *p;
	uint32_t len;
};

static struct {
	struct frame *frames;
	struct datagram *datagrams;
	unsigned n;
	struct settings settings;
	struct account account;
	struct exporter_store *store;
	struct enricher *enricher;
	struct enrich_worker *worker;
	struct decoder decoder;
	struct publisher *publisher;
	struct pipeline pipeline;
	struct flow_batch batch;
	uint64_t flows;
	/* decoded beforehand, for the stages after decoding */
	struct flow_batch made[BATCHES_MAX];
	unsigned n_made;
	const struct flow **rows;
	struct row_constants constants;
	const struct row_format *format;
	uint8_t *output;
	struct message *message;
	struct spool *spool;
	char directory[40];
	uint64_t sum; /* so that nothing is optimised away */
} b;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench_stages: %s: %s\n", what, why);
	exit(2);
}

static void read_capture(const char *path)
{
	FILE *f = fopen(path, "re");
	long size = 0;
	uint8_t *all;
	unsigned room = 0;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < HEAD)
		die(path, f ? "no capture" : strerror(errno));
	all = malloc((size_t)size);
	rewind(f);
	if (!all || fread(all, 1, (size_t)size, f) != (size_t)size)
		die(path, "cannot read");
	fclose(f);
	for (long at = HEAD; at + PACKET_HEAD < size;) {
		uint32_t len;

		memcpy(&len, all + at + 8, 4);
		if (b.n == room) {
			room = room ? 2 * room : 1024;
			b.frames = realloc(b.frames, room * sizeof(*b.frames));
			if (!b.frames)
				die(path, "no memory");
		}
		b.frames[b.n++] = (struct frame){all + at + PACKET_HEAD, len};
		at += PACKET_HEAD + (long)len;
	}
	b.datagrams = calloc(b.n, sizeof(*b.datagrams));
	for (unsigned i = 0; i < b.n; i++) {
		if (frame_parse(b.frames[i].p, b.frames[i].len, &b.datagrams[i]) != FRAME_OK)
			die(path, "a frame that cannot be parsed");
		b.datagrams[i].received_ns = 1790000000123456789u;
	}
}

/* Stages: each does one round. */

static void receive(void)
{
	struct datagram dg;

	for (unsigned i = 0; i < b.n; i++) {
		b.sum += (uint64_t)frame_parse(b.frames[i].p, b.frames[i].len, &dg);
		b.sum += dg.len;
	}
}

static void emptied(struct flow_batch *batch, void *arg)
{
	(void)arg;
	b.flows += batch->n;
	batch->n = batch->n_exts = batch->n_samples = 0;
}

static void decode(void)
{
	for (unsigned i = 0; i < b.n; i++) {
		if (decoder_datagram(&b.decoder, &b.datagrams[i], &b.batch) != DECODE_OK)
			die("decode", "a datagram that is not right");
		if (i % BATCH == BATCH - 1) {
			emptied(&b.batch, NULL);
			rcu_quiescent_state();
		}
	}
	emptied(&b.batch, NULL);
}

static void enrich(void)
{
	for (unsigned i = 0; i < b.n_made; i++)
		enrich_batch(b.worker, &b.made[i]);
}

static void encode(void)
{
	for (unsigned m = 0; m < b.n_made; m++) {
		uint8_t *p = b.output;

		for (uint32_t i = 0; i < b.made[m].n; i++) {
			p = b.format->flow(p, &b.constants, &b.made[m].rows[i]);
			if (p - b.output > MESSAGE)
				p = b.output;
		}
		b.sum += (uint64_t)(p - b.output);
	}
}

static void encode_blocks(void)
{
	for (unsigned m = 0; m < b.n_made; m++) {
		uint32_t n, done = 0;

		for (uint32_t i = 0; i < b.made[m].n; i++)
			b.rows[i] = &b.made[m].rows[i];
		for (; done < b.made[m].n; done += n) {
			n = b.made[m].n - done;
			b.sum += (uint64_t)(b.format->block(b.output, MESSAGE, &b.constants,
							    b.rows + done, &n) -
					    b.output);
		}
	}
}

static void hash(void)
{
	for (unsigned m = 0; m < b.n_made; m++)
		for (uint32_t i = 0; i < b.made[m].n; i++)
			b.sum += murmur2(b.made[m].rows[i].src_addr.b, 16);
}

static void spool(void)
{
	if (spool_put(b.spool, b.message))
		die("spool", "cannot write");
}

static void whole(void)
{
	for (unsigned i = 0; i < b.n; i += BATCH)
		pipeline_run(&b.pipeline, b.datagrams + i, b.n - i < BATCH ? b.n - i : BATCH);
}

/* What is done before the rounds. */

static void make_decoder(void)
{
	b.store = exporter_store_new(&decode_defaults, 1);
	flow_batch_init(&b.batch, ROWS, 16);
	b.batch.full = emptied;
	decoder_init(&b.decoder, &decode_defaults, b.store, &b.account, 0);
}

static void open_enricher(const char *cache, const info_writer *const writers[])
{
	free(b.settings.enrich.cache);
	b.settings.enrich.cache = strdup(cache);
	b.settings.enrich.check_seconds = 0;
	b.enricher = enricher_open(&b.settings.enrich, writers);
	if (!b.enricher || !enricher_ip_table(b.enricher))
		die(cache, "no ip.mmdb there");
}

/* Batches as the worker makes them, none of which is touched by the next. */
static void make_batches(void)
{
	static struct enrich_worker *workers[BATCHES_MAX];

	make_decoder();
	for (unsigned i = 0; i < b.n && b.n_made < BATCHES_MAX;) {
		struct flow_batch *m = &b.made[b.n_made];

		flow_batch_init(m, ROWS, 16);
		m->full = emptied;
		while (i < b.n && m->n + 100 < ROWS)
			decoder_datagram(&b.decoder, &b.datagrams[i++], m);
		if (b.enricher) {
			workers[b.n_made] = enrich_worker_new(b.enricher, ROWS, &b.account);
			enrich_batch(workers[b.n_made], m);
		}
		b.flows += m->n;
		b.n_made++;
	}
	b.worker = workers[0];
	b.rows = calloc(ROWS, sizeof(*b.rows));
}

static void make_encoder(const struct row_format *format)
{
	b.format = format;
	b.output = malloc(MESSAGE + 2 * ENCODED_ROW_MAX);
	memset(b.output, 0, MESSAGE + 2 * ENCODED_ROW_MAX);
	format->constants(&b.constants, "collector-1");
}

/* A message of the size that is sent, and the flows in it. */
static void make_spool(void)
{
	struct spool_options o = {.path = b.directory,
				  .name = "bench",
				  .max_bytes = 4ull << 30,
				  .sync = SPOOL_SYNC_NEVER,
				  .dropped = NULL};
	uint8_t *p;

	make_encoder(&protobuf_format);
	b.message = calloc(1, sizeof(*b.message) + MESSAGE + 2 * ENCODED_ROW_MAX);
	p = b.message->bytes;
	b.flows = 0;
	for (unsigned m = 0; p - b.message->bytes < MESSAGE; m = (m + 1) % b.n_made)
		for (uint32_t i = 0; i < b.made[m].n && p - b.message->bytes < MESSAGE; i++) {
			p = b.format->flow(p, &b.constants, &b.made[m].rows[i]);
			b.flows++;
		}
	b.message->len = (uint32_t)(p - b.message->bytes);
	b.message->rows = (uint32_t)b.flows;
	b.spool = spool_open(&o);
	if (!b.spool)
		die("spool", "cannot open");
}

static void make_pipeline(enum output_format format, const char *cache)
{
	static struct publish_options o;

	o.collector_id = (char *)"collector-1";
	o.n_outputs = 1;
	o.outputs[0] = (struct output_options){.kind = OUTPUT_NONE,
					       .format = format,
					       .message_bytes = MESSAGE,
					       .message_millis = 1000,
					       .queue_bytes = 16 << 20};
	if (cache) {
		b.settings.enrich.check_seconds = 0;
		free(b.settings.enrich.cache);
		b.settings.enrich.cache = strdup(cache);
		b.enricher = pipeline_enricher(&b.settings.enrich, &o);
	}
	b.store = exporter_store_new(&decode_defaults, 1);
	b.publisher = publisher_open(&o, 1);
	if (!b.publisher || pipeline_open(&b.pipeline, &decode_defaults, b.store, b.publisher,
					  b.enricher, 0, &b.account))
		die("pipeline", "cannot open");
}

static const struct stage {
	const char *name;
	void (*round)(void);
	const struct row_format *format;
	const info_writer *info;
	enum output_format output;
} stages[] = {
	{"receive", receive, NULL, NULL, 0},
	{"decode", decode, NULL, NULL, 0},
	{"enrich", enrich, NULL, protobuf_info, 0},
	{"encode-protobuf", encode, &protobuf_format, protobuf_info, 0},
	{"encode-json", encode, &json_format, json_info, 0},
	{"encode-native", encode_blocks, &native_format, protobuf_info, 0},
	{"hash", hash, NULL, NULL, 0},
	{"spool", spool, NULL, NULL, 0},
	{"pipeline-protobuf", whole, NULL, protobuf_info, FORMAT_PROTOBUF},
	{"pipeline-json", whole, NULL, json_info, FORMAT_JSON},
	{"pipeline-native", whole, NULL, protobuf_info, FORMAT_NATIVE},
};

static void prepare(const struct stage *s, const char *cache)
{
	const info_writer *writers[INFO_FORMATS] = {NULL};

	writers[s->info == json_info ? INFO_JSON : INFO_PROTOBUF] = s->info;
	if (s->round == whole) {
		make_pipeline(s->output, cache);
	} else if (s->round == decode) {
		make_decoder();
	} else if (s->round != receive) {
		if (cache && s->info)
			open_enricher(cache, writers);
		make_batches();
		if (s->format)
			make_encoder(s->format);
		if (s->round == spool)
			make_spool();
		if (s->round == enrich && !b.worker)
			die("enrich", "it needs a CACHE");
	}
}

/* callgrind counts what happens in here. */
void measured(void (*round)(void));
__attribute__((noinline)) void measured(void (*round)(void))
{
	round();
	__asm__ volatile("" ::: "memory");
}

static int compare(const void *x, const void *y)
{
	double a = *(const double *)x, c = *(const double *)y;

	return (a > c) - (a < c);
}

int main(int argc, char **argv)
{
	const char *cache = argc > 3 && strcmp(argv[3], "-") ? argv[3] : NULL;
	unsigned rounds = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 20;
	static double ns[ROUNDS_MAX];
	const struct stage *s = NULL;
	uint64_t flows;

	if (argc < 3)
		die("usage", "bench_stages STAGE CAPTURE [CACHE [ROUNDS]]");
	for (unsigned i = 0; i < sizeof(stages) / sizeof(*stages); i++)
		if (!strcmp(stages[i].name, argv[1]))
			s = &stages[i];
	if (!s || !rounds || rounds > ROUNDS_MAX)
		die(argv[1], "no such stage, or too many rounds");
	rcu_register_thread();
	settings_init(&b.settings);
	snprintf(b.directory, sizeof(b.directory), "/tmp/weir-stages-XXXXXX");
	if (!mkdtemp(b.directory))
		die(b.directory, strerror(errno));
	read_capture(argv[2]);
	prepare(s, cache);
	flows = b.flows;
	if (s->round == decode) { /* templates and exporters are known then */
		decode();
		flows = b.flows - flows;
	} else if (s->round == whole) {
		whole();
		flows = account_get(&b.account, ACCOUNT_FLOWS);
	} else if (s->round == receive) {
		flows = b.n;
	}
	for (unsigned r = 0; r < rounds; r++) {
		uint64_t start = clock_thread_ns();

		measured(s->round);
		ns[r] = (double)(clock_thread_ns() - start) / (double)flows;
	}
	qsort(ns, rounds, sizeof(*ns), compare);
	printf("%s %.2f %.2f ns, least and median of %u rounds of %llu flows\n", s->name, ns[0],
	       ns[rounds / 2], rounds, (unsigned long long)flows);
	if (b.spool)
		spool_close(b.spool, NULL);
	if (chdir(b.directory) == 0 && system("rm -rf \"$PWD\"") != 0)
		perror(b.directory);
	return b.sum == 42;
}
