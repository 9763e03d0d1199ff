/* Sends generated NetFlow v5/v9, IPFIX and sFlow datagrams at a steady rate, for tests and
 * benchmarks. SPDX-License-Identifier: Apache-2.0
 *
 * Through UDP sockets, or with --interface as whole frames through a packet socket: then with VLAN
 * tags, in fragments and from any source address. Sequence numbers, templates and totals are right,
 * so that what a collector says can be held against what this program says at its end. */
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

enum {
	BATCH = 32,
	SLOT = 66 * 1024, /* bytes for one datagram and its headers */
	FRAMES_MAX = 2048,
	TEMPLATE_ID = 300,
	PAYLOAD_MAX = 65507,
	PORTS_MAX = 64,
};

enum protocol { NETFLOW5, NETFLOW9, IPFIX, SFLOW5 };
static const char *const protocols[] = {"netflow5", "netflow9", "ipfix", "sflow"};

/* One exporter. */
struct stream {
	struct in6_addr address; /* IPv4 in the last four bytes */
	uint32_t sequence;
	uint64_t datagrams;
	int fd[PORTS_MAX]; /* with UDP sockets: one for each source port */
};

static struct {
	enum protocol protocol;
	int family;
	struct in6_addr to, from;
	uint16_t to_port, from_port;
	char interface[IFNAMSIZ]; /* empty: UDP sockets */
	uint8_t mac[6];
	size_t size;
	uint64_t count, rate;
	unsigned exporters, ports, template_every;
	unsigned vlans[2], n_vlans, vlan_every;
	size_t fragment; /* bytes of IP payload in each; 0: none */
	unsigned fragment_every;
} options = {
	.protocol = IPFIX,
	.mac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	.size = 1400,
	.count = 1000,
	.rate = 1000,
	.exporters = 1,
	.ports = 1,
	.template_every = 50,
	.vlan_every = 1,
	.fragment_every = 1,
};

static struct {
	uint64_t datagrams, payload, records, bytes, packets, tagged, fragmented, frames;
} sent;

static uint32_t start_seconds; /* when the run began, s since 1970 */

static void die(const char *what, const char *text)
{
	fprintf(stderr, "send_load: %s%s%s\n", what, text ? ": " : "", text ? text : "");
	exit(2);
}

static uint8_t *put16(uint8_t *p, uint32_t v)
{
	p[0] = v >> 8;
	p[1] = v;
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, v >> 16), v);
}

static uint8_t *put64(uint8_t *p, uint64_t v)
{
	return put32(put32(p, v >> 32), v);
}

/* The nth flow of the run. */
struct sample_flow {
	uint32_t src, dst, bytes, packets;
	uint16_t src_port, dst_port;
	uint8_t proto;
};

static struct sample_flow next_flow(void)
{
	uint64_t n = sent.records++;
	uint32_t mix = (uint32_t)(n * 2654435761u);
	struct sample_flow f = {
		.src = 0x0a000000 | (mix >> 12),
		.dst = 0xac100000 | (mix & 0xfffff),
		.packets = 1 + mix % 100,
		.src_port = 1024 + mix % 60000,
		.dst_port = n % 3 ? 443 : 53,
		.proto = n % 3 ? IPPROTO_TCP : IPPROTO_UDP,
	};

	f.bytes = f.packets * (64 + mix % 1400);
	if (options.protocol == SFLOW5) {
		f.packets = 1;
		f.bytes = 64 + mix % 1400;
	}
	sent.bytes += f.bytes;
	sent.packets += f.packets;
	return f;
}

