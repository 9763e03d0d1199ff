/* UDP sockets over loopback: addresses, batches, steering to workers, the allow list, drops.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "rx/allow.h"
#include "rx/udp.h"
#include "steer.h"

static struct ip_addr v4(const char *text)
{
	struct ip_addr a;
	uint8_t b[4];

	assert_int_equal(inet_pton(AF_INET, text, b), 1);
	ip_from_v4(&a, b);
	return a;
}

static struct ip_addr v6(const char *text)
{
	struct ip_addr a;

	assert_int_equal(inet_pton(AF_INET6, text, a.b), 1);
	return a;
}

static bool have_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	bool ok = fd >= 0 && !bind(fd, (struct sockaddr *)&sa, sizeof(sa));

	close(fd);
	if (!ok)
		print_message("(IPv6 is left out: no ::1 on this machine)\n");
	return ok;
}

static socklen_t socket_address(struct sockaddr_storage *sa, const struct ip_addr *a, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	if (ip_is_v4(a)) {
		memcpy(&in.sin_addr, a->b + 12, 4);
		memcpy(sa, &in, sizeof(in));
		return sizeof(in);
	}
	memcpy(&in6.sin6_addr, a->b, 16);
	memcpy(sa, &in6, sizeof(in6));
	return sizeof(in6);
}

/* A port that nobody has, another each time. */
static uint16_t free_port(void)
{
	static uint16_t given[64];
	static unsigned n;
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_false(bind(fd, (struct sockaddr *)&sa, sizeof(sa)));
	assert_false(getsockname(fd, (struct sockaddr *)&sa, &len));
	close(fd);
	for (unsigned i = 0; i < n; i++)
		if (given[i] == sa.sin_port)
			return free_port();
	assert_true(n < sizeof(given) / sizeof(*given));
	given[n++] = sa.sin_port;
	return ntohs(sa.sin_port);
}

/* A sender bound to its own address; src_port 0: any. Returns the port in *src_port. */
static int sender(struct ip_addr from, uint16_t *src_port)
{
	struct sockaddr_storage sa;
	socklen_t len = socket_address(&sa, &from, *src_port);
	int fd = socket(sa.ss_family, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_false(bind(fd, (struct sockaddr *)&sa, len));
	assert_false(getsockname(fd, (struct sockaddr *)&sa, &len));
	*src_port = ntohs(((struct sockaddr_in *)&sa)->sin_port);
	return fd;
}

static uint16_t send_one(struct ip_addr from, struct ip_addr to, uint16_t port, const void *p,
			 size_t n)
{
	struct sockaddr_storage sa;
	socklen_t len = socket_address(&sa, &to, port);
	uint16_t src_port = 0;
	int fd = sender(from, &src_port);

	assert_int_equal(sendto(fd, p, n, 0, (struct sockaddr *)&sa, len), n);
	close(fd);
	return src_port;
}

static struct udp_group *open_group(const struct rx_options *o, unsigned workers, int streams)
{
	char error[300] = "";
	struct udp_group *g;

	if (udp_open(&g, o, workers, streams, error, sizeof(error)))
		fail_msg("%s", error);
	return g;
}

/* Waits for a datagram, so that a slow machine is no failure. */
static unsigned receive(struct udp *u, struct datagram *dg, unsigned max, struct account *a)
{
	struct pollfd p = {udp_fd(u), POLLIN, 0};

	return poll(&p, 1, 60000) == 1 ? udp_receive(u, dg, max, a) : 0;
}

static void addresses_and_ports_of_both_families(void **state)
{
	static uint8_t big[65507];
	struct rx_options o = {.ports = {free_port()}, .n_ports = 1};
	struct udp_group *g = open_group(&o, 1, -1);
	struct udp *u = udp_of_worker(g, 0);
	struct account a = {0};
	struct datagram dg[RX_BATCH];
	uint16_t port;

	(void)state;
	assert_int_equal(udp_steering(g), UDP_ONE_WORKER);
	assert_int_equal(udp_receive(u, dg, RX_BATCH, &a), 0);

	port = send_one(v4("127.0.0.7"), v4("127.0.0.9"), o.ports[0], "hello", 5);
	assert_int_equal(receive(u, dg, RX_BATCH, &a), 1);
	assert_int_equal(dg[0].len, 5);
	assert_memory_equal(dg[0].data, "hello", 5);
	assert_int_equal(dg[0].src_port, port);
	assert_int_equal(dg[0].dst_port, o.ports[0]);
	assert_memory_equal(dg[0].src.b, v4("127.0.0.7").b, 16);
	assert_memory_equal(dg[0].dst.b, v4("127.0.0.9").b, 16);
	assert_int_equal(dg[0].via, VIA_UDP);
	assert_true(dg[0].received_ns > 1600000000000000000u);
	udp_release(u);

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 31);
	send_one(v4("127.0.0.1"), v4("127.0.0.1"), o.ports[0], big, sizeof(big));
	send_one(v4("127.0.0.1"), v4("127.0.0.1"), o.ports[0], "", 0);
	assert_int_equal(receive(u, dg, 1, &a), 1);
	assert_int_equal(dg[0].len, sizeof(big));
	assert_memory_equal(dg[0].data, big, sizeof(big));
	assert_int_equal(receive(u, dg, RX_BATCH, &a), 1);
	assert_int_equal(dg[0].len, 0);

	if (have_ipv6()) {
		port = send_one(v6("::1"), v6("::1"), o.ports[0], "six", 3);
		assert_int_equal(receive(u, dg, RX_BATCH, &a), 1);
		assert_memory_equal(dg[0].src.b, v6("::1").b, 16);
		assert_memory_equal(dg[0].dst.b, v6("::1").b, 16);
		assert_int_equal(dg[0].src_port, port);
		assert_int_equal(account_get(&a, ACCOUNT_RX_UDP), 4);
		assert_int_equal(account_get(&a, ACCOUNT_RX_BYTES), 5 + sizeof(big) + 3);
	}
	udp_close(g);
}

