/* sFlow as sent: JSON that is always JSON, however a datagram is cut or flipped.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sflow_datagram.h"

/* All of these in one datagram, for the cuts and flips. */
static void put_everything(void)
{
	begin("198.51.100.7", 0, 1);
	begin_flow(10, 1, 2);
	put_gateway(3);
	put_sampled_ethernet();
	put_sampled_ipv4();
	put_header(100);
	begin_record(SFLOW_EXTENDED_USER);
	put32(106);
	put_text("al\"ice");
	put32(106);
	put_text("\xff");
	end_record();
	begin_record(SFLOW_EXTENDED_MPLS);
	put_address("203.0.113.5");
	put32(1);
	put32(100u << 12);
	put32(0);
	end_record();
	end_sample();
	begin_sample(SFLOW_COUNTER_SAMPLE);
	put32(1);
	put32(1);
	begin_records();
	begin_record(2000);
	put_text("host");
	put("0123456789abcdef", 16);
	put32(3);
	put32(2);
	put_text("6.1");
	end_record();
	end_sample();
	begin_sample(SFLOW_DISCARDED_PACKET);
	for (int i = 0; i < 7; i++)
		put32(1);
	begin_records();
	put_header(60);
	end_sample();
}

static void assert_json_lines(uint32_t n)
{
	char *text = print_n(n), *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		json_t *o = json_loads(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

		if (!o)
			fail_msg("not JSON: %s", line);
		json_decref(o);
	}
	free(text);
}

static void test_cut_at_each_byte(void **state)
{
	(void)state;
	put_everything();
	assert_int_equal(decode(), DECODE_OK);
	assert_int_equal(batch.n, 2);
	for (uint32_t n = 0; n < len; n++) {
		assert_int_not_equal(decode_n(data, n), DECODE_OK);
		assert_int_equal(batch.n, batch.n_exts);
		assert_int_equal(batch.n, count(ACCOUNT_FLOWS));
		assert_json_lines(n);
	}
}

