/* sFlow datagrams built here and the corpus' real ones: to flows, to counters, to JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <dirent.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "decode/exporter.h"
#include "decode/sflow_counters.h"
#include "decode/sflow_print.h"
#include "rx/pcap.h"

/* A datagram in the making: lengths are filled in when a part is closed. */
static uint8_t data[4096];
static uint32_t len, sample_at, record_at, samples_at, records_at;

static void put32(uint32_t v)
{
	v = htonl(v);
	memcpy(data + len, &v, 4);
	len += 4;
}

static void set32(uint32_t at, uint32_t v)
{
	v = htonl(v);
	memcpy(data + at, &v, 4);
}

static void add32(uint32_t at, uint32_t by)
{
	set32(at, be32(data + at) + by);
}

static void put(const void *p, uint32_t n)
{
	memcpy(data + len, p, n);
	memset(data + len + n, 0, 4);
	len += (n + 3) & ~3u;
}

static void put_text(const char *s)
{
	put32((uint32_t)strlen(s));
	put(s, (uint32_t)strlen(s));
}

static void put_v4(const char *s)
{
	uint8_t a[4];

	assert_int_equal(inet_pton(AF_INET, s, a), 1);
	put(a, 4);
}

static void put_address(const char *s)
{
	uint8_t a[16];

	if (strchr(s, ':')) {
		assert_int_equal(inet_pton(AF_INET6, s, a), 1);
		put32(2);
		put(a, 16);
	} else {
		put32(1);
		put_v4(s);
	}
}

static void begin(const char *agent, uint32_t sub_agent, uint32_t sequence)
{
	len = 0;
	put32(5);
	put_address(agent);
	put32(sub_agent);
	put32(sequence);
	put32(1000); /* uptime */
	samples_at = len;
	put32(0);
}

static void begin_sample(uint32_t format)
{
	add32(samples_at, 1);
	put32(format);
	sample_at = len;
	put32(0);
}

static void end_sample(void)
{
	set32(sample_at, len - sample_at - 4);
}

static void begin_records(void)
{
	records_at = len;
	put32(0);
}

static void begin_record(uint32_t format)
{
	add32(records_at, 1);
	put32(format);
	record_at = len;
	put32(0);
}

static void end_record(void)
{
	set32(record_at, len - record_at - 4);
}

static void begin_flow(uint32_t rate, uint32_t in, uint32_t out)
{
	begin_sample(SFLOW_FLOW_SAMPLE);
	put32(77);	     /* sequence */
	put32(2u << 24 | 9); /* source */
	put32(rate);
	put32(123456);
	put32(3); /* drops */
	put32(in);
	put32(out);
	begin_records();
}

static const uint8_t udp_frame[] = {
	2,    1,    2, 3,  4, 5,  4, 7, 8,  9,	10, 11, 8,   0,			    /* Ethernet */
	0x45, 0,    0, 32, 0, 1,  0, 0, 64, 17, 0,  0,	192, 0, 2, 1, 192, 0, 2, 2, /* IPv4 */
	0x30, 0x39, 0, 53, 0, 12, 0, 0, /* UDP 12345 → 53 */
};

static void put_header(uint32_t frame_length)
{
	begin_record(SFLOW_SAMPLED_HEADER);
	put32(1);
	put32(frame_length);
	put32(4);
	put32(sizeof(udp_frame));
	put(udp_frame, sizeof(udp_frame));
	end_record();
}

/* The decoder under test. */
static struct exporter_store *store;
static struct decode_options options;
static struct account account;
static struct flow_batch batch;
static unsigned fulls;

static void full(struct flow_batch *b, void *arg)
{
	(void)arg;
	fulls++;
	b->n = b->n_exts = b->n_samples = 0;
}

static enum decode_status decode_n(const uint8_t *p, uint32_t n)
{
	static uint8_t *copy; /* exact, so that the sanitizer sees a read beyond it */
	struct decode_context c = {.options = &options, .store = store, .account = &account};
	struct datagram dg = {.len = n, .received_ns = 1700000000000000000};
	const uint8_t from[4] = {203, 0, 113, 1};

	free(copy);
	copy = malloc(n ? n : 1);
	memcpy(copy, p, n);
	dg.data = copy;
	ip_from_v4(&dg.src, from);
	memset(&account, 0, sizeof(account));
	batch.n = batch.n_exts = batch.n_samples = 0;
	c.exporter = exporter_get(store, &dg.src, dg.received_ns);
	assert_non_null(c.exporter);
	return sflow_decode(&c, &dg, &batch);
}

static enum decode_status decode(void)
{
	return decode_n(data, len);
}

static uint64_t count(enum account_id id)
{
	return account_get(&account, id);
}

static char *print_n(uint32_t n)
{
	struct datagram dg = {.data = data, .len = n};
	struct buffer out = {0};

	sflow_print(&out, &dg, 1);
	buffer_char(&out, 0);
	assert_false(out.failed);
	return out.p;
}

