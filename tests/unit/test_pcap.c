/* Capture files built here: both formats and byte orders, every link type, fragments, damage.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <zlib.h>

#include "bytes.h"
#include "rx/capture.h"
#include "rx/pcap.h"

/* Bytes under construction; `big` is the byte order of the file's own numbers. */
struct bytes {
	uint8_t p[400000];
	size_t len;
	bool big;
};

static void raw(struct bytes *b, const void *p, size_t n)
{
	assert_true(b->len + n <= sizeof(b->p));
	memcpy(b->p + b->len, p, n);
	b->len += n;
}

static void number(struct bytes *b, uint64_t v, unsigned n, bool big)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t byte = (uint8_t)(v >> 8 * (big ? n - 1 - i : i));

		raw(b, &byte, 1);
	}
}

static void n16(struct bytes *b, uint16_t v)
{
	number(b, v, 2, true);
}

static void n32(struct bytes *b, uint32_t v)
{
	number(b, v, 4, true);
}

static void f16(struct bytes *b, uint16_t v)
{
	number(b, v, 2, b->big);
}

static void f32(struct bytes *b, uint32_t v)
{
	number(b, v, 4, b->big);
}

static void fill(struct bytes *b, size_t n, uint8_t seed)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t byte = (uint8_t)(seed + i * 7 + i / 251);

		raw(b, &byte, 1);
	}
}

/* A UDP datagram of n payload bytes. */
static void udp(struct bytes *b, uint16_t dst_port, uint16_t n)
{
	n16(b, 40000);
	n16(b, dst_port);
	n16(b, (uint16_t)(8 + n));
	n16(b, 0);
	fill(b, n, 1);
}

static void ipv4(struct bytes *b, const uint8_t *data, uint16_t n, uint16_t id, uint16_t fragment)
{
	n16(b, 0x4500);
	n16(b, (uint16_t)(20 + n));
	n16(b, id);
	n16(b, fragment);
	n16(b, 64 << 8 | 17);
	n16(b, 0);
	raw(b, "\xc0\x00\x02\x01\xc6\x33\x64\x02", 8); /* 192.0.2.1 > 198.51.100.2 */
	raw(b, data, n);
}

