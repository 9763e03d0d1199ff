/* What a data record needs beside its copies.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../bytes.h"
#include "names.h"
#include "options.h"
#include "packet.h"
#include "record.h"
#include "sampler.h"

enum {
	IP_HEADER_SECTION = 313,
	ETYPE_IPV4 = 0x0800,
	ETYPE_IPV6 = 0x86dd,
	ICMP = 1,
	ICMPV6 = 58,
	MPLS_BOTTOM = 1u << 31, /* in a label as COPY_MPLS leaves it */
	BIFLOW_FORWARD = 1,
	BIFLOW_REVERSE = 2,
	FLOW_EGRESS = 2, /* flow_direction: IE 61 plus 1 */
};

void record_set_times(struct record_context *r, const struct ipfix_message *m, uint64_t init_ms)
{
	r->times.export_ns = m->export_time * 1000000000ull;
	if (m->version == FLOW_NETFLOW_V9) {
		r->times.uptime_ms = m->sys_uptime;
		r->times.uptime_known = true;
	} else if (init_ms) {
		r->times.uptime_ms = (uint32_t)(m->export_time * 1000ull - init_ms);
		r->times.uptime_known = true;
	}
}

void record_begin_set(struct record_context *r, const struct template *t)
{
	const struct decode_context *c = r->context;
	struct flow *f = &r->prototype;
	unsigned features = t->program->features;

	f->etype = t->program->etype;
	r->set_rate = sampler_find_for_set(r->domain, t->id, false);
	f->sampling_rate = sampling_resolve(c->options, c->exporter, 0, r->set_rate,
					    &f->sampling_origin);
	f->biflow_direction = features & PROGRAM_REVERSE ? BIFLOW_FORWARD : 0;
	r->name_kinds = __atomic_load_n(&r->domain->name_kinds, __ATOMIC_RELAXED);
	r->names = r->name_kinds & ~(1u << NAME_INTERFACE_DESCRIPTION);
	r->by_interface = __atomic_load_n(&r->domain->sampled_by_interface, __ATOMIC_RELAXED);
	r->finish = (features & ~(unsigned)(PROGRAM_EXT | PROGRAM_REVERSE)) || r->names ||
		    r->by_interface;
}

static struct field_place place_of(const struct field_ref *ref, const uint8_t *record,
				   const struct field_place *places)
{
	if (!ref->length)
		return (struct field_place){0};
	return places ? places[ref->field]
		      : (struct field_place){record + ref->offset, ref->length};
}

static uint64_t number_at(const struct field_ref *ref, const uint8_t *record,
			  const struct field_place *places)
{
	struct field_place p = place_of(ref, record, places);

	return p.len <= 8 ? be_uint(p.p, p.len) : 0;
}

/* Where it was seen: an egress flow at the interface that sent it. */
static uint32_t rate_of_interface(const struct domain *d, const struct flow *f)
{
	bool egress = f->flow_direction == FLOW_EGRESS;
	uint32_t rate = sampler_find(d, SAMPLER_INTERFACE, egress ? f->out_if : f->in_if);

	return rate ? rate : sampler_find(d, SAMPLER_INTERFACE, egress ? f->in_if : f->out_if);
}

static void finish_sampling(const struct record_context *r, const struct template *t,
			    const uint8_t *record, const struct field_place *places, struct flow *f)
{
	const struct sampling_refs *s = &t->program->sampling;
	struct field_place probability = place_of(&s->probability, record, places);
	bool named = place_of(&s->id, record, places).len;
	struct sampling_said said = {
		.interval = number_at(&s->interval, record, places),
		.packets = number_at(&s->packets, record, places),
		.space = number_at(&s->space, record, places),
		.has_space = place_of(&s->space, record, places).len,
		.by_time = s->by_time,
		.size = number_at(&s->size, record, places),
		.population = number_at(&s->population, record, places),
		.probability = probability.len ? float_of(probability.p, probability.len) : 0,
	};
	uint32_t told = 0;

	if (!said.interval)
		said.interval = number_at(&s->random_interval, record, places);
	if (named) {
		uint32_t id = (uint32_t)number_at(&s->id, record, places);

		told = sampler_find(r->domain, SAMPLER_ID, id);
		if (f->ext && r->name_kinds & 1u << NAME_SAMPLER)
			names_find(r->domain, NAME_SAMPLER, id, &f->ext->sampler_name);
	}
	if (!told && r->by_interface)
		told = rate_of_interface(r->domain, f);
	if (!told)
		told = named ? sampler_find_for_set(r->domain, t->id, true) : (uint32_t)r->set_rate;
	f->sampling_rate = sampling_resolve(r->context->options, r->context->exporter,
					    sampling_rate_of(&said), told, &f->sampling_origin);
}

