/* Structured data of a record (RFC 6313): inner elements fill what is still empty.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../bytes.h"
#include "list.h"
#include "record.h"

enum {
	BGP_COMMUNITY = 483,
	BGP_EXTENDED_COMMUNITY = 486,
	BGP_LARGE_COMMUNITY = 489,
	SRH_SEGMENT = 494,
	SRH_SEGMENT_LIST_SECTION = 497,
	FIELDS_MAX = 512, /* of a template whose records are in a list */
};

struct list_walk {
	const struct record_context *r;
	struct flow *flow;
	unsigned depth;
};

static void walk_field(struct list_walk *w, uint32_t pen, uint16_t id, struct field_place place);

static void add_segment(struct flow_ext *e, const uint8_t *p)
{
	if (e->n_segments < FLOW_SEGMENTS_MAX)
		memcpy(&e->segments[e->n_segments++], p, sizeof(e->segments[0]));
	else
		e->left_out++;
}

/* Values that are lists in a flow, too. */
static bool add_to_list(struct flow_ext *e, const struct template_field *f,
			const struct field_place *v)
{
	uint32_t *large = e->large_communities + 3 * (size_t)e->n_large_communities;

	if (f->pen)
		return false;
	if (f->id == BGP_COMMUNITY && v->len == 4) {
		if (e->n_communities < FLOW_COMMUNITIES_MAX)
			e->communities[e->n_communities++] = be32(v->p);
		else
			e->left_out++;
	} else if (f->id == BGP_EXTENDED_COMMUNITY && v->len == 8) {
		if (e->n_ext_communities < FLOW_EXT_COMMUNITIES_MAX)
			e->ext_communities[e->n_ext_communities++] = be64(v->p);
		else
			e->left_out++;
	} else if (f->id == BGP_LARGE_COMMUNITY && v->len == 12) {
		if (e->n_large_communities == FLOW_LARGE_COMMUNITIES_MAX) {
			e->left_out++;
			return true;
		}
		for (int i = 0; i < 3; i++)
			large[i] = be32(v->p + 4 * i);
		e->n_large_communities++;
	} else if (f->id == SRH_SEGMENT && v->len == 16) {
		add_segment(e, v->p);
	} else {
		return false;
	}
	return true;
}

static void walk_basic_list(struct list_walk *w, struct field_place place)
{
	struct basic_list list;
	struct field_place value;

	if (basic_list_open(&list, place.p, place.len) != WALK_OK)
		return;
	while (basic_list_next(&list, &value) == WALK_OK)
		if (!add_to_list(w->flow->ext, &list.field, &value))
			walk_field(w, list.field.pen, list.field.id, value);
}

static void walk_records(struct list_walk *w, struct record_list *list)
{
	const struct template *t = template_find(w->r->domain, list->template_id);
	struct field_place places[FIELDS_MAX];

	if (!t)
		return;
	if (t->n_fields > FIELDS_MAX) {
		w->flow->ext->left_out++;
		return;
	}
	while (ipfix_next_record(t, &list->next, list->end, places) == WALK_OK)
		for (uint16_t i = 0; i < t->n_fields; i++)
			walk_field(w, t->fields[i].pen, t->fields[i].id, places[i]);
}

/* A time that the record did not tell is that of the message, which is as good as empty. */
static bool is_default_time(const struct list_walk *w, const struct copy_op *op)
{
	const struct flow *f = w->flow, *p = &w->r->prototype;

	if (op->flags & COPY_TO_EXT)
		return false;
	if (op->to == offsetof(struct flow, time_flow_start_ns))
		return f->time_flow_start_ns == p->time_flow_start_ns;
	return op->to == offsetof(struct flow, time_flow_end_ns) &&
	       f->time_flow_end_ns == p->time_flow_end_ns;
}

static void fill(struct list_walk *w, uint32_t pen, uint16_t id, struct field_place place)
{
	struct copy_op op;

	if (!copy_for_element(pen, id, &op) || op.kind == COPY_MPLS)
		return;
	if (!is_default_time(w, &op))
		op.flags |= COPY_IF_ZERO;
	copy_place(&op, place, w->flow, &w->r->times);
}

static void walk_field(struct list_walk *w, uint32_t pen, uint16_t id, struct field_place place)
{
	struct record_list records;
	struct multi_list multi;
	uint8_t semantic;

	if (pen || !place.len)
		return;
	if (!record_is_list(id)) {
		fill(w, pen, id, place);
		return;
	}
	if (w->depth == w->r->context->options->max_nesting) {
		account_add(w->r->context->account, ACCOUNT_LISTS_TOO_DEEP, 1);
		return;
	}
	w->depth++;
	if (id == 292) {
		if (sub_template_list_open(&records, &semantic, place.p, place.len) == WALK_OK)
			walk_records(w, &records);
	} else if (id == 293) {
		if (multi_list_open(&multi, place.p, place.len) == WALK_OK)
			while (multi_list_next(&multi, &records) == WALK_OK)
				walk_records(w, &records);
	} else if (id == SRH_SEGMENT_LIST_SECTION) {
		for (; place.len >= 16; place.p += 16, place.len -= 16)
			add_segment(w->flow->ext, place.p);
	} else {
		walk_basic_list(w, place);
	}
	w->depth--;
}

bool record_is_list(uint16_t id)
{
	return (id >= 291 && id <= 293) || id == 484 || id == 485 || id == 487 || id == 488 ||
	       id == 490 || id == 491 || id == 496 || id == SRH_SEGMENT_LIST_SECTION;
}

void record_lists(const struct record_context *r, const struct template *t, const uint8_t *record,
		  const struct field_place *places, struct flow *f)
{
	struct list_walk w = {.r = r, .flow = f};

	for (uint16_t i = 0; i < t->n_fields; i++) {
		uint16_t length = t->fields[i].length;

		if (!t->fields[i].pen && record_is_list(t->fields[i].id))
			walk_field(&w, 0, t->fields[i].id,
				   places ? places[i] : (struct field_place){record, length});
		if (!places)
			record += length;
	}
}
