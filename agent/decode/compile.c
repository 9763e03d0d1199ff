/* Templates as programs: choosing the copies.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "compile.h"
#include "mapping.h"
#include "record.h"

enum { OPS_PER_FIELD = 2 };

struct candidate {
	struct copy_op op;
	uint8_t rank;
};

struct compiler {
	const struct template_field *fields;
	uint16_t n_fields;
	bool tunnel; /* elements of an outer and an inner packet, in this order */
	bool fixed;  /* offsets mean something */
	struct candidate *c;
	uint32_t n; /* candidates so far */
};

/* Can a field of this length (variable: not known yet) hold such a value? */
static bool length_fits(enum copy_kind kind, uint32_t length)
{
	switch (kind) {
	case COPY_ADDR4:
		return length == 4;
	case COPY_ADDR6:
		return length == 16;
	case COPY_MAC:
		return length == 6;
	case COPY_NTP:
	case COPY_NTP_MICROS:
		return length == 8;
	case COPY_MPLS:
		return length == 3 || length == 4;
	case COPY_ICMP:
		return length == 2;
	case COPY_TEXT:
		return true;
	default:
		return length >= 1 && length <= 8;
	}
}

static bool is_address(uint8_t kind)
{
	return kind == COPY_ADDR4 || kind == COPY_ADDR6;
}

/* First that is not zero, in order of rank: what has elements of its own in each address family,
 * for a template may have those of both. */
static bool takes_first_nonzero(const struct copy_op *op)
{
	if (is_address(op->kind))
		return true;
	if (op->flags & COPY_TO_EXT)
		return false;
	return op->to == offsetof(struct flow, src_net) ||
	       op->to == offsetof(struct flow, dst_net) ||
	       op->to == offsetof(struct flow, icmp_type) ||
	       op->to == offsetof(struct flow, icmp_code);
}

static bool same_member(const struct copy_op *a, const struct copy_op *b)
{
	return a->to == b->to && !((a->flags ^ b->flags) & COPY_TO_EXT);
}

/* Takes the mapping in, in place of what it outranks. Elements that lose are forgotten. */
static void offer(struct compiler *c, uint32_t from, const struct element_mapping *m,
		  uint16_t field, uint16_t offset)
{
	struct candidate new = {
		.op = {.field = field,
		       .offset = offset,
		       .length = c->fields[field].length,
		       .to = m->to,
		       .kind = m->kind,
		       .width = m->width,
		       .flags = m->flags,
		       .arg = m->arg},
		.rank = m->rank,
	};
	uint32_t i;

	if (new.op.length != IPFIX_VARIABLE_LENGTH && !length_fits(m->kind, new.op.length))
		return;
	if (takes_first_nonzero(&new.op)) {
		/* All of them, by rank: those after the first only where it was zero. */
		for (i = from; i < c->n; i++) {
			struct candidate other = c->c[i];

			if (!same_member(&other.op, &new.op))
				continue;
			if (other.rank > new.rank) {
				c->c[i] = new;
				new = other;
			}
			new.op.flags |= COPY_IF_ZERO;
		}
		c->c[c->n++] = new;
		return;
	}
	for (i = from; i < c->n; i++) {
		if (!same_member(&c->c[i].op, &new.op))
			continue;
		if (new.rank < c->c[i].rank)
			c->c[i] = new;
		return;
	}
	c->c[c->n++] = new;
}

/* How often the element stands before field i. */
static unsigned occurrences_before(const struct compiler *c, uint16_t i)
{
	unsigned n = 0;

	for (uint16_t j = 0; j < i; j++)
		n += c->fields[j].id == c->fields[i].id && c->fields[j].pen == c->fields[i].pen &&
		     c->fields[j].length;
	return n;
}

/* In a template of two packets, the other family of the same address that stands before field i:
 * then that one is the outer. */
static bool other_family_before(const struct compiler *c, uint16_t i)
{
	static const struct {
		uint16_t v4, v6;
	} pairs[] = {{8, 27}, {12, 28}};

	for (unsigned p = 0; p < 2; p++) {
		uint16_t id = c->fields[i].id;
		uint16_t other = id == pairs[p].v4   ? pairs[p].v6
				 : id == pairs[p].v6 ? pairs[p].v4
						     : 0;

		for (uint16_t j = 0; other && j < i; j++)
			if (c->fields[j].id == other && !c->fields[j].pen)
				return true;
	}
	return false;
}