static void ipv6(struct bytes *b, uint8_t next, const uint8_t *data, uint16_t n)
{
	n32(b, 0x60000000);
	n16(b, n);
	n16(b, (uint16_t)(next << 8 | 64));
	raw(b, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	raw(b, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 16);
	raw(b, data, n);
}

static void ipv6_fragment(struct bytes *b, const uint8_t *data, uint16_t n, uint32_t id,
			  uint16_t offset, bool more)
{
	static struct bytes f;

	f.len = 0;
	n16(&f, 17 << 8);
	n16(&f, (uint16_t)(offset | more));
	n32(&f, id);
	raw(&f, data, n);
	ipv6(b, 44, f.p, (uint16_t)f.len);
}

static void ethernet(struct bytes *b, uint16_t type, const struct bytes *packet)
{
	raw(b, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
	n16(b, type);
	raw(b, packet->p, packet->len);
}

static void pcap_file(struct bytes *b, bool big, uint32_t magic, uint32_t link)
{
	b->len = 0;
	b->big = big;
	f32(b, magic);
	f16(b, 2);
	f16(b, 4);
	f32(b, 0);
	f32(b, 0);
	f32(b, 65535);
	f32(b, link);
}

static void pcap_packet(struct bytes *b, uint32_t s, uint32_t fraction, const struct bytes *frame)
{
	f32(b, s);
	f32(b, fraction);
	f32(b, (uint32_t)frame->len);
	f32(b, (uint32_t)frame->len);
	raw(b, frame->p, frame->len);
}

/* What reading a file gave. */
struct result {
	int opened;
	unsigned n;
	uint32_t len[64];
	uint16_t port[64];
	uint64_t time[64];
	struct ip_addr src, dst;
	uint64_t skipped[PCAP_SKIP_MAX];
	uint64_t packets;
	char text[400]; /* error of opening, or problem */
};

static char file_name[] = "/tmp/test_pcap.XXXXXX";

static void store(const void *p, size_t n)
{
	FILE *f = fopen(file_name, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void check_payload(const struct datagram *dg)
{
	static struct bytes want;

	want.len = 0;
	fill(&want, dg->len, 1);
	assert_memory_equal(dg->data, want.p, dg->len);
}

static struct result read_file(const struct rx_options *o)
{
	struct account account = {0};
	struct datagram dg[5];
	struct result r = {0};
	struct pcap *p;
	unsigned n;

	r.opened = pcap_open(&p, file_name, o, r.text, sizeof(r.text));
	if (r.opened) {
		assert_null(p);
		return r;
	}
	while ((n = pcap_receive(p, dg, 5, &account)) > 0) {
		for (unsigned i = 0; i < n; i++) {
			check_payload(&dg[i]);
			assert_int_equal(dg[i].via, VIA_PCAP);
			if (r.n == 64)
				continue;
			r.len[r.n] = dg[i].len;
			r.port[r.n] = dg[i].dst_port;
			r.time[r.n++] = dg[i].received_ns;
			r.src = dg[i].src;
			r.dst = dg[i].dst;
		}
		pcap_release(p);
	}
	assert_int_equal(account_get(&account, ACCOUNT_RX_PCAP), r.n);
	for (int i = 0; i < PCAP_SKIP_MAX; i++) {
		r.skipped[i] = pcap_skipped(p, (enum pcap_skip)i);
		assert_non_null(pcap_skip_text((enum pcap_skip)i));
	}
	r.packets = pcap_packets(p);
	if (pcap_problem(p))
		snprintf(r.text, sizeof(r.text), "%s", pcap_problem(p));
	pcap_close(p);
	return r;
}

static struct result read_bytes(const struct bytes *b)
{
	store(b->p, b->len);
	return read_file(NULL);
}

static struct bytes file, frame, packet, datagram;

static void build_ipv4(uint16_t port, uint16_t n)
{
	packet.len = datagram.len = 0;
	udp(&datagram, port, n);
	ipv4(&packet, datagram.p, (uint16_t)datagram.len, 7, 0);
}

static void build_frame(uint16_t port, uint16_t n)
{
	build_ipv4(port, n);
	frame.len = 0;
	ethernet(&frame, 0x0800, &packet);
}

static void four_magics_and_their_time_units(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool nano = i & 1;
		struct result r;

		pcap_file(&file, i & 2, nano ? 0xa1b23c4d : 0xa1b2c3d4, LINK_ETHERNET);
		build_frame(2055, 100);
		pcap_packet(&file, 1700000000, 123456, &frame);
		r = read_bytes(&file);
		assert_int_equal(r.opened, 0);
		assert_int_equal(r.n, 1);
		assert_int_equal(r.len[0], 100);
		assert_int_equal(r.port[0], 2055);
		assert_int_equal(r.time[0], 1700000000000000000u + (nano ? 123456 : 123456000));
		assert_true(ip_is_v4(&r.src));
		assert_memory_equal(r.src.b + 12, "\xc0\x00\x02\x01", 4);
		assert_memory_equal(r.dst.b + 12, "\xc6\x33\x64\x02", 4);
		assert_string_equal(r.text, "");
	}
}

static void every_link_type(void **state)
{
	static const struct {
		uint32_t link;
		const char *header;
		size_t len;
	} cases[] = {
		{LINK_ETHERNET, "aaaaaabbbbbb\x08\x00", 14},
		{LINK_ETHERNET, "aaaaaabbbbbb\x81\x00\x00\x05\x08\x00", 18},
		{LINK_ETHERNET, "aaaaaabbbbbb\x88\xa8\x00\x05\x81\x00\x00\x06\x08\x00", 22},
		{LINK_LINUX_SLL, "\0\0\0\1\0\6aaaaaa\0\0\x08\x00", 16},
		{LINK_LINUX_SLL2, "\x08\x00\0\0\0\0\0\1\0\1\0\6aaaaaaaa", 20},
		{LINK_RAW, "", 0},
		{LINK_RAW_BSD, "", 0},
		{LINK_RAW_OPENBSD, "", 0},
		{LINK_IPV4, "", 0},
		{LINK_NULL, "\2\0\0\0", 4},
		{LINK_NULL, "\0\0\0\2", 4},
		{LINK_LOOP, "\0\0\0\2", 4},
	};

	(void)state;
	build_ipv4(6343, 77);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct result r;

		pcap_file(&file, false, 0xa1b2c3d4, cases[i].link);
		frame.len = 0;
		raw(&frame, cases[i].header, cases[i].len);
		raw(&frame, packet.p, packet.len);
		raw(&frame, "padding", 7);
		pcap_packet(&file, 1, 0, &frame);
		/* Cut at each byte of the headers: no datagram, and nothing read past the end. */
		for (frame.len = 0; frame.len < cases[i].len + packet.len; frame.len++)
			pcap_packet(&file, 1, 0, &frame);
		r = read_bytes(&file);
		assert_int_equal(r.n, 1);
		assert_int_equal(r.len[0], 77);
		assert_int_equal(r.skipped[PCAP_SKIP_CUT_SHORT], cases[i].len + packet.len);
	}
	pcap_file(&file, false, 0xa1b2c3d4, 147);
	pcap_packet(&file, 1, 0, &frame);
	assert_int_equal(read_bytes(&file).skipped[PCAP_SKIP_LINK_TYPE], 1);
}

static void ipv6_and_its_extension_headers(void **state)
{
	static struct bytes body;
	struct result r;

	(void)state;
	pcap_file(&file, false, 0xa1b2c3d4, LINK_RAW);
	datagram.len = packet.len = body.len = 0;
	udp(&datagram, 4739, 50);
	ipv6(&packet, 17, datagram.p, (uint16_t)datagram.len);
	pcap_packet(&file, 1, 0, &packet);

	/* hop-by-hop (16 bytes) > atomic fragment > destination (8) > UDP */
	raw(&body, "\x2c\1aaaaaaaaaaaaaa\x3c\0\0\0\0\0\0\1\x11\0aaaaaa", 32);
	raw(&body, datagram.p, datagram.len);
	packet.len = 0;
	ipv6(&packet, 0, body.p, (uint16_t)body.len);
	pcap_packet(&file, 1, 0, &packet);

	/* an extension header that says it is longer than the packet */
	packet.len = 0;
	ipv6(&packet, 60,
	     (const uint8_t *)"\x11\xff"
			      "aaaaaa",
	     8);
	pcap_packet(&file, 1, 0, &packet);

	/* two fragment headers */
	packet.len = 0;
	ipv6(&packet, 44, (const uint8_t *)"\x2c\0\0\0\0\0\0\1\x11\0\0\0\0\0\0\1", 16);
	pcap_packet(&file, 1, 0, &packet);

	/* more headers than anyone needs */
	body.len = packet.len = 0;
	for (int i = 0; i < 40; i++)
		raw(&body, "\x3c\0aaaaaa", 8);
	ipv6(&packet, 60, body.p, (uint16_t)body.len);
	pcap_packet(&file, 1, 0, &packet);

	r = read_bytes(&file);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.len[0], 50);
	assert_int_equal(r.len[1], 50);
	assert_memory_equal(r.src.b, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	assert_int_equal(r.skipped[PCAP_SKIP_BAD_IP], 3);
}

/* Adds the bytes [from, to) of `datagram` as a fragment at the same offset. */
static void add_fragment(bool v6, uint32_t s, uint16_t id, uint32_t from, uint32_t to, bool more)
{
	packet.len = 0;
	if (v6)
		ipv6_fragment(&packet, datagram.p + from, (uint16_t)(to - from), id, (uint16_t)from,
			      more);
	else
		ipv4(&packet, datagram.p + from, (uint16_t)(to - from), id,
		     (uint16_t)(from / 8 | (more ? 0x2000 : 0)));
	pcap_packet(&file, s, 0, &packet);
}

static void start_fragments(uint16_t payload)
{
	pcap_file(&file, false, 0xa1b2c3d4, LINK_RAW);
	datagram.len = 0;
	udp(&datagram, 2055, payload);
}

static void fragments_in_any_order(void **state)
{
	static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					 {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	static const uint32_t cut[4] = {0, 1480, 2960, 4008};

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct result r;

		start_fragments(4000);
		for (uint16_t o = 0; o < 6; o++)
			for (int i = 0; i < 3; i++) {
				int f = orders[o][i];

				add_fragment(v6, 100 + o, o, cut[f], cut[f + 1], f < 2);
			}
		r = read_bytes(&file);
		assert_int_equal(r.n, 6);
		for (unsigned i = 0; i < 6; i++) {
			assert_int_equal(r.len[i], 4000);
			assert_int_equal(r.time[i], (100 + i) * 1000000000ull);
		}
		assert_int_equal(r.packets, 18);
	}
}

static void interleaved_fragments_of_two_datagrams(void **state)
{
	struct result r;

	(void)state;
	start_fragments(100);
	add_fragment(false, 1, 1, 0, 64, true);
	add_fragment(false, 1, 2, 0, 32, true);
	add_fragment(false, 1, 2, 32, 108, false);
	add_fragment(false, 1, 1, 64, 108, false);
	r = read_bytes(&file);
	assert_int_equal(r.n, 2);
}

static void repeated_fragment_is_ignored(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		start_fragments(100);
		add_fragment(v6, 1, 1, 0, 64, true);
		add_fragment(v6, 1, 1, 0, 64, true);
		add_fragment(v6, 1, 1, 64, 108, false);
		assert_int_equal(read_bytes(&file).n, 1);
	}
}

static void overlapping_fragments_give_up_the_datagram(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct result r;

		start_fragments(100);
		add_fragment(v6, 1, 1, 0, 64, true);
		add_fragment(v6, 1, 1, 56, 80, true); /* begins inside the first */
		add_fragment(v6, 1, 1, 64, 108, false);
		r = read_bytes(&file);
		assert_int_equal(r.n, 0);
		assert_int_equal(r.skipped[PCAP_SKIP_FRAGMENTS_OVERLAP], 1);
		assert_int_equal(r.skipped[PCAP_SKIP_FRAGMENTS_MISSING], 0);

		/* the same place with other bytes */
		start_fragments(100);
		add_fragment(v6, 1, 1, 0, 64, true);
		datagram.p[20] ^= 1;
		add_fragment(v6, 1, 1, 0, 64, true);
		datagram.p[20] ^= 1;
		add_fragment(v6, 1, 1, 64, 108, false);
		r = read_bytes(&file);
		assert_int_equal(r.n, 0);
		assert_int_equal(r.skipped[PCAP_SKIP_FRAGMENTS_OVERLAP], 1);

		/* two ends, and data behind the end */
		start_fragments(100);
		add_fragment(v6, 1, 1, 64, 108, false);
		add_fragment(v6, 1, 1, 32, 64, false);
		add_fragment(v6, 1, 2, 32, 64, false);
		add_fragment(v6, 1, 2, 64, 104, true);
		r = read_bytes(&file);
		assert_int_equal(r.n, 0);
		assert_int_equal(r.skipped[PCAP_SKIP_FRAGMENTS_OVERLAP], 2);
	}
}

