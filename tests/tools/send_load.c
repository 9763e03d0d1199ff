/* Sends generated NetFlow v5/v9, IPFIX and sFlow datagrams at a steady rate, for tests and
 * benchmarks. SPDX-License-Identifier: Apache-2.0
 *
 * Through UDP sockets, or with --interface as whole frames through a packet socket: then with VLAN
 * tags, in fragments and from any source address. With --live the frames are made first and then
 * sent again and again by the kernel. Sequence numbers, templates and totals are right, so that
 * what a collector says can be held against what this program says at its end. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load/load.h"
#include "live/loader.h"
static const char *const protocols[] = {"netflow5", "netflow9", "ipfix", "sflow"};

struct options options = {
	.protocol = IPFIX,
	.mac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	.size = 1400,
	.count = 1000,
	.rate = 1000,
	.exporters = 1,
	.ports = 1,
	.template_every = 50,
	.templates = 1,
	.spread = 27,
	.cycle = 4096,
	.batch = BATCH,
	.vlan_every = 1,
	.fragment_every = 1,
};

struct sent sent;
uint32_t start_seconds;

void die(const char *what, const char *text)
{
	fprintf(stderr, "send_load: %s%s%s\n", what, text ? ": " : "", text ? text : "");
	exit(2);
}

bool is_v6(void)
{
	return options.family == AF_INET6;
}

static void send_all(int fd, struct mmsghdr *messages, unsigned n)
{
	for (unsigned done = 0; done < n;) {
		int r = sendmmsg(fd, messages + done, n - done, 0);

		if (r > 0) {
			done += r;
			continue;
		}
		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			die("cannot send", strerror(errno));
		usleep(100);
	}
	sent.frames += n;
}

static void send_frames(int fd, struct stream *streams, unsigned n)
{
	static uint8_t datagram[SLOT], frames[FRAMES_MAX * 128 + BATCH * SLOT];
	static struct mmsghdr messages[FRAMES_MAX];
	static struct iovec parts[FRAMES_MAX];
	static uint32_t id;
	unsigned used = 0;
	uint8_t *p = frames;

	for (unsigned i = 0; i < n; i++) {
		struct stream *s = &streams[sent.datagrams % options.exporters];
		uint16_t port = options.from_port + s->datagrams % options.ports;
		bool tagged = options.n_vlans && sent.datagrams % options.vlan_every == 0;
		bool cut = options.fragment && sent.datagrams % options.fragment_every == 0;
		size_t len = build(s, datagram + 8) + 8, step = cut ? options.fragment : len;

		put_udp(datagram, s, port, len - 8);
		id++;
		for (size_t at = 0; at < len; at += step) {
			size_t here = len - at < step ? len - at : step;
			uint8_t *body = put_headers(p, s, tagged, id, at, here, at + here < len);

			memcpy(body, datagram + at, here);
			parts[used] = (struct iovec){p, body + here - p};
			messages[used].msg_hdr.msg_iov = &parts[used];
			messages[used].msg_hdr.msg_iovlen = 1;
			p = body + here;
			if (++used == FRAMES_MAX) {
				send_all(fd, messages, used);
				used = 0;
				p = frames;
			}
		}
		sent.tagged += tagged;
		sent.fragmented += cut && len > step;
	}
	send_all(fd, messages, used);
}

static void send_datagrams(struct stream *s, unsigned port, unsigned n)
{
	static uint8_t slots[BATCH][SLOT];
	static struct mmsghdr messages[BATCH];
	static struct iovec parts[BATCH];
	struct sockaddr_storage to = {0};
	socklen_t to_len;

	if (is_v6()) {
		struct sockaddr_in6 *a = (void *)&to;

		*a = (struct sockaddr_in6){.sin6_family = AF_INET6,
					   .sin6_port = htons(options.to_port),
					   .sin6_addr = options.to};
		to_len = sizeof(*a);
	} else {
		struct sockaddr_in *a = (void *)&to;

		a->sin_family = AF_INET;
		a->sin_port = htons(options.to_port);
		memcpy(&a->sin_addr, &options.to.s6_addr[12], 4);
		to_len = sizeof(*a);
	}
	for (unsigned i = 0; i < n; i++) {
		parts[i] = (struct iovec){slots[i], build(s, slots[i])};
		messages[i].msg_hdr = (struct msghdr){.msg_name = &to,
						      .msg_namelen = to_len,
						      .msg_iov = &parts[i],
						      .msg_iovlen = 1};
	}
	send_all(s->fd[port], messages, n);
}

/* Any source address may be bound (IP_TRANSPARENT, root) so that one machine is many exporters. */
static int open_socket(const struct stream *s, uint16_t port)
{
	int fd = socket(options.family, SOCK_DGRAM, 0), one = 1, r;

	if (fd < 0)
		die("socket", strerror(errno));
	if (is_v6()) {
		struct sockaddr_in6 a = {
			.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = s->address};

		setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &one, sizeof(one));
		r = bind(fd, (struct sockaddr *)&a, sizeof(a));
	} else {
		struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

		memcpy(&a.sin_addr, &s->address.s6_addr[12], 4);
		setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &one, sizeof(one));
		r = bind(fd, (struct sockaddr *)&a, sizeof(a));
	}
	if (r)
		die("bind the source address", strerror(errno));
	return fd;
}