static void test_flipped_bits(void **state)
{
	(void)state;
	put_everything();
	for (uint32_t bit = 0; bit < len * 8; bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		decode();
		assert_int_equal(batch.n, batch.n_exts);
		assert_json_lines(len);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void test_print_flow_sample(void **state)
{
	json_t *o;

	(void)state;
	begin("198.51.100.7", 4, 1001);
	begin_flow(512, 21, 0x80000002);
	put_sampled_ipv4();
	put_header(1518);
	begin_record(SFLOW_EXTENDED_ACL);
	put32(7);
	put_text("deny");
	put32(1);
	end_record();
	begin_record(4321);
	put32(0xabcd);
	end_record();
	end_sample();
	o = print();
	assert_string_equal(json_string_value(json_object_get(o, "_kind")), "flow_sample");
	assert_int_equal(number(o, "_seq"), 77);
	assert_int_equal(number(o, "_dgramSeq"), 1001);
	assert_int_equal(number(o, "samplingInterval"), 512);
	assert_int_equal(number(o, "_outputFormat"), 2);
	assert_int_equal(number(o, "egressInterface"), 2);
	assert_string_equal(json_string_value(json_object_get(o, "sourceIPv4Address")),
			    "192.0.2.1");
	assert_int_equal(number(o, "sourceTransportPort"), 12345);
	assert_null(json_object_get(o, "tcpControlBits"));
	assert_int_equal(number(record(o, 0), "tcpControlBits"), 0x12);
	assert_string_equal(json_string_value(json_object_get(record(o, 2), "acl_name")), "deny");
	assert_string_equal(json_string_value(json_object_get(record(o, 3), "hex")), "0000abcd");
	json_decref(o);
}

static json_t *print_packet(uint32_t protocol, const uint8_t *p, uint32_t n)
{
	struct buffer out = {0};
	json_t *o;

	buffer_char(&out, '{');
	sflow_print_packet(&out, protocol, p, n);
	buffer_bytes(&out, "}", 2);
	o = json_loads(out.p, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	buffer_free(&out);
	return o;
}

static void test_print_tags_of_qinq_in_wire_order(void **state)
{
	static const uint8_t frame[] = {2,  1,	  2,	3,    4,   5,	 4, 7, 8,   9, 10,
					11, 0x88, 0xa8, 0x60, 100, 0x81, 0, 0, 200, 8, 6};
	json_t *o = print_packet(PACKET_ETHERNET, frame, sizeof(frame));
	const json_t *vlans = json_object_get(o, "vlanId");

	(void)state;
	assert_int_equal(json_integer_value(json_array_get(vlans, 0)), 100);
	assert_int_equal(json_integer_value(json_array_get(vlans, 1)), 200);
	assert_int_equal(number(o, "ethernetType"), 0x0806);
	json_decref(o);
}

static void test_print_ipv6_extension_headers(void **state)
{
	uint8_t packet[40 + 8 + 12 + 8 + 20] = {0x6b, 0x8a, 0xbc, 0xde, 0, 48, 0, 64};
	json_t *o;

	(void)state;
	packet[8] = packet[24] = 0x20;
	packet[40] = 51; /* hop by hop, then authentication of 12 bytes, then fragment */
	packet[48] = 44;
	packet[49] = 1;
	packet[60] = 6;
	packet[68] = 1; /* source port 256 */
	packet[80] = 0x51;
	packet[81] = 0x12;
	o = print_packet(PACKET_IPV6, packet, sizeof(packet));
	assert_int_equal(number(o, "ipClassOfService"), 0xb8);
	assert_int_equal(number(o, "flowLabelIPv6"), 0xabcde);
	assert_int_equal(number(o, "ipv6PayloadLength"), 48);
	assert_int_equal(number(o, "protocolIdentifier"), 6);
	assert_int_equal(number(o, "sourceTransportPort"), 256);
	assert_int_equal(number(o, "tcpControlBits"), 0x112);
	json_decref(o);

	packet[63] = 8; /* not the first fragment: no ports */
	o = print_packet(PACKET_IPV6, packet, sizeof(packet));
	assert_int_equal(number(o, "protocolIdentifier"), 6);
	assert_null(json_object_get(o, "sourceTransportPort"));
	json_decref(o);
}

static void test_print_mpls_labels(void **state)
{
	static const uint8_t stack[] = {0, 1, 0x60, 64, 0, 2, 0x71, 64, 0x45};
	json_t *o = print_packet(PACKET_MPLS, stack, sizeof(stack));
	const json_t *labels = json_object_get(o, "_mplsLabels");

	(void)state;
	assert_int_equal(json_array_size(labels), 2);
	assert_int_equal(json_integer_value(json_array_get(labels, 0)), 22);
	assert_int_equal(json_integer_value(json_array_get(labels, 1)), 39);
	json_decref(o);
}

static void test_print_the_packet_after_its_labels(void **state)
{
	uint8_t v4[8 + 20 + 8] = {0,  1,    0x60,      64,	   0, 2, 0x71,
				  64, 0x45, [17] = 17, [20] = 192, 0, 2, 1};
	uint8_t v6[4 + 40] = {0, 1, 0x61, 64, 0x60, [10] = 58};
	uint8_t pseudowire[4 + 20] = {0, 1, 0x61, 64};
	json_t *o;

	(void)state;
	v4[28] = 1; /* source port 256 */
	o = print_packet(PACKET_MPLS, v4, sizeof(v4));
	assert_string_equal(json_string_value(json_object_get(o, "sourceIPv4Address")),
			    "192.0.2.1");
	assert_int_equal(number(o, "protocolIdentifier"), 17);
	assert_int_equal(number(o, "sourceTransportPort"), 256);
	json_decref(o);
	o = print_packet(PACKET_MPLS, v6, sizeof(v6));
	assert_int_equal(number(o, "ipVersion"), 6);
	assert_int_equal(number(o, "protocolIdentifier"), 58);
	json_decref(o);
	v4[6] = 0x70; /* no bottom of the stack */
	o = print_packet(PACKET_MPLS, v4, 8);
	assert_null(json_object_get(o, "ipVersion"));
	json_decref(o);
	o = print_packet(PACKET_MPLS, pseudowire, sizeof(pseudowire));
	assert_null(json_object_get(o, "ipVersion"));
	json_decref(o);
}

static void test_print_icmp(void **state)
{
	uint8_t packet[24] = {0x45, 0, 0, 24, 0, 0, 0, 0, 64, 1, [20] = 3, 1};
	json_t *o = print_packet(PACKET_IPV4, packet, sizeof(packet));

	(void)state;
	assert_int_equal(number(o, "icmpTypeIPv4"), 3);
	assert_int_equal(number(o, "icmpCodeIPv4"), 1);
	json_decref(o);
}

/* sflow.org/sflow_lag.txt packs four states in a word. */
static void test_print_lag_counters(void **state)
{
	json_t *o;

	(void)state;
	begin("198.51.100.7", 0, 1);
	begin_sample(SFLOW_COUNTER_SAMPLE);
	put32(1);
	put32(1);
	begin_records();
	begin_record(7);
	put("\1\2\3\4\5\6\0\0", 8);
	put("\1\2\3\4\5\7\0\0", 8);
	put32(9);
	put32(0x01020304);
	for (uint32_t i = 0; i < 8; i++)
		put32(100 + i);
	end_record();
	begin_record(9999);
	end_record();
	begin_record(2);
	end_record();
	end_sample();
	o = print();
	assert_string_equal(
		json_string_value(json_object_get(record(o, 0), "dot3adAggPortActorSystemID")),
		"01:02:03:04:05:06");
	assert_int_equal(number(record(o, 0), "dot3adAggPortPartnerOperState"), 4);
	assert_int_equal(number(record(o, 0), "dot3adAggPortStatsMarkerResponsePDUsTx"), 107);
	assert_string_equal(json_string_value(json_object_get(record(o, 1), "hex")), "");
	assert_true(json_is_true(json_object_get(record(o, 2), "malformed")));
	json_decref(o);
}

static void test_print_unknown_and_malformed(void **state)
{
	json_t *o;

	(void)state;
	begin("198.51.100.7", 0, 1);
	begin_sample(4300u << 12 | 1002);
	put32(0x01020304);
	end_sample();
	o = print();
	assert_string_equal(json_string_value(json_object_get(o, "_kind")), "unknown_sample");
	assert_string_equal(json_string_value(json_object_get(o, "_format")), "4300:1002");
	json_decref(o);

	begin("198.51.100.7", 0, 1);
	begin_flow(1, 2, 3);
	begin_record(SFLOW_EXTENDED_SWITCH);
	put32(1);
	end_record();
	end_sample();
	o = print();
	assert_true(json_is_true(json_object_get(record(o, 0), "malformed")));
	assert_null(json_object_get(record(o, 0), "name"));
	assert_null(json_object_get(o, "_src_vlan"));
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cut_at_each_byte),
		TEST(flipped_bits),
		TEST(print_flow_sample),
		TEST(print_tags_of_qinq_in_wire_order),
		TEST(print_ipv6_extension_headers),
		TEST(print_mpls_labels),
		TEST(print_the_packet_after_its_labels),
		TEST(print_icmp),
		TEST(print_lag_counters),
		TEST(print_unknown_and_malformed),
	};

	return RUN(tests);
}
