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

#include "live/loader.h"

enum {
	BATCH = 32,
	SLOT = 66 * 1024, /* bytes for one datagram and its headers */
	FRAMES_MAX = 2048,
	TEMPLATE_ID = 300,
	PAYLOAD_MAX = 65507,
	PORTS_MAX = 64,
	TEMPLATES_MAX = 4096, /* of one exporter */
	HEADERS = 14 + 20 + 8,
	UPTIME = 3600000, /* ms, of each exporter */
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
	const char *write;	  /* file of frames, instead of sending */
	bool live, pass;
	unsigned cycle; /* frames that are made for it */
	unsigned batch; /* datagrams sent at once */
	uint8_t mac[6];
	size_t size;
	uint64_t count, rate;
	unsigned exporters, ports, template_every;
	unsigned templates; /* of each exporter, used in turn */
	uint32_t time;	    /* s since 1970, of all datagrams; 0: when the run began */
	unsigned spread;    /* bits: the hosts are in so many addresses from 1.0.0.0 on */
	unsigned hosts;	    /* between which the flows are; 0: another one for each flow */
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
	.templates = 1,
	.spread = 27,
	.cycle = 4096,
	.batch = BATCH,
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
	uint32_t src_as, dst_as, in_if, out_if;
	uint32_t since_start, since_end; /* ms before the datagram */
	uint16_t src_port, dst_port;
	uint8_t proto;
};

/* What is random is the same in each run. */
static uint64_t scramble(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9;
	x ^= x >> 27;
	x *= 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Few of many hosts have most of the traffic. */
static uint32_t host(uint64_t random)
{
	uint64_t i = (random & 0xffff) * (random >> 16 & 0xffff) * options.hosts >> 32;
	uint64_t a = scramble(i + 1);

	return (1u << 24) + (uint32_t)(a & ((1ull << options.spread) - 1));
}

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
		.src_as = 64500,
		.dst_as = 64501,
		.in_if = 1,
		.out_if = 2,
		.since_start = 10000,
		.since_end = 5000,
	};

	f.bytes = f.packets * (64 + mix % 1400);
	if (options.hosts) {
		uint64_t r = scramble(n), q = scramble(r);

		f.src = host(r);
		f.dst = host(r >> 32);
		f.src_as = f.dst_as = 0; /* as routers without BGP say */
		f.in_if = 500 + (q & 7);
		f.out_if = 508 + (q >> 3 & 7);
		f.since_end = q >> 8 & 0xfff;
		f.since_start = f.since_end + (q >> 20 & 0xffff);
	}
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
	p = put32(put32(put32(p, UPTIME), start_seconds), 0);
	p = put16(put32(p, s->sequence), 0);
	p = put16(p, 0);
	for (size_t i = 0; i < n; i++) {
		struct sample_flow f = next_flow();

		p = put32(put32(put32(p, f.src), f.dst), 0);
		p = put16(put16(p, f.in_if), f.out_if);
		p = put32(put32(p, f.packets), f.bytes);
		p = put32(put32(p, UPTIME - f.since_start), UPTIME - f.since_end);
		p = put16(put16(p, f.src_port), f.dst_port);
		*p++ = 0;
		*p++ = f.proto == IPPROTO_TCP ? 0x1b : 0;
		*p++ = f.proto;
		*p++ = 0;
		p = put16(put16(p, f.src_as), f.dst_as);
		p = put32(p, 24 << 24 | 24 << 16);
	}
	s->sequence += n;
	return p - start;
}

/* Information elements of the templates, with their lengths: what a router's usual one has, 64
 * bytes; v9 has 21/22 for 152/153. The nth template begins with the nth of them. */
static const uint16_t fields[][2] = {
	{8, 4}, {12, 4}, {7, 2},  {11, 2}, {4, 1}, {5, 1},  {6, 2},  {10, 4},  {14, 4},	 {1, 4},
	{2, 4}, {15, 4}, {16, 4}, {17, 4}, {9, 1}, {13, 1}, {61, 1}, {136, 1}, {152, 8}, {153, 8}};
enum { N_FIELDS = sizeof(fields) / sizeof(*fields), TEMPLATE_SIZE = 4 + 4 * N_FIELDS };

static uint8_t *put_template(uint8_t *p, unsigned number)
{
	p = put16(put16(p, TEMPLATE_ID + number), N_FIELDS);
	for (unsigned i = 0; i < N_FIELDS; i++) {
		const uint16_t *f = fields[(i + number) % N_FIELDS];
		bool relative = options.protocol == NETFLOW9 && f[0] >= 152;

		p = put16(p, relative ? f[0] == 152 ? 22 : 21 : f[0]);
		p = put16(p, relative ? 4 : f[1]);
	}
	return p;
}

static uint8_t *put_template_set(uint8_t *p, unsigned first, unsigned n)
{
	p = put16(put16(p, options.protocol == IPFIX ? 2 : 0), 4 + TEMPLATE_SIZE * n);
	for (unsigned i = 0; i < n; i++)
		p = put_template(p, first + i);
	return p;
}

