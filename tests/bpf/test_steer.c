/* The XDP program over packets built here (BPF_PROG_TEST_RUN).
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_xdp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../loaders/xdp.h"
#include "../packets.h"
#include "steer.skel.h"

enum { MAX_FRAME = 1792, WORKER_BASE = 7 };

static struct steer *skel;
static struct packet packet;
static bool frags; /* which of the two programs runs */

static int fd(struct bpf_map *map)
{
	return bpf_map__fd(map);
}

static void put(struct bpf_map *map, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(fd(map), key, value, BPF_ANY), 0);
}

static void listen_on(const char *address, unsigned port)
{
	struct listener_key k = {.port = htons((uint16_t)port)};

	if (strchr(address, ':')) {
		assert_int_equal(inet_pton(AF_INET6, address, k.address), 1);
	} else {
		k.address[10] = k.address[11] = 0xff;
		assert_int_equal(inet_pton(AF_INET, address, k.address + 12), 1);
	}
	put(skel->maps.listeners, &k, &(uint8_t){1});
	k.port = 0;
	put(skel->maps.listeners, &k, &(uint8_t){1});
}

static void set(uint64_t interval_ns, uint64_t burst_ns, uint32_t flags)
{
	struct steer_settings s = {interval_ns, burst_ns, flags, 0};

	put(skel->maps.settings, &(uint32_t){0}, &s);
}

/* A socket that the map takes; nothing is ever sent to it. */
static int give_socket(void)
{
	int s = socket(AF_XDP, SOCK_RAW, 0), size = 64;

	assert_true(s >= 0);
	assert_int_equal(setsockopt(s, SOL_XDP, XDP_RX_RING, &size, sizeof(size)), 0);
	put(skel->maps.xsks, &(uint32_t){0}, &s);
	return s;
}

/* A program for each test, so that counts begin at zero. */
static int load(void **state)
{
	int *s = malloc(sizeof(*s));

	skel = steer__open();
	if (!skel || !s)
		return -1;
	skel->rodata->max_frame = MAX_FRAME;
	skel->rodata->worker_base = WORKER_BASE;
	if (steer__load(skel) < 0)
		return -1;
	listen_on("10.0.0.2", 2055);
	listen_on("10.0.0.2", 6343);
	listen_on("fd00::2", 2055);
	*s = give_socket();
	*state = s;
	return 0;
}

static int unload(void **state)
{
	close(*(int *)*state);
	free(*state);
	steer__destroy(skel);
	return 0;
}

static int run_bytes(const uint8_t *p, uint32_t len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p, .data_size_in = len, .repeat = 1);
	int r = bpf_prog_test_run_opts(
		bpf_program__fd(frags ? skel->progs.steer_frags : skel->progs.steer), &opts);

	assert_int_equal(r, 0);
	return (int)opts.retval;
}

static void reasons(uint64_t counts[REASON_MAX])
{
	assert_int_equal(xdp_read_reasons(fd(skel->maps.reasons), counts), 0);
}

/* Runs the packet; one reason and no other must rise by one, and the action must be its. */
static void expect_cut(uint32_t len, enum reason reason)
{
	uint64_t before[REASON_MAX], after[REASON_MAX];
	int action, wanted = XDP_PASS;

	if (reason == REASON_STEERED)
		wanted = XDP_REDIRECT;
	if (reason == REASON_DENIED || reason == REASON_RATE_LIMITED)
		wanted = XDP_DROP;
	reasons(before);
	action = run_bytes(packet.b, len);
	reasons(after);
	for (enum reason r = 0; r < REASON_MAX; r++)
		if (after[r] - before[r] != (r == reason))
			fail_msg("%u of %u bytes: %s rose by %llu, wanted %s", len, packet.len,
				 xdp_reason_name(r), (unsigned long long)(after[r] - before[r]),
				 xdp_reason_name(reason));
	assert_int_equal(action, wanted);
}

#define expect(reason, ...)                                           \
	do {                                                          \
		packet_build(&packet, &(struct wanted){__VA_ARGS__}); \
		expect_cut(packet.len, reason);                       \
	} while (0)

struct seen {
	unsigned n;
	struct exporter_key key;
	struct exporter_counts counts;
};