static void missing_fragment_is_counted_at_the_end_and_after_a_minute(void **state)
{
	struct result r;

	(void)state;
	start_fragments(100);
	add_fragment(false, 1, 1, 0, 64, true);
	r = read_bytes(&file);
	assert_int_equal(r.n, 0);
	assert_int_equal(r.skipped[PCAP_SKIP_FRAGMENTS_MISSING], 1);

	add_fragment(false, 62, 1, 64, 108, false); /* too late; and itself never completed */
	r = read_bytes(&file);
	assert_int_equal(r.n, 0);
	assert_int_equal(r.skipped[PCAP_SKIP_FRAGMENTS_MISSING], 2);

	start_fragments(100);
	add_fragment(false, 1, 1, 0, 64, true);
	add_fragment(false, 61, 1, 64, 108, false);
	assert_int_equal(read_bytes(&file).n, 1);
}

static void impossible_fragments_are_left_out(void **state)
{
	struct result r;

	(void)state;
	start_fragments(100);
	add_fragment(false, 1, 1, 0, 61, true); /* not a multiple of 8 */
	add_fragment(false, 1, 1, 0, 0, true);	/* empty */
	packet.len = 0;
	ipv4(&packet, datagram.p, 100, 1, 0x1fff); /* reaches past 65,535 */
	pcap_packet(&file, 1, 0, &packet);
	r = read_bytes(&file);
	assert_int_equal(r.n, 0);
	assert_int_equal(r.skipped[PCAP_SKIP_BAD_FRAGMENT], 3);
	assert_int_equal(r.skipped[PCAP_SKIP_FRAGMENTS_MISSING], 0);
}

