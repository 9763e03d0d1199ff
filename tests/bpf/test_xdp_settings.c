/* What the loader writes into the maps of an attached program, and what it takes out again.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Attaches to the loopback of a network namespace of its own, pins in a mount namespace of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../../agent/log.h"
#include "../../loaders/xdp.h"

static struct xdp *x;

static struct rx_options options(void)
{
	return (struct rx_options){
		.interfaces = {"lo"},
		.n_interfaces = 1,
		.ports = {2055, 6343},
		.n_ports = 2,
		.mode = RX_GENERIC,
		.frame_size = 4096,
		.max_exporters = 1024,
		.pin_path = "/sys/fs/bpf/weir-test/settings",
	};
}

static int open_lo(void **state)
{
	struct rx_options o = options();
	char error[512] = "";

	(void)state;
	if (xdp_open(&x, &o, error, sizeof(error)) == 0)
		return 0;
	print_message("%s\n", error);
	return -1;
}

static int close_lo(void **state)
{
	(void)state;
	xdp_close(x, false);
	return access("/sys/fs/bpf/weir-test/settings", F_OK) == 0 ? -1 : 0;
}

static struct ip_addr address(const char *text)
{
	struct ip_addr a = {};

	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, a.b), 1);
	} else {
		a.b[10] = a.b[11] = 0xff;
		assert_int_equal(inet_pton(AF_INET, text, a.b + 12), 1);
	}
	return a;
}

static unsigned keys_in(enum xdp_map map)
{
	uint8_t key[64], next[64];
	int fd = xdp_map_fd(x, map), r = bpf_map_get_next_key(fd, NULL, key);
	unsigned n = 0;

	while (r == 0) {
		n++;
		r = bpf_map_get_next_key(fd, key, next);
		memcpy(key, next, sizeof(key));
	}
	assert_int_equal(r, -ENOENT);
	return n;
}

static bool has_listener(const char *text, unsigned port)
{
	struct listener_key k = {.port = htons((uint16_t)port)};
	uint8_t value;

	memcpy(k.address, address(text).b, 16);
	return bpf_map_lookup_elem(xdp_map_fd(x, XDP_MAP_LISTENERS), &k, &value) == 0;
}

static bool is_allowed(const char *text)
{
	struct allow_key k = {.prefix_len = 128};
	uint8_t value;

	memcpy(k.address, address(text).b, 16);
	return bpf_map_lookup_elem(xdp_map_fd(x, XDP_MAP_ALLOW), &k, &value) == 0;
}

static struct steer_settings settings(void)
{
	struct steer_settings s;

	assert_int_equal(bpf_map_lookup_elem(xdp_map_fd(x, XDP_MAP_SETTINGS), &(uint32_t){0}, &s),
			 0);
	return s;
}

static void listeners_are_replaced(void **state)
{
	struct rx_options o = options();

	(void)state;
	assert_int_equal(keys_in(XDP_MAP_LISTENERS), 3); /* two ports, and the address itself */
	assert_true(has_listener("::", 2055) && has_listener("::", 6343) && has_listener("::", 0));
	o.addresses[0] = address("10.1.2.3");
	o.addresses[1] = address("fd00::3");
	o.n_addresses = 2;
	o.ports[1] = 4739;
	assert_int_equal(xdp_set_listeners(x, &o), 0);
	assert_int_equal(keys_in(XDP_MAP_LISTENERS), 6);
	assert_true(has_listener("10.1.2.3", 2055) && has_listener("fd00::3", 4739));
	assert_false(has_listener("::", 2055) || has_listener("10.1.2.3", 6343));
}

static void allow_list_is_replaced(void **state)
{
	const struct rx_prefix first[] = {{address("10.0.0.0"), 104}, {address("fd00::"), 16}};
	const struct rx_prefix second[] = {{address("10.0.77.7"), 112}, {address("fd00::"), 16}};

	(void)state;
	assert_false(settings().flags & STEER_ALLOW_IN_USE);
	assert_int_equal(xdp_set_allow(x, first, 2), 0);
	assert_true(settings().flags & STEER_ALLOW_IN_USE);
	assert_true(is_allowed("10.255.0.1") && is_allowed("fd00::1"));
	assert_false(is_allowed("11.0.0.1") || is_allowed("fe80::1"));
	/* Bits behind the prefix do not count. */
	assert_int_equal(xdp_set_allow(x, second, 2), 0);
	assert_int_equal(keys_in(XDP_MAP_ALLOW), 2);
	assert_true(is_allowed("10.0.1.1") && is_allowed("fd00::1"));
	assert_false(is_allowed("10.1.0.1"));
	assert_int_equal(xdp_set_allow(x, second, 2), 0);
	assert_int_equal(keys_in(XDP_MAP_ALLOW), 2);
	assert_int_equal(xdp_set_allow(x, NULL, 0), 0);
	assert_int_equal(keys_in(XDP_MAP_ALLOW), 0);
	assert_false(settings().flags & STEER_ALLOW_IN_USE);
	assert_int_equal(xdp_set_allow(x, &(struct rx_prefix){address("::"), 129}, 1), -EINVAL);
}

