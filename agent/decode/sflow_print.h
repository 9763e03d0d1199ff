/* sFlow samples as they were sent, as JSON lines.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SFLOW_PRINT_H
#define WEIR_SFLOW_PRINT_H

#include "../buffer.h"
#include "sflow.h"

/* Appends one JSON object and a newline for each sample of an sFlow v5 datagram: its header fields,
 * the first sampled header (or the decoded forms where there is none) as IANA elements, and all
 * records under "_records". Nothing for a datagram whose header is malformed.
 * datagram_number: in the capture, from 1. */
void sflow_print(struct buffer *out, const struct datagram *dg, uint64_t datagram_number);

/* For sflow_print only: the next `"key":` of the object being written, and values that several
 * records share. */
void sflow_print_key(struct buffer *out, const char *key);
void sflow_print_number(struct buffer *out, const char *key, uint64_t value);
void sflow_print_packet(struct buffer *out, uint32_t protocol, const uint8_t *p, uint32_t n);
void sflow_print_ethernet(struct buffer *out, const struct sflow_ethernet *e);
void sflow_print_ip(struct buffer *out, const struct sflow_ip *ip, bool v6);

/* One element of "_records". */
void sflow_print_record(struct buffer *out, const struct sflow_record *r, bool counters);

#endif
