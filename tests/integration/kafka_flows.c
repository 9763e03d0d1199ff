/* Publishes numbered flows through the publisher, or reads a topic and says which came.
 * SPDX-License-Identifier: Apache-2.0
 *
 * usage: kafka_flows publish KEY=VALUE...    ends with the output's accounts, one a line
 *        kafka_flows read KEY=VALUE...       ends with flows, distinct, duplicates, disorder …
 *
 * Flow i (from 1) has sequence_num = i and comes from exporter i modulo `exporters`, so that a
 * reader can tell what is lost, what came twice and whether an exporter's flows kept their order.
 * With load=1 the flows are send_load's, whose number (from 0) is in their addresses. With dedupe=1
 * messages are passed over whose batch identity came before.
 * With progress=1 standard error tells, ten times a second, how many flows were handed over so far.
 * linger=N gives flows that still wait N seconds at most before the output is stopped. */
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bytes.h"
#include "clock.h"
#include "log.h"
#include "publish/publish.h"

enum { ROWS = 1024 };

static volatile sig_atomic_t stopped;

static struct arguments {
	uint64_t flows, first, rate, exporters, workers, stop, samples, linger, load, dedupe,
		progress;
	struct output_options output;
} a = {
	.flows = 100000,
	.first = 1,
	.exporters = 50,
	.workers = 1,
	.stop = 30,
	.output =
		{
			.kind = OUTPUT_KAFKA,
			.format = FORMAT_PROTOBUF,
			.compression = COMPRESS_LZ4,
			.topic = (char *)"flows",
			.key_exporter = true,
			.message_bytes = 256 << 10,
			.message_millis = 200,
			.queue_bytes = 64 << 20,
			.spool_bytes = 4ull << 30,
			.spool_sync = SPOOL_SYNC_SECOND,
		},
};

static void die(const char *what, const char *argument)
{
	fprintf(stderr, "kafka_flows: %s: %s\n", what, argument);
	exit(2);
}

static void read_property(char *v)
{
	char *equals = strchr(v, '=');

	if (!equals)
		die("no property", v);
	*equals = '\0';
	a.output.properties[a.output.n_properties++] = (struct kafka_property){v, equals + 1};
}

static void read_argument(char *argument)
{
	struct output_options *o = &a.output;
	char *v = strchr(argument, '=');
	const struct {
		const char *key;
		uint64_t *number;
		uint32_t *small;
		char **text;
	} keys[] = {
		{"flows", &a.flows, NULL, NULL},
		{"first", &a.first, NULL, NULL},
		{"rate", &a.rate, NULL, NULL},
		{"exporters", &a.exporters, NULL, NULL},
		{"workers", &a.workers, NULL, NULL},
		{"stop", &a.stop, NULL, NULL},
		{"samples", &a.samples, NULL, NULL},
		{"linger", &a.linger, NULL, NULL},
		{"load", &a.load, NULL, NULL},
		{"dedupe", &a.dedupe, NULL, NULL},
		{"progress", &a.progress, NULL, NULL},
		{"message_bytes", NULL, &o->message_bytes, NULL},
		{"message_millis", NULL, &o->message_millis, NULL},
		{"queue_bytes", NULL, &o->queue_bytes, NULL},
		{"sample_above", NULL, &o->sample_above, NULL},
		{"sample_rate", NULL, &o->sample_rate, NULL},
		{"spool_seconds", NULL, &o->spool_seconds, NULL},
		{"spool_bytes", &o->spool_bytes, NULL, NULL},
		{"brokers", NULL, NULL, &o->brokers},
		{"topic", NULL, NULL, &o->topic},
		{"counter_topic", NULL, NULL, &o->counter_topic},
		{"spool", NULL, NULL, &o->spool_path},
		{"tls_ca", NULL, NULL, &o->tls_ca},
		{"tls_cert", NULL, NULL, &o->tls_cert},
		{"tls_key", NULL, NULL, &o->tls_key},
		{"sasl_mechanism", NULL, NULL, &o->sasl_mechanism},
		{"sasl_username", NULL, NULL, &o->sasl_username},
		{"sasl_password_file", NULL, NULL, &o->sasl_password_file},
		{"sasl_token_url", NULL, NULL, &o->sasl_token_url},
		{"sasl_scope", NULL, NULL, &o->sasl_scope},
	};

	if (!v)
		die("not KEY=VALUE", argument);
	*v++ = '\0';
	for (unsigned i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (strcmp(keys[i].key, argument))
			continue;
		if (keys[i].text)
			*keys[i].text = v;
		else if (keys[i].small)
			*keys[i].small = (uint32_t)strtoul(v, NULL, 0);
		else
			*keys[i].number = strtoull(v, NULL, 0);
		return;
	}
	if (!strcmp(argument, "format"))
		o->format = !strcmp(v, "json")	   ? FORMAT_JSON
			    : !strcmp(v, "native") ? FORMAT_NATIVE
						   : FORMAT_PROTOBUF;
	else if (!strcmp(argument, "compression"))
		o->compression = !strcmp(v, "none")	  ? COMPRESS_NONE
				 : !strcmp(v, "gzip")	  ? COMPRESS_GZIP
				 : !strcmp(v, "zstd")	  ? COMPRESS_ZSTD
				 : !strcmp(v, "lz4-fast") ? COMPRESS_LZ4_FAST
							  : COMPRESS_LZ4;
	else if (!strcmp(argument, "key"))
		o->key_exporter = !strcmp(v, "exporter");
	else if (!strcmp(argument, "sync"))
		o->spool_sync = !strcmp(v, "message") ? SPOOL_SYNC_MESSAGE
				: !strcmp(v, "never") ? SPOOL_SYNC_NEVER
						      : SPOOL_SYNC_SECOND;
	else if (!strcmp(argument, "property"))
		read_property(v);
	else
		die("no such key", argument);
}

