/* sFlow samples as they were sent, as JSON lines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sflow_print.h"

static void text(struct buffer *out, const char *key, const char *value)
{
	sflow_print_key(out, key);
	buffer_char(out, '"');
	buffer_string(out, value);
	buffer_char(out, '"');
}

static void address(struct buffer *out, const char *key, const struct ip_addr *a)
{
	sflow_print_key(out, key);
	buffer_char(out, '"');
	buffer_ip(out, a);
	buffer_char(out, '"');
}

static const char *kind(uint32_t format)
{
	switch (format) {
	case SFLOW_FLOW_SAMPLE:
		return "flow_sample";
	case SFLOW_COUNTER_SAMPLE:
		return "counter_sample";
	case SFLOW_FLOW_SAMPLE_EXPANDED:
		return "flow_sample_expanded";
	case SFLOW_COUNTER_SAMPLE_EXPANDED:
		return "counter_sample_expanded";
	case SFLOW_DISCARDED_PACKET:
		return "discarded_packet";
	}
	return "unknown_sample";
}

static void sample_fields(struct buffer *out, const struct sflow_sample *s)
{
	sflow_print_number(out, "_seq", s->sequence);
	sflow_print_number(out, "_sourceIdType", s->source_type);
	sflow_print_number(out, "_sourceIdIndex", s->source_index);
	switch (s->format) {
	case SFLOW_FLOW_SAMPLE:
	case SFLOW_FLOW_SAMPLE_EXPANDED:
		sflow_print_number(out, "samplingInterval", s->rate);
		sflow_print_number(out, "_samplePool", s->pool);
		sflow_print_number(out, "_drops", s->drops);
		sflow_print_number(out, "_inputFormat", s->in_format);
		sflow_print_number(out, "ingressInterface", s->in);
		sflow_print_number(out, "_outputFormat", s->out_format);
		sflow_print_number(out, "egressInterface", s->out);
		break;
	case SFLOW_DISCARDED_PACKET:
		sflow_print_number(out, "_drops", s->drops);
		sflow_print_number(out, "ingressInterface", s->in);
		sflow_print_number(out, "egressInterface", s->out);
		sflow_print_number(out, "_reason", s->reason);
		break;
	}
}

static bool has_header(struct sflow_sample s)
{
	struct sflow_record r;

	while (sflow_next_record(&s, &r) == SFLOW_OK) {
		struct xdr x = sflow_record_xdr(&r);
		struct sflow_header h;

		if (r.format != SFLOW_SAMPLED_HEADER || r.clipped)
			continue;
		h = sflow_read_header(&x);
		if (!x.bad && h.here == h.length)
			return true;
	}
	return false;
}

/* An address as the IPv4 or IPv6 element of that name; nothing when the type is unknown. */
static void next_hop(struct buffer *out, const char *v4, const char *v6, const struct ip_addr *a)
{
	if (!ip_is_unset(a))
		address(out, ip_is_v4(a) ? v4 : v6, a);
}

static void gateway(struct buffer *out, struct xdr *x)
{
	struct ip_addr hop = xdr_address(x);
	uint32_t src_as, segments, last = 0;
	bool any = false;

	xdr_u32(x); /* own AS */
	src_as = xdr_u32(x);
	xdr_u32(x); /* peer */
	for (segments = xdr_u32(x); segments && !x->bad; segments--) {
		xdr_u32(x);
		for (uint32_t n = xdr_u32(x); n && !x->bad; n--) {
			last = xdr_u32(x);
			any = true;
		}
	}
	for (uint32_t n = xdr_u32(x); n && !x->bad; n--)
		xdr_u32(x);
	xdr_u32(x); /* local preference */
	if (x->bad)
		return;
	sflow_print_number(out, "bgpSourceAsNumber", src_as);
	if (any)
		sflow_print_number(out, "bgpDestinationAsNumber", last);
	next_hop(out, "bgpNextHopIPv4Address", "bgpNextHopIPv6Address", &hop);
}

static void header(struct buffer *out, struct xdr *x)
{
	struct sflow_header h = sflow_read_header(x);

	if (x->bad || h.here < h.length)
		return;
	sflow_print_packet(out, h.protocol, h.p, h.here);
	sflow_print_number(out, "_frame_length", h.frame_length);
	sflow_print_number(out, "_header_length", h.length);
	sflow_print_number(out, "_header_protocol", h.protocol);
}

