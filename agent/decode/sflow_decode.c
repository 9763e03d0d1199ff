/* sFlow version 5: flow samples and discarded packets to flows, counter samples to counters.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sampler.h"
#include "sflow.h"
#include "sflow_counters.h"

enum {
	VLAN_MAX = 4095,
	FORWARDING_DROPPED = 128, /* IE 89: dropped, reason unknown */
};

/* A sample on its way to a flow. A sampled header tells all; the decoded forms of it count only
 * where there is none, in whatever order the records come. */
struct assembly {
	struct flow *f;
	bool have_header, have_ethernet, have_ip, ip_v6;
	struct sflow_ethernet ethernet;
	struct sflow_ip ip;
	uint32_t stripped_vlan; /* outer tag that the device took off, TCI */
	uint32_t skipped;	/* records of other formats */
};

static uint16_t vlan(uint32_t v)
{
	return v <= VLAN_MAX ? (uint16_t)v : 0; /* 0xffffffff: unknown */
}

static uint8_t prefix_length(uint32_t v)
{
	return v <= 128 ? (uint8_t)v : 0;
}

static void sampled_header(struct assembly *a, struct xdr *x)
{
	struct sflow_header h = sflow_read_header(x);

	if (x->bad || a->have_header)
		return;
	a->have_header = true;
	a->f->bytes = h.frame_length;
	switch (h.protocol) {
	case PACKET_ETHERNET:
	case PACKET_IPV4:
	case PACKET_IPV6:
	case PACKET_MPLS:
		packet_parse(a->f, (enum packet_start)h.protocol, h.p, h.here);
	}
}

/* The AS path is flattened over its segments. As goflow2 has it, an empty path and a source AS of 0
 * mean the device's own AS. */
static void extended_gateway(struct flow *f, struct xdr *x)
{
	struct flow_ext *e = f->ext;
	uint32_t own, segments, n, first = 0, last = 0, total = 0;

	f->bgp_next_hop = xdr_address(x);
	own = xdr_u32(x);
	f->src_as = xdr_u32(x);
	if (!f->src_as)
		f->src_as = own;
	e->prev_hop_as = xdr_u32(x);
	e->n_as_path = 0;
	for (segments = xdr_u32(x); segments && !x->bad; segments--) {
		xdr_u32(x); /* set or sequence */
		for (n = xdr_u32(x); n && !x->bad; n--) {
			last = xdr_u32(x);
			if (x->bad)
				return;
			if (!total++)
				first = last;
			if (e->n_as_path < FLOW_AS_PATH_MAX)
				e->as_path[e->n_as_path++] = last;
			else
				e->left_out++;
		}
	}
	f->next_hop_as = first;
	f->dst_as = total ? last : own;
	e->n_communities = 0;
	for (n = xdr_u32(x); n && !x->bad; n--) {
		uint32_t community = xdr_u32(x);

		if (x->bad)
			return;
		if (e->n_communities < FLOW_COMMUNITIES_MAX)
			e->communities[e->n_communities++] = community;
		else
			e->left_out++;
	}
	e->local_pref = xdr_u32(x);
}

/* The labels that the packet came with, where its header does not show them. */
static void extended_mpls(struct flow *f, struct xdr *x)
{
	struct flow_ext *e = f->ext;
	struct ip_addr next_hop = xdr_address(x);
	bool keep = !e->n_mpls;

	if (ip_is_unset(&f->next_hop))
		f->next_hop = next_hop;
	for (uint32_t n = xdr_u32(x); n && !x->bad; n--) {
		uint32_t entry = xdr_u32(x); /* RFC 3032 */

		if (x->bad || !keep)
			continue;
		if (e->n_mpls == FLOW_MPLS_MAX) {
			e->left_out++;
			continue;
		}
		e->mpls_label[e->n_mpls] = entry >> 12;
		e->mpls_exp[e->n_mpls] = entry >> 9 & 7;
		e->mpls_ttl[e->n_mpls++] = entry & 0xff;
		e->n_mpls_ttl = e->n_mpls;
	}
}

static void extended_user(struct flow *f, struct xdr *x)
{
	xdr_u32(x); /* character set */
	f->ext->src_user = xdr_text(x);
	xdr_u32(x);
	f->ext->dst_user = xdr_text(x);
}

/* One record of a flow sample. Tunnel records describe a header that the device added or took off;
 * the flow is about the packet as it was seen, so only the network identifier is taken of them.
 * Returns false when the record is shorter than its structure. */