static bool see(const struct exporter_key *key, const struct exporter_counts *n, void *arg)
{
	struct seen *s = arg;

	s->n++;
	s->key = *key;
	s->counts = *n;
	return true;
}

static struct seen exporters(void)
{
	struct seen s = {};
	int n = xdp_read_exporters(fd(skel->maps.exporters), see, &s);

	assert_int_equal(n, s.n);
	return s;
}

static void each_reason_once_ipv4(void **state)
{
	set(0, 0, 0);
	expect(REASON_STEERED, .payload = 100);
	expect(REASON_FRAGMENT, .payload = 104, .fragment = 0x2000);
	expect(REASON_FRAGMENT_REST, .payload = 100, .fragment = 1);
	expect(REASON_FRAGMENT_REST, .payload = 100, .fragment = 0x1000);
	expect(REASON_FRAGMENT_REST, .payload = 100, .fragment = 0x2000 | 13);
	expect(REASON_IP_OPTIONS, .payload = 100, .options = 4);
	expect(REASON_IP_OPTIONS, .payload = 100, .options = 40);
	expect(REASON_OVERSIZE, .payload = 2000);
	expect(REASON_BAD_UDP_LENGTH, .payload = 100, .udp_length_wrong = 1);
	expect(REASON_TRUNCATED, .payload = 100, .udp_length_wrong = 1, .ip_length_wrong = 1);
	expect(REASON_NOT_OURS, .payload = 100, .dport = 53);
	close(*(int *)*state);
	expect(REASON_NO_SOCKET, .payload = 100);
	*(int *)*state = give_socket();
	expect(REASON_STEERED, .payload = 100);
	set(0, 0, STEER_ALLOW_IN_USE);
	expect(REASON_DENIED, .payload = 100);
	set(1000000000, 0, 0);
	expect(REASON_STEERED, .payload = 100);
	expect(REASON_RATE_LIMITED, .payload = 100);
}

static void each_reason_once_ipv6(void **state)
{
	(void)state;
	expect(REASON_STEERED, .v6 = true, .payload = 100);
	expect(REASON_EXTENSION_HEADERS, .v6 = true, .n_extensions = 1, .extensions = {0});
	expect(REASON_EXTENSION_HEADERS, .v6 = true, .n_extensions = 3, .extensions = {0, 43, 60},
	       .options = 24);
	expect(REASON_FRAGMENT, .v6 = true, .n_extensions = 1, .extensions = {44},
	       .fragment = 0x2000);
	expect(REASON_FRAGMENT, .v6 = true, .n_extensions = 2, .extensions = {0, 44},
	       .fragment = 0x2000);
	expect(REASON_FRAGMENT, .v6 = true, .n_extensions = 1, .extensions = {44});
	expect(REASON_FRAGMENT_REST, .v6 = true, .n_extensions = 1, .extensions = {44},
	       .fragment = 1);
	expect(REASON_FRAGMENT_REST, .v6 = true, .n_extensions = 1, .extensions = {44},
	       .fragment = 0x1000);
	expect(REASON_OVERSIZE, .v6 = true, .payload = 2000);
	expect(REASON_BAD_UDP_LENGTH, .v6 = true, .payload = 100, .udp_length_wrong = 1);
	expect(REASON_TRUNCATED, .v6 = true, .payload = 100, .ip_length_wrong = 1);
	expect(REASON_NOT_OURS, .v6 = true, .dport = 53);
	expect(REASON_NOT_OURS, .v6 = true, .dst6_last = 9);
	set(0, 0, STEER_ALLOW_IN_USE);
	expect(REASON_DENIED, .v6 = true, .payload = 100);
	set(1000000000, 0, 0);
	expect(REASON_STEERED, .v6 = true, .payload = 100);
	expect(REASON_RATE_LIMITED, .v6 = true, .payload = 100);
}

static void truncated_at_every_byte(void **state)
{
	const struct wanted cases[] = {
		{.payload = 40},
		{.payload = 40, .tags = 1},
		{.payload = 40, .tags = 2},
		{.payload = 40, .v6 = true},
		{.payload = 40, .v6 = true, .tags = 2},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		packet_build(&packet, &cases[i]);
		for (uint32_t len = 14; len < packet.len; len++)
			expect_cut(len, REASON_TRUNCATED);
		expect_cut(packet.len, REASON_STEERED);
	}
}