static void finish_names(const struct record_context *r, struct flow *f)
{
	struct flow_ext *e = f->ext;

	if (r->name_kinds & 1u << NAME_INTERFACE) {
		if (!e->in_if_name.p)
			names_find(r->domain, NAME_INTERFACE, f->in_if, &e->in_if_name);
		names_find(r->domain, NAME_INTERFACE, f->out_if, &e->out_if_name);
	}
	if (r->name_kinds & 1u << NAME_VRF) {
		if (!e->ingress_vrf_name.p)
			names_find(r->domain, NAME_VRF, e->ingress_vrf_id, &e->ingress_vrf_name);
		names_find(r->domain, NAME_VRF, e->egress_vrf_id, &e->egress_vrf_name);
	}
	if (r->name_kinds & 1u << NAME_APPLICATION && !e->application_name.p)
		names_find(r->domain, NAME_APPLICATION, e->application_id, &e->application_name);
}

/* Label stack entries as on the wire (RFC 3032 section 2.1). */
static void mpls_from_section(struct flow_ext *e, struct field_place s)
{
	for (e->n_mpls = e->n_mpls_ttl = 0; s.len >= 4 && e->n_mpls < FLOW_MPLS_MAX;
	     s.p += 4, s.len -= 4) {
		uint32_t entry = be32(s.p);

		e->mpls_label[e->n_mpls] = entry >> 12;
		e->mpls_exp[e->n_mpls] = entry >> 9 & 7;
		e->mpls_ttl[e->n_mpls++] = entry & 255;
		e->n_mpls_ttl = e->n_mpls;
		if (entry & 0x100)
			return;
	}
	e->left_out += s.len / 4;
}

/* The stack ends at the bottom bit, or where an exporter filled up with zeros. */
static void mpls_measure(struct flow_ext *e, uint32_t n)
{
	for (e->n_mpls = e->n_mpls_ttl = 0; e->n_mpls < n;) {
		uint32_t label = e->mpls_label[e->n_mpls];

		if (!label && !e->mpls_exp[e->n_mpls])
			return;
		e->mpls_label[e->n_mpls++] = label & 0xfffff;
		if (label & MPLS_BOTTOM)
			return;
	}
}

static void finish_section(const struct program *p, const uint8_t *record,
			   const struct field_place *places, struct flow *f)
{
	struct field_place s = place_of(&p->section, record, places);
	uint64_t size = number_at(&p->section_size, record, places);

	if (!s.len)
		return;
	if (p->section_id != IP_HEADER_SECTION)
		packet_parse(f, PACKET_ETHERNET, s.p, s.len);
	else
		packet_parse(f, s.p[0] >> 4 == 6 ? PACKET_IPV6 : PACKET_IPV4, s.p, s.len);
	if (!f->bytes)
		f->bytes = size ? size : s.len;
	if (!f->packets)
		f->packets = 1;
}

static void finish_init_time(const struct record_context *r, const struct template *t,
			     const uint8_t *record, const struct field_place *places,
			     struct flow *f)
{
	uint64_t init_ms = number_at(&t->program->init_time, record, places);
	struct copy_times times = r->times;

	if (!init_ms || r->prototype.type != FLOW_IPFIX)
		return;
	times.uptime_known = true;
	times.uptime_ms = (uint32_t)(times.export_ns / 1000000u - init_ms);
	for (uint16_t k = 0; k < t->program->n_ops; k++) {
		const struct copy_op *op = &t->program->ops[k];

		if (op->kind != COPY_UPTIME)
			continue;
		if (places)
			copy_place(op, places[op->field], f, &times);
		else
			copy_run(op, record + op->offset, op->length, 0, f, 1, &times);
	}
}

static void finish_exporter(const struct program *p, const uint8_t *record,
			    const struct field_place *places, struct flow *f)
{
	for (int i = 1; i >= 0; i--) {
		struct field_place a = place_of(&p->exporter[i], record, places);
		struct ip_addr address = {0};

		if (a.len == 4)
			ip_from_v4(&address, a.p);
		else if (a.len == sizeof(address))
			memcpy(&address, a.p, sizeof(address));
		if (!ip_is_zero(&address))
			f->sampler_address = address;
	}
}

static bool is_ipv6(const struct ip_addr *a)
{
	return !ip_is_v4(a) && !ip_is_unset(a);
}

/* The addresses may be of either family. An end that is zero in both (DHCP, duplicate
 * address detection) is of the family that the other end or the record tells. */