static bool flow_record(struct assembly *a, const struct sflow_record *r)
{
	struct xdr x = sflow_record_xdr(r);
	struct flow *f = a->f;
	struct flow_ext *e = f->ext;

	switch (r->format) {
	case SFLOW_SAMPLED_HEADER:
		sampled_header(a, &x);
		break;
	case SFLOW_SAMPLED_ETHERNET:
		a->ethernet = sflow_read_ethernet(&x);
		a->have_ethernet = !x.bad;
		break;
	case SFLOW_SAMPLED_IPV4:
	case SFLOW_SAMPLED_IPV6:
		a->ip_v6 = r->format == SFLOW_SAMPLED_IPV6;
		a->ip = sflow_read_ip(&x, a->ip_v6);
		a->have_ip = !x.bad;
		break;
	case SFLOW_EXTENDED_SWITCH:
		f->src_vlan = vlan(xdr_u32(&x));
		xdr_u32(&x);
		f->dst_vlan = vlan(xdr_u32(&x));
		xdr_u32(&x);
		break;
	case SFLOW_EXTENDED_ROUTER:
		f->next_hop = xdr_address(&x);
		f->src_net = prefix_length(xdr_u32(&x));
		f->dst_net = prefix_length(xdr_u32(&x));
		break;
	case SFLOW_EXTENDED_GATEWAY:
		extended_gateway(f, &x);
		break;
	case SFLOW_EXTENDED_USER:
		extended_user(f, &x);
		break;
	case SFLOW_EXTENDED_MPLS:
		extended_mpls(f, &x);
		break;
	case SFLOW_EXTENDED_NAT:
		e->post_nat_src_addr = xdr_address(&x);
		e->post_nat_dst_addr = xdr_address(&x);
		break;
	case SFLOW_EXTENDED_NAT_PORT:
		e->post_nat_src_port = xdr_u32(&x);
		e->post_nat_dst_port = xdr_u32(&x);
		break;
	case SFLOW_EXTENDED_MPLS_VC:
		xdr_text(&x); /* name of the instance */
		e->mpls_pseudowire_id = xdr_u32(&x);
		xdr_u32(&x);
		break;
	case SFLOW_EXTENDED_VLAN_TUNNEL:
		if (xdr_u32(&x))
			a->stripped_vlan = xdr_u32(&x);
		break;
	case SFLOW_EXTENDED_VNI_EGRESS:
	case SFLOW_EXTENDED_VNI_INGRESS:
		e->vxlan_vni = xdr_u32(&x);
		break;
	default:
		a->skipped++;
	}
	return !x.bad;
}

/* Fills from the decoded forms what no header told. */
static void complete(struct assembly *a)
{
	struct flow *f = a->f;

	if (a->have_ethernet && !f->src_mac && !f->dst_mac) {
		f->src_mac = be_uint(a->ethernet.src_mac, 6);
		f->dst_mac = be_uint(a->ethernet.dst_mac, 6);
	}
	if (!a->have_header && a->have_ethernet) {
		f->bytes = a->ethernet.length;
		f->etype = (uint16_t)a->ethernet.type;
	}
	if (!a->have_header && a->have_ip) {
		f->bytes = a->ip.length;
		f->etype = a->ip_v6 ? 0x86dd : 0x0800;
		f->src_addr = a->ip.src;
		f->dst_addr = a->ip.dst;
		f->proto = (uint8_t)a->ip.protocol;
		f->src_port = (uint16_t)a->ip.src_port;
		f->dst_port = (uint16_t)a->ip.dst_port;
		f->tcp_flags = (uint16_t)a->ip.tcp_flags;
		f->ip_tos = (uint8_t)a->ip.tos;
	}
	if (a->stripped_vlan) {
		f->ext->dot1q_cvlan = f->vlan_id;
		f->ext->dot1q_vlan = a->stripped_vlan & VLAN_MAX;
		f->vlan_id = (uint16_t)f->ext->dot1q_vlan;
	}
}

/* An interface that is none (discarded, several) gives no ifIndex but its format. The internal
 * interface keeps its number, by which it is known. */
static uint32_t interface(uint32_t format, uint32_t value, uint32_t *shown)
{
	*shown = format;
	return format == SFLOW_IF_INDEX ? value : 0;
}

static void sample_fields(struct decode_context *c, struct flow *f, const struct sflow_sample *s)
{
	struct flow_ext *e = f->ext;

	f->packets = 1;
	f->in_if = interface(s->in_format, s->in, &e->in_if_format);
	f->out_if = interface(s->out_format, s->out, &e->out_if_format);
	e->source_id_type = s->source_type;
	e->source_id_index = s->source_index;
	e->sample_pool = s->pool;
	e->sample_drops = s->drops;
	if (s->format == SFLOW_DISCARDED_PACKET) {
		/* Each event is one packet: there is no sampling to make up for. */
		f->sampling_rate = 1;
		f->sampling_origin = SAMPLING_RECORD;
		f->forwarding_status = FORWARDING_DROPPED;
		e->drop_reason = s->reason;
		return;
	}
	f->sampling_rate = sampling_resolve(c->options, c->exporter, s->rate, 0,
					    &f->sampling_origin);
	if (s->out_format == SFLOW_IF_DISCARDED) {
		f->forwarding_status = FORWARDING_DROPPED;
		e->drop_reason = s->out;
	}
}

/* A sample that ends badly still gives a flow when its packet was seen. */
static enum decode_status flow_sample(struct decode_context *c, const struct flow *prototype,
				      uint32_t sub_agent_id, struct sflow_sample *s,
				      struct flow_batch *batch)
{
	struct assembly a = {0};
	struct sflow_record r;
	enum sflow_walk w;
	bool bad = s->clipped;