static void fragment_table_is_bounded(void **state)
{
	struct result r;

	(void)state;
	start_fragments(100);
	for (uint16_t id = 0; id < 300; id++)
		add_fragment(false, 1 + id / 100, id, 0, 64, true);
	add_fragment(false, 9, 299, 64, 108, false);
	r = read_bytes(&file);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.skipped[PCAP_SKIP_FRAGMENTS_LIMIT], 300 - 256);
	assert_int_equal(r.skipped[PCAP_SKIP_FRAGMENTS_MISSING], 255);
}

static void largest_datagram_in_fragments(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct result r;

		start_fragments(65507);
		for (uint32_t at = 0; at < datagram.len; at += 1480)
			add_fragment(v6, 1, 1, at,
				     at + 1480 < datagram.len ? at + 1480 : (uint32_t)datagram.len,
				     at + 1480 < datagram.len);
		r = read_bytes(&file);
		assert_int_equal(r.n, 1);
		assert_int_equal(r.len[0], 65507);
	}
}

static void udp_length_against_ip_length(void **state)
{
	struct result r;

	(void)state;
	pcap_file(&file, false, 0xa1b2c3d4, LINK_RAW);
	build_ipv4(2055, 40);
	packet.p[20 + 5] = 8 + 30; /* shorter: the rest is padding */
	pcap_packet(&file, 1, 0, &packet);
	packet.p[20 + 5] = 8 + 41; /* longer */
	pcap_packet(&file, 1, 0, &packet);
	packet.p[20 + 5] = 7;
	pcap_packet(&file, 1, 0, &packet);
	packet.p[20 + 5] = 8; /* empty */
	pcap_packet(&file, 1, 0, &packet);
	packet.p[9] = 6;
	pcap_packet(&file, 1, 0, &packet);
	packet.p[0] = 0x44;
	pcap_packet(&file, 1, 0, &packet);
	packet.p[0] = 0x95;
	pcap_packet(&file, 1, 0, &packet);
	r = read_bytes(&file);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.len[0], 30);
	assert_int_equal(r.len[1], 0);
	assert_int_equal(r.skipped[PCAP_SKIP_BAD_UDP], 2);
	assert_int_equal(r.skipped[PCAP_SKIP_NOT_UDP], 1);
	assert_int_equal(r.skipped[PCAP_SKIP_BAD_IP], 1);
	assert_int_equal(r.skipped[PCAP_SKIP_NOT_IP], 1);
}

