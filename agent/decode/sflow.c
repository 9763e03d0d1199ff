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

enum { SAMPLE_WORDS_MAX = 11 };

static uint32_t word(const uint8_t *p, unsigned i)
{
	return be32(p + 4 * (size_t)i);
}

/* Compact forms pack what the expanded ones have in two words: 8 and 24 bits of the data source, 2
 * and 30 bits of an interface. */
static void compact_source(struct sflow_sample *s, uint32_t v)
{
	s->source_type = v >> 24;
	s->source_index = v & 0xffffff;
}

static void compact_interfaces(struct sflow_sample *s, uint32_t in, uint32_t out)
{
	s->in_format = in >> 30;
	s->in = in & 0x3fffffff;
	s->out_format = out >> 30;
	s->out = out & 0x3fffffff;
}

/* What both forms of a flow sample have behind the data source. */
static void read_sampling(struct sflow_sample *s, const uint8_t *p)
{
	s->rate = word(p, 0);
	s->pool = word(p, 1);
	s->drops = word(p, 2);
}

/* What each kind of sample begins with. Words that are cut off are zero, and x->bad. */
static void read_sample(struct xdr *x, struct sflow_sample *s)
{
	static const uint8_t n_words[] = {
		[SFLOW_FLOW_SAMPLE] = 8,
		[SFLOW_COUNTER_SAMPLE] = 3,
		[SFLOW_FLOW_SAMPLE_EXPANDED] = SAMPLE_WORDS_MAX,
		[SFLOW_COUNTER_SAMPLE_EXPANDED] = 4,
		[SFLOW_DISCARDED_PACKET] = 8,
	};
	uint8_t cut_off[4 * SAMPLE_WORDS_MAX];
	unsigned n = n_words[s->format];
	size_t here = (size_t)(x->end - x->p);
	const uint8_t *p = x->p;

	if (here < 4 * (size_t)n) {
		memset(cut_off, 0, sizeof(cut_off));
		memcpy(cut_off, p, here & ~(size_t)3);
		p = cut_off;
		xdr_spoil(x);
	} else {
		x->p += 4 * (size_t)n;
	}
	s->sequence = word(p, 0);
	s->source_type = word(p, 1);
	s->source_index = word(p, 2);
	switch (s->format) {
	case SFLOW_FLOW_SAMPLE:
		read_sampling(s, p + 4 * 2);
		compact_source(s, word(p, 1));
		compact_interfaces(s, word(p, 5), word(p, 6));
		break;
	case SFLOW_COUNTER_SAMPLE:
		compact_source(s, word(p, 1));
		break;
	case SFLOW_FLOW_SAMPLE_EXPANDED:
		read_sampling(s, p + 4 * 3);
		s->in_format = word(p, 6);
		s->in = word(p, 7);
		s->out_format = word(p, 8);
		s->out = word(p, 9);
		break;
	case SFLOW_DISCARDED_PACKET:
		s->drops = word(p, 3);
		s->in = word(p, 4);
		s->out = word(p, 5);
		s->reason = word(p, 6);
		break;
	}
	s->n_left = word(p, n - 1);
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
