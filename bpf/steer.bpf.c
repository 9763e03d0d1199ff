/* Steers exporters' UDP into AF_XDP sockets and counts it per exporter.
 * SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stddef.h>

#include "steer.h"

/* Set by the loader, one program for each interface. */
volatile const __u32 worker_base = 0;	/* index of the worker of queue 0 */
volatile const __u32 max_frame = 65535; /* bytes of a frame that the sockets can take */

/* (address, port) of ours → 1; written by the loader, read here */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_LISTENERS_MAX);
	__type(key, struct listener_key);
	__type(value, __u8);
} listeners SEC(".maps");

/* prefix of exporters → 1; written by the loader, read here when STEER_ALLOW_IN_USE is set */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, STEER_ALLOW_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct allow_key);
	__type(value, __u8);
} allow SEC(".maps");

/* (exporter, port of ours) → counters; written here, read by the agent; sized by the loader */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct exporter_key);
	__type(value, struct exporter_counts);
} exporters SEC(".maps");

/* (source not allowed, port of ours) → counters; written here, read by the agent. Apart from
 * `exporters`, so that a flood from made-up sources cannot push the true exporters out. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, STEER_DENIED_MAX);
	__type(key, struct exporter_key);
	__type(value, struct denied_counts);
} denied SEC(".maps");

/* enum reason → frames; written here, read by the agent */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, REASON_MAX);
	__type(key, __u32);
	__type(value, __u64);
} reasons SEC(".maps");

/* 0 → settings; written by the loader, read here */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steer_settings);
} settings SEC(".maps");

/* exporter address → time at which its bucket is full again, ns; written and read here, only when a
 * rate is set; sized by the loader */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u8[16]);
	__type(value, __u64);
} buckets SEC(".maps");

/* (exporter, its port) → its worker and sequence; written here, the worker read by the reuseport
 * program, which sends the stream's slow-path datagrams to the same; sized by the loader. Not one
 * for each CPU: a stream may change CPUs, as on veth. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct stream_key);
	__type(value, struct stream);
} streams SEC(".maps");

/* receive queue → AF_XDP socket; written by the agent, read here; one map for each interface */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, STEER_QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xsks SEC(".maps");

/* Where the parser is. Headers behind one of variable length are copied, not pointed to: without
 * CAP_PERFMON the verifier lets no variable be added to a packet pointer. */
struct cursor {
	struct xdp_md *ctx;
	void *pos, *end;
	__u32 copy_at; /* offset of what to copy next; 0: `pos` still holds */
};

/* What the headers of a frame say. */
struct packet {
	__u8 src[16], dst[16];
	__be16 src_port, dst_port;
	__u32 ip_left; /* bytes that IP says it carries behind its header */
	__u32 ip_end;  /* where IP says the packet ends, from the start of the frame */
	__u32 udp_len;
	enum reason slow; /* why the kernel must take it; REASON_STEERED: it need not */
};

struct vlan_tag {
	__be16 tci, next;
};

struct extension {
	__u8 next, len;		/* in units of 8 bytes, the first not counted; not of fragments */
	__be16 fragment_offset; /* of the fragment header */
	__u8 rest[4];
};

/* The first bytes of a NetFlow v5 or v9 header. */
struct netflow_header {
	__be16 version, count;
	__be32 uptime, seconds;
	__be32 v9_sequence_or_v5_ns;
	__be32 v9_domain_or_v5_sequence;
	__be32 v5_engine;
};

/* The next `size` bytes, or NULL when the frame's linear part has no more. That a frame is not at
 * address 0 must be said: comparing its pointer with NULL is refused without CAP_PERFMON. */
static __always_inline void *take(struct cursor *c, __u32 size)
{
	void *p = c->pos;

	__builtin_assume(p != NULL);
	if (p + size > c->end)
		return NULL;
	c->pos = p + size;
	return p;
}

/* Copies the next `size` bytes; false when the frame has no more. */
static __always_inline bool copy(struct cursor *c, void *to, __u32 size)
{
	if (bpf_xdp_load_bytes(c->ctx, c->copy_at, to, size) < 0)
		return false;
	c->copy_at += size;
	return true;
}

static __always_inline void map_v4(__u8 *to, __be32 v4)
{
	__builtin_memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, &v4, 4);
}