static void only_the_ports_asked_for(void **state)
{
	struct rx_options o = {.ports = {6343, 4739}, .n_ports = 2};
	struct result r;

	(void)state;
	pcap_file(&file, false, 0xa1b2c3d4, LINK_ETHERNET);
	for (int i = 0; i < 3; i++) {
		build_frame((const uint16_t[]){2055, 4739, 53}[i], 10);
		pcap_packet(&file, 1, 0, &frame);
	}
	store(file.p, file.len);
	r = read_file(&o);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.port[0], 4739);
	assert_int_equal(r.skipped[PCAP_SKIP_OTHER_PORT], 2);
}

/* ---- pcapng */

static void block(struct bytes *b, uint32_t type, const struct bytes *body)
{
	uint32_t padding = (4 - body->len % 4) % 4, total = (uint32_t)body->len + padding + 12;

	f32(b, type);
	f32(b, total);
	raw(b, body->p, body->len);
	raw(b, "\0\0\0", padding);
	f32(b, total);
}

static struct bytes body;

static void section(struct bytes *b, bool big)
{
	b->big = body.big = big;
	body.len = 0;
	f32(&body, 0x1a2b3c4d);
	f16(&body, 1);
	f16(&body, 0);
	f32(&body, 0xffffffff);
	f32(&body, 0xffffffff);
	block(b, 0x0a0d0d0a, &body);
}

static void interface_block(struct bytes *b, uint16_t link, int resolution, int64_t offset)
{
	body.len = 0;
	f16(&body, link);
	f16(&body, 0);
	f32(&body, 0);
	f16(&body, 2); /* if_name, to be passed over */
	f16(&body, 3);
	raw(&body, "eth\0", 4);
	if (resolution >= 0) {
		f16(&body, 9);
		f16(&body, 1);
		number(&body, (uint64_t)resolution, 1, false);
		raw(&body, "\0\0\0", 3);
	}
	if (offset) {
		f16(&body, 14);
		f16(&body, 8);
		number(&body, (uint64_t)offset, 8, b->big);
	}
	f32(&body, 0);
	block(b, 1, &body);
}

