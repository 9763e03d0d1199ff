/* From information elements to members of struct flow.
 * SPDX-License-Identifier: Apache-2.0 */
#include "mapping.h"

#define WIDTH(s, m) ((uint8_t)sizeof(((struct s *)0)->m))
#define F(id, kind, member, rank)                                                               \
	{                                                                                       \
		id, COPY_##kind, rank, 0, WIDTH(flow, member), 0, offsetof(struct flow, member) \
	}
#define E(id, kind, member, rank)                                               \
	{                                                                       \
		id, COPY_##kind, rank, COPY_TO_EXT, WIDTH(flow_ext, member), 0, \
			offsetof(struct flow_ext, member)                       \
	}
#define L(id, place)                                                 \
	{                                                            \
		id, COPY_MPLS, 0, COPY_TO_EXT, 4, place,             \
			offsetof(struct flow_ext, mpls_label[place]) \
	}

/* By element id; among those that fill one member the lowest rank that a template has is taken.
 * Addresses and prefix lengths: in order of rank, the first that is not zero. */
static const struct element_mapping mappings[] = {
	F(1, UINT, bytes, 0),
	F(2, UINT, packets, 0),
	F(4, UINT, proto, 0),
	F(5, UINT, ip_tos, 0),
	F(6, UINT, tcp_flags, 0),
	F(7, UINT, src_port, 0),
	F(8, ADDR4, src_addr, 0),
	F(9, UINT, src_net, 0),
	F(10, UINT, in_if, 0),
	F(11, UINT, dst_port, 0),
	F(12, ADDR4, dst_addr, 0),
	F(13, UINT, dst_net, 0),
	F(14, UINT, out_if, 0),
	F(15, ADDR4, next_hop, 0),
	F(16, UINT, src_as, 0),
	F(17, UINT, dst_as, 0),
	F(18, ADDR4, bgp_next_hop, 0),
	F(21, UPTIME, time_flow_end_ns, 4),
	F(22, UPTIME, time_flow_start_ns, 4),
	F(23, UINT, bytes, 4),
	F(24, UINT, packets, 3),
	F(27, ADDR6, src_addr, 1),
	F(28, ADDR6, dst_addr, 1),
	F(29, UINT, src_net, 1),
	F(30, UINT, dst_net, 1),
	F(31, UINT, ipv6_flow_label, 0),
	F(32, ICMP, icmp_type, 2),
	E(46, UINT, mpls_top_label_type, 0),
	E(47, ADDR4, mpls_ip, 0),
	F(52, UINT, ip_ttl, 1),
	E(52, UINT, min_ttl, 0),
	E(53, UINT, max_ttl, 0),
	F(54, UINT, fragment_id, 0),
	F(55, UINT, ip_tos, 2),
	F(56, MAC, src_mac, 0),
	F(57, MAC, dst_mac, 1),
	F(58, UINT, vlan_id, 1),
	F(58, UINT, src_vlan, 0),
	F(59, UINT, dst_vlan, 0),
	F(60, IP_VERSION, etype, 1),
	F(61, DIRECTION, flow_direction, 0),
	F(62, ADDR6, next_hop, 1),
	F(63, ADDR6, bgp_next_hop, 1),
	L(70, 0),
	L(71, 1),
	L(72, 2),
	L(73, 3),
	L(74, 4),
	L(75, 5),
	L(76, 6),
	L(77, 7),
	L(78, 8),
	L(79, 9),
	F(80, MAC, dst_mac, 0),
	F(81, MAC, src_mac, 1),
	E(82, TEXT, in_if_name, 0),
	F(85, UINT, bytes, 1),
	F(86, UINT, packets, 1),
	F(88, UINT, fragment_offset, 0),
	F(89, UINT, forwarding_status, 0),
	E(90, UINT, mpls_vpn_rd, 0),
	E(95, UINT, application_id, 0),
	E(96, TEXT, application_name, 0),
	F(128, UINT, next_hop_as, 0),
	E(129, UINT, prev_hop_as, 0),
	F(136, UINT, flow_end_reason, 0),
	F(138, UINT, observation_point_id, 0),
	F(139, ICMP, icmp_type, 3),
	E(140, ADDR6, mpls_ip, 1),
	F(150, SECONDS, time_flow_start_ns, 1),
	F(151, SECONDS, time_flow_end_ns, 1),
	F(152, MILLIS, time_flow_start_ns, 0),
	F(153, MILLIS, time_flow_end_ns, 0),
	F(154, NTP_MICROS, time_flow_start_ns, 2),
	F(155, NTP_MICROS, time_flow_end_ns, 2),
	F(156, NTP, time_flow_start_ns, 3),
	F(157, NTP, time_flow_end_ns, 3),
	F(158, DELTA, time_flow_start_ns, 5),
	F(159, DELTA, time_flow_end_ns, 5),
	F(176, UINT, icmp_type, 0),
	F(177, UINT, icmp_code, 0),
	F(178, UINT, icmp_type, 1),
	F(179, UINT, icmp_code, 1),
	F(180, UINT, src_port, 1),
	F(181, UINT, dst_port, 1),
	F(182, UINT, src_port, 2),
	F(183, UINT, dst_port, 2),
	F(192, UINT, ip_ttl, 0),
	F(195, DSCP, ip_tos, 1),
	F(197, FRAGMENT_FLAGS, ip_flags, 0),
	E(225, ADDR4, post_nat_src_addr, 0),
	E(226, ADDR4, post_nat_dst_addr, 0),
	E(227, UINT, post_nat_src_port, 0),
	E(228, UINT, post_nat_dst_port, 0),
	E(230, UINT, nat_event, 0),
	F(231, UINT, bytes, 2),
	E(233, UINT, firewall_event, 0),
	E(234, UINT, ingress_vrf_id, 0),
	E(235, UINT, egress_vrf_id, 0),
	E(236, TEXT, ingress_vrf_name, 0),
	F(239, UINT, biflow_direction, 0),
	F(243, UINT, vlan_id, 0),
	E(243, UINT, dot1q_vlan, 0),
	E(245, UINT, dot1q_cvlan, 0),
	E(249, UINT, mpls_pseudowire_id, 0),
	F(252, UINT, in_if, 1),
	F(253, UINT, out_if, 1),
	E(254, UINT, post_dot1q_vlan, 0),
	E(255, UINT, post_dot1q_cvlan, 0),
	F(256, ETHERTYPE, etype, 0),
	E(281, ADDR6, post_nat_src_addr, 1),
	E(282, ADDR6, post_nat_dst_addr, 1),
	F(298, UINT, packets, 2),
	E(351, SEGMENT_ID, vxlan_vni, 0),
	F(352, UINT, bytes, 3),
	E(371, TEXT, src_user, 0),
	E(498, UINT, segments_left, 0),
	/* Cisco's own in NetFlow v9: NSEL of ASA, older and newer. */
	E(33002, UINT, firewall_ext_event, 0),
	E(40000, TEXT, src_user, 1),
	E(40001, ADDR4, post_nat_src_addr, 2),
	E(40002, ADDR4, post_nat_dst_addr, 2),
	E(40003, UINT, post_nat_src_port, 2),
	E(40004, UINT, post_nat_dst_port, 2),
	E(40005, UINT, firewall_event, 2),
	/* Palo Alto's: App-ID and User-ID. */
	E(56701, TEXT, application_name, 1),
	E(56702, TEXT, src_user, 2),
};