static void offer_forward(struct compiler *c, uint16_t i, uint16_t offset)
{
	const struct element_mapping *m;
	unsigned before = occurrences_before(c, i), n;

	if (before > 1)
		return;
	if (before == 1 || (c->tunnel && other_family_before(c, i))) {
		m = mapping_of_inner(c->fields[i].id);
		n = m ? 1 : 0;
	} else {
		m = mapping_of(c->fields[i].id, &n);
	}
	for (unsigned k = 0; k < n; k++)
		offer(c, 0, &m[k], i, offset);
}

static void set_ref(struct field_ref *r, const struct template_field *f, uint16_t field,
		    uint16_t offset)
{
	if (!r->length && f->length)
		*r = (struct field_ref){field, offset, f->length};
}

static void note_special(struct program *p, const struct template_field *f, uint16_t i,
			 uint16_t offset)
{
	struct sampling_refs *s = &p->sampling;

	switch (f->id) {
	case 48:
	case 302:
		set_ref(&s->id, f, i, offset);
		break;
	case 34:
		set_ref(&s->interval, f, i, offset);
		break;
	case 50:
		set_ref(&s->random_interval, f, i, offset);
		break;
	case 305:
	case 307:
		s->by_time = s->packets.length ? s->by_time : f->id == 307;
		set_ref(&s->packets, f, i, offset);
		break;
	case 306:
	case 308:
		set_ref(&s->space, f, i, offset);
		break;
	case 309:
		set_ref(&s->size, f, i, offset);
		break;
	case 310:
		set_ref(&s->population, f, i, offset);
		break;
	case 311:
		set_ref(&s->probability, f, i, offset);
		break;
	case 104:
	case 313:
	case 315:
		if (!p->section.length)
			p->section_id = f->id;
		set_ref(&p->section, f, i, offset);
		break;
	case 312:
		set_ref(&p->section_size, f, i, offset);
		break;
	case 316:
		set_ref(&p->mpls_section, f, i, offset);
		break;
	case 160:
		set_ref(&p->init_time, f, i, offset);
		break;
	case 130:
		set_ref(&p->exporter[0], f, i, offset);
		break;
	case 131:
		set_ref(&p->exporter[1], f, i, offset);
		break;
	default:
		if (record_is_list(f->id))
			p->features |= PROGRAM_LISTS;
	}
}

static bool fills(const struct compiler *c, uint32_t from, uint32_t to, size_t member)
{
	for (uint32_t i = from; i < to; i++)
		if (!(c->c[i].op.flags & COPY_TO_EXT) && c->c[i].op.to == member)
			return true;
	return false;
}

/* What the whole of the copies makes necessary. */
static void set_features(struct program *p, const struct compiler *c, enum flow_type version)
{
	const struct sampling_refs *s = &p->sampling;
	bool v4 = false, v6 = false, icmp;
	unsigned labels = 0;

	for (uint32_t i = 0; i < p->n_ops; i++) {
		const struct copy_op *op = &c->c[i].op;

		if (op->flags & COPY_TO_EXT)
			p->features |= PROGRAM_EXT;
		labels |= op->kind == COPY_MPLS ? 1u << op->arg : 0;
		if (!(op->flags & COPY_TO_EXT) && (op->to == offsetof(struct flow, src_addr) ||
						   op->to == offsetof(struct flow, dst_addr))) {
			v4 |= op->kind == COPY_ADDR4;
			v6 |= op->kind == COPY_ADDR6;
		}
	}
	if (s->id.length || s->interval.length || s->random_interval.length || s->packets.length ||
	    s->size.length || s->probability.length)
		p->features |= PROGRAM_SAMPLING;
	if (p->section.length)
		p->features |= PROGRAM_SECTION | PROGRAM_EXT;
	while (labels >> p->n_mpls & 1)
		p->n_mpls++;
	if (p->mpls_section.length)
		p->features |= PROGRAM_EXT;
	if (p->n_mpls || p->mpls_section.length)
		p->features |= PROGRAM_MPLS;
	if (p->exporter[0].length || p->exporter[1].length)
		p->features |= PROGRAM_EXPORTER;
	if (p->init_time.length)
		p->features |= PROGRAM_INIT_TIME;
	if (p->features & PROGRAM_LISTS)
		p->features |= PROGRAM_EXT;
	/* Where the record has elements that tell, this stays in case they say 0. */
	if (v4 && v6)
		p->features |= PROGRAM_FAMILY_BY_ADDRESS;
	else
		p->etype = v4 ? 0x0800 : v6 ? 0x86dd : 0;
	icmp = fills(c, 0, p->n_ops, offsetof(struct flow, icmp_type));
	if (version == FLOW_NETFLOW_V9 && !icmp)
		p->features |= PROGRAM_ICMP_BY_PORT;
	for (uint32_t i = p->n_ops; i < c->n; i++) {
		const struct copy_op *op = &c->c[i].op;

		if (!(op->flags & COPY_TO_EXT) && (op->to == offsetof(struct flow, bytes) ||
						   op->to == offsetof(struct flow, packets)))
			p->features |= PROGRAM_REVERSE;
		if (op->flags & COPY_TO_EXT)
			p->features |= PROGRAM_EXT;
	}
	if (!(p->features & PROGRAM_REVERSE))
		return;
	p->n_reverse = (uint16_t)(c->n - p->n_ops);
}