/* The parsers return REASON_STEERED to go on, else what the frame is to be counted as. */
static __always_inline enum reason parse_ipv4(struct cursor *c, struct packet *p)
{
	struct iphdr *ip = take(c, sizeof(*ip));
	__u32 header, total;
	__u16 fragment;

	if (!ip)
		return REASON_TRUNCATED;
	header = ip->ihl * 4;
	if (ip->version != 4 || header < sizeof(*ip) || ip->protocol != IPPROTO_UDP)
		return REASON_NOT_OURS;
	total = bpf_ntohs(ip->tot_len);
	if (total < header)
		return REASON_TRUNCATED;
	p->ip_left = total - header;
	p->ip_end += total;
	map_v4(p->src, ip->saddr);
	map_v4(p->dst, ip->daddr);
	fragment = bpf_ntohs(ip->frag_off);
	if (fragment & 0x1fff)
		return REASON_FRAGMENT_REST;
	if (fragment & 0x2000)
		p->slow = REASON_FRAGMENT;
	if (header > sizeof(*ip)) {
		c->copy_at = p->ip_end - p->ip_left;
		if (p->slow == REASON_STEERED)
			p->slow = REASON_IP_OPTIONS;
	}
	return REASON_STEERED;
}

/* A header between IPv6 and UDP; *next is its type, then that of the one behind it. */
static __always_inline enum reason parse_extension(struct cursor *c, struct packet *p, __u8 *next)
{
	struct extension e;
	__u8 type = *next;

	if (type != IPPROTO_FRAGMENT && type != IPPROTO_HOPOPTS && type != IPPROTO_ROUTING &&
	    type != IPPROTO_DSTOPTS)
		return REASON_NOT_OURS;
	if (!copy(c, &e, sizeof(e)))
		return REASON_TRUNCATED;
	*next = e.next;
	if (type == IPPROTO_FRAGMENT) {
		if (e.fragment_offset & bpf_htons(0xfff8))
			return e.next == IPPROTO_UDP ? REASON_FRAGMENT_REST : REASON_NOT_OURS;
		p->slow = REASON_FRAGMENT;
	} else {
		c->copy_at += e.len * 8;
		if (p->slow == REASON_STEERED)
			p->slow = REASON_EXTENSION_HEADERS;
	}
	return REASON_STEERED;
}

static __always_inline enum reason parse_ipv6(struct cursor *c, struct packet *p)
{
	struct ipv6hdr *ip = take(c, sizeof(*ip));
	enum reason r;
	__u8 next;

	if (!ip)
		return REASON_TRUNCATED;
	if (ip->version != 6)
		return REASON_NOT_OURS;
	__builtin_memcpy(p->src, &ip->saddr, 16);
	__builtin_memcpy(p->dst, &ip->daddr, 16);
	next = ip->nexthdr;
	p->ip_left = bpf_ntohs(ip->payload_len);
	p->ip_end += sizeof(*ip);
	if (next != IPPROTO_UDP)
		c->copy_at = p->ip_end;
	p->ip_end += p->ip_left;
	for (int i = 0; i < STEER_EXTENSIONS_MAX && next != IPPROTO_UDP; i++) {
		r = parse_extension(c, p, &next);
		if (r != REASON_STEERED)
			return r;
	}
	return next == IPPROTO_UDP ? REASON_STEERED : REASON_NOT_OURS;
}

static __always_inline void set_udp(struct packet *p, const struct udphdr *udp)
{
	p->src_port = udp->source;
	p->dst_port = udp->dest;
	p->udp_len = bpf_ntohs(udp->len);
}

/* Up to the UDP payload, where the cursor is left. */
static __always_inline enum reason parse(struct cursor *c, struct packet *p)
{
	struct ethhdr *eth = take(c, sizeof(*eth));
	struct vlan_tag *tag;
	struct udphdr *udp, copied;
	enum reason r;
	__be16 type;

	if (!eth)
		return REASON_TRUNCATED;
	type = eth->h_proto;
	p->ip_end = sizeof(*eth);
	for (int i = 0; i < STEER_TAGS_MAX; i++) {
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		tag = take(c, sizeof(*tag));
		if (!tag)
			return REASON_TRUNCATED;
		type = tag->next;
		p->ip_end += sizeof(*tag);
	}
	if (type == bpf_htons(ETH_P_IP))
		r = parse_ipv4(c, p);
	else if (type == bpf_htons(ETH_P_IPV6))
		r = parse_ipv6(c, p);
	else
		r = REASON_NOT_OURS;
	if (r != REASON_STEERED)
		return r;
	if (c->copy_at) {
		if (!copy(c, &copied, sizeof(copied)))
			return REASON_TRUNCATED;
		set_udp(p, &copied);
	} else {
		udp = take(c, sizeof(*udp));
		if (!udp)
			return REASON_TRUNCATED;
		set_udp(p, udp);
	}
	return REASON_STEERED;
}

