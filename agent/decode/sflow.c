/* Walking sFlow version 5 datagrams.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sflow.h"

enum decode_status sflow_open(struct sflow_datagram *d, const uint8_t *data, uint32_t len)
{
	struct xdr x = {.p = data, .end = data + len};
	uint32_t version = xdr_u32(&x), type;

	if (x.bad)
		return DECODE_TOO_SHORT;
	if (version != 5)
		return DECODE_UNKNOWN_VERSION;
	type = len >= 8 ? be32(x.p) : 0;
	if (len >= 8 && type != 1 && type != 2)
		return DECODE_BAD_ADDRESS;
	d->agent = xdr_address(&x);
	d->sub_agent_id = xdr_u32(&x);
	d->sequence = xdr_u32(&x);
	d->uptime = xdr_u32(&x);
	d->n_left = xdr_u32(&x);
	d->next = x.p;
	d->end = x.end;
	return x.bad ? DECODE_TOO_SHORT : DECODE_OK;
}

/* Compact forms pack what the expanded ones have in two words: 8 and 24 bits of the data source, 2
 * and 30 bits of an interface. */
static void read_source(struct xdr *x, struct sflow_sample *s, bool expanded)
{
	uint32_t v = xdr_u32(x);

	s->source_type = expanded ? v : v >> 24;
	s->source_index = expanded ? xdr_u32(x) : v & 0xffffff;
}

static void read_interface(struct xdr *x, uint32_t *format, uint32_t *value, bool expanded)
{
	uint32_t v = xdr_u32(x);

	*format = expanded ? v : v >> 30;
	*value = expanded ? xdr_u32(x) : v & 0x3fffffff;
}

static void read_sample(struct xdr *x, struct sflow_sample *s)
{
	bool expanded = s->format != SFLOW_FLOW_SAMPLE && s->format != SFLOW_COUNTER_SAMPLE;

	s->sequence = xdr_u32(x);
	read_source(x, s, expanded);
	if (s->format == SFLOW_FLOW_SAMPLE || s->format == SFLOW_FLOW_SAMPLE_EXPANDED) {
		s->rate = xdr_u32(x);
		s->pool = xdr_u32(x);
		s->drops = xdr_u32(x);
		read_interface(x, &s->in_format, &s->in, expanded);
		read_interface(x, &s->out_format, &s->out, expanded);
	} else if (s->format == SFLOW_DISCARDED_PACKET) {
		s->drops = xdr_u32(x);
		s->in = xdr_u32(x);
		s->out = xdr_u32(x);
		s->reason = xdr_u32(x);
	}
	s->n_left = xdr_u32(x);
}

enum sflow_walk sflow_next_sample(struct sflow_datagram *d, struct sflow_sample *s)
{
	struct xdr x = {.p = d->next, .end = d->end};
	uint32_t here;

	if (!d->n_left)
		return SFLOW_END;
	d->n_left--;
	memset(s, 0, sizeof(*s));
	s->format = xdr_u32(&x);
	s->length = xdr_u32(&x);
	if (x.bad) {
		d->n_left = 0;
		return SFLOW_MALFORMED;
	}
	here = (uint32_t)(x.end - x.p);
	s->clipped = s->length > here;
	s->body = x.p;
	s->end = x.p + (s->clipped ? here : s->length);
	s->next = s->end;
	d->next = s->end;
	if (s->format < SFLOW_FLOW_SAMPLE || s->format > SFLOW_DISCARDED_PACKET)
		return SFLOW_OK;
	x.end = s->end;
	read_sample(&x, s);
	s->next = x.p;
	return x.bad ? SFLOW_MALFORMED : SFLOW_OK;
}

enum sflow_walk sflow_next_record(struct sflow_sample *s, struct sflow_record *r)
{
	struct xdr x = {.p = s->next, .end = s->end};
	uint32_t here;

	if (!s->n_left)
		return SFLOW_END;
	s->n_left--;
	r->format = xdr_u32(&x);
	r->length = xdr_u32(&x);
	if (x.bad) {
		s->n_left = 0;
		return SFLOW_MALFORMED;
	}
	here = (uint32_t)(x.end - x.p);
	r->clipped = r->length > here;
	r->p = x.p;
	r->end = x.p + (r->clipped ? here : r->length);
	s->next = r->end;
	return SFLOW_OK;
}

struct sflow_header sflow_read_header(struct xdr *x)
{
	struct sflow_header h = {0};
	uint32_t left;

	h.protocol = xdr_u32(x);
	h.frame_length = xdr_u32(x);
	h.stripped = xdr_u32(x);
	h.length = xdr_u32(x);
	/* A header said to be longer than its record is used as far as it goes. */
	left = (uint32_t)(x->end - x->p);
	h.here = h.length < left ? h.length : left;
	h.p = xdr_bytes(x, h.here);
	return h;
}

struct sflow_ethernet sflow_read_ethernet(struct xdr *x)
{
	struct sflow_ethernet e = {0};

	e.length = xdr_u32(x);
	e.src_mac = xdr_bytes(x, 6);
	e.dst_mac = xdr_bytes(x, 6);
	e.type = xdr_u32(x);
	return e;
}

struct sflow_ip sflow_read_ip(struct xdr *x, bool v6)
{
	struct sflow_ip ip = {0};
	const uint8_t *src, *dst;

	ip.length = xdr_u32(x);
	ip.protocol = xdr_u32(x);
	src = xdr_bytes(x, v6 ? 16 : 4);
	dst = xdr_bytes(x, v6 ? 16 : 4);
	if (dst && v6) {
		memcpy(ip.src.b, src, 16);
		memcpy(ip.dst.b, dst, 16);
	} else if (dst) {
		ip_from_v4(&ip.src, src);
		ip_from_v4(&ip.dst, dst);
	}
	ip.src_port = xdr_u32(x);
	ip.dst_port = xdr_u32(x);
	ip.tcp_flags = xdr_u32(x);
	ip.tos = xdr_u32(x);
	return ip;
}