static void enhanced(struct bytes *b, uint32_t interface, uint64_t ticks, const struct bytes *fr)
{
	body.len = 0;
	f32(&body, interface);
	f32(&body, (uint32_t)(ticks >> 32));
	f32(&body, (uint32_t)ticks);
	f32(&body, (uint32_t)fr->len);
	f32(&body, (uint32_t)fr->len);
	raw(&body, fr->p, fr->len);
	block(b, 6, &body);
}

static void pcapng_in_both_byte_orders_and_all_resolutions(void **state)
{
	static const struct {
		int resolution;
		int64_t offset;
		uint64_t ticks, ns;
	} cases[] = {
		{-1, 0, 1700000000123456, 1700000000123456000},
		{6, 0, 1700000000123456, 1700000000123456000},
		{9, 0, 1700000000123456789, 1700000000123456789},
		{3, 0, 1700000000123, 1700000000123000000},
		{0, 0, 1700000000, 1700000000000000000},
		{12, 0, 1700000000123456, 1700000000123},
		{0x80, 0, 1700000000, 1700000000000000000},
		{0x8a, 0, 1700000000ull << 10 | 512, 1700000000500000000},
		{0xa0, 0, 1700000000ull << 32 | 1u << 31, 1700000000500000000},
		{6, 1700000000, 123456, 1700000000000000000 + 123456000},
		{6, -10, 20000000, 10000000000},
		{6, -10, 5000000, 0}, /* before 1970 */
		{0, 0, UINT64_MAX, 0},
		{0xff, 0, UINT64_MAX, 0},
		{0x7f, 0, UINT64_MAX, 0},
		{0, INT64_MAX, UINT64_MAX, 0},
	};

	(void)state;
	for (int big = 0; big < 2; big++) {
		unsigned n = sizeof(cases) / sizeof(*cases);
		struct result r;

		file.len = 0;
		section(&file, big);
		build_frame(2055, 33);
		for (unsigned i = 0; i < n; i++)
			interface_block(&file, LINK_ETHERNET, cases[i].resolution, cases[i].offset);
		for (unsigned i = 0; i < n; i++)
			enhanced(&file, i, cases[i].ticks, &frame);
		r = read_bytes(&file);
		assert_string_equal(r.text, "");
		assert_int_equal(r.n, n);
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(r.len[i], 33);
			assert_int_equal(r.time[i], cases[i].ns);
		}
	}
}

static void pcapng_sections_blocks_and_interfaces(void **state)
{
	struct result r;

	(void)state;
	file.len = 0;
	section(&file, false);
	interface_block(&file, LINK_ETHERNET, 9, 0);
	interface_block(&file, LINK_RAW, 6, 0);
	build_frame(2055, 20);
	enhanced(&file, 0, 5, &frame);
	enhanced(&file, 1, 5, &packet); /* the raw interface */

	body.len = 0; /* statistics: a block to pass over */
	fill(&body, 40, 0);
	block(&file, 5, &body);

	body.len = 0; /* the obsolete packet block */
	f16(&body, 0);
	f16(&body, 0);
	f32(&body, 0);
	f32(&body, 7);
	f32(&body, (uint32_t)frame.len);
	f32(&body, (uint32_t)frame.len);
	raw(&body, frame.p, frame.len);
	block(&file, 2, &body);

	body.len = 0; /* the simple packet block: time of the one before */
	f32(&body, (uint32_t)frame.len);
	raw(&body, frame.p, frame.len);
	block(&file, 3, &body);

	section(&file, true); /* a new section in the other byte order forgets the interfaces */
	interface_block(&file, LINK_RAW, 6, 0);
	enhanced(&file, 0, 9, &packet);
	r = read_bytes(&file);
	assert_string_equal(r.text, "");
	assert_int_equal(r.n, 5);
	assert_int_equal(r.time[0], 5);
	assert_int_equal(r.time[1], 5000);
	assert_int_equal(r.time[2], 7);
	assert_int_equal(r.time[3], 7);
	assert_int_equal(r.time[4], 9000);
}