static uint8_t *put_field(uint8_t *p, uint16_t id, const struct sample_flow *f)
{
	uint64_t now = start_seconds * 1000ull;

	switch (id) {
	case 8:
		return put32(p, f->src);
	case 12:
		return put32(p, f->dst);
	case 7:
		return put16(p, f->src_port);
	case 11:
		return put16(p, f->dst_port);
	case 4:
		*p = f->proto;
		return p + 1;
	case 6:
		return put16(p, f->proto == IPPROTO_TCP ? 0x1b : 0);
	case 10:
		return put32(p, f->in_if);
	case 14:
		return put32(p, f->out_if);
	case 1:
		return put32(p, f->bytes);
	case 2:
		return put32(p, f->packets);
	case 15:
		return put32(p, 0xc0000201);
	case 16:
		return put32(p, f->src_as);
	case 17:
		return put32(p, f->dst_as);
	case 9:
	case 13:
		*p = 24;
		return p + 1;
	case 136:
		*p = 1;
		return p + 1;
	case 152:
		return options.protocol == NETFLOW9 ? put32(p, UPTIME - f->since_start)
						    : put64(p, now - f->since_start);
	case 153:
		return options.protocol == NETFLOW9 ? put32(p, UPTIME - f->since_end)
						    : put64(p, now - f->since_end);
	}
	*p = 0; /* of 5 and 61 */
	return p + 1;
}

static uint8_t *put_record(uint8_t *p, unsigned template)
{
	struct sample_flow f = next_flow();

	for (unsigned i = 0; i < N_FIELDS; i++)
		p = put_field(p, fields[(i + template) % N_FIELDS][0], &f);
	return p;
}

static uint8_t *put_header(struct stream *s, uint8_t *p, size_t size, unsigned records)
{
	bool v9 = options.protocol == NETFLOW9;

	p = put16(p, v9 ? 9 : 10);
	p = put16(p, v9 ? records : size);
	if (v9)
		p = put32(p, UPTIME);
	return put32(put32(put32(p, start_seconds), s->sequence), 1);
}

static size_t build_templated(struct stream *s, uint8_t *start, size_t size)
{
	bool v9 = options.protocol == NETFLOW9;
	size_t header = v9 ? 20 : 16, record = v9 ? 56 : 64;
	unsigned n = 0, records = 0, template = s->datagrams % options.templates;
	uint8_t *p = start + header, *set;

	if (options.template_every &&
	    s->datagrams / options.templates % options.template_every == 0) {
		p = put_template_set(p, template, 1);
		n++;
	}
	set = p;
	for (p += 4; p + record <= start + size; records++)
		p = put_record(p, template);
	/* What is left is padding: shorter than a record. */
	memset(p, 0, start + size - p);
	put16(put16(set, TEMPLATE_ID + template), start + size - set);
	put_header(s, start, size, n + records);
	s->sequence += v9 ? 1 : records;
	return size;
}

/* A datagram of nothing but templates, from `first` on; *n becomes how many. */
static size_t build_templates(struct stream *s, uint8_t *start, size_t size, unsigned first,
			      unsigned *n)
{
	size_t header = options.protocol == NETFLOW9 ? 20 : 16;
	unsigned fit = (size - header - 4) / TEMPLATE_SIZE;
	uint8_t *end;

	*n = options.templates - first < fit ? options.templates - first : fit;
	end = put_template_set(start + header, first, *n);
	put_header(s, start, end - start, *n);
	if (options.protocol == NETFLOW9)
		s->sequence++;
	sent.datagrams++;
	sent.payload += end - start;
	return end - start;
}

