/* NetFlow version 5.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Header, 24 bytes: version, count, sysUpTime, unix seconds, nanoseconds, flow sequence (records
 * sent before), engine type and id, sampling mode (2 bits) and interval (14 bits). Then up to 30
 * records of 48 bytes. */
#include "../bytes.h"
#include "decoder.h"
#include "exporter.h"
#include "sampler.h"

enum { HEADER = 24, RECORD = 48, RECORDS_MAX = 30, ICMP = 1 };

/* sysUpTime wraps at 2^32 ms: the difference to the header's is signed. */
static uint64_t uptime_ns(uint32_t ms, uint32_t header_ms, uint64_t export_ns)
{
	return export_ns + (uint64_t)((int64_t)(int32_t)(ms - header_ms) * 1000000);
}

static void decode_record(struct flow *f, const uint8_t *p, uint32_t uptime_ms, uint64_t export_ns)
{
	ip_from_v4(&f->src_addr, p);
	ip_from_v4(&f->dst_addr, p + 4);
	ip_from_v4(&f->next_hop, p + 8);
	f->in_if = be16(p + 12);
	f->out_if = be16(p + 14);
	f->packets = be32(p + 16);
	f->bytes = be32(p + 20);
	f->time_flow_start_ns = uptime_ns(be32(p + 24), uptime_ms, export_ns);
	f->time_flow_end_ns = uptime_ns(be32(p + 28), uptime_ms, export_ns);
	f->src_port = be16(p + 32);
	f->dst_port = be16(p + 34);
	f->tcp_flags = p[37];
	f->proto = p[38];
	f->ip_tos = p[39];
	f->src_as = be16(p + 40);
	f->dst_as = be16(p + 42);
	f->src_net = p[44];
	f->dst_net = p[45];
	if (f->proto == ICMP) {
		f->icmp_type = (uint8_t)(f->dst_port >> 8);
		f->icmp_code = (uint8_t)f->dst_port;
	}
}

enum decode_status netflow5_decode(struct decode_context *c, const struct datagram *dg,
				   struct flow_batch *batch)
{
	uint32_t uptime_ms, sequence, left;
	uint64_t export_ns;
	struct flow prototype;
	struct domain *d;
	const uint8_t *p = dg->data;
	uint32_t count, whole;

	if (dg->len < HEADER)
		return DECODE_TOO_SHORT;
	count = be16(p + 2);
	whole = (dg->len - HEADER) / RECORD;
	if (!count || count > RECORDS_MAX || !whole)
		return DECODE_BAD_COUNT;
	if (whole > count)
		whole = count;
	d = domain_get(c->store, c->exporter, FLOW_NETFLOW_V5, be16(p + 20));
	if (!d)
		return DECODE_TOO_MANY_DOMAINS;
	uptime_ms = be32(p + 4);
	export_ns = be32(p + 8) * 1000000000ull + be32(p + 12);
	sequence = be32(p + 16);

	memset(&prototype, 0, sizeof(prototype));
	prototype.type = FLOW_NETFLOW_V5;
	prototype.time_received_ns = dg->received_ns;
	prototype.sampler_address = dg->src;
	prototype.sequence_num = sequence;
	prototype.etype = 0x0800;
	prototype.sampling_rate = sampling_resolve(c->options, c->exporter, be16(p + 22) & 0x3fff,
						   0, &prototype.sampling_origin);

	p += HEADER;
	for (left = whole; left;) {
		uint32_t n = flow_batch_room(batch, left);

		for (uint32_t i = 0; i < n; i++, p += RECORD) {
			struct flow *f = &batch->rows[batch->n + i];

			*f = prototype;
			decode_record(f, p, uptime_ms, export_ns);
		}
		batch->n += n;
		left -= n;
	}
	account_add(c->account, ACCOUNT_RECORDS_DATA, whole);
	account_add(c->account, ACCOUNT_FLOWS, whole);
	sequence_see(&d->sequence, sequence, count, true, uptime_ms, c->account);
	return whole < count ? DECODE_BAD_COUNT : DECODE_OK;
}