static void large_allow_list_is_replaced(void **state)
{
	static struct rx_prefix list[20000];
	const unsigned n = sizeof(list) / sizeof(*list);

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		list[i] = (struct rx_prefix){address("10.0.0.0"), 128};
		list[i].address.b[14] = (uint8_t)(i >> 8);
		list[i].address.b[15] = (uint8_t)i;
	}
	assert_int_equal(xdp_set_allow(x, list, n), 0);
	assert_int_equal(keys_in(XDP_MAP_ALLOW), n);
	assert_int_equal(xdp_set_allow(x, list, n / 2), 0);
	assert_int_equal(keys_in(XDP_MAP_ALLOW), n / 2);
	assert_true(is_allowed("10.0.0.5"));
	assert_false(is_allowed("10.0.78.31"));
}

static void rate_becomes_an_interval(void **state)
{
	(void)state;
	assert_int_equal(settings().rate_interval_ns, 0);
	assert_int_equal(xdp_set_rate(x, 1000, 50), 0);
	assert_int_equal(settings().rate_interval_ns, 1000000);
	assert_int_equal(settings().rate_burst_ns, 49 * 1000000);
	assert_int_equal(xdp_set_rate(x, 2000000000, 1), -EINVAL);
	assert_int_equal(xdp_set_allow(x, &(struct rx_prefix){address("::"), 0}, 1), 0);
	assert_int_equal(settings().rate_interval_ns, 1000000); /* the others stay */
	assert_int_equal(xdp_set_rate(x, 0, 0), 0);
	assert_int_equal(settings().rate_interval_ns, 0);
	assert_true(settings().flags & STEER_ALLOW_IN_USE);
}

static void pinned_settings_follow_the_new_options(void **state)
{
	struct rx_options o = options();
	char error[512];

	(void)state;
	assert_int_equal(xdp_set_rate(x, 1000, 50), 0);
	assert_int_equal(xdp_set_allow(x, &(struct rx_prefix){address("::"), 0}, 1), 0);
	xdp_close(x, true);
	o.ports[0] = 9995;
	o.n_ports = 1;
	assert_int_equal(xdp_open(&x, &o, error, sizeof(error)), 0);
	assert_int_equal(keys_in(XDP_MAP_LISTENERS), 2);
	assert_true(has_listener("::", 9995));
	assert_int_equal(keys_in(XDP_MAP_ALLOW), 0);
	assert_int_equal(settings().rate_interval_ns, 0);
	assert_int_equal(settings().flags, 0);
}

static void bad_options_are_refused(void **state)
{
	struct rx_options o = options();
	struct xdp *other;
	char error[512];

	(void)state;
	o.n_interfaces = 0;
	assert_int_equal(xdp_open(&other, &o, error, sizeof(error)), -EINVAL);
	o = options();
	strcpy(o.interfaces[0], "nosuch");
	assert_int_equal(xdp_open(&other, &o, error, sizeof(error)), -ENODEV);
	assert_non_null(strstr(error, "nosuch"));
	o = options();
	assert_int_equal(xdp_open(&other, &o, error, sizeof(error)), -EBUSY);
	assert_non_null(strstr(error, "another weir"));
	strcpy(o.pin_path, "relative");
	assert_int_equal(xdp_open(&other, &o, error, sizeof(error)), -EINVAL);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, open_lo, close_lo)
	const struct CMUnitTest tests[] = {
		TEST(listeners_are_replaced),
		TEST(allow_list_is_replaced),
		TEST(large_allow_list_is_replaced),
		TEST(rate_becomes_an_interval),
		TEST(pinned_settings_follow_the_new_options),
		TEST(bad_options_are_refused),
	};

	log_set_level(LOG_LEVEL_WARNING);
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700") < 0) {
		printf("SKIP xdp_settings: needs root for namespaces and BPF (%s)\n",
		       strerror(errno));
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