/* What the kernel must take anyway, it takes as soon as the ports are known. */
static void truncated_slow_path_is_passed(void **state)
{
	const struct {
		struct wanted w;
		enum reason reason;
		uint32_t payload_at;
	} cases[] = {
		{{.payload = 40, .options = 8}, REASON_IP_OPTIONS, 14 + 28 + 8},
		{{.payload = 40, .fragment = 0x2000}, REASON_FRAGMENT, 14 + 20 + 8},
		{{.v6 = true,
		  .payload = 40,
		  .n_extensions = 2,
		  .extensions = {0, 60},
		  .options = 16},
		 REASON_EXTENSION_HEADERS,
		 14 + 40 + 32 + 8},
		{{.v6 = true,
		  .payload = 40,
		  .n_extensions = 1,
		  .extensions = {44},
		  .fragment = 0x2000},
		 REASON_FRAGMENT,
		 14 + 40 + 8 + 8},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		packet_build(&packet, &cases[i].w);
		for (uint32_t len = 14; len <= packet.len; len++)
			expect_cut(len,
				   len < cases[i].payload_at ? REASON_TRUNCATED : cases[i].reason);
	}
}

static void vlan_tags_up_to_two(void **state)
{
	(void)state;
	expect(REASON_STEERED, .tags = 1, .payload = 10);
	expect(REASON_STEERED, .tags = 2, .payload = 10);
	expect(REASON_STEERED, .tags = 2, .v6 = true, .payload = 10);
	expect(REASON_NOT_OURS, .tags = 3, .payload = 10);
	expect(REASON_FRAGMENT, .tags = 2, .fragment = 0x2000);
	expect(REASON_IP_OPTIONS, .tags = 1, .options = 12);
}

static void other_traffic_is_passed(void **state)
{
	(void)state;
	expect(REASON_NOT_OURS, .protocol = IPPROTO_TCP, .payload = 100);
	expect(REASON_NOT_OURS, .protocol = IPPROTO_ICMP);
	expect(REASON_NOT_OURS, .v6 = true, .protocol = IPPROTO_TCP);
	expect(REASON_NOT_OURS, .v6 = true, .protocol = IPPROTO_NONE);
	expect(REASON_NOT_OURS, .dst4 = 0x0a000003);
	expect(REASON_NOT_OURS, .dst4 = 0x0a000003, .fragment = 7);
	expect(REASON_NOT_OURS, .fragment = 7, .protocol = IPPROTO_TCP);
	expect(REASON_NOT_OURS, .v6 = true, .dst6_last = 9, .n_extensions = 1, .extensions = {44},
	       .fragment = 7);
	expect(REASON_NOT_OURS, .v6 = true, .protocol = IPPROTO_TCP, .n_extensions = 1,
	       .extensions = {44}, .fragment = 7);
	packet_build(&packet, &(struct wanted){.payload = 100});
	packet.b[14] = 0x44; /* header of 16 bytes */
	expect_cut(packet.len, REASON_NOT_OURS);
	packet.b[14] = 0x65; /* IPv6 where the Ethernet type says IPv4 */
	expect_cut(packet.len, REASON_NOT_OURS);
	packet_16(packet.b + 12, 0x0806); /* ARP */
	expect_cut(packet.len, REASON_NOT_OURS);
	assert_int_equal(exporters().n, 0);
}

static void udp_length_below_its_header_is_refused(void **state)
{
	(void)state;
	expect(REASON_BAD_UDP_LENGTH, .payload = 20, .udp_length_wrong = -21);
	expect(REASON_BAD_UDP_LENGTH, .payload = 20, .udp_length_wrong = -28);
	expect(REASON_STEERED, .payload = 20, .udp_length_wrong = -20);
	expect(REASON_BAD_UDP_LENGTH, .v6 = true, .payload = 20, .udp_length_wrong = -28);
	expect(REASON_TRUNCATED, .payload = 20, .ip_length_wrong = -30);
}