static bool has(const struct compiler *c, uint16_t id)
{
	for (uint16_t i = 0; i < c->n_fields; i++)
		if (!c->fields[i].pen && c->fields[i].id == id && c->fields[i].length)
			return true;
	return false;
}

static void offer_reverse(struct compiler *c, uint32_t from, uint16_t i, uint16_t offset)
{
	const struct template_field *f = &c->fields[i];
	const struct element_mapping *m;
	unsigned n;

	/* A responder's counter is one only beside its initiator's. */
	if (!f->pen && !has(c, f->id == 232 ? 231 : 298))
		return;
	m = mapping_of_reverse(f->pen, f->id, &n);
	for (unsigned k = 0; k < n; k++)
		offer(c, from, &m[k], i, offset);
}

struct program *program_compile(enum flow_type version, const struct template_field *fields,
				uint16_t n_fields)
{
	struct compiler c = {.fields = fields, .n_fields = n_fields};
	struct program draft = {0}, *p = NULL;
	unsigned protocols = 0;
	uint16_t offset = 0;

	c.c = malloc(((size_t)n_fields * 2 * OPS_PER_FIELD + 1) * sizeof(*c.c));
	if (!c.c)
		return NULL;
	for (uint16_t i = 0; i < n_fields; i++)
		protocols += !fields[i].pen && fields[i].id == 4;
	c.tunnel = protocols > 1;

	for (uint16_t i = 0; i < n_fields; i++) {
		if (!fields[i].pen && fields[i].length) {
			offer_forward(&c, i, offset);
			note_special(&draft, &fields[i], i, offset);
		}
		offset = (uint16_t)(offset + fields[i].length);
	}
	draft.n_ops = (uint16_t)c.n;
	offset = 0;
	for (uint16_t i = 0; i < n_fields; i++) {
		if (fields[i].length && (fields[i].pen == IPFIX_REVERSE_PEN || !fields[i].pen))
			offer_reverse(&c, draft.n_ops, i, offset);
		offset = (uint16_t)(offset + fields[i].length);
	}
	set_features(&draft, &c, version);

	p = malloc(program_size(&draft));
	if (p) {
		*p = draft;
		for (uint32_t i = 0; i < (uint32_t)draft.n_ops + draft.n_reverse; i++)
			p->ops[i] = c.c[i].op;
	}
	free(c.c);
	return p;
}

bool copy_for_element(uint32_t pen, uint16_t id, struct copy_op *op)
{
	const struct element_mapping *m;
	unsigned n;

	m = pen ? NULL : mapping_of(id, &n);
	if (!m)
		return false;
	*op = (struct copy_op){.length = IPFIX_VARIABLE_LENGTH,
			       .to = m->to,
			       .kind = m->kind,
			       .width = m->width,
			       .flags = m->flags,
			       .arg = m->arg};
	return true;
}

void copy_place(const struct copy_op *op, struct field_place place, struct flow *flow,
		const struct copy_times *times)
{
	if (place.len && length_fits(op->kind, place.len))
		copy_run(op, place.p, place.len, 0, flow, 1, times);
}
