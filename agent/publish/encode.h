/* One flow or counter sample as bytes: what every row format offers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The code of each format is expanded from flow_fields.h, so that a field added there is in all of
 * them. Encoders allocate nothing, look nothing up, and never write more than ENCODED_ROW_MAX. */
#ifndef WEIR_ENCODE_H
#define WEIR_ENCODE_H

#include "../flow_info.h"

enum {
	/* Longer texts of a flow are cut: an exporter can fill 64 KB with one name. */
	ENCODED_TEXT_MAX = 1024,
	ENCODED_COLLECTOR_MAX = 256,
	/* More than any row needs: each buffer has this much room when a row is begun. */
	ENCODED_ROW_MAX = 160 * 1024,
	/* 6 for a JSON \u escape of one byte, 3 for U+FFFD in place of a byte that is not UTF-8. */
	ENCODED_JSON_TEXT = 6 * ENCODED_TEXT_MAX + 2,
	ENCODED_UTF8_TEXT = 3 * ENCODED_TEXT_MAX,
};

/* The members of FLOW_HEAD_FIELDS as they were in the row before, and how that row began. */
struct row_head {
	uint64_t time_received_ns, sampling_rate;
	struct ip_addr sampler_address;
	uint32_t sequence_num, observation_domain_id;
	uint8_t type, sampling_origin;
	uint32_t len; /* 0: there was none */
	uint8_t bytes[6 * ENCODED_COLLECTOR_MAX + 512];
};

/* What is the same for all rows, or for many in a row, already encoded. It belongs to one thread.
 */
struct row_constants {
	struct row_head head;
	uint32_t len; /* the collector's name */
	uint8_t bytes[6 * ENCODED_COLLECTOR_MAX + 32];
};

static inline bool row_head_fits(const struct row_head *h, const struct flow *f)
{
	return h->len && h->time_received_ns == f->time_received_ns &&
	       h->sequence_num == f->sequence_num &&
	       ip_equal(&h->sampler_address, &f->sampler_address) &&
	       h->sampling_rate == f->sampling_rate &&
	       h->observation_domain_id == f->observation_domain_id && h->type == f->type &&
	       h->sampling_origin == f->sampling_origin;
}

static inline void row_head_set(struct row_head *h, const struct flow *f, uint32_t len)
{
	h->time_received_ns = f->time_received_ns;
	h->sequence_num = f->sequence_num;
	h->sampler_address = f->sampler_address;
	h->sampling_rate = f->sampling_rate;
	h->observation_domain_id = f->observation_domain_id;
	h->type = f->type;
	h->sampling_origin = f->sampling_origin;
	h->len = len;
}

/* A row format. Each writer puts one row at `to`, where ENCODED_ROW_MAX bytes are free, and returns
 * where the row ends. A counter sample whose values do not fit in that much is cut after the last
 * that does. */
struct row_format {
	void (*constants)(struct row_constants *c, const char *collector_id);
	uint8_t *(*flow)(uint8_t *to, struct row_constants *c, const struct flow *f);
	uint8_t *(*sample)(uint8_t *to, const struct row_constants *c,
			   const struct counter_sample *s);
	/* Instead of flow(), where rows go together: writes a block of the first *n rows, or of as
	 * many of them as surely fit in `room` bytes, and sets *n to how many. One row always fits
	 * in ENCODED_ROW_MAX. */
	uint8_t *(*block)(uint8_t *to, size_t room, const struct row_constants *c,
			  const struct flow *const *rows, uint32_t *n);
};

/* Messages `Flow` and `CounterSample` of proto/flow.proto, each after its length as a varint. */
extern const struct row_format protobuf_format;

/* Blocks of columns for ClickHouse; flows only. */
extern const struct row_format native_format;

/* One JSON object on a line of its own, unset fields left out: docs and tests call it NDJSON. */
extern const struct row_format json_format;

/* What enrichment attaches is written by these when its tables are loaded. */
extern const info_writer protobuf_info[INFO_KINDS];
extern const info_writer json_info[INFO_KINDS];

#endif