static __always_inline bool is_listener(const __u8 *address, __be16 port)
{
	struct listener_key k = {.port = port};

	if (bpf_map_lookup_elem(&listeners, &k))
		return true;
	__builtin_memcpy(k.address, address, 16);
	return bpf_map_lookup_elem(&listeners, &k) != NULL;
}

static __always_inline bool is_allowed(const struct steer_settings *s, const __u8 *address)
{
	struct allow_key k = {.prefix_len = 128};

	if (!(s->flags & STEER_ALLOW_IN_USE))
		return true;
	__builtin_memcpy(k.address, address, 16);
	return bpf_map_lookup_elem(&allow, &k) != NULL;
}

/* A token bucket in the form of the generic cell rate algorithm: the one number kept is when the
 * bucket will be full again, so that several CPUs can share it without a lock. */
static __always_inline bool is_within_rate(const struct steer_settings *s, const __u8 *address)
{
	__u64 now, *full_at, was, next;

	if (!s->rate_interval_ns)
		return true;
	now = bpf_ktime_get_ns();
	full_at = bpf_map_lookup_elem(&buckets, address);
	if (!full_at) {
		next = now + s->rate_interval_ns;
		bpf_map_update_elem(&buckets, address, &next, BPF_NOEXIST);
		return true;
	}
	for (int i = 0; i < 4; i++) {
		was = *(volatile __u64 *)full_at;
		next = was > now ? was : now;
		if (next - now > s->rate_burst_ns)
			return false;
		if (__sync_val_compare_and_swap(full_at, was, next + s->rate_interval_ns) == was)
			return true;
	}
	return true; /* the others keep changing it: this one is free */
}

/* Notes the protocol and, for NetFlow v5 and v9, whether the sequence goes on. */
static __always_inline void follow_header(struct exporter_counts *n, struct stream *t,
					  const struct netflow_header *h)
{
	__u32 sequence, step, domain;
	__s32 ahead;

	switch (bpf_ntohs(h->version)) {
	case 5:
		n->versions |= STEER_NETFLOW5;
		sequence = bpf_ntohl(h->v9_domain_or_v5_sequence);
		step = bpf_ntohs(h->count);
		domain = bpf_ntohl(h->v5_engine) >> 16;
		break;
	case 9:
		n->versions |= STEER_NETFLOW9;
		sequence = bpf_ntohl(h->v9_sequence_or_v5_ns);
		step = 1;
		domain = bpf_ntohl(h->v9_domain_or_v5_sequence);
		break;
	case 10:
		n->versions |= STEER_IPFIX;
		return;
	default:
		n->versions |= !h->version && h->count == bpf_htons(5) ? STEER_SFLOW5 : STEER_OTHER;
		return;
	}
	ahead = (__s32)(sequence - t->sequence_next);
	if (t->sequence_next && t->sequence_domain == domain) {
		if (ahead < 0 && ahead > -STEER_GAP_MAX)
			return; /* late: the next one expected stays */
		if (ahead > 0 && ahead < STEER_GAP_MAX)
			n->sequence_gaps += ahead;
	}
	t->sequence_domain = domain;
	t->sequence_next = sequence + step;
}

static __always_inline void follow(struct exporter_counts *n, struct stream *t, struct cursor *c)
{
	struct netflow_header *h, copied;

	if (c->copy_at) {
		if (copy(c, &copied, sizeof(copied)))
			follow_header(n, t, &copied);
	} else {
		h = take(c, sizeof(*h));
		if (h)
			follow_header(n, t, h);
	}
}

/* The stream of a datagram, made if it is new. */
static __always_inline struct stream *stream_of(const struct packet *p)
{
	struct stream_key k = {.port = p->src_port};
	struct stream *t, none = {.worker = STEER_NO_WORKER};

	__builtin_memcpy(k.address, p->src, 16);
	t = bpf_map_lookup_elem(&streams, &k);
	if (t)
		return t;
	bpf_map_update_elem(&streams, &k, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&streams, &k);
}

static __always_inline void count(enum reason r)
{
	__u32 k = r;
	__u64 *n = bpf_map_lookup_elem(&reasons, &k);

	if (n)
		(*n)++;
}

/* By name and with a barrier, so that the compiler makes no sum of pointer and variable: that is
 * refused without CAP_PERFMON for map values, too. */
