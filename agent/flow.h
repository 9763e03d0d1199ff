/* The plain structs that pass from receive to decode to enrich to publish.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLOW_H
#define WEIR_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { CACHE_LINE = 64 }; /* bytes that come from memory together */

/* Bytes that belong to somebody else: not NUL-terminated, never freed through this handle.
 * Valid until the batch that refers to them has been published. */
struct text {
	const char *p; /* NULL: unset */
	uint32_t len;
};

/* An IPv6 address in network order. IPv4 is held as ::ffff:a.b.c.d, so that 0.0.0.0 (sent as such)
 * and "unset" (all 16 bytes zero) stay apart. */
struct ip_addr {
	union {
		uint8_t b[16];
		uint64_t q[2];
	};
};

static inline bool ip_is_unset(const struct ip_addr *a)
{
	return (a->q[0] | a->q[1]) == 0;
}

static inline bool ip_is_v4(const struct ip_addr *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

static inline bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->q[0] == b->q[0] && a->q[1] == b->q[1];
}

/* Sets *a from the 4 bytes of an IPv4 address in network order. */
static inline void ip_from_v4(struct ip_addr *a, const void *v4)
{
	a->q[0] = 0;
	a->b[8] = a->b[9] = 0;
	a->b[10] = a->b[11] = 0xff;
	memcpy(a->b + 12, v4, 4);
}

/* True for ::, ::ffff:0.0.0.0 and nothing else: what "not all zero" means in the precedence rules.
 */
static inline bool ip_is_zero(const struct ip_addr *a)
{
	static const uint8_t v4[16] = {[10] = 0xff, [11] = 0xff};

	return ip_is_unset(a) || memcmp(a->b, v4, 16) == 0;
}

/* How a datagram came to us; the slow path and the fallback are both VIA_UDP. */
enum datagram_via { VIA_XDP, VIA_UDP, VIA_PCAP };

/* One UDP payload. The bytes belong to the receiver and stay valid until its release call. */
struct datagram {
	const uint8_t *data;
	uint32_t len;
	uint16_t src_port, dst_port; /* host order */
	struct ip_addr src, dst;
	uint64_t received_ns; /* ns since 1970 */
	enum datagram_via via;
};

enum flow_type { FLOW_UNKNOWN, FLOW_SFLOW_5, FLOW_NETFLOW_V5, FLOW_NETFLOW_V9, FLOW_IPFIX };

/* Where a flow's sampling rate came from. */
enum sampling_origin {
	SAMPLING_UNKNOWN,
	SAMPLING_RECORD,     /* the record, the sample or the v5 header */
	SAMPLING_OPTIONS,    /* an options record of the exporter */
	SAMPLING_CONFIGURED, /* the settings: override or default */
	SAMPLING_ASSUMED,    /* nobody said: 1 */
};

/* Layers of a sampled packet, outer first: goflow2's numbers. */
enum flow_layer {
	LAYER_ETHERNET = 0,
	LAYER_IPV4 = 1,
	LAYER_IPV6 = 2,
	LAYER_TCP = 3,
	LAYER_UDP = 4,
	LAYER_MPLS = 5,
	LAYER_DOT1Q = 6,
	LAYER_ICMP = 7,
	LAYER_ICMPV6 = 8,
	LAYER_GRE = 9,
	LAYER_IPV6_ROUTING = 10,
	LAYER_IPV6_FRAGMENT = 11,
	LAYER_GENEVE = 12,
	LAYER_TEREDO = 13,
	LAYER_CUSTOM = 99,
};

enum {
	FLOW_MPLS_MAX = 10,
	FLOW_LAYERS_MAX = 16,
	FLOW_SEGMENTS_MAX = 8,
	FLOW_AS_PATH_MAX = 64,
	FLOW_COMMUNITIES_MAX = 64,
	FLOW_EXT_COMMUNITIES_MAX = 16,
	FLOW_LARGE_COMMUNITIES_MAX = 16,
};

/* What most flows do not have: one of these is attached to a flow that needs it. Zero is unset. */
struct flow_ext {
	struct ip_addr post_nat_src_addr, post_nat_dst_addr;
	uint32_t post_nat_src_port, post_nat_dst_port;
	uint32_t nat_event, firewall_event, firewall_ext_event;

	uint32_t dot1q_vlan, post_dot1q_vlan, dot1q_cvlan, post_dot1q_cvlan;
	uint32_t ingress_vrf_id, egress_vrf_id;
	uint32_t min_ttl, max_ttl;

	struct ip_addr mpls_ip; /* of the top label's FEC (IE 47, 140) */
	uint64_t mpls_vpn_rd;	/* route distinguisher, host order */
	uint32_t mpls_top_label_type, mpls_pseudowire_id;

	struct ip_addr inner_src_addr, inner_dst_addr; /* of the first tunnel inside */
	uint64_t inner_src_mac, inner_dst_mac;
	uint32_t vxlan_vni; /* VXLAN or Geneve network identifier */
	uint32_t gre_key;
	uint32_t inner_etype, inner_proto, inner_src_port, inner_dst_port, inner_vlan_id;

	uint64_t application_id; /* RFC 6759, as exported */
	struct text application_name, in_if_name, out_if_name, ingress_vrf_name, egress_vrf_name;
	struct text sampler_name, src_user, dst_user;

	uint32_t sub_agent_id, source_id_type, source_id_index; /* sFlow */
	uint32_t sample_pool, sample_drops, drop_reason;
	uint32_t in_if_format, out_if_format; /* sFlow interface format: 1 discarded, 2 multiple */

	uint32_t segments_left;
	uint32_t local_pref, med, prev_hop_as;

