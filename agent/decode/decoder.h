/* Datagrams in, flows out: the front of the decoders.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_DECODER_H
#define WEIR_DECODER_H

#include "../account.h"
#include "../flow.h"

struct exporter_store;
struct exporter;

/* Limits on what an exporter can make us keep, and what to assume where it does not say. */
struct decode_options {
	uint32_t max_exporters;
	uint32_t max_templates;		     /* of all exporters together */
	uint32_t max_templates_per_exporter; /* all domains of one exporter */
	uint32_t max_fields;		     /* in one template */
	uint32_t max_domains_per_exporter;   /* observation domains, engines, sub-agents */
	uint32_t max_samplers;		     /* sampling rates of one domain */
	uint32_t max_names;		     /* interface, VRF … names of one domain */
	uint32_t max_name_length;	     /* bytes, up to 255; longer ones are cut */
	uint32_t max_nesting;		     /* of RFC 6313 lists */
	uint32_t template_timeout;	     /* s without a refresh; 0: never */
	uint32_t max_waiting_bytes;	     /* data sets without template, all exporters */
	uint32_t max_waiting_bytes_per_exporter;
	uint32_t waiting_timeout;	/* s */
	uint32_t default_sampling_rate; /* where the exporter does not say; 0: assume 1 */
	const struct sampling_override *overrides;
	uint32_t n_overrides;
	bool exporter_address_elements; /* IE 130/131 override the source address */
};

/* Exporters in this prefix have this rate, whatever they say. */
struct sampling_override {
	struct ip_addr prefix;
	uint8_t prefix_len; /* of 128: an IPv4 /24 is 120 */
	uint32_t rate;
};

extern const struct decode_options decode_defaults;

/* What became of a datagram or a part of one. Each but DECODE_OK has a static text for the log. */
#define DECODE_REASONS(R)                                                                       \
	R(OK, "decoded")                                                                        \
	R(TOO_SHORT, "shorter than its header")                                                 \
	R(UNKNOWN_VERSION, "none of NetFlow v5, v9, IPFIX, sFlow v5")                           \
	R(BAD_COUNT, "NetFlow v5 record count is 0, over 30, or more than the datagram holds")  \
	R(BAD_LENGTH, "IPFIX message length is less than its header or more than the datagram") \
	R(BAD_SET_LENGTH, "set length is less than 4 or runs past the message")                 \
	R(BAD_SET_ID, "set id is reserved")                                                     \
	R(BAD_TEMPLATE, "template runs past its set or describes an empty record")              \
	R(BAD_RECORD, "record runs past its set")                                               \
	R(BAD_SAMPLE, "sFlow sample or record runs past what encloses it")                      \
	R(BAD_ADDRESS, "sFlow address type is neither IPv4 nor IPv6")                           \
	R(TOO_MANY_FIELDS, "template has more fields than the limit")                           \
	R(TOO_MANY_TEMPLATES, "too many templates of this exporter or in all")                  \
	R(TOO_MANY_EXPORTERS, "too many exporters")                                             \
	R(TOO_MANY_DOMAINS, "too many observation domains of this exporter or in all")          \
	R(NO_TEMPLATE, "data set whose template has not come")                                  \
	R(NO_MEMORY, "out of memory")

enum decode_status {
#define R(name, text) DECODE_##name,
	DECODE_REASONS(R)
#undef R
		DECODE_STATUS_MAX
};

const char *decode_reason(enum decode_status s);

/* What the protocol decoders of one worker need for one datagram. */
struct decode_context {
	const struct decode_options *options;
	struct exporter_store *store; /* shared by all workers */
	struct exporter *exporter;    /* the datagram's sender */
	struct account *account;      /* of this worker */
	unsigned worker;
};

/* The protocol decoders. Each appends its flows to the batch, counts records and what it had to
 * leave out (not the datagram itself), and returns DECODE_OK or the first reason for which a part
 * was left out. `flows_made` style results are in the batch and the account. */
enum decode_status netflow5_decode(struct decode_context *c, const struct datagram *dg,
				   struct flow_batch *batch);
/* NetFlow v9 (RFC 3954) and IPFIX (RFC 7011). */
enum decode_status ipfix_decode(struct decode_context *c, const struct datagram *dg,
				struct flow_batch *batch);
enum decode_status sflow_decode(struct decode_context *c, const struct datagram *dg,
				struct flow_batch *batch);

/* One worker's decoder over a store that all workers share. The calling thread must be registered
 * with RCU (rcu_register_thread of urcu-qsbr) and announce quiescent states between batches. */
struct decoder {
	struct decode_context context;
};

void decoder_init(struct decoder *d, const struct decode_options *options,
		  struct exporter_store *store, struct account *account, unsigned worker);

/* Which protocol the datagram's first bytes say; FLOW_UNKNOWN: none of ours. */
enum flow_type datagram_version(const struct datagram *dg);

/* Has fetched what decoding these datagrams, at most DECODER_FETCH_MAX, will read of their
 * exporters, streams and templates: while it waits for that of one it asks for that of the next.
 * Changes nothing. */
enum { DECODER_FETCH_MAX = 16 };
void decoder_fetch(const struct decoder *d, const struct datagram *datagrams, unsigned n);

/* Decodes one datagram into the batch and closes its account: exactly one of DECODED,
 * DECODED_PARTLY, MALFORMED, UNKNOWN_VERSION or EXPORTER_LIMIT rises. The rows refer to the
 * datagram's bytes, so the batch must be published before they are released. */
enum decode_status decoder_datagram(struct decoder *d, const struct datagram *dg,
				    struct flow_batch *batch);

#endif
