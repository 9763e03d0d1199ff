/* The one table of flow fields: name in messages, protobuf number, kind, where it lives.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every encoder expands these lists into straight-line code, and a test holds them against
 * proto/flow.proto. Numbers below 2000 are goflow2's; a published number never changes meaning.
 *
 * X(kind, name, number, member). Kinds:
 *   UINT    unsigned number                      TEXT   struct text
 *   ADDR    struct ip_addr: 4 or 16 bytes        MAC    48 bits in a uint64, uint64 on the wire
 *   ADDRS   ADDR that goflow2 has as a list; ours has one element at most
 *   TIME    ns since 1970                        TYPE, ETYPE, PROTO, ORIGIN   number, by name in
 *                                                JSON
 * Y(kind, name, number, array, count): repeated UINT, ADDR or LAYER. */
#ifndef WEIR_FLOW_FIELDS_H
#define WEIR_FLOW_FIELDS_H

/* In struct flow. */
#define FLOW_FIELDS(X)                                            \
	X(TYPE, type, 1, type)                                    \
	X(TIME, time_received_ns, 110, time_received_ns)          \
	X(UINT, sequence_num, 4, sequence_num)                    \
	X(UINT, sampling_rate, 3, sampling_rate)                  \
	X(ADDR, sampler_address, 11, sampler_address)             \
	X(TIME, time_flow_start_ns, 111, time_flow_start_ns)      \
	X(TIME, time_flow_end_ns, 112, time_flow_end_ns)          \
	X(UINT, bytes, 9, bytes)                                  \
	X(UINT, packets, 10, packets)                             \
	X(ADDR, src_addr, 6, src_addr)                            \
	X(ADDR, dst_addr, 7, dst_addr)                            \
	X(ETYPE, etype, 30, etype)                                \
	X(PROTO, proto, 20, proto)                                \
	X(UINT, src_port, 21, src_port)                           \
	X(UINT, dst_port, 22, dst_port)                           \
	X(UINT, in_if, 18, in_if)                                 \
	X(UINT, out_if, 19, out_if)                               \
	X(MAC, src_mac, 27, src_mac)                              \
	X(MAC, dst_mac, 28, dst_mac)                              \
	X(UINT, src_vlan, 33, src_vlan)                           \
	X(UINT, dst_vlan, 34, dst_vlan)                           \
	X(UINT, vlan_id, 29, vlan_id)                             \
	X(UINT, ip_tos, 23, ip_tos)                               \
	X(UINT, forwarding_status, 24, forwarding_status)         \
	X(UINT, ip_ttl, 25, ip_ttl)                               \
	X(UINT, ip_flags, 38, ip_flags)                           \
	X(UINT, tcp_flags, 26, tcp_flags)                         \
	X(UINT, icmp_type, 31, icmp_type)                         \
	X(UINT, icmp_code, 32, icmp_code)                         \
	X(UINT, ipv6_flow_label, 37, ipv6_flow_label)             \
	X(UINT, fragment_id, 35, fragment_id)                     \
	X(UINT, fragment_offset, 36, fragment_offset)             \
	X(UINT, src_as, 14, src_as)                               \
	X(UINT, dst_as, 15, dst_as)                               \
	X(ADDR, next_hop, 12, next_hop)                           \
	X(UINT, next_hop_as, 13, next_hop_as)                     \
	X(UINT, src_net, 16, src_net)                             \
	X(UINT, dst_net, 17, dst_net)                             \
	X(ADDR, bgp_next_hop, 100, bgp_next_hop)                  \
	X(UINT, observation_domain_id, 70, observation_domain_id) \
	X(UINT, observation_point_id, 71, observation_point_id)   \
	X(ORIGIN, sampling_origin, 2001, sampling_origin)         \
	X(UINT, flow_direction, 2002, flow_direction)             \
	X(UINT, biflow_direction, 2003, biflow_direction)

