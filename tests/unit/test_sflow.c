/* sFlow samples to flows, over datagrams built here.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sflow_datagram.h"

static void test_flow_sample(void **state)
{
	const struct flow *f = &batch.rows[0];

	(void)state;
	begin("198.51.100.7", 4, 1001);
	begin_flow(512, 21, 22);
	put_header(1518);
	end_sample();
	assert_int_equal(decode(), DECODE_OK);
	assert_int_equal(batch.n, 1);
	assert_int_equal(f->type, FLOW_SFLOW_5);
	assert_ip(&f->sampler_address, "198.51.100.7");
	assert_int_equal(f->bytes, 1518);
	assert_int_equal(f->packets, 1);
	assert_int_equal(f->sampling_rate, 512);
	assert_int_equal(f->sampling_origin, SAMPLING_RECORD);
	assert_int_equal(f->sequence_num, 1001);
	assert_true(f->time_flow_start_ns == 1700000000000000000);
	assert_true(f->time_flow_end_ns == f->time_received_ns);
	assert_int_equal(f->in_if, 21);
	assert_int_equal(f->out_if, 22);
	assert_ip(&f->src_addr, "192.0.2.1");
	assert_int_equal(f->src_port, 12345);
	assert_int_equal(f->ext->sub_agent_id, 4);
	assert_int_equal(f->ext->source_id_type, 2);
	assert_int_equal(f->ext->source_id_index, 9);
	assert_int_equal(f->ext->sample_pool, 123456);
	assert_int_equal(f->ext->sample_drops, 3);
	assert_int_equal(count(ACCOUNT_SAMPLES_FLOW), 1);
	assert_int_equal(count(ACCOUNT_FLOWS), 1);
}

static void test_interface_formats(void **state)
{
	const struct flow *f = &batch.rows[0];

	(void)state;
	begin("198.51.100.7", 0, 1);
	begin_flow(1, 0x3fffffff, 0x40000102);
	put_header(64);
	end_sample();
	decode();
	assert_int_equal(f->in_if, SFLOW_IF_INTERNAL);
	assert_int_equal(f->out_if, 0);
	assert_int_equal(f->ext->in_if_format, 0);
	assert_int_equal(f->ext->out_if_format, SFLOW_IF_DISCARDED);
	assert_int_equal(f->ext->drop_reason, 0x102);
	assert_int_equal(f->forwarding_status, 128);

	begin("198.51.100.7", 0, 2);
	begin_flow(1, 5, 0x80000007);
	put_header(64);
	end_sample();
	decode();
	assert_int_equal(f->out_if, 0);
	assert_int_equal(f->ext->out_if_format, SFLOW_IF_MULTIPLE);
	assert_int_equal(f->forwarding_status, 0);
}

static void test_expanded_and_ipv6_agent(void **state)
{
	const struct flow *f = &batch.rows[0];

	(void)state;
	begin("2001:db8::7", 0, 1);
	begin_sample(SFLOW_FLOW_SAMPLE_EXPANDED);
	put32(1);
	put32(0);
	put32(1000100);
	put32(16383);
	put32(5);
	put32(0);
	put32(0);
	put32(0x70000001);
	put32(2);
	put32(3);
	begin_records();
	put_header(100);
	end_sample();
	assert_int_equal(decode(), DECODE_OK);
	assert_ip(&f->sampler_address, "2001:db8::7");
	assert_int_equal(f->ext->source_id_index, 1000100);
	assert_int_equal(f->in_if, 0x70000001);
	assert_int_equal(f->ext->out_if_format, SFLOW_IF_MULTIPLE);
}

static void test_sampling_default_when_sample_says_zero(void **state)
{
	(void)state;
	options.default_sampling_rate = 2048;
	begin("198.51.100.7", 0, 1);
	begin_flow(0, 1, 2);
	put_header(100);
	end_sample();
	decode();
	assert_int_equal(batch.rows[0].sampling_rate, 2048);
	assert_int_equal(batch.rows[0].sampling_origin, SAMPLING_CONFIGURED);
}

static void test_decoded_forms_without_header(void **state)
{
	const struct flow *f = &batch.rows[0];

	(void)state;
	begin("198.51.100.7", 0, 1);
	begin_flow(10, 1, 2);
	put_sampled_ipv4();
	put_sampled_ethernet();
	end_sample();
	assert_int_equal(decode(), DECODE_OK);
	assert_int_equal(f->bytes, 90);
	assert_int_equal(f->etype, 0x0800);
	assert_ip(&f->dst_addr, "10.0.0.2");
	assert_int_equal(f->tcp_flags, 0x12);
	assert_int_equal(f->ip_tos, 0xb8);
	assert_true(f->src_mac == 0x040708090a0b);

	/* A header counts more, even when it comes later. */
	begin("198.51.100.7", 0, 2);
	begin_flow(10, 1, 2);
	put_sampled_ipv4();
	put_header(1000);
	end_sample();
	decode();
	assert_int_equal(f->bytes, 1000);
	assert_ip(&f->dst_addr, "192.0.2.2");
	assert_int_equal(f->tcp_flags, 0);
}

