/* Frames from AF_XDP rings: bounds and checksums.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "../../agent/rx/frame.h"
#include "../packets.h"

static struct packet packet;

/* Parses a copy that ends where the frame does, so that the sanitizer sees a read beyond it. */
static enum frame_status parse(uint32_t len, struct datagram *dg)
{
	uint8_t *copy = malloc(len ? len : 1);
	enum frame_status s;

	assert_non_null(copy);
	memcpy(copy, packet.b, len);
	s = frame_parse(copy, len, dg);
	if (s == FRAME_OK) {
		assert_true(dg->data >= copy && dg->data + dg->len <= copy + len);
		dg->data = packet.b + (dg->data - copy);
	}
	free(copy);
	return s;
}

static void build(struct wanted w)
{
	packet_build(&packet, &w);
}

static const struct wanted good[] = {
	{.payload = 100, .data = "hello", .data_len = 5},
	{.payload = 101},
	{.payload = 0},
	{.payload = 1},
	{.payload = 1472, .tags = 1},
	{.payload = 8950, .tags = 2},
	{.v6 = true, .payload = 100},
	{.v6 = true, .payload = 99, .tags = 2},
	{.v6 = true, .payload = 0},
};

static void good_frames_give_their_datagram(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct datagram dg = {};

		build(good[i]);
		assert_int_equal(parse(packet.len, &dg), FRAME_OK);
		assert_int_equal(dg.len, good[i].payload);
		assert_ptr_equal(dg.data, packet.b + packet.len - dg.len);
		assert_int_equal(dg.src_port, 5000);
		assert_int_equal(dg.dst_port, 2055);
		assert_int_equal(dg.via, VIA_XDP);
		assert_int_equal(ip_is_v4(&dg.src), !good[i].v6);
		assert_int_equal(dg.src.b[15], 1);
		assert_int_equal(dg.dst.b[15], 2);
		assert_int_equal(dg.dst.b[0], good[i].v6 ? 0xfd : 0);
	}
}

static void ethernet_padding_is_left_out(void **state)
{
	struct datagram dg;

	(void)state;
	build((struct wanted){.payload = 3});
	packet_add(&packet, 60 - packet.len);
	assert_int_equal(parse(packet.len, &dg), FRAME_OK);
	assert_int_equal(dg.len, 3);
}

static void frames_cut_anywhere_are_bad(void **state)
{
	struct datagram dg;

	(void)state;
	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++) {
		build(good[i]);
		for (uint32_t len = 0; len < packet.len; len++)
			assert_int_equal(parse(len, &dg), FRAME_BAD);
	}
}

static void every_flipped_bit_of_the_payload_is_noticed(void **state)
{
	struct datagram dg;

	(void)state;
	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++) {
		build(good[i]);
		for (uint32_t bit = (packet.len - good[i].payload) * 8; bit < packet.len * 8;
		     bit += 7) {
			packet.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(parse(packet.len, &dg), FRAME_BAD_CHECKSUM);
			packet.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void addresses_and_ports_are_under_the_checksum(void **state)
{
	struct datagram dg;

	(void)state;
	build((struct wanted){.v6 = true, .payload = 40});
	packet.b[14 + 8 + 3] ^= 1;
	assert_int_equal(parse(packet.len, &dg), FRAME_BAD_CHECKSUM);
	build((struct wanted){.payload = 40});
	packet.b[14 + 20] ^= 1;
	assert_int_equal(parse(packet.len, &dg), FRAME_BAD_CHECKSUM);
	build((struct wanted){.payload = 40});
	packet.b[14 + 8] ^= 1; /* time to live: the IPv4 header's own checksum */
	assert_int_equal(parse(packet.len, &dg), FRAME_BAD_CHECKSUM);
}

static void zero_checksum_is_allowed_in_ipv4_only(void **state)
{
	struct datagram dg;

	(void)state;
	build((struct wanted){.payload = 40});
	packet_16(packet.b + 14 + 20 + 6, 0);
	assert_int_equal(parse(packet.len, &dg), FRAME_OK);
	build((struct wanted){.v6 = true, .payload = 40});
	packet_16(packet.b + 14 + 40 + 6, 0);
	assert_int_equal(parse(packet.len, &dg), FRAME_BAD_CHECKSUM);
}

/* What a veth peer sends that leaves the checksum to the hardware. */
static void checksum_left_to_the_hardware_is_accepted(void **state)
{
	struct datagram dg;
	uint16_t sum;

	(void)state;
	build((struct wanted){.payload = 1001, .data = "abcdef", .data_len = 6});
	sum = packet_sum(IPPROTO_UDP + 1009, packet.b + 14 + 12, 8);
	packet_16(packet.b + 14 + 20 + 6, sum);
	assert_int_equal(parse(packet.len, &dg), FRAME_OK);
	packet_16(packet.b + 14 + 20 + 6, sum + 1u);
	assert_int_equal(parse(packet.len, &dg), FRAME_BAD_CHECKSUM);
	build((struct wanted){.v6 = true, .payload = 1001, .data = "abcdef", .data_len = 6});
	sum = packet_sum(IPPROTO_UDP + 1009, packet.b + 14 + 8, 32);
	packet_16(packet.b + 14 + 40 + 6, sum);
	assert_int_equal(parse(packet.len, &dg), FRAME_OK);
}

static void what_xdp_does_not_steer_is_bad(void **state)
{
	const struct wanted bad[] = {
		{.tags = 3},
		{.options = 4},
		{.fragment = 0x2000},
		{.fragment = 5},
		{.protocol = IPPROTO_TCP},
		{.payload = 9, .udp_length_wrong = 1},
		{.payload = 9, .udp_length_wrong = -10},
		{.payload = 9, .ip_length_wrong = 1},
		{.payload = 9, .ip_length_wrong = -30},
		{.v6 = true, .n_extensions = 1, .extensions = {0}},
		{.v6 = true, .protocol = IPPROTO_TCP},
		{.v6 = true, .payload = 9, .udp_length_wrong = 1},
		{.v6 = true, .payload = 9, .ip_length_wrong = 1},
		{.v6 = true, .payload = 9, .ip_length_wrong = -10},
	};
	struct datagram dg;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		build(bad[i]);
		assert_int_equal(parse(packet.len, &dg), FRAME_BAD);
	}
}

static void damaged_frames_are_never_read_beyond(void **state)
{
	struct datagram dg;
	unsigned ok = 0, runs = 100000;

	(void)state;
	srandom(1);
	for (unsigned i = 0; i < runs; i++) {
		const struct wanted *w = &good[i % 4];

		build(*w);
		for (unsigned hits = 1 + i % 3; hits; hits--)
			packet.b[12 + random() % (packet.len - 12)] = (uint8_t)random();
		ok += parse(14 + (uint32_t)random() % (packet.len - 13), &dg) == FRAME_OK;
	}
	assert_true(ok < runs / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_frames_give_their_datagram),
		cmocka_unit_test(ethernet_padding_is_left_out),
		cmocka_unit_test(frames_cut_anywhere_are_bad),
		cmocka_unit_test(every_flipped_bit_of_the_payload_is_noticed),
		cmocka_unit_test(addresses_and_ports_are_under_the_checksum),
		cmocka_unit_test(zero_checksum_is_allowed_in_ipv4_only),
		cmocka_unit_test(checksum_left_to_the_hardware_is_accepted),
		cmocka_unit_test(what_xdp_does_not_steer_is_bad),
		cmocka_unit_test(damaged_frames_are_never_read_beyond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