static void too_many_extension_headers_are_not_ours(void **state)
{
	struct wanted w = {.v6 = true, .n_extensions = STEER_EXTENSIONS_MAX};

	(void)state;
	memset(w.extensions, IPPROTO_DSTOPTS, sizeof(w.extensions));
	packet_build(&packet, &w);
	expect_cut(packet.len, REASON_EXTENSION_HEADERS);
	w.n_extensions++;
	packet_build(&packet, &w);
	expect_cut(packet.len, REASON_NOT_OURS);
}

static void any_address_is_a_listener(void **state)
{
	(void)state;
	expect(REASON_NOT_OURS, .dst4 = 0x0a0000ff, .dport = 4739);
	listen_on("::", 4739);
	expect(REASON_STEERED, .dst4 = 0x0a0000ff, .dport = 4739);
	expect(REASON_STEERED, .v6 = true, .dst6_last = 77, .dport = 4739);
	expect(REASON_NOT_OURS, .dst4 = 0x0a0000ff, .dport = 2055);
	expect(REASON_FRAGMENT_REST, .dst4 = 0x0a0000ff, .fragment = 7);
}

static void largest_frame_is_steered_and_no_larger(void **state)
{
	(void)state;
	expect(REASON_STEERED, .payload = MAX_FRAME - 42);
	expect(REASON_OVERSIZE, .payload = MAX_FRAME - 41);
	expect(REASON_STEERED, .tags = 2, .v6 = true, .payload = MAX_FRAME - 70);
	expect(REASON_OVERSIZE, .tags = 2, .v6 = true, .payload = MAX_FRAME - 69);
}

static void allow(unsigned prefix_len, const char *v6)
{
	struct allow_key k = {.prefix_len = prefix_len};

	assert_int_equal(inet_pton(AF_INET6, v6, k.address), 1);
	put(skel->maps.allow, &k, &(uint8_t){1});
}

static void allow_list_holds_prefixes(void **state)
{
	struct exporter_key k = {.port = 2055};
	struct denied_counts denied[256] = {};
	uint64_t sum = 0;

	(void)state;
	expect(REASON_STEERED, .src4 = 0x0a000001);
	set(0, 0, STEER_ALLOW_IN_USE);
	allow(96 + 24, "::ffff:10.5.5.0");
	allow(128, "fd00::1");
	expect(REASON_STEERED, .src4 = 0x0a050501);
	expect(REASON_STEERED, .src4 = 0x0a0505ff);
	expect(REASON_DENIED, .src4 = 0x0a050600);
	expect(REASON_DENIED, .src4 = 0x0a050600, .options = 4);
	expect(REASON_DENIED, .src4 = 0x0a050600, .fragment = 0x2000);
	expect(REASON_STEERED, .v6 = true);
	expect(REASON_DENIED, .v6 = true, .src6_last = 9);
	expect(REASON_NOT_OURS, .src4 = 0x0a050600, .dport = 80);
	assert_int_equal(exporters().n, 4); /* the denied have a table of their own */
	assert_int_equal(inet_pton(AF_INET6, "::ffff:10.5.6.0", k.address), 1);
	assert_true(libbpf_num_possible_cpus() <= 256);
	assert_int_equal(bpf_map_lookup_elem(fd(skel->maps.denied), &k, denied), 0);
	for (int c = 0; c < libbpf_num_possible_cpus(); c++)
		sum += denied[c].datagrams;
	assert_int_equal(sum, 3);
}

static void rate_lets_the_burst_through_and_refills(void **state)
{
	/* Longer than the machine may take the processor away between the first and the last. */
	const uint64_t interval = 2000 * 1000 * 1000;

	(void)state;
	set(interval, 4 * interval, 0);
	for (int i = 0; i < 5; i++)
		expect(REASON_STEERED, .payload = 10);
	expect(REASON_RATE_LIMITED, .payload = 10);
	expect(REASON_RATE_LIMITED, .payload = 10, .fragment = 0x2000);
	expect(REASON_STEERED, .payload = 10, .src4 = 0x0a000009); /* its own bucket */
	usleep(2100 * 1000);
	expect(REASON_STEERED, .payload = 10);
	set(0, 0, 0);
	expect(REASON_STEERED, .payload = 10);
}