	uint32_t n_mpls, n_layers, n_segments;
	uint32_t n_mpls_ttl; /* n_mpls, or 0 where the TTLs are not known */
	uint32_t n_as_path, n_communities, n_ext_communities, n_large_communities;

	uint32_t left_out; /* values that found no room in the lists */

	/* The lists: only as many elements as the counts above say are initialised. What stands
	 * before them is whole words, for those who read it word by word. */
	_Alignas(uint64_t) uint32_t mpls_label[FLOW_MPLS_MAX]; /* 20 bits, top of stack first */
	uint32_t mpls_ttl[FLOW_MPLS_MAX];
	uint32_t mpls_exp[FLOW_MPLS_MAX];
	uint32_t layer_stack[FLOW_LAYERS_MAX];	    /* enum flow_layer, outer first */
	uint32_t layer_size[FLOW_LAYERS_MAX];	    /* header bytes of each */
	struct ip_addr segments[FLOW_SEGMENTS_MAX]; /* IPv6 routing header addresses (SRv6) */
	uint32_t as_path[FLOW_AS_PATH_MAX];
	uint32_t communities[FLOW_COMMUNITIES_MAX];
	uint64_t ext_communities[FLOW_EXT_COMMUNITIES_MAX];
	uint32_t large_communities[3 * FLOW_LARGE_COMMUNITIES_MAX]; /* three numbers each */
};

struct flow_info;

/* One flow: a data record of NetFlow or IPFIX, or a flow sample of sFlow. Numbers are in host
 * order; zero is unset. A row starts as a copy of a prototype that holds what is constant for the
 * datagram, and the decoder overwrites what the record has. */
struct flow {
	uint64_t time_received_ns; /* the three times: ns since 1970 */
	uint64_t time_flow_start_ns, time_flow_end_ns;
	uint64_t bytes, packets; /* as sent, never multiplied by the sampling rate */
	uint64_t sampling_rate;	 /* 1 in this many packets */
	struct ip_addr src_addr, dst_addr, next_hop, bgp_next_hop;
	struct ip_addr sampler_address; /* sFlow agent, or source of the datagram */
	uint64_t src_mac, dst_mac; /* 48 bits, first octet on the wire is the most significant */
	uint32_t sequence_num;
	uint32_t src_as, dst_as, next_hop_as;
	uint32_t in_if, out_if; /* ifIndex */
	uint32_t observation_domain_id, observation_point_id;
	uint32_t ipv6_flow_label, fragment_id, forwarding_status;
	uint16_t etype, src_port, dst_port, tcp_flags;
	uint16_t vlan_id, src_vlan, dst_vlan, fragment_offset;
	uint8_t type; /* enum flow_type */
	uint8_t proto, src_net, dst_net;
	uint8_t ip_tos, ip_ttl, ip_flags, icmp_type, icmp_code;
	uint8_t sampling_origin;  /* enum sampling_origin */
	uint8_t flow_direction;	  /* 1 + IE 61: 1 ingress, 2 egress */
	uint8_t biflow_direction; /* IE 239 of the flow's side: 1 initiator, 2 reverse */
	uint8_t flow_end_reason;  /* IE 136 */
	struct flow_ext *ext;	  /* NULL: none; lives as long as the batch */
	struct flow_info *info;	  /* what enrichment found (flow_info.h); NULL: nothing */
};

/* One sFlow counter, by the name its MIB or specification gives. */
struct counter_value {
	const char *name; /* static */
	enum { COUNTER_UINT, COUNTER_INT, COUNTER_FLOAT, COUNTER_TEXT, COUNTER_HEX } kind;
	union {
		uint64_t u;
		int64_t i;
		double f;
		struct text text; /* HEX: bytes that are no text (a UUID, a MAC), shown as hex */
	};
};

enum { COUNTER_VALUES_MAX = 256 };

/* One sFlow counter sample: the values of all its records. */
struct counter_sample {
	uint64_t time_received_ns;
	struct ip_addr sampler_address;
	uint32_t sub_agent_id, sequence_num; /* the sample's own sequence number */
	uint32_t source_id_type, source_id_index;
	uint32_t n_values;
	struct counter_value values[COUNTER_VALUES_MAX];
};

/* The rows that one run of the pipeline works on. The owner is the worker; the decoder appends and,
 * when there is no room left, calls full(), which publishes and empties the batch. */
struct flow_batch {
	struct flow *rows;
	struct flow_ext *exts;
	struct counter_sample *samples;
	uint32_t n, n_exts, n_samples;
	uint32_t cap, cap_samples; /* there are as many exts as rows */
	void (*full)(struct flow_batch *batch, void *arg);
	void *arg;
};

/* Room for up to `want` rows, at least one: publishes what is there when the batch is full.
 * The rows are not initialised and count only after batch->n is advanced by the caller. */
static inline uint32_t flow_batch_room(struct flow_batch *b, uint32_t want)
{
	if (b->n == b->cap)
		b->full(b, b->arg);
	return want < b->cap - b->n ? want : b->cap - b->n;
}

/* The n exts for the n rows about to be added, zeroed but for the lists, whose counts are zero.
 * n must not exceed flow_batch_room(). */
static inline struct flow_ext *flow_batch_exts(struct flow_batch *b, uint32_t n)
{
	struct flow_ext *e = b->exts + b->n_exts;

	for (uint32_t i = 0; i < n; i++)
		memset(e + i, 0, offsetof(struct flow_ext, mpls_label));
	b->n_exts += n;
	return e;
}

/* Allocates a batch of `rows` rows and `samples` counter samples; full and arg are the caller's to
 * set. Returns 0 or -ENOMEM. */
int flow_batch_init(struct flow_batch *b, uint32_t rows, uint32_t samples);
void flow_batch_free(struct flow_batch *b);

#endif