static void finish_family(struct flow *f)
{
	if (!f->etype && !(ip_is_unset(&f->src_addr) && ip_is_unset(&f->dst_addr)))
		f->etype = is_ipv6(&f->src_addr) || is_ipv6(&f->dst_addr) ? ETYPE_IPV6 : ETYPE_IPV4;
	if (f->etype != ETYPE_IPV6)
		return;
	if (ip_is_zero(&f->src_addr))
		f->src_addr = (struct ip_addr){0};
	if (ip_is_zero(&f->dst_addr))
		f->dst_addr = (struct ip_addr){0};
}

void record_finish(const struct record_context *r, const struct template *t, const uint8_t *record,
		   const struct field_place *places, struct flow *f)
{
	const struct program *p = t->program;
	unsigned features = p->features;

	if (features & PROGRAM_INIT_TIME)
		finish_init_time(r, t, record, places, f);
	if (features & PROGRAM_SECTION)
		finish_section(p, record, places, f);
	if (features & PROGRAM_LISTS)
		record_lists(r, t, record, places, f);
	if (features & (PROGRAM_FAMILY_BY_ADDRESS | PROGRAM_LISTS))
		finish_family(f);
	if (features & PROGRAM_ICMP_BY_PORT && (f->proto == ICMP || f->proto == ICMPV6)) {
		f->icmp_type = (uint8_t)(f->dst_port >> 8);
		f->icmp_code = (uint8_t)f->dst_port;
	}
	if (features & PROGRAM_MPLS) {
		struct field_place s = place_of(&p->mpls_section, record, places);

		if (s.len >= 4)
			mpls_from_section(f->ext, s);
		else
			mpls_measure(f->ext, p->n_mpls);
	}
	if (features & PROGRAM_SAMPLING || r->by_interface)
		finish_sampling(r, t, record, places, f);
	if (features & PROGRAM_EXPORTER && r->context->options->exporter_address_elements)
		finish_exporter(p, record, places, f);
	if (r->names)
		finish_names(r, f);
	if (f->ext && f->ext->left_out)
		account_add(r->context->account, ACCOUNT_LIST_VALUES_LEFT_OUT, f->ext->left_out);
}

#define SWAP(f, a, b)                          \
	do {                                   \
		__typeof__((f)->a) t = (f)->a; \
		(f)->a = (f)->b;               \
		(f)->b = t;                    \
	} while (0)

void record_reverse(struct flow *forward, struct flow *reverse, struct flow_ext *ext)
{
	/* IE 239 may have told that this is the responder's way. */
	if (!forward->biflow_direction)
		forward->biflow_direction = BIFLOW_FORWARD;
	*reverse = *forward;
	if (forward->biflow_direction == BIFLOW_FORWARD)
		reverse->biflow_direction = BIFLOW_REVERSE;
	else if (forward->biflow_direction == BIFLOW_REVERSE)
		reverse->biflow_direction = BIFLOW_FORWARD;
	SWAP(reverse, src_addr, dst_addr);
	SWAP(reverse, src_port, dst_port);
	SWAP(reverse, src_mac, dst_mac);
	SWAP(reverse, src_as, dst_as);
	SWAP(reverse, src_net, dst_net);
	SWAP(reverse, src_vlan, dst_vlan);
	SWAP(reverse, in_if, out_if);
	reverse->bytes = reverse->packets = 0;
	reverse->next_hop = reverse->bgp_next_hop = (struct ip_addr){0};
	reverse->next_hop_as = reverse->ipv6_flow_label = reverse->forwarding_status = 0;
	reverse->tcp_flags = 0;
	reverse->ip_tos = reverse->ip_ttl = reverse->icmp_type = reverse->icmp_code = 0;
	reverse->flow_direction = 0;
	reverse->ext = ext;
	if (!ext)
		return;
	*ext = *forward->ext;
	SWAP(ext, post_nat_src_addr, post_nat_dst_addr);
	SWAP(ext, post_nat_src_port, post_nat_dst_port);
	SWAP(ext, ingress_vrf_id, egress_vrf_id);
	SWAP(ext, ingress_vrf_name, egress_vrf_name);
	SWAP(ext, in_if_name, out_if_name);
	SWAP(ext, inner_src_addr, inner_dst_addr);
	SWAP(ext, inner_src_port, inner_dst_port);
	SWAP(ext, inner_src_mac, inner_dst_mac);
	SWAP(ext, src_user, dst_user);
	ext->n_mpls = ext->n_mpls_ttl = 0; /* labels are of one direction */
	ext->min_ttl = ext->max_ttl = 0;
}