/* The one line that the datagram gives, parsed. */
static json_t *print(void)
{
	char *text = print_n(len);
	json_t *o;

	assert_non_null(strchr(text, '\n'));
	o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	free(text);
	return o;
}

static json_int_t number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	assert_true(json_is_integer(v));
	return json_integer_value(v);
}

static const json_t *record(const json_t *o, size_t i)
{
	return json_array_get(json_object_get(o, "_records"), i);
}

static void assert_ip(const struct ip_addr *a, const char *text)
{
	char got[INET6_ADDRSTRLEN];

	inet_ntop(ip_is_v4(a) ? AF_INET : AF_INET6, ip_is_v4(a) ? a->b + 12 : a->b, got,
		  sizeof(got));
	assert_string_equal(got, text);
}

static int setup(void **state)
{
	(void)state;
	options = decode_defaults;
	store = exporter_store_new(&options, 1);
	assert_non_null(store);
	assert_int_equal(flow_batch_init(&batch, 4, 2), 0);
	batch.full = full;
	fulls = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	flow_batch_free(&batch);
	exporter_store_free(store);
	return 0;
}

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

static void put_sampled_ethernet(void)
{
	begin_record(SFLOW_SAMPLED_ETHERNET);
	put32(120);
	put(udp_frame + 6, 6);
	put(udp_frame, 6);
	put32(0x0800);
	end_record();
}