static void test_sampled_ipv6(void **state)
{
	const struct flow *f = &batch.rows[0];
	uint8_t a[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};

	(void)state;
	begin("198.51.100.7", 0, 1);
	begin_flow(10, 1, 2);
	begin_record(SFLOW_SAMPLED_IPV6);
	put32(90);
	put32(17);
	put(a, 16);
	a[15] = 2;
	put(a, 16);
	put32(1);
	put32(2);
	put32(0);
	put32(4);
	end_record();
	end_sample();
	decode();
	assert_int_equal(f->etype, 0x86dd);
	assert_ip(&f->src_addr, "2001:db8::1");
	assert_ip(&f->dst_addr, "2001:db8::2");
	assert_int_equal(f->dst_port, 2);
}

static void test_gateway(void **state)
{
	const struct flow *f = &batch.rows[0];

	(void)state;
	begin("198.51.100.7", 0, 1);
	begin_flow(10, 1, 2);
	put_gateway(3);
	put_header(100);
	end_sample();
	assert_int_equal(decode(), DECODE_OK);
	assert_ip(&f->bgp_next_hop, "203.0.113.9");
	assert_int_equal(f->src_as, 64999);
	assert_int_equal(f->dst_as, 4200000000);
	assert_int_equal(f->next_hop_as, 65000);
	assert_int_equal(f->ext->prev_hop_as, 64501);
	assert_int_equal(f->ext->n_as_path, 4);
	assert_int_equal(f->ext->as_path[2], 65002);
	assert_int_equal(f->ext->n_communities, 2);
	assert_int_equal(f->ext->communities[1], 64500u << 16 | 2);
	assert_int_equal(f->ext->local_pref, 150);

	begin("198.51.100.7", 0, 2);
	begin_flow(10, 1, 2);
	put_gateway(0);
	put_header(100);
	end_sample();
	decode();
	assert_int_equal(f->src_as, 64500);
	assert_int_equal(f->dst_as, 64500);
	assert_int_equal(f->ext->n_as_path, 0);
}

static void test_as_path_longer_than_kept(void **state)
{
	(void)state;
	begin("198.51.100.7", 0, 1);
	begin_flow(10, 1, 2);
	put_gateway(FLOW_AS_PATH_MAX + 6);
	put_header(100);
	end_sample();
	assert_int_equal(decode(), DECODE_OK);
	assert_int_equal(batch.rows[0].ext->n_as_path, FLOW_AS_PATH_MAX);
	assert_int_equal(batch.rows[0].dst_as, 4200000000);
	assert_int_equal(batch.rows[0].ext->local_pref, 150);
}

