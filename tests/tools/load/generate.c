/* The load generator's datagrams.
 * SPDX-License-Identifier: Apache-2.0 */
#include <linux/if_ether.h>
#include <math.h>
#include <string.h>

#include "load.h"

/* The nth flow of the run. */
struct sample_flow {
	uint32_t src, dst, bytes, packets;
	uint32_t src_as, dst_as, in_if, out_if;
	uint32_t since_start, since_end; /* ms before the datagram */
	uint16_t src_port, dst_port;
	uint8_t proto;
};

/* What is random is the same in each run. */
static uint64_t scramble(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9;
	x ^= x >> 27;
	x *= 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Half of the traffic is of a fifth of the hosts; with --zipf, of a few. */
static uint32_t host(uint64_t random)
{
	uint64_t i, a;

	if (options.zipf) /* P(rank < r) = log r / log hosts */
		i = (uint64_t)pow(options.hosts, (double)(uint32_t)random / 4294967296.0) - 1;
	else
		i = (random & 0xffff) * (random >> 16 & 0xffff) * options.hosts >> 32;
	a = scramble(i + 1);

	return (1u << 24) + (uint32_t)(a & ((1ull << options.spread) - 1));
}

static struct sample_flow next_flow(void)
{
	uint64_t n = sent.records++;
	uint32_t mix = (uint32_t)(n * 2654435761u);
	struct sample_flow f = {
		.src = 0x0a000000 | (mix >> 12),
		.dst = 0xac100000 | (mix & 0xfffff),
		.packets = 1 + mix % 100,
		.src_port = 1024 + mix % 60000,
		.dst_port = n % 3 ? 443 : 53,
		.proto = n % 3 ? IPPROTO_TCP : IPPROTO_UDP,
		.src_as = 64500,
		.dst_as = 64501,
		.in_if = 1,
		.out_if = 2,
		.since_start = 10000,
		.since_end = 5000,
	};

	f.bytes = f.packets * (64 + mix % 1400);
	if (options.hosts) {
		uint64_t r = scramble(n), q = scramble(r);

		f.src = host(r);
		f.dst = host(r >> 32);
		f.src_as = f.dst_as = 0; /* as routers without BGP say */
		f.in_if = 500 + (q & 7);
		f.out_if = 508 + (q >> 3 & 7);
		f.since_end = q >> 8 & 0xfff;
		f.since_start = f.since_end + (q >> 20 & 0xffff);
	}
	if (options.protocol == SFLOW5) {
		f.packets = 1;
		f.bytes = 64 + mix % 1400;
	}
	sent.bytes += f.bytes;
	sent.packets += f.packets;
	return f;
}

static size_t build_netflow5(struct stream *s, uint8_t *start, size_t size)
{
	size_t n = (size - 24) / 48;
	uint8_t *p = start;

	if (n > 30)
		n = 30;
	p = put16(put16(p, 5), n);
	p = put32(put32(put32(p, UPTIME), start_seconds), 0);
	p = put16(put32(p, s->sequence), 0);
	p = put16(p, 0);
	for (size_t i = 0; i < n; i++) {
		struct sample_flow f = next_flow();

		p = put32(put32(put32(p, f.src), f.dst), 0);
		p = put16(put16(p, f.in_if), f.out_if);
		p = put32(put32(p, f.packets), f.bytes);
		p = put32(put32(p, UPTIME - f.since_start), UPTIME - f.since_end);
		p = put16(put16(p, f.src_port), f.dst_port);
		*p++ = 0;
		*p++ = f.proto == IPPROTO_TCP ? 0x1b : 0;
		*p++ = f.proto;
		*p++ = 0;
		p = put16(put16(p, f.src_as), f.dst_as);
		p = put32(p, 24 << 24 | 24 << 16);
	}
	s->sequence += n;
	return p - start;
}

/* Information elements of the templates, with their lengths: what a router's usual one has, 64
 * bytes; v9 has 21/22 for 152/153. The nth template begins with the nth of them. */
static const uint16_t fields[][2] = {
	{8, 4}, {12, 4}, {7, 2},  {11, 2}, {4, 1}, {5, 1},  {6, 2},  {10, 4},  {14, 4},	 {1, 4},
	{2, 4}, {15, 4}, {16, 4}, {17, 4}, {9, 1}, {13, 1}, {61, 1}, {136, 1}, {152, 8}, {153, 8}};
enum { N_FIELDS = sizeof(fields) / sizeof(*fields), TEMPLATE_SIZE = 4 + 4 * N_FIELDS };

static uint8_t *put_template(uint8_t *p, unsigned number)
{
	p = put16(put16(p, TEMPLATE_ID + number), N_FIELDS);
	for (unsigned i = 0; i < N_FIELDS; i++) {
		const uint16_t *f = fields[(i + number) % N_FIELDS];
		bool relative = options.protocol == NETFLOW9 && f[0] >= 152;

		p = put16(p, relative ? f[0] == 152 ? 22 : 21 : f[0]);
		p = put16(p, relative ? 4 : f[1]);
	}
	return p;
}

static uint8_t *put_template_set(uint8_t *p, unsigned first, unsigned n)
{
	p = put16(put16(p, options.protocol == IPFIX ? 2 : 0), 4 + TEMPLATE_SIZE * n);
	for (unsigned i = 0; i < n; i++)
		p = put_template(p, first + i);
	return p;
}

static uint8_t *put_field(uint8_t *p, uint16_t id, const struct sample_flow *f)
{
	uint64_t now = start_seconds * 1000ull;

	switch (id) {
	case 8:
		return put32(p, f->src);
	case 12:
		return put32(p, f->dst);
	case 7:
		return put16(p, f->src_port);
	case 11:
		return put16(p, f->dst_port);
	case 4:
		*p = f->proto;
		return p + 1;
	case 6:
		return put16(p, f->proto == IPPROTO_TCP ? 0x1b : 0);
	case 10:
		return put32(p, f->in_if);
	case 14:
		return put32(p, f->out_if);
	case 1:
		return put32(p, f->bytes);
	case 2:
		return put32(p, f->packets);
	case 15:
		return put32(p, 0xc0000201);
	case 16:
		return put32(p, f->src_as);
	case 17:
		return put32(p, f->dst_as);
	case 9:
	case 13:
		*p = 24;
		return p + 1;
	case 136:
		*p = 1;
		return p + 1;
	case 152:
		return options.protocol == NETFLOW9 ? put32(p, UPTIME - f->since_start)
						    : put64(p, now - f->since_start);
	case 153:
		return options.protocol == NETFLOW9 ? put32(p, UPTIME - f->since_end)
						    : put64(p, now - f->since_end);
	}
	*p = 0; /* of 5 and 61 */
	return p + 1;
}

static uint8_t *put_record(uint8_t *p, unsigned template)
{
	struct sample_flow f = next_flow();

	for (unsigned i = 0; i < N_FIELDS; i++)
		p = put_field(p, fields[(i + template) % N_FIELDS][0], &f);
	return p;
}

static uint8_t *put_header(struct stream *s, uint8_t *p, size_t size, unsigned records)
{
	bool v9 = options.protocol == NETFLOW9;

	p = put16(p, v9 ? 9 : 10);
	p = put16(p, v9 ? records : size);
	if (v9)
		p = put32(p, UPTIME);
	return put32(put32(put32(p, start_seconds), s->sequence), 1);
}

static size_t build_templated(struct stream *s, uint8_t *start, size_t size)
{
	bool v9 = options.protocol == NETFLOW9;
	size_t header = v9 ? 20 : 16, record = v9 ? 56 : 64;
	unsigned n = 0, records = 0, template = s->datagrams % options.templates;
	uint8_t *p = start + header, *set;

	if (options.template_every &&
	    s->datagrams / options.templates % options.template_every == 0) {
		p = put_template_set(p, template, 1);
		n++;
	}
	set = p;
	for (p += 4; p + record <= start + size; records++)
		p = put_record(p, template);
	/* What is left is padding: shorter than a record. */
	memset(p, 0, start + size - p);
	put16(put16(set, TEMPLATE_ID + template), start + size - set);
	put_header(s, start, size, n + records);
	s->sequence += v9 ? 1 : records;
	return size;
}

size_t build_templates(struct stream *s, uint8_t *start, size_t size, unsigned first, unsigned *n)
{
	size_t header = options.protocol == NETFLOW9 ? 20 : 16;
	unsigned fit = (size - header - 4) / TEMPLATE_SIZE;
	uint8_t *end;

	*n = options.templates - first < fit ? options.templates - first : fit;
	end = put_template_set(start + header, first, *n);
	put_header(s, start, end - start, *n);
	if (options.protocol == NETFLOW9)
		s->sequence++;
	sent.datagrams++;
	sent.payload += end - start;
	return end - start;
}

/* A flow sample with one raw header of `captured` bytes. */
static uint8_t *put_flow_sample(uint8_t *p, uint32_t number, uint32_t captured)
{
	struct sample_flow f = next_flow();
	uint8_t *end, *ip;

	p = put32(put32(put32(p, 1), 32 + 24 + captured), number);
	p = put32(put32(put32(put32(p, 1), 1000), number * 1000), 0);
	p = put32(put32(put32(p, f.in_if), f.out_if), 1);
	p = put32(put32(put32(p, 1), 16 + captured), 1);
	p = put32(put32(put32(p, f.bytes), 4), captured);
	end = p + captured;
	memset(p, 0, captured);
	p = put32(put32(put32(p, 0x02000000), 0x00010200), 0x00000002);
	ip = put16(p, ETH_P_IP);
	p = put16(put16(ip, 0x4500), f.bytes - 14);
	p = put32(p, 0);
	p = put16(p, 64 << 8 | f.proto);
	p = put32(put32(put16(p, 0), f.src), f.dst);
	p = put16(put16(p, f.src_port), f.dst_port);
	if (f.proto == IPPROTO_TCP)
		put16(p + 8, 0x501b);
	return end;
}

static size_t build_sflow(struct stream *s, uint8_t *start, size_t size)
{
	enum { CAPTURED = 64, SAMPLE = 8 + 32 + 24 + CAPTURED };
	size_t address = options.family == AF_INET6 ? 16 : 4, header = 24 + address;
	size_t n = (size - header) / SAMPLE, left = (size - header) % SAMPLE & ~3u;
	uint8_t *p = start;

	p = put32(put32(p, 5), address == 4 ? 1 : 2);
	memcpy(p, &s->address.s6_addr[16 - address], address);
	p = put32(put32(p + address, 0), s->sequence + 1);
	p = put32(put32(p, UPTIME), n);
	for (size_t i = 0; i < n; i++)
		p = put_flow_sample(p, s->sequence * n + i + 1, CAPTURED + (i ? 0 : left));
	s->sequence++;
	return p - start;
}

size_t build(struct stream *s, uint8_t *p)
{
	size_t n;

	switch (options.protocol) {
	case NETFLOW5:
		n = build_netflow5(s, p, options.size);
		break;
	case SFLOW5:
		n = build_sflow(s, p, options.size);
		break;
	default:
		n = build_templated(s, p, options.size);
	}
	s->datagrams++;
	sent.datagrams++;
	sent.payload += n;
	return n;
}