/* The responder's half of an initiator/responder pair. */
static const struct element_mapping responder[] = {
	F(232, UINT, bytes, 2),
	F(299, UINT, packets, 2),
};

static const struct element_mapping inner[] = {
	E(4, UINT, inner_proto, 0),	 E(7, UINT, inner_src_port, 0),
	E(8, ADDR4, inner_src_addr, 0),	 E(11, UINT, inner_dst_port, 0),
	E(12, ADDR4, inner_dst_addr, 0), E(27, ADDR6, inner_src_addr, 1),
	E(28, ADDR6, inner_dst_addr, 1), E(56, MAC, inner_src_mac, 0),
	E(80, MAC, inner_dst_mac, 0),	 E(243, UINT, inner_vlan_id, 0),
	E(256, UINT, inner_etype, 0),
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct element_mapping *find(const struct element_mapping *table, unsigned size,
					  uint16_t id, unsigned *n)
{
	unsigned low = 0, high = size;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (table[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	for (*n = 0; low + *n < size && table[low + *n].id == id; ++*n)
		;
	return *n ? table + low : NULL;
}

const struct element_mapping *mapping_of(uint16_t id, unsigned *n)
{
	return find(mappings, COUNT(mappings), id, n);
}

const struct element_mapping *mapping_of_reverse(uint32_t pen, uint16_t id, unsigned *n)
{
	return pen ? mapping_of(id, n) : find(responder, COUNT(responder), id, n);
}

const struct element_mapping *mapping_of_inner(uint16_t id)
{
	unsigned n;

	return find(inner, COUNT(inner), id, &n);
}