static int open_interface(void)
{
	struct sockaddr_ll a = {.sll_family = AF_PACKET,
				.sll_ifindex = if_nametoindex(options.interface)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0)
		die("packet socket", strerror(errno));
	if (!a.sll_ifindex || bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die(options.interface, strerror(errno));
	return fd;
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

uint64_t due_now(uint64_t start, uint64_t done, uint64_t count, uint64_t most)
{
	static uint64_t late_ns; /* passed while the machine did something else */
	const uint64_t allowed_ns = 20000000;
	uint64_t due = count, on_time;

	if (!done)
		late_ns = 0;
	if (options.rate) {
		on_time = start + (uint64_t)(done / (double)options.rate * 1e9);
		if (now_ns() - late_ns > on_time + allowed_ns)
			late_ns = now_ns() - on_time - allowed_ns;
		due = (now_ns() - late_ns - start) / 1e9 * options.rate + 1;
		due = due < count ? due : count;
	}
	if (due <= done) {
		usleep(200);
		return 0;
	}
	return due - done < most ? due - done : most;
}

void report(uint64_t start)
{
	double seconds = (now_ns() - start) / 1e9;

	printf("datagrams=%lu payload=%lu records=%lu bytes=%lu packets=%lu frames=%lu tagged=%lu "
	       "fragmented=%lu seconds=%.3f rate=%.0f\n",
	       sent.datagrams, sent.payload, sent.records, sent.bytes, sent.packets, sent.frames,
	       sent.tagged, sent.fragmented, seconds, sent.datagrams / seconds);
}

static void run(struct stream *streams)
{
	int fd = options.interface[0] ? open_interface() : -1;
	uint64_t start = now_ns(), n;

	for (unsigned turn = 0; sent.datagrams < options.count; turn++) {
		n = due_now(start, sent.datagrams, options.count, BATCH);
		if (!n)
			continue;
		if (fd >= 0)
			send_frames(fd, streams, n);
		else
			send_datagrams(&streams[turn % options.exporters],
				       turn / options.exporters % options.ports, n);
	}
	report(start);
}

/* Command line */

static void parse_address(const char *text, struct in6_addr *address, uint16_t *port)
{
	char host[64];
	const char *colon = strrchr(text, ':');
	size_t n;

	if (colon && text[0] != '[' && strchr(text, ':') != colon)
		colon = NULL; /* an IPv6 address without a port */
	n = colon ? (size_t)(colon - text) : strlen(text);
	if (text[0] == '[') {
		text++;
		n = strcspn(text, "]");
		colon = text[n] && text[n + 1] == ':' ? text + n + 1 : NULL;
	}
	snprintf(host, sizeof(host), "%.*s", (int)n, text);
	*port = colon ? atoi(colon + 1) : 0;
	if (inet_pton(AF_INET, host, &address->s6_addr[12]) == 1)
		options.family = AF_INET;
	else if (inet_pton(AF_INET6, host, address) == 1)
		options.family = AF_INET6;
	else
		die("not an address", text);
}

static void usage(void)
{
	printf("usage: send_load --to ADDRESS:PORT [OPTION...]\n"
	       "  --protocol P       netflow5, netflow9, ipfix or sflow (ipfix)\n"
	       "  --size BYTES       of each datagram (1400)\n"
	       "  --count N          datagrams (1000)\n"
	       "  --rate N           datagrams per second, 0: as fast as it goes (1000)\n"
	       "  --from ADDR[:PORT] source; with --exporters the first of them\n"
	       "  --exporters N      as many sources, one address after the other (1)\n"
	       "  --ports N          as many source ports per exporter (1)\n"
	       "  --template-every N datagrams of a stream (50); with --live 0: only before all\n"
	       "  --templates N      of each exporter, used in turn (1)\n"
	       "  --hosts N          that the flows are between; a fifth of them has half of the flows\n"
	       "  --zipf             by Zipf's law: of 20,000 hosts 140 have half of the flows\n"
	       "  --spread BITS      the hosts lie in 2^BITS addresses from 1.0.0.0 on (27)\n"
	       "  --interface IF     send frames through a packet socket; with it:\n"
	       "  --mac MAC          to this address (ff:ff:ff:ff:ff:ff)\n"
	       "  --vlan ID          tag them; twice: QinQ, outer first\n"
	       "  --vlan-every N     tag each Nth only\n"
	       "  --fragment BYTES   in IP fragments of this payload\n"
	       "  --fragment-every N cut each Nth only\n"
	       "  --time SECONDS     since 1970, that the datagrams tell (now)\n"
	       "  --live             make --cycle N frames (4096) and have the kernel send them in\n"
	       "                     turn, --batch N at a time (32, at most 256); IPv4 only\n"
	       "  --pass             live frames come in through the interface instead\n"
	       "  --write FILE       a capture of one cycle instead of sending\n"
	       "Ends with one line of what was sent, as name=value.\n");
	exit(0);
}

static void parse(int argc, char **argv)
{
	enum {
		TO = 1,
		FROM,
		PROTOCOL,
		SIZE,
		COUNT,
		RATE,
		EXPORTERS,
		PORTS,
		TEMPLATE,
		INTERFACE,
		MAC,
		VLAN,
		VLAN_EVERY,
		FRAGMENT,
		FRAGMENT_EVERY,
		TEMPLATES,
		HOSTS,
		LIVE,
		PASS,
		CYCLE,
		BATCH_SIZE,
		WRITE,
		TIME,
		SPREAD,
		ZIPF,
		HELP
	};
	static const struct option names[] = {
		{"to", 1, 0, TO},
		{"from", 1, 0, FROM},
		{"protocol", 1, 0, PROTOCOL},
		{"size", 1, 0, SIZE},
		{"count", 1, 0, COUNT},
		{"rate", 1, 0, RATE},
		{"exporters", 1, 0, EXPORTERS},
		{"ports", 1, 0, PORTS},
		{"template-every", 1, 0, TEMPLATE},
		{"interface", 1, 0, INTERFACE},
		{"mac", 1, 0, MAC},
		{"vlan", 1, 0, VLAN},
		{"vlan-every", 1, 0, VLAN_EVERY},
		{"fragment", 1, 0, FRAGMENT},
		{"fragment-every", 1, 0, FRAGMENT_EVERY},
		{"templates", 1, 0, TEMPLATES},
		{"hosts", 1, 0, HOSTS},
		{"live", 0, 0, LIVE},
		{"pass", 0, 0, PASS},
		{"cycle", 1, 0, CYCLE},
		{"batch", 1, 0, BATCH_SIZE},
		{"write", 1, 0, WRITE},
		{"time", 1, 0, TIME},
		{"spread", 1, 0, SPREAD},
		{"zipf", 0, 0, ZIPF},
		{"help", 0, 0, HELP},
		{0},
	};
	uint8_t *m = options.mac;
	int o;

	while ((o = getopt_long(argc, argv, "", names, NULL)) > 0) {
		unsigned long number = optarg ? strtoul(optarg, NULL, 10) : 0;

		switch (o) {
		case TO:
			parse_address(optarg, &options.to, &options.to_port);
			break;
		case FROM:
			parse_address(optarg, &options.from, &options.from_port);
			break;
		case PROTOCOL:
			options.protocol = NETFLOW5;
			while (strcmp(optarg, protocols[options.protocol]))
				if (++options.protocol > SFLOW5)
					die("no such protocol", optarg);
			break;
		case SIZE:
			options.size = number & ~3ul;
			break;
		case COUNT:
			options.count = number;
			break;
		case RATE:
			options.rate = number;
			break;
		case EXPORTERS:
			options.exporters = number;
			break;
		case PORTS:
			options.ports = number;
			break;
		case TEMPLATE:
			options.template_every = number;
			break;
		case INTERFACE:
			snprintf(options.interface, sizeof(options.interface), "%s", optarg);
			break;
		case MAC:
			if (sscanf(optarg, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3,
				   m + 4, m + 5) != 6)
				die("not a MAC address", optarg);
			break;
		case VLAN:
			if (options.n_vlans < 2)
				options.vlans[options.n_vlans++] = number;
			break;
		case VLAN_EVERY:
			options.vlan_every = number;
			break;
		case FRAGMENT:
			options.fragment = number & ~7ul;
			break;
		case FRAGMENT_EVERY:
			options.fragment_every = number;
			break;
		case TEMPLATES:
			options.templates = number;
			break;
		case HOSTS:
			options.hosts = number;
			break;
		case ZIPF:
			options.zipf = true;
			break;
		case LIVE:
			options.live = true;
			break;
		case PASS:
			options.live = options.pass = true;
			break;
		case CYCLE:
			options.cycle = number;
			break;
		case BATCH_SIZE:
			options.batch = number;
			break;
		case SPREAD:
			options.spread = number;
			break;
		case TIME:
			options.time = number;
			break;
		case WRITE:
			options.write = optarg;
			break;
		case HELP:
			usage();
			break;
		default:
			exit(2);
		}
	}
	if (!options.to_port)
		die("--to ADDRESS:PORT is needed; see --help", NULL);
	if (options.size < 200 || options.size > PAYLOAD_MAX)
		die("--size is 200 to 65504", NULL);
	if (options.ports > PORTS_MAX)
		die("too many --ports: 64 is the most", NULL);
	if (!options.exporters || !options.ports || !options.templates || !options.cycle ||
	    (!options.template_every && !options.live) || !options.batch || !options.vlan_every ||
	    !options.fragment_every)
		die("a number that must not be 0 is", NULL);
	if (options.spread > 30)
		die("--spread is 30 at most", NULL);
	if (options.templates > TEMPLATES_MAX)
		die("too many --templates: 4096 is the most", NULL);
	if (options.batch > LIVE_RUN_MAX)
		die("too large a --batch: 256 is the most", NULL);
	if (options.live && !options.interface[0])
		die("--live needs --interface", NULL);
	if ((options.live || options.write) &&
	    (is_v6() || options.size > LIVE_FRAME_SIZE - HEADERS))
		die("--live and --write take IPv4 and a --size of at most 1494", NULL);
	if ((options.interface[0] || options.write) && !options.from_port)
		options.from_port = 40000;
}

int main(int argc, char **argv)
{
	struct stream *streams;
	bool framed;

	parse(argc, argv);
	framed = options.interface[0] || options.write;
	streams = calloc(options.exporters, sizeof(*streams));
	if (!streams)
		die("out of memory", NULL);
	start_seconds = options.time ? options.time : time(NULL);
	for (unsigned i = 0; i < options.exporters; i++) {
		struct stream *s = &streams[i];
		uint8_t *last = &s->address.s6_addr[12];

		s->address = options.from;
		put32(last, (last[0] << 24 | last[1] << 16 | last[2] << 8 | last[3]) + i);
		for (unsigned n = 0; !framed && n < options.ports; n++)
			s->fd[n] = open_socket(s, options.from_port ? options.from_port + n : 0);
	}
	if (options.write)
		write_capture(streams);
	else if (options.live)
		run_live(streams);
	else
		run(streams);
	free(streams);
	return 0;
}