static void exporters_are_counted_by_address_and_port(void **state)
{
	const uint8_t address[16] = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1};
	struct seen s;

	(void)state;
	expect(REASON_STEERED, .payload = 100);
	expect(REASON_FRAGMENT, .payload = 500, .fragment = 0x2000);
	expect(REASON_FRAGMENT_REST, .payload = 500, .fragment = 9);
	expect(REASON_IP_OPTIONS, .payload = 1, .options = 4);
	s = exporters();
	assert_int_equal(s.n, 1);
	assert_memory_equal(s.key.address, address, 16);
	assert_int_equal(s.key.port, 2055);
	assert_int_equal(s.counts.datagrams, 3);
	assert_int_equal(s.counts.bytes, 601);
	assert_int_equal(s.counts.reasons.steered, 1);
	assert_int_equal(s.counts.reasons.fragment, 1);
	assert_int_equal(s.counts.reasons.ip_options, 1);
	assert_true(s.counts.last_seen_ns > 0);
	expect(REASON_STEERED, .payload = 100, .dport = 6343);
	assert_int_equal(exporters().n, 2);
}

static void send_netflow(unsigned version, unsigned count, uint32_t sequence, uint32_t domain)
{
	uint8_t header[24] = {};

	packet_16(header, version);
	packet_16(header + 2, count);
	packet_32(header + (version == 5 ? 16 : 12), sequence);
	if (version == 9)
		packet_32(header + 16, domain);
	else
		packet_16(header + 20, domain);
	expect(REASON_STEERED, .data = header, .data_len = sizeof(header));
}

static void versions_are_told_apart(void **state)
{
	static const uint8_t sflow[24] = {0, 0, 0, 5, 0, 0, 0, 1};

	(void)state;
	send_netflow(5, 1, 1, 0);
	assert_int_equal(exporters().counts.versions, STEER_NETFLOW5);
	send_netflow(9, 1, 1, 0);
	send_netflow(10, 1, 1, 0);
	assert_int_equal(exporters().counts.versions,
			 STEER_NETFLOW5 | STEER_NETFLOW9 | STEER_IPFIX);
	expect(REASON_STEERED, .data = sflow, .data_len = sizeof(sflow));
	assert_int_equal(exporters().counts.versions & (STEER_SFLOW5 | STEER_OTHER), STEER_SFLOW5);
	send_netflow(77, 1, 1, 0);
	assert_true(exporters().counts.versions & STEER_OTHER);
}

static void gaps_in_v9_sequences_are_counted(void **state)
{
	(void)state;
	send_netflow(9, 5, 1000, 1);
	send_netflow(9, 5, 1001, 1);
	assert_int_equal(exporters().counts.sequence_gaps, 0);
	send_netflow(9, 5, 1005, 1);
	assert_int_equal(exporters().counts.sequence_gaps, 3);
	send_netflow(9, 5, 1003, 1); /* late */
	send_netflow(9, 5, 1006, 1);
	assert_int_equal(exporters().counts.sequence_gaps, 3);
	send_netflow(9, 5, 5000000, 1); /* began anew */
	send_netflow(9, 5, 7, 2);	/* another domain */
	assert_int_equal(exporters().counts.sequence_gaps, 3);
}

static void gaps_in_v5_sequences_count_flows(void **state)
{
	(void)state;
	send_netflow(5, 30, 100, 1);
	send_netflow(5, 30, 130, 1);
	assert_int_equal(exporters().counts.sequence_gaps, 0);
	send_netflow(5, 30, 190, 1);
	assert_int_equal(exporters().counts.sequence_gaps, 30);
}

static void stream_is_remembered_for_the_slow_path(void **state)
{
	struct stream_key k = {.address = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1},
			       .port = htons(5000)};
	struct stream t = {0};

	(void)state;
	expect(REASON_FRAGMENT, .fragment = 0x2000);
	assert_int_equal(bpf_map_lookup_elem(fd(skel->maps.streams), &k, &t), 0);
	assert_int_equal(t.worker, STEER_NO_WORKER);
	expect(REASON_STEERED, .payload = 1);
	assert_int_equal(bpf_map_lookup_elem(fd(skel->maps.streams), &k, &t), 0);
	assert_int_equal(t.worker, WORKER_BASE);
	t.worker = 99;
	put(skel->maps.streams, &k, &t);
	expect(REASON_STEERED, .payload = 1);
	assert_int_equal(bpf_map_lookup_elem(fd(skel->maps.streams), &k, &t), 0);
	assert_int_equal(t.worker, WORKER_BASE);
}