static void fill(struct flow_batch *b, uint64_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t number = first + i;
		uint32_t exporter = __builtin_bswap32(0x0a000001 +
						      (uint32_t)(number % a.exporters));
		struct flow *f = &b->rows[i];

		*f = (struct flow){
			.type = FLOW_IPFIX,
			.time_received_ns = 1700000000000000000u + number,
			.time_flow_start_ns = 1699999990000000000u + 1000 * number,
			.time_flow_end_ns = 1699999999000000000u + 1000 * number,
			.sequence_num = (uint32_t)number,
			.sampling_rate = 1000,
			.bytes = 1 + number * 2654435761u % 100000,
			.packets = 1 + number % 100,
			.etype = 0x0800,
			.proto = 6,
			.src_port = 443,
			.dst_port = (uint16_t)(1024 + number * 40503 % 60000),
			.in_if = 5,
			.out_if = 6,
			.tcp_flags = 0x18,
		};
		ip_from_v4(&f->sampler_address, &exporter);
		ip_from_v4(&f->src_addr, &f->bytes);
		ip_from_v4(&f->dst_addr, &f->packets);
	}
	b->n = n;
}

static void stop_now(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

/* Keeps to the rate, and lets the lanes of all workers send what has waited. */
static void pace(struct publisher *p, struct account *accounts, uint64_t done, uint64_t start)
{
	uint64_t now;

	do {
		now = clock_monotonic_ns();
		for (unsigned w = 0; w < a.workers; w++)
			publish_tick(publisher_worker(p, w, &accounts[w]), now);
		if (!a.rate || (now - start) / 1000 * a.rate / 1000000 >= done)
			return;
		usleep(2000);
	} while (!stopped);
}

static int publish(void)
{
	struct publish_options o = {.collector_id = (char *)"test", .n_outputs = 1};
	struct account *accounts = calloc(a.workers, sizeof(*accounts));
	uint64_t start, last = a.first + a.flows, lost, until, told = 0;
	struct publisher *p;
	struct flow_batch b;

	if (getenv("DEBUG"))
		log_set_level(LOG_LEVEL_DEBUG);
	o.outputs[0] = a.output;
	o.wait_when_full = !a.rate;
	signal(SIGTERM, stop_now);
	p = publisher_open(&o, (unsigned)a.workers);
	if (!p || !accounts || flow_batch_init(&b, ROWS, 1))
		return 1;
	start = clock_monotonic_ns();
	for (uint64_t i = a.first, k = 0; i < last && !stopped; k++) {
		uint32_t n = last - i < ROWS ? (uint32_t)(last - i) : ROWS;

		fill(&b, i, n);
		b.n_samples = k < a.samples;
		b.samples[0].n_values = 1;
		b.samples[0].values[0] = (struct counter_value){.name = "k", .u = k};
		publish_batch(
			publisher_worker(p, (unsigned)(k % a.workers), &accounts[k % a.workers]),
			&b);
		i += n;
		if (a.progress && clock_monotonic_ns() - told > 100000000) {
			told = clock_monotonic_ns();
			fprintf(stderr, "handed over %lu\n", i - a.first);
		}
		pace(p, accounts, i - a.first, start);
	}
	until = clock_monotonic_ns() + a.linger * 1000000000u;
	while (clock_monotonic_ns() < until && !stopped && publisher_waiting(p, 0)) {
		pace(p, accounts, 0, start);
		usleep(20000);
	}
	lost = publisher_stop(p, (unsigned)a.stop);
	for (unsigned i = 0; i < ACCOUNT_MAX; i++) {
		uint64_t n = account_get(publisher_account(p, 0), i);

		if (n)
			printf("%s %lu\n", account_name(i), n);
	}
	printf("lost %lu\nmillis %lu\n", lost, (clock_monotonic_ns() - start) / 1000000);
	publisher_close(p, 0);
	flow_batch_free(&b);
	free(accounts);
	return 0;
}

/* What a reader finds out. */
static struct reading {
	uint64_t messages, flows, distinct, duplicates, disorder, bad;
	uint64_t header_count;
	uint64_t repeated;				       /* messages passed over */
	uint64_t bytes, scaled_bytes, packets, scaled_packets; /* of distinct flows */
	uint64_t *batches;				       /* hashes of identities; 0: free */
	uint8_t *seen;					       /* a bit for each number */
	uint32_t *last;	    /* number last seen of each exporter */
	int32_t *partition; /* 1 + where each exporter's flows are */
	uint64_t exporters_split;
} r;

static const uint8_t *varint(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
	unsigned shift = 0;

	for (*v = 0; p < end && shift < 64; shift += 7) {
		*v |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p++ & 0x80))
			return p;
	}
	return NULL;
}

