/* For the namespace tests: receives through XDP and through the kernel's socket, and says what
 * came. SPDX-License-Identifier: Apache-2.0
 *
 * usage: xdp_receive IF PIN_PATH [NAME=NUMBER...]
 * Ends after `count` datagrams, `first` ms before the first or `idle` ms without another, or
 * `limit` seconds; prints one line. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../agent/bytes.h"
#include "../../agent/clock.h"
#include "../../agent/log.h"
#include "../../agent/rx/xsk.h"
#include "../../loaders/xdp.h"

enum { PORT = 2055, QUEUES_MAX = 16 };

static struct {
	const char *name;
	unsigned long value;
} settings[] = {{"count", 1ul << 40}, {"idle", 20000},	    {"limit", 300},   {"mode", RX_AUTO},
		{"frames", 4096},     {"frame_size", 4096}, {"ring", 2048},   {"exporters", 1024},
		{"keep", 0},	      {"sockets", 1},	    {"zero_copy", 1}, {"rate", 0},
		{"burst", 0},	      {"debug", 0},	    {"first", 60000}};

static unsigned long setting(const char *name)
{
	for (unsigned i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (!strcmp(settings[i].name, name))
			return settings[i].value;
	abort();
}

static void set(const char *text)
{
	const char *equals = strchr(text, '=');

	for (unsigned i = 0; equals && i < sizeof(settings) / sizeof(*settings); i++)
		if (strlen(settings[i].name) == (size_t)(equals - text) &&
		    !strncmp(settings[i].name, text, (size_t)(equals - text))) {
			settings[i].value = strtoul(equals + 1, NULL, 0);
			return;
		}
	fprintf(stderr, "no setting '%s'\n", text);
	exit(2);
}

static int udp_socket(void)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = 32 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0) {
		perror("bind");
		exit(1);
	}
	return fd;
}

static struct rx_options options(const char *interface, const char *pin_path)
{
	struct rx_options o = {.n_interfaces = 1, .ports = {PORT}, .n_ports = 1};

	snprintf(o.interfaces[0], sizeof(o.interfaces[0]), "%s", interface);
	snprintf(o.pin_path, sizeof(o.pin_path), "%s", pin_path);
	o.mode = (enum rx_mode)setting("mode");
	o.frames = (uint32_t)setting("frames");
	o.frame_size = (uint32_t)setting("frame_size");
	o.ring_size = (uint32_t)setting("ring");
	o.max_exporters = (uint32_t)setting("exporters");
	o.rate_limit = (uint32_t)setting("rate");
	o.rate_burst = (uint32_t)setting("burst");
	o.zero_copy = setting("zero_copy");
	return o;
}

int main(int argc, char **argv)
{
	static uint8_t buffer[65536];
	struct pollfd polls[QUEUES_MAX + 1];
	struct xsk *sockets[QUEUES_MAX];
	unsigned long long udp = 0, started, last, order = 0, of_queue[QUEUES_MAX] = {};
	unsigned queues, n = 0;
	struct account a = {};
	struct datagram dg[RX_BATCH];
	struct rx_options o;
	struct xsk_stats s;
	char error[512];
	struct xdp *x;

	if (argc < 3)
		return 2;
	for (int i = 3; i < argc; i++)
		set(argv[i]);
	if (setting("debug"))
		log_set_level(LOG_LEVEL_DEBUG);
	o = options(argv[1], argv[2]);
	polls[0] = (struct pollfd){udp_socket(), POLLIN, 0};
	if (xdp_open(&x, &o, error, sizeof(error)) < 0) {
		fprintf(stderr, "xdp_open: %s\n", error);
		return 1;
	}
	queues = setting("sockets") ? xdp_queues(x, 0) : 0;
	for (n = 0; n < queues && n < QUEUES_MAX; n++) {
		if (xsk_open(&sockets[n], &o, argv[1], n, xdp_xsks_fd(x, 0), xdp_frags(x, 0), error,
			     sizeof(error)) < 0) {
			fprintf(stderr, "xsk_open: %s\n", error);
			xdp_close(x, false);
			return 1;
		}
		polls[n + 1] = (struct pollfd){xsk_fd(sockets[n]), POLLIN, 0};
	}
	printf("ready\n");
	fflush(stdout);
	started = last = clock_monotonic_ms();
	while (account_get(&a, ACCOUNT_RX_XDP) + udp < setting("count") &&
	       clock_monotonic_ms() - last < setting(last == started ? "first" : "idle") &&
	       clock_monotonic_ms() - started < setting("limit") * 1000) {
		ssize_t got;

		poll(polls, n + 1, 100);
		while ((got = recv(polls[0].fd, buffer, sizeof(buffer), 0)) >= 0) {
			udp++;
			last = clock_monotonic_ms();
		}
		for (unsigned q = 0; q < n; q++) {
			unsigned taken = xsk_receive(sockets[q], dg, RX_BATCH, &a);

			/* The sender numbers them; sums tell whether each came once. */
			for (unsigned i = 0; i < taken; i++)
				if (dg[i].len >= 4)
					order += be32(dg[i].data);
			of_queue[q] += taken;
			if (taken)
				last = clock_monotonic_ms();
			xsk_release(sockets[q]);
		}
	}
	printf("mode=%s frags=%d queues=%u xdp=%llu udp=%llu bytes=%llu bad_checksum=%llu "
	       "bad_frame=%llu sum=%llu",
	       xdp_mode_got(x, 0) == RX_NATIVE ? "native" : "generic", xdp_frags(x, 0), n,
	       (unsigned long long)account_get(&a, ACCOUNT_RX_XDP), udp,
	       (unsigned long long)account_get(&a, ACCOUNT_RX_BYTES),
	       (unsigned long long)account_get(&a, ACCOUNT_RX_BAD_CHECKSUM),
	       (unsigned long long)account_get(&a, ACCOUNT_RX_BAD_FRAME), order);
	for (unsigned q = 0; q < n; q++) {
		xsk_statistics(sockets[q], &s);
		printf(" queue%u:taken=%llu,dropped=%llu,full=%llu,empty=%llu", q, of_queue[q],
		       (unsigned long long)s.dropped, (unsigned long long)s.ring_full,
		       (unsigned long long)s.fill_empty);
		xsk_close(sockets[q]);
	}
	printf("\n");
	xdp_close(x, setting("keep"));
	return 0;
}
