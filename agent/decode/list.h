/* Walking the structured data of RFC 6313: lists of values and of records inside a record.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lists nest: who descends keeps count and stops at decode_options.max_nesting. Each step moves
 * forward in the bytes, so the work is bounded by length times nesting. */
#ifndef WEIR_LIST_H
#define WEIR_LIST_H

#include "ipfix.h"

enum {
	LIST_SEMANTIC_UNDEFINED = 255, /* others: 0 noneOf to 4 ordered, section 4.4 */
};

/* basicList (section 4.5.1): values of one element. */
struct basic_list {
	uint8_t semantic;
	struct template_field field; /* of each value */
	const uint8_t *next, *end;
};

/* Reads the head of a basicList of len bytes. WALK_OK, or WALK_MALFORMED: it does not hold one. */
enum walk basic_list_open(struct basic_list *l, const uint8_t *p, uint32_t len);

/* The next value. WALK_MALFORMED: it runs past the list. */
enum walk basic_list_next(struct basic_list *l, struct field_place *value);

/* Records of one template: the whole of a subTemplateList (section 4.5.2), or one part of a
 * subTemplateMultiList (section 4.5.3). Walk them with ipfix_next_record() from `next` to `end` by
 * the template of that id in the message's domain. */
struct record_list {
	uint16_t template_id;
	const uint8_t *next, *end;
};

enum walk sub_template_list_open(struct record_list *l, uint8_t *semantic, const uint8_t *p,
				 uint32_t len);

struct multi_list {
	uint8_t semantic;
	const uint8_t *next, *end;
};

enum walk multi_list_open(struct multi_list *l, const uint8_t *p, uint32_t len);

/* The next part. WALK_MALFORMED: its length is under 4 or runs past the list. */
enum walk multi_list_next(struct multi_list *l, struct record_list *part);

#endif