/* In struct flow_ext. */
#define FLOW_EXT_FIELDS(X)                                        \
	X(UINT, flow_end_reason, 2004, flow_end_reason)           \
	X(UINT, ingress_vrf_id, 2005, ingress_vrf_id)             \
	X(UINT, egress_vrf_id, 2006, egress_vrf_id)               \
	X(UINT, min_ttl, 2007, min_ttl)                           \
	X(UINT, max_ttl, 2008, max_ttl)                           \
	X(UINT, dot1q_vlan, 2010, dot1q_vlan)                     \
	X(UINT, post_dot1q_vlan, 2011, post_dot1q_vlan)           \
	X(UINT, dot1q_cvlan, 2012, dot1q_cvlan)                   \
	X(UINT, post_dot1q_cvlan, 2013, post_dot1q_cvlan)         \
	X(ADDR, post_nat_src_addr, 2020, post_nat_src_addr)       \
	X(ADDR, post_nat_dst_addr, 2021, post_nat_dst_addr)       \
	X(UINT, post_nat_src_port, 2022, post_nat_src_port)       \
	X(UINT, post_nat_dst_port, 2023, post_nat_dst_port)       \
	X(UINT, nat_event, 2024, nat_event)                       \
	X(UINT, firewall_event, 2025, firewall_event)             \
	X(UINT, firewall_ext_event, 2026, firewall_ext_event)     \
	X(UINT, vxlan_vni, 2030, vxlan_vni)                       \
	X(ADDR, inner_src_addr, 2031, inner_src_addr)             \
	X(ADDR, inner_dst_addr, 2032, inner_dst_addr)             \
	X(PROTO, inner_proto, 2033, inner_proto)                  \
	X(UINT, inner_src_port, 2034, inner_src_port)             \
	X(UINT, inner_dst_port, 2035, inner_dst_port)             \
	X(ETYPE, inner_etype, 2036, inner_etype)                  \
	X(MAC, inner_src_mac, 2037, inner_src_mac)                \
	X(MAC, inner_dst_mac, 2038, inner_dst_mac)                \
	X(UINT, inner_vlan_id, 2039, inner_vlan_id)               \
	X(UINT, gre_key, 2029, gre_key)                           \
	X(UINT, application_id, 2040, application_id)             \
	X(TEXT, application_name, 2041, application_name)         \
	X(UINT, bgp_local_pref, 2050, local_pref)                 \
	X(UINT, bgp_med, 2051, med)                               \
	X(UINT, prev_hop_as, 2054, prev_hop_as)                   \
	X(ADDRS, mpls_ip, 82, mpls_ip)                            \
	X(UINT, mpls_vpn_rd, 2061, mpls_vpn_rd)                   \
	X(UINT, mpls_pseudowire_id, 2062, mpls_pseudowire_id)     \
	X(UINT, mpls_top_label_type, 2063, mpls_top_label_type)   \
	X(UINT, ipv6_routing_header_seg_left, 106, segments_left) \
	X(TEXT, in_if_name, 2070, in_if_name)                     \
	X(TEXT, out_if_name, 2071, out_if_name)                   \
	X(TEXT, ingress_vrf_name, 2072, ingress_vrf_name)         \
	X(TEXT, egress_vrf_name, 2073, egress_vrf_name)           \
	X(TEXT, sampler_name, 2074, sampler_name)                 \
	X(TEXT, src_user, 2075, src_user)                         \
	X(TEXT, dst_user, 2076, dst_user)                         \
	X(UINT, sub_agent_id, 2080, sub_agent_id)                 \
	X(UINT, source_id_type, 2081, source_id_type)             \
	X(UINT, source_id_index, 2082, source_id_index)           \
	X(UINT, sample_pool, 2083, sample_pool)                   \
	X(UINT, sample_drops, 2084, sample_drops)                 \
	X(UINT, drop_reason, 2085, drop_reason)                   \
	X(UINT, in_if_format, 2086, in_if_format)                 \
	X(UINT, out_if_format, 2087, out_if_format)

/* Repeated fields in struct flow_ext. */
#define FLOW_EXT_REPEATED(Y)                                                             \
	Y(UINT, mpls_ttl, 80, mpls_ttl, n_mpls)                                          \
	Y(UINT, mpls_label, 81, mpls_label, n_mpls)                                      \
	Y(UINT, mpls_exp, 2060, mpls_exp, n_mpls)                                        \
	Y(UINT, bgp_communities, 101, communities, n_communities)                        \
	Y(UINT, as_path, 102, as_path, n_as_path)                                        \
	Y(UINT, bgp_ext_communities, 2052, ext_communities, n_ext_communities)           \
	Y(UINT, bgp_large_communities, 2053, large_communities, 3 * n_large_communities) \
	Y(LAYER, layer_stack, 103, layer_stack, n_layers)                                \
	Y(UINT, layer_size, 104, layer_size, n_layers)                                   \
	Y(ADDR, ipv6_routing_header_addresses, 105, segments, n_segments)

/* Constant for all flows of an agent, given to the encoder once. */
#define FLOW_COLLECTOR_ID_NUMBER 2000

#endif
