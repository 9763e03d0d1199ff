/* Walking NetFlow v9 (RFC 3954) and IPFIX (RFC 7011) messages: message, sets, records, fields.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IPFIX_H
#define WEIR_IPFIX_H

#include "decoder.h"

enum walk { WALK_OK, WALK_END, WALK_MALFORMED };

enum {
	NETFLOW9_TEMPLATE_SET = 0,
	NETFLOW9_OPTIONS_SET = 1,
	IPFIX_TEMPLATE_SET = 2,
	IPFIX_OPTIONS_SET = 3,
	IPFIX_MIN_DATA_SET = 256,
	IPFIX_VARIABLE_LENGTH = 65535,
	IPFIX_REVERSE_PEN = 29305, /* RFC 5103 */
};

/* A message and how far it has been walked. */
struct ipfix_message {
	enum flow_type version; /* FLOW_NETFLOW_V9 or FLOW_IPFIX */
	uint32_t export_time;	/* s since 1970 */
	uint32_t sys_uptime;	/* ms, v9 only */
	uint32_t sequence;
	uint32_t domain; /* v9: source id */
	const uint8_t *next, *end;
};

struct ipfix_set {
	uint16_t id;
	const uint8_t *body, *end; /* without the set header */
	bool clipped;		   /* said to be longer than the message; holds what is there */
};

/* One field of a template as its definition has it. */
struct template_field {
	uint32_t pen;	 /* 0: IANA */
	uint16_t id;	 /* without the enterprise bit */
	uint16_t length; /* IPFIX_VARIABLE_LENGTH: each record says */
};

/* Where a field's bytes are in a record. */
struct field_place {
	const uint8_t *p;
	uint32_t len;
};

struct template;

/* Reads the header. DECODE_OK, or why not. IPFIX bytes after the message length are ignored; a
 * length beyond the datagram is cut to what is there and gives DECODE_BAD_LENGTH with the message
 * usable. */
enum decode_status ipfix_open(struct ipfix_message *m, const uint8_t *data, uint32_t len);

/* The next set. WALK_MALFORMED: its length is under 4; the rest of the message is lost. */
enum walk ipfix_next_set(struct ipfix_message *m, struct ipfix_set *set);

/* The next record of a data set by its template, from *p on: fills one place per field and
 * advances *p. WALK_END when what is left is shorter than any record (padding). `places` must hold
 * the template's field count. */
enum walk ipfix_next_record(const struct template *t, const uint8_t **p, const uint8_t *end,
			    struct field_place *places);

#endif