static void damaged_pcapng_says_so_and_keeps_what_came_before(void **state)
{
	size_t good, second;

	(void)state;
	build_frame(2055, 20);
	file.len = 0;
	section(&file, false);
	interface_block(&file, LINK_ETHERNET, 9, 0);
	enhanced(&file, 0, 5, &frame);
	good = file.len;
	enhanced(&file, 0, 5, &frame);
	second = file.len;

	/* block length: not a multiple of 4, under 12, shorter than its content, gigantic */
	for (int i = 0; i < 4; i++) {
		uint32_t length = (const uint32_t[]){101, 8, 32, 0xfffffffc}[i];
		struct result r;

		file.len = second;
		memcpy(file.p + good + 4, &length, 4);
		r = read_bytes(&file);
		assert_int_equal(r.n, 1);
		assert_non_null(strstr(r.text, i == 3 ? "cut short" : "damaged"));
	}
	file.len = good;
	enhanced(&file, 1, 5, &frame); /* of an interface that was not described */
	assert_non_null(strstr(read_bytes(&file).text, "unknown interface 1"));

	file.len = good;
	enhanced(&file, 0, 5, &frame);
	memset(file.p + good + 8 + 12, 0xff, 4); /* captured length */
	assert_non_null(strstr(read_bytes(&file).text, "claims bytes: 4294967295"));

	file.len = 0;
	section(&file, false);
	for (int i = 0; i <= CAPTURE_INTERFACES_MAX; i++)
		interface_block(&file, LINK_ETHERNET, 9, 0);
	assert_non_null(strstr(read_bytes(&file).text, "more interfaces"));
}

/* ---- damage */

static void cut_at_every_byte(void **state)
{
	(void)state;
	for (int ng = 0; ng < 2; ng++) {
		size_t whole, start, one;

		build_frame(2055, 30);
		if (ng) {
			file.len = 0;
			section(&file, false);
			interface_block(&file, LINK_ETHERNET, 9, 0);
			start = file.len;
			enhanced(&file, 0, 5, &frame);
			one = file.len;
			enhanced(&file, 0, 5, &frame);
		} else {
			pcap_file(&file, false, 0xa1b2c3d4, LINK_ETHERNET);
			start = file.len;
			pcap_packet(&file, 1, 0, &frame);
			one = file.len;
			pcap_packet(&file, 1, 0, &frame);
		}
		whole = file.len;
		for (size_t n = 0; n < whole; n++) {
			struct result r;

			file.len = n;
			r = read_bytes(&file);
			assert_int_equal(r.n, n >= one ? 1 : 0);
			if (n == 0)
				assert_non_null(strstr(r.text, "is empty"));
			else if (n == start || n == one || (ng && r.opened == 0 && n == 28))
				assert_string_equal(r.text, "");
			else
				assert_non_null(strstr(r.text, "short"));
			if (n < (ng ? 28 : 24))
				assert_true(r.opened < 0);
		}
	}
}

static void gzip_is_read_and_a_cut_one_says_so(void **state)
{
	struct result r;
	FILE *f;
	gzFile z;
	long n;

	(void)state;
	pcap_file(&file, false, 0xa1b2c3d4, LINK_ETHERNET);
	srand(1);
	for (int i = 0; i < 60; i++) {
		build_frame(2055, (uint16_t)(rand() % 1400));
		pcap_packet(&file, (uint32_t)rand(), 0, &frame);
	}
	z = gzopen(file_name, "wb");
	assert_int_equal(gzwrite(z, file.p, (unsigned)file.len), file.len);
	gzclose(z);
	r = read_file(NULL);
	assert_int_equal(r.n, 60);
	assert_string_equal(r.text, "");

	f = fopen(file_name, "r+");
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	fclose(f);
	assert_int_equal(truncate(file_name, n / 2), 0);
	r = read_file(NULL);
	assert_true(r.n < 60);
	assert_non_null(strstr(r.text, "cut short"));
}