/* What a reader takes of a flow. */
struct row {
	uint64_t number, rate, bytes, packets;
	uint32_t src, dst; /* IPv4 */
};

/* send_load puts n * 2654435761 modulo 2^32 into the last bits of both addresses. */
static uint64_t number_of(const struct row *row)
{
	const uint32_t inverse = 244002641;

	if (!a.load)
		return row->number;
	return (uint32_t)((row->src & 0xfffff) << 12 | (row->dst & 0xfff)) * inverse;
}

enum { BATCHES_MAX = 1 << 22 };

/* True when a message with this identity came before. */
static bool is_repeated(const void *identity, size_t len)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ ((const uint8_t *)identity)[i]) * 1099511628211u;
	for (uint64_t at = hash;; at++) {
		uint64_t *place = &r.batches[at % BATCHES_MAX];

		if (*place == hash)
			return true;
		if (!*place) {
			*place = hash;
			return false;
		}
	}
}

static void note(const struct row *row, int32_t partition)
{
	uint64_t number = number_of(row), exporter = number % a.exporters;

	r.flows++;
	if (number < a.first || number >= a.first + a.flows) {
		r.bad++;
		return;
	}
	if (r.seen[number / 8] & 1 << number % 8) {
		r.duplicates++;
	} else {
		r.distinct++;
		r.bytes += row->bytes;
		r.packets += row->packets;
		r.scaled_bytes += row->bytes * row->rate;
		r.scaled_packets += row->packets * row->rate;
		if (number < r.last[exporter])
			r.disorder++;
		r.last[exporter] = (uint32_t)number;
	}
	r.seen[number / 8] |= (uint8_t)(1 << number % 8);
	if (r.partition[exporter] && r.partition[exporter] != partition + 1)
		r.exporters_split++;
	r.partition[exporter] = partition + 1;
}

static void take_number(struct row *row, uint64_t field, uint64_t v)
{
	if (field == 3)
		row->rate = v;
	else if (field == 4)
		row->number = v;
	else if (field == 9)
		row->bytes = v;
	else if (field == 10)
		row->packets = v;
}