/* What the records say of the packet, beside the sample's own fields. */
static void flat_record(struct buffer *out, const struct sflow_record *r)
{
	struct xdr x = sflow_record_xdr(r);
	struct sflow_ethernet e;
	struct sflow_ip ip;
	struct ip_addr hop;
	uint32_t a, b;

	switch (r->format) {
	case SFLOW_SAMPLED_HEADER:
		header(out, &x);
		break;
	case SFLOW_SAMPLED_ETHERNET:
		e = sflow_read_ethernet(&x);
		if (!x.bad)
			sflow_print_ethernet(out, &e);
		break;
	case SFLOW_SAMPLED_IPV4:
	case SFLOW_SAMPLED_IPV6:
		ip = sflow_read_ip(&x, r->format == SFLOW_SAMPLED_IPV6);
		if (!x.bad)
			sflow_print_ip(out, &ip, r->format == SFLOW_SAMPLED_IPV6);
		break;
	case SFLOW_EXTENDED_SWITCH:
		a = xdr_u32(&x);
		xdr_u32(&x);
		b = xdr_u32(&x);
		xdr_u32(&x);
		if (x.bad)
			break;
		sflow_print_number(out, "_src_vlan", a);
		sflow_print_number(out, "_dst_vlan", b);
		break;
	case SFLOW_EXTENDED_ROUTER:
		hop = xdr_address(&x);
		a = xdr_u32(&x);
		b = xdr_u32(&x);
		if (x.bad)
			break;
		next_hop(out, "ipNextHopIPv4Address", "ipNextHopIPv6Address", &hop);
		sflow_print_number(out, "_src_mask", a);
		sflow_print_number(out, "_dst_mask", b);
		break;
	case SFLOW_EXTENDED_GATEWAY:
		gateway(out, &x);
		break;
	}
}

/* Of each kind of record the first. The decoded forms of the packet count only where there is no
 * header. */
static void flat_records(struct buffer *out, struct sflow_sample s)
{
	static const uint32_t shown[] = {
		SFLOW_SAMPLED_HEADER,	SFLOW_SAMPLED_ETHERNET, SFLOW_SAMPLED_IPV4,
		SFLOW_SAMPLED_IPV6,	SFLOW_EXTENDED_SWITCH,	SFLOW_EXTENDED_ROUTER,
		SFLOW_EXTENDED_GATEWAY,
	};
	struct sflow_record r;
	unsigned seen = 0;

	if (has_header(s))
		seen = 0xe;
	while (sflow_next_record(&s, &r) == SFLOW_OK) {
		for (unsigned i = 0; i < sizeof(shown) / sizeof(shown[0]) && !r.clipped; i++) {
			if (r.format != shown[i] || seen & 1u << i)
				continue;
			seen |= 1u << i;
			/* An IPv6 and an IPv4 form of one packet have the same elements. */
			if (i == 2 || i == 3)
				seen |= 0xc;
			flat_record(out, &r);
		}
	}
}

static void records(struct buffer *out, struct sflow_sample s, bool counters)
{
	struct sflow_record r;
	const char *separator = "";

	sflow_print_key(out, "_records");
	buffer_char(out, '[');
	while (sflow_next_record(&s, &r) == SFLOW_OK) {
		buffer_string(out, separator);
		sflow_print_record(out, &r, counters);
		separator = ",";
	}
	buffer_char(out, ']');
}

static void sample(struct buffer *out, const struct sflow_sample *s)
{
	switch (s->format) {
	case SFLOW_FLOW_SAMPLE:
	case SFLOW_FLOW_SAMPLE_EXPANDED:
	case SFLOW_DISCARDED_PACKET:
		sample_fields(out, s);
		flat_records(out, *s);
		records(out, *s, false);
		return;
	case SFLOW_COUNTER_SAMPLE:
	case SFLOW_COUNTER_SAMPLE_EXPANDED:
		sample_fields(out, s);
		records(out, *s, true);
		return;
	}
	sflow_print_key(out, "_format");
	buffer_format(out, "\"%u:%u\"", SFLOW_ENTERPRISE(s->format), SFLOW_NUMBER(s->format));
	sflow_print_number(out, "_length", s->length);
	sflow_print_key(out, "_hex");
	buffer_char(out, '"');
	buffer_hex(out, s->body, (size_t)(s->end - s->body));
	buffer_char(out, '"');
}

void sflow_print(struct buffer *out, const struct datagram *dg, uint64_t datagram_number)
{
	struct sflow_datagram d;
	struct sflow_sample s;
	enum sflow_walk w;

	if (sflow_open(&d, dg->data, dg->len) != DECODE_OK)
		return;
	while ((w = sflow_next_sample(&d, &s)) != SFLOW_END) {
		if (w == SFLOW_MALFORMED)
			continue;
		buffer_char(out, '{');
		sflow_print_number(out, "_dgram", datagram_number);
		text(out, "_proto", "sflow5");
		text(out, "_kind", kind(s.format));
		address(out, "_exporter", &dg->src);
		address(out, "_agent", &d.agent);
		sflow_print_number(out, "_subAgent", d.sub_agent_id);
		sflow_print_number(out, "_dgramSeq", d.sequence);
		sflow_print_number(out, "_sysUpTime", d.uptime);
		sample(out, &s);
		buffer_string(out, "}\n");
	}
}