static void what_is_no_capture_is_refused_with_its_name(void **state)
{
	struct result r;
	struct pcap *p;
	char error[400];

	(void)state;
	store("<html>not a capture</html>", 26);
	r = read_file(NULL);
	assert_true(r.opened < 0);
	assert_non_null(strstr(r.text, "neither pcap nor pcapng"));
	assert_non_null(strstr(r.text, file_name));

	pcap_file(&file, false, 0xa1b2c3d4, LINK_ETHERNET);
	file.p[4] = 7;
	r = read_bytes(&file);
	assert_non_null(strstr(r.text, "version 7.4"));

	assert_true(pcap_open(&p, "/nonexistent/x.pcap", NULL, error, sizeof(error)) < 0);
	assert_non_null(strstr(error, "/nonexistent/x.pcap: cannot be opened: No such file"));
	assert_true(pcap_open(&p, "/", NULL, error, sizeof(error)) < 0);
	assert_non_null(strstr(error, "Is a directory"));

	pcap_file(&file, false, 0xa1b2c3d4, LINK_ETHERNET);
	build_frame(2055, 30);
	pcap_packet(&file, 1, 0, &frame);
	pcap_packet(&file, 1, 0, &frame);
	memset(file.p + 24 + 16 + frame.len + 8, 0xff, 4);
	r = read_bytes(&file);
	assert_int_equal(r.n, 1);
	assert_non_null(strstr(r.text, "packet 2 claims 4294967295 bytes"));
}

/* Each bit of a file with fragments, VLAN and IPv6 turned over: nothing but a counter may change
 * (run under the sanitizers this finds reads out of bounds). */
static void flipped_bits(void **state)
{
	uint64_t sum = 0;
	static struct bytes copy;

	(void)state;
	file.len = 0;
	section(&file, false);
	interface_block(&file, LINK_RAW, 9, 0);
	datagram.len = 0;
	udp(&datagram, 2055, 100);
	for (int v6 = 0; v6 < 2; v6++)
		for (uint32_t at = 0; at < 108; at += 64) {
			uint16_t n = at ? 44 : 64;

			packet.len = 0;
			if (v6)
				ipv6_fragment(&packet, datagram.p + at, n, 1, (uint16_t)at, !at);
			else
				ipv4(&packet, datagram.p + at, n, 1,
				     (uint16_t)(at / 8 | (at ? 0 : 0x2000)));
			enhanced(&file, 0, 5, &packet);
		}
	assert_int_equal(read_bytes(&file).n, 2);
	for (size_t bit = 0; bit < file.len * 8; bit++) {
		struct account account = {0};
		struct datagram dg[8];
		struct pcap *p;
		char error[400];
		unsigned n;

		copy = file;
		copy.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		store(copy.p, copy.len);
		if (pcap_open(&p, file_name, NULL, error, sizeof(error)))
			continue;
		while ((n = pcap_receive(p, dg, 8, &account))) {
			for (unsigned i = 0; i < n; i++)
				for (uint32_t j = 0; j < dg[i].len; j++)
					sum += dg[i].data[j];
			pcap_release(p);
		}
		assert_true(account_get(&account, ACCOUNT_RX_PCAP) <= 3);
		pcap_close(p);
	}
	assert_true(sum > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_magics_and_their_time_units),
		cmocka_unit_test(every_link_type),
		cmocka_unit_test(ipv6_and_its_extension_headers),
		cmocka_unit_test(fragments_in_any_order),
		cmocka_unit_test(interleaved_fragments_of_two_datagrams),
		cmocka_unit_test(repeated_fragment_is_ignored),
		cmocka_unit_test(overlapping_fragments_give_up_the_datagram),
		cmocka_unit_test(missing_fragment_is_counted_at_the_end_and_after_a_minute),
		cmocka_unit_test(impossible_fragments_are_left_out),
		cmocka_unit_test(fragment_table_is_bounded),
		cmocka_unit_test(largest_datagram_in_fragments),
		cmocka_unit_test(udp_length_against_ip_length),
		cmocka_unit_test(only_the_ports_asked_for),
		cmocka_unit_test(pcapng_in_both_byte_orders_and_all_resolutions),
		cmocka_unit_test(pcapng_sections_blocks_and_interfaces),
		cmocka_unit_test(damaged_pcapng_says_so_and_keeps_what_came_before),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(gzip_is_read_and_a_cut_one_says_so),
		cmocka_unit_test(what_is_no_capture_is_refused_with_its_name),
		cmocka_unit_test(flipped_bits),
	};
	int fd = mkstemp(file_name), failed;

	if (fd < 0) {
		perror(file_name);
		return 1;
	}
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(file_name);
	return failed;
}