static void test_extended_records(void **state)
{
	const struct flow *f = &batch.rows[0];
	const struct flow_ext *e;

	(void)state;
	begin("198.51.100.7", 0, 1);
	begin_flow(10, 1, 2);
	put_header(100);
	begin_record(SFLOW_EXTENDED_SWITCH);
	put32(0xffffffff);
	put32(0);
	put32(30);
	put32(5);
	end_record();
	begin_record(SFLOW_EXTENDED_ROUTER);
	put_address("2001:db8::9");
	put32(24);
	put32(129);
	end_record();
	begin_record(SFLOW_EXTENDED_USER);
	put32(106);
	put_text("alice");
	put32(106);
	put_text("bob");
	end_record();
	begin_record(SFLOW_EXTENDED_NAT);
	put_address("198.51.100.1");
	put_address("198.51.100.2");
	end_record();
	begin_record(SFLOW_EXTENDED_NAT_PORT);
	put32(1024);
	put32(2048);
	end_record();
	begin_record(SFLOW_EXTENDED_MPLS);
	put_address("203.0.113.5");
	put32(2);
	put32(100u << 12 | 3u << 9 | 64);
	put32(200u << 12 | 1u << 8 | 63);
	put32(1);
	put32(300u << 12);
	end_record();
	begin_record(SFLOW_EXTENDED_MPLS_VC);
	put_text("customer");
	put32(4711);
	put32(0);
	end_record();
	begin_record(SFLOW_EXTENDED_VLAN_TUNNEL);
	put32(2);
	put32(0x88a80000 | 0x6000 | 700);
	put32(0x81000000 | 701);
	end_record();
	begin_record(SFLOW_EXTENDED_VNI_INGRESS);
	put32(5000);
	end_record();
	begin_record(4413u << 12 | 1);
	put32(0);
	end_record();
	end_sample();
	assert_int_equal(decode(), DECODE_OK);
	e = f->ext;
	assert_int_equal(f->src_vlan, 0);
	assert_int_equal(f->dst_vlan, 30);
	assert_ip(&f->next_hop, "2001:db8::9");
	assert_int_equal(f->src_net, 24);
	assert_int_equal(f->dst_net, 0);
	assert_int_equal(e->src_user.len, 5);
	assert_memory_equal(e->dst_user.p, "bob", 3);
	assert_ip(&e->post_nat_dst_addr, "198.51.100.2");
	assert_int_equal(e->post_nat_src_port, 1024);
	assert_int_equal(e->n_mpls, 2);
	assert_int_equal(e->mpls_label[0], 100);
	assert_int_equal(e->mpls_exp[0], 3);
	assert_int_equal(e->mpls_ttl[1], 63);
	assert_int_equal(f->vlan_id, 700);
	assert_int_equal(e->dot1q_vlan, 700);
	assert_int_equal(e->vxlan_vni, 5000);
	assert_int_equal(e->mpls_pseudowire_id, 4711);
	assert_int_equal(count(ACCOUNT_SFLOW_RECORDS_SKIPPED), 1);
	assert_int_equal(count(ACCOUNT_SETS_MALFORMED), 0);
}

static void test_discarded_packet(void **state)
{
	const struct flow *f = &batch.rows[0];

	(void)state;
	begin("198.51.100.7", 0, 1);
	begin_sample(SFLOW_DISCARDED_PACKET);
	put32(1);
	put32(0);
	put32(7);
	put32(9); /* events lost */
	put32(7);
	put32(0);
	put32(258); /* ACL */
	begin_records();
	put_header(333);
	end_sample();
	assert_int_equal(decode(), DECODE_OK);
	assert_int_equal(f->in_if, 7);
	assert_int_equal(f->bytes, 333);
	assert_int_equal(f->sampling_rate, 1);
	assert_int_equal(f->ext->drop_reason, 258);
	assert_int_equal(f->ext->sample_drops, 9);
	assert_int_equal(f->forwarding_status, 128);
	assert_int_equal(count(ACCOUNT_SAMPLES_DROPPED_PACKET), 1);
	assert_int_equal(count(ACCOUNT_SAMPLES_FLOW), 0);
}

static void test_unknown_sample_is_skipped(void **state)
{
	(void)state;
	begin("198.51.100.7", 0, 1);
	begin_sample(4300u << 12 | 1002);
	put32(1);
	end_sample();
	begin_flow(10, 1, 2);
	put_header(100);
	end_sample();
	assert_int_equal(decode(), DECODE_OK);
	assert_int_equal(batch.n, 1);
	assert_int_equal(count(ACCOUNT_SAMPLES_OTHER), 1);
}

/* A record that runs past its sample ends that sample, not the datagram. */
static void test_record_beyond_its_sample(void **state)
{
	(void)state;
	begin("198.51.100.7", 0, 1);
	begin_flow(10, 1, 2);
	put_header(100);
	begin_record(SFLOW_EXTENDED_SWITCH);
	put32(1);
	set32(record_at, 16);
	end_sample();
	begin_flow(10, 3, 4);
	put_header(200);
	end_sample();
	assert_int_equal(decode(), DECODE_BAD_SAMPLE);
	assert_int_equal(batch.n, 2);
	assert_int_equal(batch.rows[0].bytes, 100);
	assert_int_equal(batch.rows[0].src_vlan, 0);
	assert_int_equal(batch.rows[1].bytes, 200);
	assert_int_equal(count(ACCOUNT_SETS_MALFORMED), 1);
	assert_int_equal(count(ACCOUNT_SAMPLES_FLOW), 2);
}

