/* What encoding one flow costs, by format: flows of about twenty fields, as routers send them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "flow_fields.h"
#include "publish/encode.h"
#include "publish/put.h"

enum { ROWS = 4096, ROUNDS = 500, BLOCK = 512 };

static struct flow rows[ROWS];
static const struct flow *pointers[ROWS];
static struct flow_ext exts[ROWS];
static uint8_t buffer[(512 << 10) + 5 * ENCODED_ROW_MAX];

/* ClickHouse's RowBinary, which weir does not have: each row has a value for each column of the
 * table, set or not. Without what enrichment finds, which only makes rows longer. */
static uint8_t *rowbinary_flow(uint8_t *p, struct row_constants *c, const struct flow *f)
{
	static const struct flow_ext none;
	const struct flow_ext *e = f->ext ? f->ext : &none;

#define PUT(v)	   p = put_bytes(p, &(v), sizeof(v));
#define PUT_UINT   PUT
#define PUT_TIME   PUT
#define PUT_MAC	   PUT
#define PUT_TYPE   PUT
#define PUT_ORIGIN PUT
#define PUT_ETYPE  PUT
#define PUT_PROTO  PUT
#define PUT_ADDR   PUT
#define PUT_ADDRS(v)               \
	*p++ = !ip_is_unset(&(v)); \
	if (!ip_is_unset(&(v)))    \
		p = put_bytes(p, (v).b, 16);
#define PUT_TEXT(v)		      p = put_bytes(put_varint(p, (v).len), (v).p ? (v).p : "", (v).len);
#define X(kind, name, number, member) PUT_##kind(f->member)
	FLOW_FIELDS (X)
#undef X
#define X(kind, name, number, member) PUT_##kind(e->member)
		FLOW_EXT_FIELDS(X)
#undef X
#define Y(...) *p++ = 0;
	FLOW_EXT_REPEATED(Y)
#undef Y
	return put_bytes(p, c->bytes, c->len);
}

static void rowbinary_constants(struct row_constants *c, const char *collector_id)
{
	c->len = (uint32_t)(put_bytes(put_varint(c->bytes, strlen(collector_id)), collector_id,
				      strlen(collector_id)) -
			    c->bytes);
}

static const struct row_format rowbinary_format = {
	.constants = rowbinary_constants,
	.flow = rowbinary_flow,
};

static void make_rows(bool v6, bool ext)
{
	uint64_t seed = 42;

	for (unsigned i = 0; i < ROWS; i++) {
		struct flow *f = &rows[i];

		pointers[i] = f;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		*f = (struct flow){
			.type = FLOW_IPFIX,
			.time_received_ns = 1700000000123456789u + i,
			.time_flow_start_ns = 1700000000000000000u - (seed >> 30),
			.time_flow_end_ns = 1700000000000000000u - (seed >> 35),
			.sequence_num = 123456 + i,
			.sampling_rate = 1000,
			.bytes = seed >> 44,
			.packets = 1 + (seed >> 54),
			.etype = v6 ? 0x86dd : 0x0800,
			.proto = seed & 1 ? 6 : 17,
			.src_port = 443,
			.dst_port = (uint16_t)(seed >> 20),
			.in_if = 500 + (seed >> 61),
			.out_if = 510 + (seed >> 60 & 7),
			.tcp_flags = 0x18,
			.ip_tos = 8,
			.src_as = 64500 + (uint32_t)(seed >> 50 & 255),
			.dst_as = 200000,
			.src_net = 24,
			.dst_net = 16,
			.sampling_origin = SAMPLING_OPTIONS,
		};
		ip_from_v4(&f->sampler_address, "\x0a\x01\x02\x03");
		if (v6) {
			f->src_addr.q[0] = f->dst_addr.q[0] = 0x0000000db80d0120;
			f->src_addr.q[1] = seed;
			f->dst_addr.q[1] = seed << 32;
		} else {
			ip_from_v4(&f->src_addr, &seed);
			ip_from_v4(&f->dst_addr, (char *)&seed + 4);
			ip_from_v4(&f->next_hop, "\xc0\x00\x02\x01");
		}
		if (ext) {
			f->ext = &exts[i];
			f->ext->ingress_vrf_id = 7;
			f->ext->dot1q_vlan = 100;
			f->flow_end_reason = 2;
		}
	}
}

static void measure(const char *name, const struct row_format *format, bool v6, bool ext)
{
	struct row_constants constants;
	double best = 1e9;
	uint64_t bytes = 0, start;

	make_rows(v6, ext);
	format->constants(&constants, "collector-1");
	for (int round = 0; round < ROUNDS; round++) {
		uint8_t *p = buffer;
		double ns;

		bytes = 0;
		start = clock_monotonic_ns();
		for (unsigned i = 0; i < ROWS; i++) {
			uint32_t n = BLOCK;
			uint8_t *end = format->block ? format->block(p, ENCODED_ROW_MAX * 4,
								     &constants, pointers + i, &n)
						     : format->flow(p, &constants, &rows[i]);

			i += format->block ? n - 1 : 0;
			bytes += (uint64_t)(end - p);
			p = end - buffer > 512 << 10 ? buffer : end;
		}
		ns = (double)(clock_monotonic_ns() - start);
		best = ns < best ? ns : best;
	}
	printf("%-10s %s%-5s %6.1f ns a flow, %5.1f bytes\n", name, v6 ? "IPv6" : "IPv4",
	       ext ? "+ext" : "", best / ROWS, (double)bytes / ROWS);
}

int main(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		measure("protobuf", &protobuf_format, v6, false);
		measure("json", &json_format, v6, false);
		measure("native", &native_format, v6, false);
		measure("rowbinary", &rowbinary_format, v6, false);
	}
	measure("protobuf", &protobuf_format, false, true);
	measure("json", &json_format, false, true);
	measure("native", &native_format, false, true);
	measure("rowbinary", &rowbinary_format, false, true);
	return 0;
}