static void only_the_given_addresses_and_all_ports(void **state)
{
	struct rx_options o = {.ports = {free_port(), free_port(), free_port()},
			       .n_ports = 3,
			       .addresses = {v4("127.0.0.2"), v4("127.0.0.3")},
			       .n_addresses = 2};
	struct udp_group *g = open_group(&o, 1, -1);
	struct udp *u = udp_of_worker(g, 0);
	struct account a = {0};
	struct datagram dg[RX_BATCH];
	unsigned seen = 0;

	(void)state;
	for (unsigned p = 0; p < 3; p++)
		for (unsigned to = 1; to <= 3; to++) {
			char text[16];

			snprintf(text, sizeof(text), "127.0.0.%u", to);
			send_one(v4("127.0.0.1"), v4(text), o.ports[p], text, strlen(text));
		}
	for (unsigned n; (n = udp_receive(u, dg, RX_BATCH, &a)) > 0; seen += n)
		for (unsigned i = 0; i < n; i++) {
			char text[16];

			/* what it was sent to is what it says */
			inet_ntop(AF_INET, dg[i].dst.b + 12, text, sizeof(text));
			assert_int_equal(dg[i].len, strlen(text));
			assert_memory_equal(dg[i].data, text, dg[i].len);
		}
	assert_int_equal(seen, 6);
	udp_close(g);
}

static void full_batches_and_every_socket_gets_its_turn(void **state)
{
	struct rx_options o = {
		.ports = {free_port(), free_port()}, .n_ports = 2, .socket_buffer = 4 << 20};
	struct udp_group *g = open_group(&o, 1, -1);
	struct udp *u = udp_of_worker(g, 0);
	struct account a = {0};
	struct datagram dg[RX_BATCH];
	unsigned of_port[2] = {0}, n, total = 0;
	uint16_t src_port = 0;
	int fd = sender(v4("127.0.0.1"), &src_port);

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		struct sockaddr_storage sa;
		struct ip_addr to = v4("127.0.0.1");
		socklen_t len = socket_address(&sa, &to, o.ports[i < 350 ? 0 : 1]);

		assert_int_equal(sendto(fd, &i, 4, 0, (struct sockaddr *)&sa, len), 4);
	}
	close(fd);
	while ((n = udp_receive(u, dg, RX_BATCH, &a)) > 0) {
		for (unsigned i = 0; i < n; i++) {
			unsigned p = dg[i].dst_port == o.ports[1], number;

			memcpy(&number, dg[i].data, 4);
			assert_int_equal(number, of_port[p] + p * 350); /* in order */
			of_port[p]++;
		}
		total += n;
		if (total == 2 * RX_BATCH)
			assert_true(of_port[1] > 0);
	}
	assert_int_equal(of_port[0], 350);
	assert_int_equal(of_port[1], 50);
	udp_close(g);
}