/* Whatever the bytes: one reason for each frame, and an action that we know. */
static void damaged_frames_have_one_reason_each(void **state)
{
	const struct wanted cases[] = {
		{.payload = 30},
		{.payload = 30, .tags = 2},
		{.payload = 30, .options = 20},
		{.v6 = true, .payload = 30},
		{.v6 = true, .n_extensions = 3, .extensions = {0, 43, 44}, .options = 16},
	};
	uint64_t counts[REASON_MAX], sum = 0;
	unsigned runs = 0;

	(void)state;
	srandom(1);
	for (unsigned i = 0; i < 20000; i++) {
		packet_build(&packet, &cases[i % 5]);
		for (unsigned hits = 1 + i % 4; hits; hits--)
			packet.b[12 + random() % (packet.len - 12)] = (uint8_t)random();
		switch (run_bytes(packet.b, 14 + (uint32_t)random() % (packet.len - 13))) {
		case XDP_PASS:
		case XDP_DROP:
		case XDP_REDIRECT:
			runs++;
			break;
		default:
			fail_msg("unknown action");
		}
	}
	reasons(counts);
	for (unsigned r = 0; r < REASON_MAX; r++)
		sum += counts[r];
	assert_int_equal(sum, runs);
}

/* A jumbo frame's end is not in the linear part that the program sees. */
static void jumbo_frames_come_whole(void **state)
{
	steer__destroy(skel);
	skel = steer__open();
	assert_non_null(skel);
	skel->rodata->max_frame = 65535;
	assert_int_equal(steer__load(skel), 0);
	listen_on("10.0.0.2", 2055);
	close(*(int *)*state);
	*(int *)*state = give_socket();
	frags = true;
	expect(REASON_STEERED, .payload = 8950);
	expect(REASON_STEERED, .tags = 2, .payload = 8950);
	expect(REASON_TRUNCATED, .payload = 8950, .ip_length_wrong = 1);
	assert_int_equal(exporters().counts.bytes, 3 * 8950);
	frags = false;
}

static int load_frags(void **state)
{
	frags = true;
	return load(state);
}

static int unload_frags(void **state)
{
	frags = false;
	return unload(state);
}

#define BOTH(test)                                                   \
	{#test, test, load, unload, NULL},                           \
	{                                                            \
#test "_frags", test, load_frags, unload_frags, NULL \
	}

static int silent(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level, (void)format, (void)ap;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(each_reason_once_ipv4),
		BOTH(each_reason_once_ipv6),
		BOTH(truncated_at_every_byte),
		BOTH(truncated_slow_path_is_passed),
		BOTH(vlan_tags_up_to_two),
		BOTH(other_traffic_is_passed),
		BOTH(udp_length_below_its_header_is_refused),
		BOTH(too_many_extension_headers_are_not_ours),
		BOTH(any_address_is_a_listener),
		BOTH(largest_frame_is_steered_and_no_larger),
		BOTH(allow_list_holds_prefixes),
		BOTH(rate_lets_the_burst_through_and_refills),
		BOTH(exporters_are_counted_by_address_and_port),
		BOTH(versions_are_told_apart),
		BOTH(gaps_in_v9_sequences_are_counted),
		BOTH(gaps_in_v5_sequences_count_flows),
		BOTH(stream_is_remembered_for_the_slow_path),
		BOTH(damaged_frames_have_one_reason_each),
		cmocka_unit_test_setup_teardown(jumbo_frames_come_whole, load, unload),
	};

	libbpf_set_print(silent);
	skel = steer__open_and_load();
	if (!skel && (errno == EPERM || errno == ENOSYS)) {
		printf("SKIP steer: bpf() is not permitted here (%s); run as root\n",
		       strerror(errno));
		return 0;
	}
	steer__destroy(skel);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
