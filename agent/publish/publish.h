/* From batches of flows to outputs: what the worker calls.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A worker encodes into its own buffers and hands full ones over; it never waits for an output. */
#ifndef WEIR_PUBLISH_H
#define WEIR_PUBLISH_H

#include "../account.h"
#include "../flow.h"

enum output_kind { OUTPUT_FILE, OUTPUT_KAFKA, OUTPUT_NONE };
enum output_format { FORMAT_JSON, FORMAT_PROTOBUF, FORMAT_NATIVE, FORMAT_ROWBINARY };
enum output_compression { COMPRESS_NONE, COMPRESS_GZIP, COMPRESS_ZSTD, COMPRESS_LZ4 };

enum { OUTPUTS_MAX = 8, KAFKA_PROPERTIES_MAX = 64 };

struct kafka_property {
	char *name, *value;
};

struct output_options {
	enum output_kind kind;
	enum output_format format;
	char *path;	    /* file: path, "-" is standard output */
	char *counter_path; /* file for counter samples; NULL: path + ".counters" (with "-": mixed
			       in) */
	enum output_compression compression;
	uint64_t rotate_bytes;	 /* file; 0: never */
	uint32_t rotate_seconds; /* file; 0: never */
	uint32_t rotate_keep;	 /* closed files kept; 0: all */
	char *brokers;		 /* kafka: host:port,… */
	char *topic, *counter_topic;
	bool key_exporter; /* messages of an exporter keep their order in one partition */
	struct kafka_property properties[KAFKA_PROPERTIES_MAX]; /* straight to librdkafka */
	unsigned n_properties;
	uint32_t message_bytes;	 /* a message is sent when it holds this much … */
	uint32_t message_millis; /* … or its first flow has waited this long */
	uint32_t queue_bytes;	 /* handed over and not yet written or acknowledged */
};

struct publish_options {
	char *collector_id;
	struct output_options outputs[OUTPUTS_MAX];
	unsigned n_outputs;
};

struct publisher;
struct publish_worker;

/* Opens all outputs for `workers` workers. NULL on failure, with one message logged for the
 * operator. */
struct publisher *publisher_open(const struct publish_options *o, unsigned workers);

/* Worker i's side; owned by the publisher, used by one thread. `account` is the worker's own. */
struct publish_worker *publisher_worker(struct publisher *p, unsigned i, struct account *account);

/* Encodes all flows and counter samples of the batch for every output. Refers to nothing of the
 * batch afterwards. Never blocks; what cannot be queued is dropped and counted. */
void publish_batch(struct publish_worker *w, const struct flow_batch *batch);

/* Sends what has waited long enough; call at least every 100 ms. */
void publish_tick(struct publish_worker *w, uint64_t monotonic_ns);

/* Sends what is buffered, waits for acknowledgement up to `seconds`, closes. The workers must have
 * stopped. Returns the number of flows that were not delivered. */
uint64_t publisher_close(struct publisher *p, unsigned seconds);

/* Accounts of the output side (published, dropped …), one per output. */
const struct account *publisher_account(const struct publisher *p, unsigned output);

/* "file:/path", "kafka:host:9092/flows", for status and metrics. */
const char *publisher_output_name(const struct publisher *p, unsigned output);

/* Reopens files (SIGHUP after logrotate). */
void publisher_reopen(struct publisher *p);

#endif