static void test_malformed_sample_without_packet_gives_no_flow(void **state)
{
	(void)state;
	begin("198.51.100.7", 0, 1);
	begin_flow(10, 1, 2);
	begin_record(SFLOW_EXTENDED_SWITCH);
	put32(1);
	end_record();
	end_sample();
	assert_int_equal(decode(), DECODE_BAD_SAMPLE);
	assert_int_equal(batch.n, 0);
	assert_int_equal(batch.n_exts, 0);
	assert_int_equal(count(ACCOUNT_FLOWS), 0);
}

static void test_promised_samples_that_are_not_there(void **state)
{
	(void)state;
	begin("198.51.100.7", 0, 1);
	begin_flow(10, 1, 2);
	put_header(100);
	end_sample();
	set32(samples_at, 0xffffffff);
	assert_int_equal(decode(), DECODE_BAD_SAMPLE);
	assert_int_equal(batch.n, 1);
	assert_int_equal(count(ACCOUNT_SETS_MALFORMED), 1);

	set32(samples_at, 1);
	set32(records_at, 0xffffffff);
	assert_int_equal(decode(), DECODE_BAD_SAMPLE);
	assert_int_equal(batch.n, 1);
}

/* All its records are there, but it says that more follow: what is there counts. */
static void test_sample_beyond_the_datagram(void **state)
{
	(void)state;
	begin("198.51.100.7", 0, 1);
	begin_flow(10, 1, 2);
	put_header(100);
	end_sample();
	add32(sample_at, 4);
	assert_int_equal(decode(), DECODE_BAD_SAMPLE);
	assert_int_equal(batch.n, 1);
}

static void test_bytes_after_the_last_sample_are_ignored(void **state)
{
	(void)state;
	begin("198.51.100.7", 0, 1);
	begin_flow(10, 1, 2);
	put_header(100);
	end_sample();
	put32(0xffffffff);
	assert_int_equal(decode(), DECODE_OK);
	assert_int_equal(batch.n, 1);
}

static void test_header_refused(void **state)
{
	(void)state;
	begin("198.51.100.7", 0, 1);
	assert_int_equal(decode_n(data, 27), DECODE_TOO_SHORT);
	assert_int_equal(decode_n(data, 3), DECODE_TOO_SHORT);
	set32(4, 3);
	assert_int_equal(decode(), DECODE_BAD_ADDRESS);
	set32(0, 4);
	assert_int_equal(decode(), DECODE_UNKNOWN_VERSION);
}

static void test_full_batch_is_published(void **state)
{
	(void)state;
	begin("198.51.100.7", 0, 1);
	for (int i = 0; i < 10; i++) {
		begin_flow(10, 1, 2);
		put_header(100);
		end_sample();
	}
	assert_int_equal(decode(), DECODE_OK);
	assert_int_equal(fulls, 2);
	assert_int_equal(batch.n, 2);
	assert_int_equal(count(ACCOUNT_FLOWS), 10);
}

static void test_sequence_is_followed_per_sub_agent(void **state)
{
	const uint8_t from[4] = {203, 0, 113, 1};
	struct ip_addr a;
	struct domain *d;

	(void)state;
	for (uint32_t i = 1; i <= 5; i += 2) {
		begin("198.51.100.7", 8, i);
		decode();
	}
	begin("198.51.100.7", 9, 100);
	decode();
	ip_from_v4(&a, from);
	d = domain_get(store, exporter_get(store, &a, 1), FLOW_SFLOW_5, 8);
	assert_non_null(d);
	assert_int_equal(sequence_lost(&d->sequence), 2);
	d = domain_get(store, exporter_get(store, &a, 1), FLOW_SFLOW_5, 9);
	assert_int_equal(sequence_lost(&d->sequence), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(flow_sample),
		TEST(interface_formats),
		TEST(expanded_and_ipv6_agent),
		TEST(sampling_default_when_sample_says_zero),
		TEST(decoded_forms_without_header),
		TEST(sampled_ipv6),
		TEST(gateway),
		TEST(as_path_longer_than_kept),
		TEST(extended_records),
		TEST(discarded_packet),
		TEST(unknown_sample_is_skipped),
		TEST(record_beyond_its_sample),
		TEST(malformed_sample_without_packet_gives_no_flow),
		TEST(promised_samples_that_are_not_there),
		TEST(sample_beyond_the_datagram),
		TEST(bytes_after_the_last_sample_are_ignored),
		TEST(header_refused),
		TEST(full_batch_is_published),
		TEST(sequence_is_followed_per_sub_agent),
	};

	return RUN(tests);
}