static void read_message(const rd_kafka_message_t *m)
{
	const uint8_t *p = m->payload, *end = p + m->len;
	rd_kafka_headers_t *headers;
	const void *value;
	size_t size;

	r.messages++;
	if (!rd_kafka_message_headers(m, &headers)) {
		if (a.dedupe && !rd_kafka_header_get_last(headers, "weir.batch", &value, &size) &&
		    is_repeated(value, size)) {
			r.repeated++;
			return;
		}
		if (!rd_kafka_header_get_last(headers, "weir.count", &value, &size))
			r.header_count += strtoull(value, NULL, 10);
	}
	while (p && p < end) {
		uint64_t len, tag, v;
		struct row row = {.rate = 1};
		const uint8_t *row_end;

		p = varint(p, end, &len);
		if (!p || len > (uint64_t)(end - p))
			break;
		row_end = p + len;
		while (p && p < row_end) {
			p = varint(p, row_end, &tag);
			if (p)
				p = varint(p, row_end, &v);
			if (!p)
				break;
			if ((tag & 7) == 2) {
				if (v > (uint64_t)(row_end - p)) {
					p = NULL;
					break;
				}
				if (v == 4 && tag >> 3 == 6)
					row.src = be32(p);
				if (v == 4 && tag >> 3 == 7)
					row.dst = be32(p);
				p += v;
			}
			take_number(&row, tag >> 3, v);
		}
		if (!p)
			break;
		note(&row, m->partition);
	}
	if (p != end)
		r.bad++;
}

/* All partitions of the topic from their beginnings to their ends as they are now. */
static int read_topic(void)
{
	char why[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	const struct rd_kafka_metadata *md;
	rd_kafka_topic_partition_list_t *list;
	int ended = 0, partitions;

	rd_kafka_conf_set(conf, "bootstrap.servers", a.output.brokers, why, sizeof(why));
	rd_kafka_conf_set(conf, "group.id", "weir-test", why, sizeof(why));
	rd_kafka_conf_set(conf, "enable.partition.eof", "true", why, sizeof(why));
	rd_kafka_conf_set(conf, "enable.auto.commit", "false", why, sizeof(why));
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	if (!rk)
		die("consumer", why);
	rd_kafka_poll_set_consumer(rk);
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, a.output.topic, NULL);
	partitions = 0;
	for (int i = 0; i < 120 && !partitions; i++) { /* one just made is not known at once */
		if (i)
			usleep(500000);
		if (rd_kafka_metadata(rk, 0, topic, &md, 60000))
			die("no metadata of topic", a.output.topic);
		partitions = md->topics[0].partition_cnt;
		rd_kafka_metadata_destroy(md);
	}
	list = rd_kafka_topic_partition_list_new(partitions);
	for (int i = 0; i < partitions; i++)
		rd_kafka_topic_partition_list_add(list, a.output.topic, i)->offset =
			RD_KAFKA_OFFSET_BEGINNING;
	rd_kafka_assign(rk, list);
	r.seen = calloc(1, (a.first + a.flows) / 8 + 1);
	r.batches = calloc(BATCHES_MAX, sizeof(*r.batches));
	r.last = calloc(a.exporters, sizeof(*r.last));
	r.partition = calloc(a.exporters, sizeof(*r.partition));
	while (ended < partitions) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 60000);

		if (!m)
			die("nothing came for 60 s from", a.output.topic);
		if (!m->err)
			read_message(m);
		else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			ended++;
		rd_kafka_message_destroy(m);
	}
	printf("partitions %d\nmessages %lu\nflows %lu\ndistinct %lu\nduplicates %lu\n"
	       "disorder %lu\nsplit %lu\nheader_count %lu\nbad %lu\nrepeated %lu\nbytes %lu\n"
	       "packets %lu\nscaled_bytes %lu\nscaled_packets %lu\n",
	       partitions, r.messages, r.flows, r.distinct, r.duplicates, r.disorder,
	       r.exporters_split, r.header_count, r.bad, r.repeated, r.bytes, r.packets,
	       r.scaled_bytes, r.scaled_packets);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_topic_destroy(topic);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	free(r.seen);
	free(r.batches);
	free(r.last);
	free(r.partition);
	return 0;
}

int main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		read_argument(argv[i]);
	if (argc > 1 && !strcmp(argv[1], "publish"))
		return publish();
	if (argc > 1 && !strcmp(argv[1], "read"))
		return read_topic();
	die("usage", "publish or read");
	return 2;
}
