/* Walking the structured data of RFC 6313.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../bytes.h"
#include "list.h"

enum walk basic_list_open(struct basic_list *l, const uint8_t *p, uint32_t len)
{
	uint16_t id;

	if (len < 5)
		return WALK_MALFORMED;
	id = be16(p + 1);
	l->semantic = p[0];
	l->field = (struct template_field){.id = id & 0x7fff, .length = be16(p + 3)};
	l->next = p + 5;
	l->end = p + len;
	if (id & 0x8000) {
		if (len < 9)
			return WALK_MALFORMED;
		l->field.pen = be32(p + 5);
		l->next += 4;
	}
	/* Values without a byte could be repeated without end. */
	return l->field.length || l->next == l->end ? WALK_OK : WALK_MALFORMED;
}

enum walk basic_list_next(struct basic_list *l, struct field_place *value)
{
	uint32_t left = (uint32_t)(l->end - l->next), len = l->field.length;

	if (!left)
		return WALK_END;
	if (len == IPFIX_VARIABLE_LENGTH) {
		/* RFC 7011 section 7: one byte, or 255 and two. */
		uint32_t head = l->next[0] == 255 ? 3 : 1;

		if (left < head)
			return WALK_MALFORMED;
		len = head == 3 ? be16(l->next + 1) : l->next[0];
		l->next += head;
		left -= head;
	}
	if (len > left)
		return WALK_MALFORMED;
	*value = (struct field_place){.p = l->next, .len = len};
	l->next += len;
	return WALK_OK;
}

enum walk sub_template_list_open(struct record_list *l, uint8_t *semantic, const uint8_t *p,
				 uint32_t len)
{
	if (len < 3)
		return WALK_MALFORMED;
	*semantic = p[0];
	*l = (struct record_list){.template_id = be16(p + 1), .next = p + 3, .end = p + len};
	return WALK_OK;
}

enum walk multi_list_open(struct multi_list *l, const uint8_t *p, uint32_t len)
{
	if (len < 1)
		return WALK_MALFORMED;
	*l = (struct multi_list){.semantic = p[0], .next = p + 1, .end = p + len};
	return WALK_OK;
}

enum walk multi_list_next(struct multi_list *l, struct record_list *part)
{
	uint32_t left = (uint32_t)(l->end - l->next), len;

	if (!left)
		return WALK_END;
	if (left < 4)
		return WALK_MALFORMED;
	len = be16(l->next + 2);
	if (len < 4 || len > left)
		return WALK_MALFORMED;
	*part = (struct record_list){
		.template_id = be16(l->next), .next = l->next + 4, .end = l->next + len};
	l->next += len;
	return WALK_OK;
}