static void a_port_that_somebody_has_is_refused(void **state)
{
	struct rx_options o = {.ports = {free_port()}, .n_ports = 1};
	struct udp_group *g = open_group(&o, 2, -1), *other;
	char error[300];

	(void)state;
	assert_int_equal(udp_open(&other, &o, 2, -1, error, sizeof(error)), -EADDRINUSE);
	assert_null(other);
	assert_non_null(strstr(error, "in use"));
	udp_close(g);
	g = open_group(&o, 1, -1);
	udp_close(g);
	o.addresses[0] = v4("192.0.2.77");
	o.n_addresses = 1;
	assert_int_equal(udp_open(&other, &o, 1, -1, error, sizeof(error)), -EADDRNOTAVAIL);
	assert_non_null(strstr(error, "of 192.0.2.77"));
}

/* Sends from 24 exporters, each from 4 ports, and checks that each exporter had one worker. */
static void check_steering(struct udp_group *g, uint16_t port, bool ipv6)
{
	unsigned on_worker[24], of[3] = {0}, total = 0;
	struct account a = {0};
	struct datagram dg[RX_BATCH];

	memset(on_worker, 0xff, sizeof(on_worker));
	for (unsigned e = 0; e < 24; e++)
		for (unsigned i = 0; i < 4; i++) {
			char text[16];

			snprintf(text, sizeof(text), "127.0.1.%u", e);
			send_one(ipv6 ? v6("::1") : v4(text), ipv6 ? v6("::1") : v4("127.0.0.1"),
				 port, &e, 4);
		}
	for (unsigned w = 0; w < 3; w++)
		for (unsigned n; (n = udp_receive(udp_of_worker(g, w), dg, RX_BATCH, &a)) > 0;)
			for (unsigned i = 0; i < n; i++, total++) {
				unsigned e;

				memcpy(&e, dg[i].data, 4);
				assert_true(on_worker[e] == ~0u || on_worker[e] == w);
				on_worker[e] = w;
				of[w]++;
			}
	assert_int_equal(total, 96);
	if (ipv6)
		assert_true(of[0] == 96 || of[1] == 96 || of[2] == 96);
	else
		assert_true(of[0] && of[1] && of[2]);
}

static void an_exporter_stays_on_one_worker(void **state)
{
	struct rx_options o = {.ports = {free_port()}, .n_ports = 1, .socket_buffer = 1 << 20};
	struct udp_group *g = open_group(&o, 3, -1);

	(void)state;
	if (geteuid())
		print_message("(not root: classic BPF instead of eBPF)\n");
	else
		assert_int_equal(udp_steering(g), UDP_STEER_STREAM);
	check_steering(g, o.ports[0], false);
	if (have_ipv6())
		check_steering(g, o.ports[0], true);
	udp_close(g);
}

static void without_privileges_too(void **state)
{
	struct rx_options o = {.ports = {free_port()}, .n_ports = 1};
	struct udp_group *g;

	(void)state;
	if (!geteuid())
		assert_false(seteuid(65534));
	g = open_group(&o, 3, -1);
	if (!getuid())
		assert_false(seteuid(0));
	assert_int_equal(udp_steering(g), UDP_STEER_SOURCE);
	check_steering(g, o.ports[0], false);
	if (have_ipv6())
		check_steering(g, o.ports[0], true);
	udp_close(g);
}

static void a_stream_known_to_xdp_goes_to_its_queues_worker(void **state)
{
	struct rx_options o = {.ports = {free_port()}, .n_ports = 1};
	struct account a = {0};
	struct datagram dg[RX_BATCH];
	struct udp_group *g;
	int map;

	(void)state;
	map = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "streams", sizeof(struct stream_key),
			     sizeof(struct stream), 1024, NULL);
	if (map < 0) {
		print_message("SKIP a_stream_known_to_xdp_goes_to_its_queues_worker: no BPF "
			      "map can be made: %s\n",
			      strerror(errno));
		skip();
	}
	g = open_group(&o, 3, map);
	for (uint32_t w = 0; w < 6; w++) {
		struct ip_addr from = v4("127.0.0.5");
		struct stream_key key = {0};
		struct stream stream = {.worker = w};
		struct sockaddr_storage sa;
		struct ip_addr to = v4("127.0.0.1");
		socklen_t len = socket_address(&sa, &to, o.ports[0]);
		uint16_t port = 0;
		int fd = sender(from, &port);

		memcpy(key.address, from.b, 16);
		key.port = htons(port);
		assert_false(bpf_map_update_elem(map, &key, &stream, BPF_ANY));
		assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&sa, len), 1);
		assert_int_equal(receive(udp_of_worker(g, w % 3), dg, RX_BATCH, &a), 1);
		assert_int_equal(dg[0].src_port, port);
		close(fd);
	}
	udp_close(g);
	close(map);
}