static __always_inline void count_reason(struct reason_counts *n, enum reason r)
{
	switch (r) {
#define R(id, name, help)  \
	case REASON_##id:  \
		n->name++; \
		barrier(); \
		break;
		STEER_REASONS(R)
#undef R
	default:
		break;
	}
}

static __always_inline void count_exporter(const struct packet *p, struct stream *t,
					   struct cursor *c, enum reason r)
{
	struct exporter_key k = {.port = bpf_ntohs(p->dst_port)};
	struct exporter_counts *n, none = {};

	__builtin_memcpy(k.address, p->src, 16);
	n = bpf_map_lookup_elem(&exporters, &k);
	if (!n) {
		bpf_map_update_elem(&exporters, &k, &none, BPF_NOEXIST);
		n = bpf_map_lookup_elem(&exporters, &k);
		if (!n)
			return;
	}
	n->datagrams++;
	if (p->udp_len > sizeof(struct udphdr))
		n->bytes += p->udp_len - sizeof(struct udphdr);
	n->last_seen_ns = bpf_ktime_get_coarse_ns();
	count_reason(&n->reasons, r);
	if (t)
		follow(n, t, c);
}

static __always_inline void count_denied(const struct packet *p)
{
	struct exporter_key k = {.port = bpf_ntohs(p->dst_port)};
	struct denied_counts *n, first = {.datagrams = 1};

	__builtin_memcpy(k.address, p->src, 16);
	n = bpf_map_lookup_elem(&denied, &k);
	if (n) {
		n->datagrams++;
		n->last_seen_ns = bpf_ktime_get_coarse_ns();
	} else {
		first.last_seen_ns = bpf_ktime_get_coarse_ns();
		bpf_map_update_elem(&denied, &k, &first, BPF_NOEXIST);
	}
}

/* Whether the frame, all its parts together, has `size` bytes (Linux 5.18). */
static __always_inline bool has_bytes(struct xdp_md *ctx, __u32 size)
{
	return size <= bpf_xdp_get_buff_len(ctx);
}

/* What is to become of a datagram to a listener, but for whether there is a socket. */
static __always_inline enum reason judge(struct xdp_md *ctx, const struct packet *p)
{
	const struct steer_settings *s;
	__u32 zero = 0;

	s = bpf_map_lookup_elem(&settings, &zero);
	if (s && !is_allowed(s, p->src))
		return REASON_DENIED;
	if (s && !is_within_rate(s, p->src))
		return REASON_RATE_LIMITED;
	if (p->slow != REASON_STEERED)
		return p->slow;
	if (p->udp_len < sizeof(struct udphdr) || p->udp_len > p->ip_left)
		return REASON_BAD_UDP_LENGTH;
	if (!has_bytes(ctx, p->ip_end))
		return REASON_TRUNCATED;
	if (has_bytes(ctx, max_frame + 1))
		return REASON_OVERSIZE;
	return REASON_STEERED;
}

static __always_inline int run(struct xdp_md *ctx)
{
	struct cursor c = {ctx, (void *)(long)ctx->data, (void *)(long)ctx->data_end, 0};
	struct packet p = {.slow = REASON_STEERED};
	__u32 worker = worker_base + ctx->rx_queue_index;
	struct stream *t = NULL;
	int action = XDP_PASS;
	enum reason r;

	r = parse(&c, &p);
	if (r == REASON_FRAGMENT_REST && !is_listener(p.dst, 0))
		r = REASON_NOT_OURS;
	if (r == REASON_STEERED && !is_listener(p.dst, p.dst_port))
		r = REASON_NOT_OURS;
	if (r != REASON_STEERED)
		goto out;
	r = judge(ctx, &p);
	if (r == REASON_DENIED) {
		count_denied(&p);
		action = XDP_DROP;
		goto out;
	}
	if (r == REASON_RATE_LIMITED)
		action = XDP_DROP;
	else
		t = stream_of(&p);
	if (r == REASON_STEERED) {
		action = bpf_redirect_map(&xsks, ctx->rx_queue_index, XDP_PASS);
		if (action != XDP_REDIRECT)
			r = REASON_NO_SOCKET;
		else if (t && t->worker != worker)
			t->worker = worker;
	}
	count_exporter(&p, t, &c, r);
out:
	count(r);
	return action;
}

SEC("xdp")
int steer(struct xdp_md *ctx)
{
	return run(ctx);
}

/* For interfaces whose frames may come in several parts. */
SEC("xdp.frags")
int steer_frags(struct xdp_md *ctx)
{
	return run(ctx);
}

char _license[] SEC("license") = "Dual BSD/GPL";