static size_t build_netflow5(struct stream *s, uint8_t *start, size_t size)
{
	size_t n = (size - 24) / 48;
	uint8_t *p = start;

	if (n > 30)
		n = 30;
	p = put16(put16(p, 5), n);
	p = put32(put32(put32(p, 3600000), start_seconds), 0);
	p = put16(put32(p, s->sequence), 0);
	p = put16(p, 0);
	for (size_t i = 0; i < n; i++) {
		struct sample_flow f = next_flow();

		p = put32(put32(put32(p, f.src), f.dst), 0);
		p = put16(put16(p, 1), 2);
		p = put32(put32(p, f.packets), f.bytes);
		p = put32(put32(p, 3590000), 3595000);
		p = put16(put16(p, f.src_port), f.dst_port);
		*p++ = 0;
		*p++ = f.proto == IPPROTO_TCP ? 0x1b : 0;
		*p++ = f.proto;
		*p++ = 0;
		p = put16(put16(p, 64500), 64501);
		p = put32(p, 24 << 24 | 24 << 16);
	}
	s->sequence += n;
	return p - start;
}

/* Information elements of the one template, with their lengths; v9 has 21/22 for 152/153. */
static const uint16_t fields[][2] = {{8, 4},  {12, 4}, {7, 2},	 {11, 2},  {4, 1},  {5, 1},  {6, 2},
				     {10, 4}, {14, 4}, {1, 8},	 {2, 8},   {16, 4}, {17, 4}, {9, 1},
				     {13, 1}, {61, 1}, {136, 1}, {152, 8}, {153, 8}};
enum { N_FIELDS = sizeof(fields) / sizeof(*fields) };

static uint8_t *put_template(uint8_t *p)
{
	p = put16(put16(p, options.protocol == IPFIX ? 2 : 0), 8 + 4 * N_FIELDS);
	p = put16(put16(p, TEMPLATE_ID), N_FIELDS);
	for (unsigned i = 0; i < N_FIELDS; i++) {
		bool relative = options.protocol == NETFLOW9 && fields[i][0] >= 152;

		p = put16(p, relative ? fields[i][0] == 152 ? 22 : 21 : fields[i][0]);
		p = put16(p, relative ? 4 : fields[i][1]);
	}
	return p;
}

static uint8_t *put_record(uint8_t *p)
{
	struct sample_flow f = next_flow();

	p = put16(put16(put32(put32(p, f.src), f.dst), f.src_port), f.dst_port);
	*p++ = f.proto;
	*p++ = 0;
	p = put16(p, f.proto == IPPROTO_TCP ? 0x1b : 0);
	p = put64(put64(put32(put32(p, 1), 2), f.bytes), f.packets);
	p = put32(put32(p, 64500), 64501);
	*p++ = 24;
	*p++ = 24;
	*p++ = 0;
	*p++ = 1;
	if (options.protocol == NETFLOW9)
		return put32(put32(p, 3590000), 3595000);
	return put64(put64(p, start_seconds * 1000ull - 10000), start_seconds * 1000ull - 5000);
}

static size_t build_templated(struct stream *s, uint8_t *start, size_t size)
{
	bool v9 = options.protocol == NETFLOW9;
	size_t header = v9 ? 20 : 16, record = v9 ? 60 : 68;
	uint8_t *p = start + header, *set;
	unsigned n = 0, records = 0;

	if (s->datagrams % options.template_every == 0) {
		p = put_template(p);
		n++;
	}
	set = p;
	for (p += 4; p + record <= start + size; records++)
		p = put_record(p);
	/* What is left is padding: shorter than a record. */
	memset(p, 0, start + size - p);
	put16(put16(set, TEMPLATE_ID), start + size - set);

	p = put16(start, v9 ? 9 : 10);
	p = put16(p, v9 ? n + records : size);
	if (v9)
		p = put32(p, 3600000);
	p = put32(put32(p, start_seconds), s->sequence);
	put32(p, 1);
	s->sequence += v9 ? 1 : records;
	return size;
}

