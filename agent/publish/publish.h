/* From batches of flows to outputs: what the worker calls.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A worker encodes into its own buffers and hands full ones over; it never waits for an output. */
#ifndef WEIR_PUBLISH_H
#define WEIR_PUBLISH_H

#include "../account.h"
#include "../flow.h"

enum output_kind { OUTPUT_FILE, OUTPUT_KAFKA, OUTPUT_NONE };
enum output_format { FORMAT_JSON, FORMAT_PROTOBUF, FORMAT_NATIVE };
enum output_compression {
	COMPRESS_NONE,
	COMPRESS_GZIP,
	COMPRESS_ZSTD,
	COMPRESS_LZ4,
	COMPRESS_LZ4_FAST, /* kafka: as lz4, less thorough */
};

/* A format or compression in settings that are not finished: what suits the kind of output. */
enum { OUTPUT_AUTO = 100 };

/* When what was spooled is forced to disk: after each message, each second, or when the kernel
 * likes. */
enum spool_sync { SPOOL_SYNC_MESSAGE, SPOOL_SYNC_SECOND, SPOOL_SYNC_NEVER };

enum { OUTPUTS_MAX = 8, KAFKA_PROPERTIES_MAX = 64 };

struct kafka_property {
	char *name, *value;
};

struct output_options {
	enum output_kind kind;
	enum output_format format;
	char *path;	    /* file: path, "-" is standard output */
	char *counter_path; /* file for counter samples; NULL: path + ".counters" (with "-": mixed
			       in where the format is JSON, else left out) */
	enum output_compression compression; /* file: none, gzip, zstd; kafka: all */
	uint64_t rotate_bytes;		     /* file; 0: never */
	uint32_t rotate_seconds;	     /* file; 0: never */
	uint32_t rotate_keep;		     /* closed files kept; 0: all */
	char *brokers;			     /* kafka: host:port,… */
	char *topic;
	char *counter_topic; /* NULL: counter samples are left out */
	bool key_exporter;   /* messages of an exporter keep their order in one partition */
	bool tls;	     /* kafka: implied by any of the four below */
	char *tls_ca;	     /* PEM files */
	char *tls_cert, *tls_key;
	char *tls_key_password_file;
	char *sasl_mechanism; /* PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER; NULL: none */
	char *sasl_username;
	char *sasl_password;	  /* a secret: never printed */
	char *sasl_password_file; /* its first line; wins over sasl_password */
	char *sasl_token_url;	  /* OAUTHBEARER: who issues tokens for user name and password */
	char *sasl_scope;	  /* … and of which scope; NULL: of its choice */
	struct kafka_property properties[KAFKA_PROPERTIES_MAX]; /* straight to librdkafka */
	unsigned n_properties;
	uint32_t message_bytes;	 /* a message is sent when it holds this much … */
	uint32_t message_millis; /* … or its first flow has waited this long */
	uint32_t queue_bytes;	 /* handed over and not yet written or acknowledged */
	/* While the queue is fuller than this (per cent; 0: never) one flow in sample_rate is sent,
	 * its sampling rate multiplied, and the others are counted. */
	uint32_t sample_above, sample_rate;
	char *spool_path;	/* kafka: directory for what the broker does not take; NULL: none */
	uint64_t spool_bytes;	/* at most, all segments together; the oldest are dropped */
	uint32_t spool_seconds; /* older segments are dropped; 0: no limit */
	enum spool_sync spool_sync;
};

struct publish_options {
	char *collector_id;
	struct output_options outputs[OUTPUTS_MAX];
	unsigned n_outputs;
	bool wait_when_full; /* replay: the caller waits for room instead of dropping flows */
};

struct publisher;
struct publish_worker;

/* Opens all outputs for `workers` workers; *o must stay as it is until publisher_close(). NULL on
 * failure, with one message logged for the operator. */
struct publisher *publisher_open(const struct publish_options *o, unsigned workers);

/* How many rows a batch should have: few enough to stay in the processor's second-level cache from
 * decode to encode, and many where an output makes blocks of them, whose columns each have a name.
 */
uint32_t publisher_batch_rows(const struct publisher *p);

/* Worker i's side; owned by the publisher, used by one thread. `account` is the worker's own. */
struct publish_worker *publisher_worker(struct publisher *p, unsigned i, struct account *account);

/* Encodes all flows and counter samples of the batch for every output. Refers to nothing of the
 * batch afterwards. Never blocks (unless wait_when_full); what cannot be queued is dropped and
 * counted. The decoders have counted the flows. */
void publish_batch(struct publish_worker *w, const struct flow_batch *batch);

/* Sends what has waited long enough; call at least every 100 ms. */
void publish_tick(struct publish_worker *w, uint64_t monotonic_ns);

/* Sends what is buffered and waits for acknowledgement up to `seconds`. The workers must have
 * stopped. Returns the number of flows that were not delivered; accounts can be read until
 * publisher_close(). */
uint64_t publisher_stop(struct publisher *p, unsigned seconds);

/* Stops it where that has not been done, and frees it. Returns what publisher_stop() did. */
uint64_t publisher_close(struct publisher *p, unsigned seconds);

/* Accounts of the output side (published, dropped …), one per output. */
const struct account *publisher_account(const struct publisher *p, unsigned output);

/* Flows handed to this output that none of its accounts has yet: in messages being filled, queued,
 * sent and not acknowledged, in the spool. For the audit; safe to call from any thread. */
uint64_t publisher_waiting(const struct publisher *p, unsigned output);

/* Of these, flows that are in the spool on disk and nowhere else. */
uint64_t publisher_spooled(const struct publisher *p, unsigned output);

/* How full the output's queue in memory is, in per cent. */
unsigned publisher_fill(const struct publisher *p, unsigned output);

/* "file:/path", "kafka:host:9092/flows", for status and metrics. */
const char *publisher_output_name(const struct publisher *p, unsigned output);

/* True when an output can never deliver again, as when the reader of standard output is gone. */
bool publisher_ended(const struct publisher *p);

/* Reopens files (SIGHUP after logrotate). */
void publisher_reopen(struct publisher *p);

#endif
