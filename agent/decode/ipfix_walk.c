/* Walking NetFlow v9 and IPFIX messages: header, sets, records.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../bytes.h"
#include "ipfix.h"
#include "template.h"

enum { NETFLOW9_HEADER = 20, IPFIX_HEADER = 16, SET_HEADER = 4 };

enum decode_status ipfix_open(struct ipfix_message *m, const uint8_t *data, uint32_t len)
{
	uint16_t version;
	uint32_t length;

	memset(m, 0, sizeof(*m));
	if (len < 2)
		return DECODE_TOO_SHORT;
	version = be16(data);
	if (version == 9) {
		if (len < NETFLOW9_HEADER)
			return DECODE_TOO_SHORT;
		/* The header's count of records is not to be relied upon: sets tell their length.
		 */
		m->version = FLOW_NETFLOW_V9;
		m->sys_uptime = be32(data + 4);
		m->export_time = be32(data + 8);
		m->sequence = be32(data + 12);
		m->domain = be32(data + 16);
		m->next = data + NETFLOW9_HEADER;
		m->end = data + len;
		return DECODE_OK;
	}
	if (version != 10)
		return DECODE_UNKNOWN_VERSION;
	if (len < IPFIX_HEADER)
		return DECODE_TOO_SHORT;
	length = be16(data + 2);
	m->version = FLOW_IPFIX;
	m->export_time = be32(data + 4);
	m->sequence = be32(data + 8);
	m->domain = be32(data + 12);
	m->next = data + IPFIX_HEADER;
	m->end = data + (length < len ? length : len);
	if (length < IPFIX_HEADER) {
		m->end = m->next;
		return DECODE_BAD_LENGTH;
	}
	return length > len ? DECODE_BAD_LENGTH : DECODE_OK;
}

enum walk ipfix_next_set(struct ipfix_message *m, struct ipfix_set *set)
{
	size_t left = (size_t)(m->end - m->next);
	uint16_t length;

	if (left < SET_HEADER)
		return WALK_END;
	set->id = be16(m->next);
	length = be16(m->next + 2);
	if (length < SET_HEADER) {
		m->next = m->end;
		return WALK_MALFORMED;
	}
	set->clipped = length > left;
	set->body = m->next + SET_HEADER;
	set->end = m->next + (set->clipped ? left : length);
	m->next = set->end;
	return WALK_OK;
}

/* The length of a variable-length field (RFC 7011 section 7); advances *p past the length. */
static bool variable_length(const uint8_t **p, const uint8_t *end, uint32_t *length)
{
	if (end - *p < 1)
		return false;
	*length = *(*p)++;
	if (*length < 255)
		return true;
	if (end - *p < 2)
		return false;
	*length = be16(*p);
	*p += 2;
	return true;
}

enum walk ipfix_next_record(const struct template *t, const uint8_t **p, const uint8_t *end,
			    struct field_place *places)
{
	const uint8_t *q = *p;

	if (end - q < t->min_length)
		return WALK_END;
	for (uint16_t i = 0; i < t->n_fields; i++) {
		uint32_t length = t->fields[i].length;

		if (length == IPFIX_VARIABLE_LENGTH && !variable_length(&q, end, &length))
			return WALK_MALFORMED;
		if (length > (size_t)(end - q))
			return WALK_MALFORMED;
		places[i] = (struct field_place){q, length};
		q += length;
	}
	*p = q;
	return WALK_OK;
}