/* A flow sample with one raw header of `captured` bytes. */
static uint8_t *put_flow_sample(uint8_t *p, uint32_t number, uint32_t captured)
{
	struct sample_flow f = next_flow();
	uint8_t *end, *ip;

	p = put32(put32(put32(p, 1), 32 + 24 + captured), number);
	p = put32(put32(put32(put32(p, 1), 1000), number * 1000), 0);
	p = put32(put32(put32(p, f.in_if), f.out_if), 1);
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
	p = put32(put32(p, UPTIME), n);
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

/* How many are to be sent now, at most `most`: 0 after a short sleep. */
static uint64_t due_now(uint64_t start, uint64_t done, uint64_t count, uint64_t most)
{
	uint64_t due = count;

	if (options.rate) {
		due = (now_ns() - start) / 1e9 * options.rate + 1;
		due = due < count ? due : count;
	}
	if (due <= done) {
		usleep(200);
		return 0;
	}
	return due - done < most ? due - done : most;
}

static void report(uint64_t start)
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

/* Frames made beforehand */

struct made {
	struct live_frame frame;
	uint32_t stream;
	uint64_t payload, records, bytes, packets;
};

static unsigned sequence_at(void)
{
	switch (options.protocol) {
	case NETFLOW5:
		return HEADERS + 16;
	case NETFLOW9:
		return HEADERS + 12;
	case IPFIX:
		return HEADERS + 8;
	default:
		return HEADERS + 16;
	}
}

/* `datagram` has room for the UDP header in front. */
static void make_frame(struct made *m, struct stream *s, uint8_t *datagram, size_t payload)
{
	uint16_t port = options.from_port + s->datagrams % options.ports;
	uint8_t *body;

	put_udp(datagram, s, port, payload);
	body = put_headers(m->frame.bytes, s, false, 0, 0, 8 + payload, false);
	memcpy(body, datagram, 8 + payload);
	m->frame.len = body + 8 + payload - m->frame.bytes;
	m->frame.sequence_at = sequence_at();
	m->frame.checksum_at = HEADERS - 2;
	m->payload = payload;
}

static void make_cycle(struct made *made, struct stream *streams)
{
	static uint8_t datagram[SLOT];

	for (unsigned i = 0; i < options.cycle; i++) {
		struct made *m = &made[i];

		m->stream = i % options.exporters;
		m->records = sent.records;
		m->bytes = sent.bytes;
		m->packets = sent.packets;
		make_frame(m, &streams[m->stream], datagram,
			   build(&streams[m->stream], datagram + 8));
		m->records = sent.records - m->records;
		m->bytes = sent.bytes - m->bytes;
		m->packets = sent.packets - m->packets;
	}
}

/* Templates that the cycle does not repeat. Returns how many frames they take. */
static unsigned make_prologue(struct made *made, struct stream *streams)
{
	static uint8_t datagram[SLOT];
	unsigned n = 0;

	if (options.template_every || options.protocol == NETFLOW5 || options.protocol == SFLOW5)
		return 0;
	for (unsigned e = 0; e < options.exporters; e++)
		for (unsigned t = 0, here; t < options.templates; t += here) {
			size_t size = build_templates(&streams[e], datagram + 8, options.size, t,
						      &here);

			if (n == options.cycle)
				die("the templates need a longer --cycle", NULL);
			make_frame(&made[n++], &streams[e], datagram, size);
		}
	return n;
}

static void live_run(struct live *l, uint64_t count, uint64_t start)
{
	for (uint64_t done = 0, n; done < count; done += n) {
		n = due_now(start, done, count, options.batch);
		if (n && live_send(l, n))
			die("cannot run the frames", strerror(errno));
	}
}

static void load_frames(struct live *l, const struct made *made, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (live_set(l, i, &made[i].frame))
			die("cannot load a frame", strerror(errno));
	if (live_rewind(l, n))
		die("cannot load the frames", strerror(errno));
}

static void run_live(struct stream *streams)
{
	struct made *made = calloc(options.cycle, sizeof(*made));
	struct live *l = live_open(options.interface, options.cycle, options.pass);
	uint32_t *before = calloc(options.exporters, sizeof(*before));
	unsigned prologue;
	uint64_t start;

	if (!made || !before)
		die("out of memory", NULL);
	if (!l)
		die("cannot load the sender's program", strerror(errno));
	prologue = make_prologue(made, streams);
	if (prologue) {
		uint64_t rate = options.rate;

		load_frames(l, made, prologue);
		options.rate = 5000; /* learning is slower than using */
		live_run(l, prologue, now_ns());
		options.rate = rate;
		usleep(500000);
	}
	for (unsigned e = 0; e < options.exporters; e++)
		before[e] = streams[e].sequence;
	make_cycle(made, streams);
	for (unsigned i = 0; i < options.cycle; i++) {
		uint32_t e = made[i].stream;

		made[i].frame.sequence_step = streams[e].sequence - before[e];
	}
	load_frames(l, made, options.cycle);
	memset(&sent, 0, sizeof(sent));
	sent.datagrams = prologue;
	start = now_ns();
	live_run(l, options.count, start);
	for (unsigned i = 0; i < options.cycle; i++) {
		uint64_t times = options.count / options.cycle +
				 (i < options.count % options.cycle);

		sent.datagrams += times;
		sent.frames += times;
		sent.payload += times * made[i].payload;
		sent.records += times * made[i].records;
		sent.bytes += times * made[i].bytes;
		sent.packets += times * made[i].packets;
	}
	report(start);
	live_close(l);
	free(before);
	free(made);
}

static void put_native(FILE *f, const uint32_t *words, unsigned n)
{
	if (fwrite(words, 4, n, f) != n)
		die("cannot write", strerror(errno));
}

/* A capture (pcap) of what would be sent in one cycle. */
static void write_capture(struct stream *streams)
{
	static const uint32_t head[] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1};
	struct made *made = calloc(options.cycle, sizeof(*made));
	uint64_t start = now_ns();
	FILE *f = fopen(options.write, "we");

	if (!made || !f)
		die(options.write, strerror(errno));
	make_cycle(made, streams);
	put_native(f, head, 6);
	for (unsigned i = 0; i < options.cycle; i++) {
		const uint32_t packet[] = {start_seconds, i % 1000000, made[i].frame.len,
					   made[i].frame.len};

		put_native(f, packet, 4);
		if (fwrite(made[i].frame.bytes, made[i].frame.len, 1, f) != 1)
			die(options.write, strerror(errno));
	}
	if (fclose(f))
		die(options.write, strerror(errno));
	report(start);
	free(made);
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
	       "  --hosts N          that the flows are between, few of them busy\n"
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