/* A flow sample with one raw header of `captured` bytes. */
static uint8_t *put_flow_sample(uint8_t *p, uint32_t number, uint32_t captured)
{
	struct sample_flow f = next_flow();
	uint8_t *end, *ip;

	p = put32(put32(put32(p, 1), 32 + 24 + captured), number);
	p = put32(put32(put32(put32(p, 1), 1000), number * 1000), 0);
	p = put32(put32(put32(p, 1), 2), 1);
	p = put32(put32(put32(p, 1), 16 + captured), 1);
	p = put32(put32(put32(p, f.bytes), 4), captured);
	end = p + captured;
	memset(p, 0, captured);
	p = put32(put32(put32(p, 0x02000000), 0x00010200), 0x00000002);
	ip = put16(p, ETH_P_IP);
	p = put16(put16(ip, 0x4500), f.bytes - 14);
	p = put32(p, 0);
	p = put16(p, 64 << 8 | f.proto);
	p = put32(put32(put16(p, 0), f.src), f.dst);
	p = put16(put16(p, f.src_port), f.dst_port);
	if (f.proto == IPPROTO_TCP)
		put16(p + 8, 0x501b);
	return end;
}

static size_t build_sflow(struct stream *s, uint8_t *start, size_t size)
{
	enum { CAPTURED = 64, SAMPLE = 8 + 32 + 24 + CAPTURED };
	size_t address = options.family == AF_INET6 ? 16 : 4, header = 24 + address;
	size_t n = (size - header) / SAMPLE, left = (size - header) % SAMPLE & ~3u;
	uint8_t *p = start;

	p = put32(put32(p, 5), address == 4 ? 1 : 2);
	memcpy(p, &s->address.s6_addr[16 - address], address);
	p = put32(put32(p + address, 0), s->sequence + 1);
	p = put32(put32(p, 3600000), n);
	for (size_t i = 0; i < n; i++)
		p = put_flow_sample(p, s->sequence * n + i + 1, CAPTURED + (i ? 0 : left));
	s->sequence++;
	return p - start;
}

static size_t build(struct stream *s, uint8_t *p)
{
	size_t n;

	switch (options.protocol) {
	case NETFLOW5:
		n = build_netflow5(s, p, options.size);
		break;
	case SFLOW5:
		n = build_sflow(s, p, options.size);
		break;
	default:
		n = build_templated(s, p, options.size);
	}
	s->datagrams++;
	sent.datagrams++;
	sent.payload += n;
	return n;
}

/* Frames */

