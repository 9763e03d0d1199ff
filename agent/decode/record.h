/* What a data record needs beside its copies: times, sampling, names, packet sections, the way
 * back. SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RECORD_H
#define WEIR_RECORD_H

#include "compile.h"
#include "ipfix.h"
#include "template.h"

/* Constant for a message (the first four) and for a set of it (the rest). */
struct record_context {
	struct decode_context *context;
	struct domain *domain;
	struct flow prototype;
	struct copy_times times;
	uint32_t name_kinds; /* kinds of names that may be attached */
	bool names;	     /* flows need an ext for them */
	bool by_interface;   /* options told rates of interfaces */
	bool finish;	     /* record_finish() has something to do */
	uint64_t set_rate;   /* sampling rate that options give for the whole set; 0: none */
};

/* How relative times are to be understood: v9's sysUpTime, or for IPFIX systemInitTimeMilliseconds
 * (ms since 1970; 0: unknown). */
void record_set_times(struct record_context *r, const struct ipfix_message *m, uint64_t init_ms);

/* Prepares for records of this template: prototype and what there is to finish. */
void record_begin_set(struct record_context *r, const struct template *t);

/* Does for one flow what copies could not. `record` holds the bytes of a record of fixed length, or
 * `places` the fields of one of variable length. */
void record_finish(const struct record_context *r, const struct template *t, const uint8_t *record,
		   const struct field_place *places, struct flow *f);

/* True for elements whose value is a list: of RFC 6313, or of segments. */
bool record_is_list(uint16_t id);

/* Walks the lists of a record: their elements fill members of f that are still empty; communities
 * and segments are gathered. Nesting is bounded by max_nesting. */
void record_lists(const struct record_context *r, const struct template *t, const uint8_t *record,
		  const struct field_place *places, struct flow *f);

/* The reverse flow of a biflow (RFC 5103) before its own elements are copied: endpoints swapped,
 * counters and all that only held for the forward direction unset. ext is the new flow's, or NULL.
 */
void record_reverse(struct flow *forward, struct flow *reverse, struct flow_ext *ext);

#endif