static void exporters_that_are_not_allowed_are_counted(void **state)
{
	struct rx_prefix allow[] = {{v4("127.0.2.0"), 96 + 24}};
	struct rx_options o = {.ports = {free_port()}, .n_ports = 1, .allow = allow, .n_allow = 1};
	struct udp_group *g = open_group(&o, 1, -1);
	struct udp *u = udp_of_worker(g, 0);
	struct account a = {0};
	struct datagram dg[RX_BATCH];

	(void)state;
	send_one(v4("127.0.3.1"), v4("127.0.0.1"), o.ports[0], "no", 2);
	send_one(v4("127.0.2.1"), v4("127.0.0.1"), o.ports[0], "yes", 3);
	assert_int_equal(receive(u, dg, RX_BATCH, &a), 1);
	assert_memory_equal(dg[0].data, "yes", 3);
	assert_int_equal(account_get(&a, ACCOUNT_RX_DENIED), 1);
	assert_int_equal(account_get(&a, ACCOUNT_RX_UDP), 1);

	assert_false(udp_set_allow(g, NULL, 0));
	send_one(v4("127.0.3.1"), v4("127.0.0.1"), o.ports[0], "now", 3);
	assert_int_equal(receive(u, dg, RX_BATCH, &a), 1);
	udp_close(g);
}

static void allow_list_over_nested_and_neighbouring_prefixes(void **state)
{
	const struct rx_prefix p[] = {
		{v4("10.1.0.0"), 96 + 16}, {v4("10.0.0.0"), 96 + 8},   {v4("10.255.255.255"), 128},
		{v4("192.0.2.1"), 128},	   {v4("192.0.2.2"), 128},     {v4("192.0.2.8"), 127},
		{v6("2001:db8::"), 32},	   {v6("2001:db8:5::1"), 128},
	};
	struct allow_list *l = allow_list_new(p, sizeof(p) / sizeof(*p));
	static const struct {
		const char *address;
		bool allowed;
	} cases[] = {
		{"9.255.255.255", false}, {"10.0.0.0", true},	{"10.255.255.255", true},
		{"11.0.0.0", false},	  {"192.0.2.0", false}, {"192.0.2.1", true},
		{"192.0.2.2", true},	  {"192.0.2.3", false}, {"192.0.2.9", true},
		{"192.0.2.10", false},
	};
	struct ip_addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		a = v4(cases[i].address);
		assert_int_equal(allow_list_has(l, &a), cases[i].allowed);
	}
	a = v6("2001:db8:ffff::1");
	assert_true(allow_list_has(l, &a));
	a = v6("2001:db9::");
	assert_false(allow_list_has(l, &a));
	free(l);
	l = allow_list_new(&(struct rx_prefix){.prefix_len = 0}, 1);
	assert_true(allow_list_has(l, &a));
	free(l);
}

static void what_does_not_fit_the_socket_is_known(void **state)
{
	struct rx_options o = {.ports = {free_port()}, .n_ports = 1, .socket_buffer = 8192};
	struct udp_group *g = open_group(&o, 1, -1);
	struct udp *u = udp_of_worker(g, 0);
	struct account a = {0};
	struct datagram dg[RX_BATCH];
	uint8_t payload[1400] = {0};
	unsigned seen = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		send_one(v4("127.0.0.1"), v4("127.0.0.1"), o.ports[0], payload, sizeof(payload));
	for (unsigned n; (n = udp_receive(u, dg, RX_BATCH, &a)) > 0;)
		seen += n;
	assert_true(seen < 200);
	assert_int_equal(seen + udp_dropped(u), 200);
	udp_close(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_and_ports_of_both_families),
		cmocka_unit_test(only_the_given_addresses_and_all_ports),
		cmocka_unit_test(full_batches_and_every_socket_gets_its_turn),
		cmocka_unit_test(a_port_that_somebody_has_is_refused),
		cmocka_unit_test(an_exporter_stays_on_one_worker),
		cmocka_unit_test(without_privileges_too),
		cmocka_unit_test(a_stream_known_to_xdp_goes_to_its_queues_worker),
		cmocka_unit_test(exporters_that_are_not_allowed_are_counted),
		cmocka_unit_test(allow_list_over_nested_and_neighbouring_prefixes),
		cmocka_unit_test(what_does_not_fit_the_socket_is_known),
	};
	int failed;

	rcu_register_thread();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister_thread();
	return failed;
}
