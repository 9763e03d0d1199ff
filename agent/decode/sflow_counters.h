/* sFlow counter records by name.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The structures are those of https://sflow.org/developers/structures.php. One table of formats
 * serves the counter messages and the printing of records as sent. */
#ifndef WEIR_SFLOW_COUNTERS_H
#define WEIR_SFLOW_COUNTERS_H

#include "sflow.h"

enum {
	SFLOW_SFP = 10,
	SFLOW_HOST_ADAPTERS = 2001,
	SFLOW_LANES_MAX = 8,	 /* of a module, by name; more are left out */
	SFLOW_ADAPTERS_MAX = 32, /* of a host, likewise */
	SFLOW_LANE_FIELDS = 10,
};

enum sflow_counter_type {
	SFLOW_U32,
	SFLOW_U32_LATER, /* added by a later edition: may be missing */
	SFLOW_U64,
	SFLOW_I32,
	SFLOW_U8, /* four of them in a word */
	SFLOW_FLOAT,
	SFLOW_TEXT,
	SFLOW_MAC, /* six bytes and two of padding */
	SFLOW_HEX8,
	SFLOW_HEX16,
};

struct sflow_counter_field {
	const char *name;
	enum sflow_counter_type type;
};

struct sflow_counter_format {
	uint32_t format;
	const char *name;
	const struct sflow_counter_field *fields;
	unsigned n_fields;
};

/* The tables. Names are unique over all formats that can stand in one sample. */
extern const struct sflow_counter_format sflow_counter_formats[];
extern const unsigned sflow_counter_formats_count;
extern const struct sflow_counter_field sflow_lane_fields[SFLOW_LANES_MAX][SFLOW_LANE_FIELDS];
extern const char *const sflow_adapter_names[SFLOW_ADAPTERS_MAX][2]; /* ifIndex, MAC */

/* The format of a counter record, or NULL when it is not known. */
const struct sflow_counter_format *sflow_counter_find(uint32_t format);

typedef void (*sflow_counter_fn)(void *arg, const struct counter_value *value);

/* Hands all values of a counter record to fn, in wire order; texts point into the record. Returns
 * false when the record is shorter than its structure; a longer one may come from a later edition,
 * and what is known of it counts. */
bool sflow_counter_values(const struct sflow_counter_format *format, const struct sflow_record *r,
			  sflow_counter_fn fn, void *arg);

/* Appends the values of all records of a counter sample whose format is known. Returns false when a
 * record was cut off or shorter than its structure; what came before it is there. Values beyond
 * COUNTER_VALUES_MAX are left out. *skipped rises by the records whose format is not known. */
bool sflow_counters_read(struct sflow_sample *s, struct counter_sample *to, uint32_t *skipped);

#endif