static uint32_t sum16(const uint8_t *p, size_t n, uint32_t sum)
{
	for (; n > 1; p += 2, n -= 2)
		sum += p[0] << 8 | p[1];
	return n ? sum + (p[0] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

static bool is_v6(void)
{
	return options.family == AF_INET6;
}

static uint8_t *put_udp(uint8_t *udp, const struct stream *s, uint16_t port, size_t payload)
{
	uint32_t sum = IPPROTO_UDP + 8 + payload;
	size_t skip = is_v6() ? 0 : 12;
	uint16_t checksum;

	put16(put16(put16(put16(udp, port), options.to_port), 8 + payload), 0);
	sum = sum16(s->address.s6_addr + skip, 16 - skip, sum);
	sum = sum16(options.to.s6_addr + skip, 16 - skip, sum);
	checksum = fold(sum16(udp, 8 + payload, sum));
	put16(udp + 6, checksum ? checksum : 0xffff);
	return udp + 8 + payload;
}

/* Ethernet, tags and IP for `len` bytes of UDP that begin at `offset` of the datagram. Returns
 * where these bytes go. */
static uint8_t *put_headers(uint8_t *p, const struct stream *s, bool tagged, uint32_t id,
			    size_t offset, size_t len, bool more)
{
	static const uint8_t source[6] = {2, 0, 0, 0, 0, 1};
	bool fragment = offset || more;
	uint8_t *ip;

	memcpy(p, options.mac, 6);
	memcpy(p + 6, source, 6);
	p += 12;
	for (unsigned i = 0; tagged && i < options.n_vlans; i++)
		p = put16(put16(p, i + 1 < options.n_vlans ? ETH_P_8021AD : ETH_P_8021Q),
			  options.vlans[i]);
	if (is_v6()) {
		p = put16(p, ETH_P_IPV6);
		p = put16(put32(p, 0x60000000), len + (fragment ? 8 : 0));
		p = put16(p, (fragment ? IPPROTO_FRAGMENT : IPPROTO_UDP) << 8 | 64);
		memcpy(p, &s->address, 16);
		memcpy(p + 16, &options.to, 16);
		p += 32;
		if (fragment)
			p = put32(put16(put16(p, IPPROTO_UDP << 8), offset | more), id);
		return p;
	}
	ip = put16(p, ETH_P_IP);
	p = put16(put16(put16(ip, 0x4500), 20 + len), id);
	p = put16(put16(put16(p, more << 13 | offset / 8), 64 << 8 | IPPROTO_UDP), 0);
	memcpy(p, &s->address.s6_addr[12], 4);
	memcpy(p + 4, &options.to.s6_addr[12], 4);
	put16(ip + 10, fold(sum16(ip, 20, 0)));
	return p + 8;
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

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void run(struct stream *streams)
{
	int fd = options.interface[0] ? open_interface() : -1;
	uint64_t start = now_ns();
	double seconds;

	for (unsigned turn = 0; sent.datagrams < options.count; turn++) {
		uint64_t due = options.count, n;

		if (options.rate) {
			due = (now_ns() - start) / 1e9 * options.rate + 1;
			due = due < options.count ? due : options.count;
		}
		if (due <= sent.datagrams) {
			usleep(200);
			continue;
		}
		n = due - sent.datagrams < BATCH ? due - sent.datagrams : BATCH;
		if (fd >= 0)
			send_frames(fd, streams, n);
		else
			send_datagrams(&streams[turn % options.exporters],
				       turn / options.exporters % options.ports, n);
	}
	seconds = (now_ns() - start) / 1e9;
	printf("datagrams=%lu payload=%lu records=%lu bytes=%lu packets=%lu frames=%lu tagged=%lu "
	       "fragmented=%lu seconds=%.3f rate=%.0f\n",
	       sent.datagrams, sent.payload, sent.records, sent.bytes, sent.packets, sent.frames,
	       sent.tagged, sent.fragmented, seconds, sent.datagrams / seconds);
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
	       "  --template-every N datagrams of a stream (50)\n"
	       "  --interface IF     send frames through a packet socket; with it:\n"
	       "  --mac MAC          to this address (ff:ff:ff:ff:ff:ff)\n"
	       "  --vlan ID          tag them; twice: QinQ, outer first\n"
	       "  --vlan-every N     tag each Nth only\n"
	       "  --fragment BYTES   in IP fragments of this payload\n"
	       "  --fragment-every N cut each Nth only\n"
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
	if (!options.exporters || !options.ports || !options.template_every ||
	    !options.vlan_every || !options.fragment_every)
		die("a number that must not be 0 is", NULL);
	if (options.interface[0] && !options.from_port)
		options.from_port = 40000;
}

int main(int argc, char **argv)
{
	struct stream *streams;

	parse(argc, argv);
	streams = calloc(options.exporters, sizeof(*streams));
	if (!streams)
		die("out of memory", NULL);
	start_seconds = time(NULL);
	for (unsigned i = 0; i < options.exporters; i++) {
		struct stream *s = &streams[i];
		uint8_t *last = &s->address.s6_addr[12];

		s->address = options.from;
		put32(last, (last[0] << 24 | last[1] << 16 | last[2] << 8 | last[3]) + i);
		for (unsigned n = 0; !options.interface[0] && n < options.ports; n++)
			s->fd[n] = open_socket(s, options.from_port ? options.from_port + n : 0);
	}
	run(streams);
	free(streams);
	return 0;
}