static void put_sampled_ipv4(void)
{
	begin_record(SFLOW_SAMPLED_IPV4);
	put32(90);
	put32(6);
	put_v4("10.0.0.1");
	put_v4("10.0.0.2");
	put32(443);
	put32(50000);
	put32(0x12);
	put32(0xb8);
	end_record();
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

static void put_gateway(unsigned path)
{
	begin_record(SFLOW_EXTENDED_GATEWAY);
	put_address("203.0.113.9");
	put32(64500); /* own */
	put32(path ? 64999 : 0);
	put32(64501); /* peer */
	put32(path ? 2 : 0);
	if (path) {
		put32(2);
		put32(path);
		for (unsigned i = 0; i < path; i++)
			put32(65000 + i);
		put32(1);
		put32(1);
		put32(4200000000);
	}
	put32(2);
	put32(64500u << 16 | 1);
	put32(64500u << 16 | 2);
	put32(150);
	end_record();
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

static const struct counter_value *counter(const char *name)
{
	const struct counter_sample *s = &batch.samples[0];

	for (uint32_t i = 0; i < s->n_values; i++)
		if (!strcmp(s->values[i].name, name))
			return &s->values[i];
	fail_msg("no counter %s", name);
	return NULL;
}

static void put_counters(void)
{
	begin("198.51.100.7", 3, 1);
	begin_sample(SFLOW_COUNTER_SAMPLE);
	put32(88);
	put32(2u << 24 | 1);
	begin_records();
	begin_record(1005);
	put_text("eth0/1");
	end_record();
	begin_record(12345); /* of a later day */
	put32(1);
	end_record();
	begin_record(2003);
	put32(0x3f400000); /* 0.75 */
	for (int i = 1; i < 17; i++)
		put32((uint32_t)i);
	end_record();
	begin_record(2001);
	put32(2);
	put32(2);
	put32(2);
	put("\1\2\3\4\5\6\0\0", 8);
	put("\1\2\3\4\5\7\0\0", 8);
	put32(3);
	put32(0);
	end_record();
	begin_record(SFLOW_SFP);
	put32(1);
	put32(1);
	put32(3300);
	put32((uint32_t)-1500);
	put32(1);
	for (uint32_t i = 1; i <= SFLOW_LANE_FIELDS; i++)
		put32(i);
	end_record();
	end_sample();
}

static void test_counter_sample(void **state)
{
	const struct counter_sample *s = &batch.samples[0];

	(void)state;
	put_counters();
	assert_int_equal(decode(), DECODE_OK);
	assert_int_equal(batch.n, 0);
	assert_int_equal(batch.n_samples, 1);
	assert_ip(&s->sampler_address, "198.51.100.7");
	assert_int_equal(s->sub_agent_id, 3);
	assert_int_equal(s->sequence_num, 88);
	assert_int_equal(s->source_id_type, 2);
	assert_memory_equal(counter("port_name")->text.p, "eth0/1", 6);
	assert_true(counter("load_one")->f == 0.75);
	assert_int_equal(counter("contexts")->u, 16);
	assert_int_equal(counter("adapter1_ifIndex")->u, 2);
	assert_memory_equal(counter("adapter1_mac")->text.p, "\1\2\3\4\5\6", 6);
	assert_int_equal(counter("adapter2_ifIndex")->u, 3);
	assert_int_equal(counter("module_temperature")->i, -1500);
	assert_int_equal(counter("lane1_rx_wavelength")->u, 10);
	assert_int_equal(count(ACCOUNT_SAMPLES_COUNTER), 1);
	assert_int_equal(count(ACCOUNT_SFLOW_RECORDS_SKIPPED), 1);
	assert_int_equal(count(ACCOUNT_SETS_MALFORMED), 0);
}

static void test_short_counter_record_keeps_what_came_before(void **state)
{
	(void)state;
	begin("198.51.100.7", 3, 1);
	begin_sample(SFLOW_COUNTER_SAMPLE_EXPANDED);
	put32(1);
	put32(0);
	put32(5);
	begin_records();
	begin_record(1005);
	put_text("eth0");
	end_record();
	begin_record(2);
	put32(1);
	end_record();
	end_sample();
	assert_int_equal(decode(), DECODE_BAD_SAMPLE);
	assert_int_equal(batch.n_samples, 1);
	counter("port_name");
	assert_int_equal(counter("dot3StatsAlignmentErrors")->u, 1);
	assert_int_equal(batch.samples[0].n_values, 2);
	assert_int_equal(count(ACCOUNT_SETS_MALFORMED), 1);
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

	put_counters();
	add32(sample_at, 4);
	assert_int_equal(decode(), DECODE_BAD_SAMPLE);
	assert_int_equal(batch.n_samples, 1);
	assert_int_equal(count(ACCOUNT_SETS_MALFORMED), 1);
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

static void test_counter_names_are_unique(void **state)
{
	const char *names[1024];
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < sflow_counter_formats_count; i++)
		for (unsigned j = 0; j < sflow_counter_formats[i].n_fields; j++)
			names[n++] = sflow_counter_formats[i].fields[j].name;
	for (unsigned i = 0; i < SFLOW_LANES_MAX; i++)
		for (unsigned j = 0; j < SFLOW_LANE_FIELDS; j++)
			names[n++] = sflow_lane_fields[i][j].name;
	assert_true(n > 400 && n < 1024);
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < i; j++)
			if (!strcmp(names[i], names[j]))
				fail_msg("two counters are named %s", names[i]);
}

/* Flow samples of the corpus' captures, as their expected decodes count them. */
static unsigned flows_expected(const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	unsigned n = 0;

	assert_non_null(f);
	while (getline(&line, &size, f) > 0)
		n += strstr(line, "\"_kind\":\"flow_sample") ||
		     strstr(line, "\"_kind\":\"discarded_packet");
	free(line);
	fclose(f);
	return n;
}

static void test_corpus_flows(void **state)
{
	DIR *dir = opendir("../shared/corpus/pcap");
	struct dirent *entry;
	unsigned files = 0;

	(void)state;
	if (!dir) {
		print_message("no ../shared/corpus: real captures are not tested\n");
		skip();
	}
	while ((entry = readdir(dir))) {
		char path[1024], expected[1024], error[256];
		struct datagram dg[16];
		struct account rx = {0};
		uint64_t flows = 0;
		struct pcap *p;
		unsigned n;

		/* That one has a sample that is malformed and shows no packet. */
		if (!strstr(entry->d_name, "sflow") ||
		    !strcmp(entry->d_name, "gopacket__sflow_05.pcap"))
			continue;
		snprintf(path, sizeof(path), "../shared/corpus/pcap/%s", entry->d_name);
		snprintf(expected, sizeof(expected), "../shared/corpus/expected/%.*s.ndjson",
			 (int)(strlen(entry->d_name) - 5), entry->d_name);
		assert_int_equal(pcap_open(&p, path, NULL, error, sizeof(error)), 0);
		while ((n = pcap_receive(p, dg, 16, &rx))) {
			for (unsigned i = 0; i < n; i++) {
				if (be32(dg[i].data) != 5)
					continue;
				assert_int_equal(decode_n(dg[i].data, dg[i].len), DECODE_OK);
				flows += count(ACCOUNT_FLOWS);
			}
			pcap_release(p);
		}
		pcap_close(p);
		if (flows != flows_expected(expected))
			fail_msg("%s: %lu flows, %u expected", path, flows,
				 flows_expected(expected));
		files++;
	}
	closedir(dir);
	assert_true(files > 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

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
		TEST(counter_sample),
		TEST(short_counter_record_keeps_what_came_before),
		TEST(unknown_sample_is_skipped),
		TEST(record_beyond_its_sample),
		TEST(malformed_sample_without_packet_gives_no_flow),
		TEST(promised_samples_that_are_not_there),
		TEST(sample_beyond_the_datagram),
		TEST(bytes_after_the_last_sample_are_ignored),
		TEST(header_refused),
		TEST(full_batch_is_published),
		TEST(sequence_is_followed_per_sub_agent),
		TEST(cut_at_each_byte),
		TEST(flipped_bits),
		TEST(print_flow_sample),
		TEST(print_tags_of_qinq_in_wire_order),
		TEST(print_ipv6_extension_headers),
		TEST(print_mpls_labels),
		TEST(print_icmp),
		TEST(print_lag_counters),
		TEST(print_unknown_and_malformed),
		TEST(counter_names_are_unique),
		TEST(corpus_flows),
	};
	int failed;

	rcu_register_thread();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister_thread();
	return failed;
}