	flow_batch_room(batch, 1);
	a.f = &batch->rows[batch->n];
	*a.f = *prototype;
	a.f->ext = flow_batch_exts(batch, 1);
	a.f->ext->sub_agent_id = sub_agent_id;
	sample_fields(c, a.f, s);
	while ((w = sflow_next_record(s, &r)) == SFLOW_OK) {
		if (r.clipped) {
			bad = true;
			break;
		}
		if (!flow_record(&a, &r))
			bad = true;
	}
	if (a.skipped)
		account_add(c->account, ACCOUNT_SFLOW_RECORDS_SKIPPED, a.skipped);
	if (w == SFLOW_MALFORMED)
		bad = true;
	if (bad) {
		account_add(c->account, ACCOUNT_SETS_MALFORMED, 1);
		if (!a.have_header && !a.have_ethernet && !a.have_ip) {
			batch->n_exts--;
			return DECODE_BAD_SAMPLE;
		}
	}
	complete(&a);
	if (a.f->ext->left_out)
		account_add(c->account, ACCOUNT_LIST_VALUES_LEFT_OUT, a.f->ext->left_out);
	batch->n++;
	account_add(c->account, ACCOUNT_FLOWS, 1);
	account_add(c->account,
		    s->format == SFLOW_DISCARDED_PACKET ? ACCOUNT_SAMPLES_DROPPED_PACKET
							: ACCOUNT_SAMPLES_FLOW,
		    1);
	return bad ? DECODE_BAD_SAMPLE : DECODE_OK;
}

static enum decode_status counter_sample(struct decode_context *c, const struct datagram *dg,
					 const struct sflow_datagram *d, struct sflow_sample *s,
					 struct flow_batch *batch)
{
	struct counter_sample *to;
	uint32_t skipped = 0;
	bool good;

	if (batch->n_samples == batch->cap_samples)
		batch->full(batch, batch->arg);
	to = &batch->samples[batch->n_samples];
	to->time_received_ns = dg->received_ns;
	to->sampler_address = d->agent;
	to->sub_agent_id = d->sub_agent_id;
	to->sequence_num = s->sequence;
	to->source_id_type = s->source_type;
	to->source_id_index = s->source_index;
	to->n_values = 0;
	good = sflow_counters_read(s, to, &skipped) && !s->clipped;
	if (skipped)
		account_add(c->account, ACCOUNT_SFLOW_RECORDS_SKIPPED, skipped);
	if (!good)
		account_add(c->account, ACCOUNT_SETS_MALFORMED, 1);
	if (good || to->n_values) {
		batch->n_samples++;
		account_add(c->account, ACCOUNT_SAMPLES_COUNTER, 1);
	}
	return good ? DECODE_OK : DECODE_BAD_SAMPLE;
}

static enum decode_status sample(struct decode_context *c, const struct datagram *dg,
				 const struct sflow_datagram *d, struct sflow_sample *s,
				 const struct flow *prototype, struct flow_batch *batch)
{
	switch (s->format) {
	case SFLOW_FLOW_SAMPLE:
	case SFLOW_FLOW_SAMPLE_EXPANDED:
	case SFLOW_DISCARDED_PACKET:
		return flow_sample(c, prototype, d->sub_agent_id, s, batch);
	case SFLOW_COUNTER_SAMPLE:
	case SFLOW_COUNTER_SAMPLE_EXPANDED:
		return counter_sample(c, dg, d, s, batch);
	}
	account_add(c->account, ACCOUNT_SAMPLES_OTHER, 1);
	if (!s->clipped)
		return DECODE_OK;
	account_add(c->account, ACCOUNT_SETS_MALFORMED, 1);
	return DECODE_BAD_SAMPLE;
}

enum decode_status sflow_decode(struct decode_context *c, const struct datagram *dg,
				struct flow_batch *batch)
{
	struct sflow_datagram d;
	struct sflow_sample s;
	struct flow prototype = {0};
	struct domain *domain;
	enum decode_status status = sflow_open(&d, dg->data, dg->len), one;
	enum sflow_walk w;

	if (status != DECODE_OK)
		return status;
	domain = domain_get(c->store, c->exporter, FLOW_SFLOW_5, d.sub_agent_id);
	if (domain)
		sequence_see(&domain->sequence, d.sequence, 1, true, d.uptime, c->account);

	prototype.type = FLOW_SFLOW_5;
	prototype.time_received_ns = dg->received_ns;
	/* A sample is of one packet, and says nothing of its time but that it came now. */
	prototype.time_flow_start_ns = prototype.time_flow_end_ns = dg->received_ns;
	prototype.sampler_address = d.agent;
	/* The datagram's number, as goflow2 has it; the samples' own count per data source. */
	prototype.sequence_num = d.sequence;
	while ((w = sflow_next_sample(&d, &s)) != SFLOW_END) {
		if (w == SFLOW_MALFORMED) {
			account_add(c->account, ACCOUNT_SETS_MALFORMED, 1);
			one = DECODE_BAD_SAMPLE;
		} else {
			one = sample(c, dg, &d, &s, &prototype, batch);
		}
		if (status == DECODE_OK)
			status = one;
	}
	return status;
}
