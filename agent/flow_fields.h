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
 *   PLAIN   TEXT that is known to be UTF-8 without control characters
 *   DOUBLE  NaN is unset                         BOOL   bool
 *   TEXTS   struct texts, a repeated string      MAP    struct texts, key and value in turn
 * Y(kind, name, number, array, count): repeated UINT, ADDR, PLAIN or LAYER.
 * P(LIST, kind, member, prefix, base, role): a struct that flow_info points to (NULL: none); LIST
 *   gives its fields as X, named with the prefix and numbered from the base. */
#ifndef WEIR_FLOW_FIELDS_H
#define WEIR_FLOW_FIELDS_H

/* In struct flow: what most often is the same in all rows of a datagram. */
#define FLOW_HEAD_FIELDS(X)                                       \
	X(TYPE, type, 1, type)                                    \
	X(TIME, time_received_ns, 110, time_received_ns)          \
	X(UINT, sequence_num, 4, sequence_num)                    \
	X(UINT, sampling_rate, 3, sampling_rate)                  \
	X(ADDR, sampler_address, 11, sampler_address)             \
	X(UINT, observation_domain_id, 70, observation_domain_id) \
	X(ORIGIN, sampling_origin, 2001, sampling_origin)

/* In struct flow, the rest. */
#define FLOW_RECORD_FIELDS(X)                                   \
	X(TIME, time_flow_start_ns, 111, time_flow_start_ns)    \
	X(TIME, time_flow_end_ns, 112, time_flow_end_ns)        \
	X(UINT, bytes, 9, bytes)                                \
	X(UINT, packets, 10, packets)                           \
	X(ADDR, src_addr, 6, src_addr)                          \
	X(ADDR, dst_addr, 7, dst_addr)                          \
	X(ETYPE, etype, 30, etype)                              \
	X(PROTO, proto, 20, proto)                              \
	X(UINT, src_port, 21, src_port)                         \
	X(UINT, dst_port, 22, dst_port)                         \
	X(MAC, src_mac, 27, src_mac)                            \
	X(MAC, dst_mac, 28, dst_mac)                            \
	X(UINT, src_vlan, 33, src_vlan)                         \
	X(UINT, dst_vlan, 34, dst_vlan)                         \
	X(UINT, vlan_id, 29, vlan_id)                           \
	X(UINT, ip_tos, 23, ip_tos)                             \
	X(UINT, forwarding_status, 24, forwarding_status)       \
	X(UINT, ip_ttl, 25, ip_ttl)                             \
	X(UINT, ip_flags, 38, ip_flags)                         \
	X(UINT, tcp_flags, 26, tcp_flags)                       \
	X(UINT, icmp_type, 31, icmp_type)                       \
	X(UINT, icmp_code, 32, icmp_code)                       \
	X(UINT, ipv6_flow_label, 37, ipv6_flow_label)           \
	X(UINT, fragment_id, 35, fragment_id)                   \
	X(UINT, fragment_offset, 36, fragment_offset)           \
	X(ADDR, next_hop, 12, next_hop)                         \
	X(UINT, next_hop_as, 13, next_hop_as)                   \
	X(UINT, src_net, 16, src_net)                           \
	X(UINT, dst_net, 17, dst_net)                           \
	X(ADDR, bgp_next_hop, 100, bgp_next_hop)                \
	X(UINT, observation_point_id, 71, observation_point_id) \
	X(UINT, flow_direction, 2002, flow_direction)           \
	X(UINT, biflow_direction, 2003, biflow_direction)       \
	X(UINT, flow_end_reason, 2004, flow_end_reason)

/* In struct flow as well: numbers that enrichment has texts for. Where those come right behind it
 * (Protobuf), a compressor finds all texts that came with the same number before at once. */
#define FLOW_SRC_AS(X) X(UINT, src_as, 14, src_as)
#define FLOW_DST_AS(X) X(UINT, dst_as, 15, dst_as)
#define FLOW_IN_IF(X)  X(UINT, in_if, 18, in_if)
#define FLOW_OUT_IF(X) X(UINT, out_if, 19, out_if)

#define FLOW_NUMBER_FIELDS(X) FLOW_IN_IF(X) FLOW_OUT_IF(X) FLOW_SRC_AS(X) FLOW_DST_AS(X)

#define FLOW_FIELDS(X) FLOW_HEAD_FIELDS(X) FLOW_RECORD_FIELDS(X) FLOW_NUMBER_FIELDS(X)

/* In struct flow_ext. */
#define FLOW_EXT_FIELDS(X)                                        \
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
	Y(UINT, mpls_ttl, 80, mpls_ttl, n_mpls_ttl)                                      \
	Y(UINT, mpls_label, 81, mpls_label, n_mpls)                                      \
	Y(UINT, mpls_exp, 2060, mpls_exp, n_mpls)                                        \
	Y(UINT, bgp_communities, 101, communities, n_communities)                        \
	Y(UINT, as_path, 102, as_path, n_as_path)                                        \
	Y(UINT, bgp_ext_communities, 2052, ext_communities, n_ext_communities)           \
	Y(UINT, bgp_large_communities, 2053, large_communities, 3 * n_large_communities) \
	Y(LAYER, layer_stack, 103, layer_stack, n_layers)                                \
	Y(UINT, layer_size, 104, layer_size, n_layers)                                   \
	Y(ADDR, ipv6_routing_header_addresses, 105, segments, n_segments)

/* In struct flow_info; lists are looked at only where their count is not 0. */
#define FLOW_INFO_FIELDS(X)                                  \
	X(PLAIN, src_ip_ref, 2104, src_ip_ref)               \
	X(PLAIN, dst_ip_ref, 2134, dst_ip_ref)               \
	X(UINT, application_port, 2210, application_port)    \
	X(PLAIN, policy_originator, 2220, policy_originator) \
	X(PLAIN, policy_level, 2221, policy_level)           \
	X(UINT, peer_as, 2231, peer_as)                      \
	X(PLAIN, peer_as_ref, 2232, peer_as_ref)             \
	X(ADDR, peer_ip, 2233, peer_ip)                      \
	X(PLAIN, peer_ip_ref, 2234, peer_ip_ref)             \
	X(PLAIN, peer_as_name, 2235, peer_as_name)           \
	X(PLAIN, peer_organization, 2236, peer_organization)

#define FLOW_INFO_REPEATED(Y)                                           \
	Y(PLAIN, policy_scope, 2222, lists->scopes, n_scopes)           \
	Y(UINT, bgp_as_path_padding, 2230, lists->path_padding, n_path) \
	Y(UINT, bgp_as_path_id, 2240, lists->path_id, n_path)

/* What struct flow_info points to. */
#define FLOW_INFO_PARTS(P)                                                                      \
	P(AS_INFO_FIELDS, INFO_AS, src_as, src_, 2100, INFO_SOURCE)                             \
	P(GEO_INFO_FIELDS, INFO_GEO, src_geo, src_, 2100, INFO_SOURCE)                          \
	P(NETWORK_INFO_FIELDS, INFO_NETWORK, src_network, src_, 2100, INFO_SOURCE)              \
	P(AS_INFO_FIELDS, INFO_AS, dst_as, dst_, 2130, INFO_DESTINATION)                        \
	P(GEO_INFO_FIELDS, INFO_GEO, dst_geo, dst_, 2130, INFO_DESTINATION)                     \
	P(NETWORK_INFO_FIELDS, INFO_NETWORK, dst_network, dst_, 2130, INFO_DESTINATION)         \
	P(DEVICE_INFO_FIELDS, INFO_DEVICE, device, device_, 2160, INFO_SOURCE)                  \
	P(INTERFACE_INFO_FIELDS, INFO_INTERFACE, in_interface, in_interface_, 2170, INFO_IN)    \
	P(INTERFACE_INFO_FIELDS, INFO_INTERFACE, out_interface, out_interface_, 2190, INFO_OUT) \
	P(APPLICATION_INFO_FIELDS, INFO_APPLICATION, application, application_, 2210, INFO_SOURCE)

#define AS_INFO_FIELDS(X, prefix, base, at)                        \
	X(PLAIN, prefix##as_name, base + 0, at->name)              \
	X(PLAIN, prefix##as_ref, base + 1, at->ref)                \
	X(PLAIN, prefix##organization, base + 2, at->organization) \
	X(PLAIN, prefix##organization_ref, base + 3, at->organization_ref)

#define GEO_INFO_FIELDS(X, prefix, base, at)                     \
	X(PLAIN, prefix##continent, base + 5, at->continent)     \
	X(PLAIN, prefix##country, base + 6, at->country)         \
	X(PLAIN, prefix##subdivision, base + 7, at->subdivision) \
	X(PLAIN, prefix##city, base + 8, at->city)               \
	X(DOUBLE, prefix##latitude, base + 9, at->latitude)      \
	X(DOUBLE, prefix##longitude, base + 10, at->longitude)

#define NETWORK_INFO_FIELDS(X, prefix, base, at)                \
	X(PLAIN, prefix##network_name, base + 11, at->name)     \
	X(PLAIN, prefix##network_role, base + 12, at->role)     \
	X(PLAIN, prefix##network_site, base + 13, at->site)     \
	X(PLAIN, prefix##network_region, base + 14, at->region) \
	X(PLAIN, prefix##network_tenant, base + 15, at->tenant) \
	X(PLAIN, prefix##ip_scireg_ref, base + 16, at->scireg)  \
	X(PLAIN, prefix##ip_cric_ref, base + 17, at->cric)      \
	X(PLAIN, prefix##ip_scinet_ref, base + 18, at->scinet)  \
	X(MAP, prefix##ip_refs, base + 19, at->refs)

#define DEVICE_INFO_FIELDS(X, prefix, base, at)        \
	X(PLAIN, prefix##id, base + 0, at->id)         \
	X(PLAIN, prefix##ref, base + 1, at->ref)       \
	X(PLAIN, prefix##name, base + 2, at->name)     \
	X(PLAIN, prefix##group, base + 3, at->group)   \
	X(PLAIN, prefix##role, base + 4, at->role)     \
	X(PLAIN, prefix##site, base + 5, at->site)     \
	X(PLAIN, prefix##region, base + 6, at->region) \
	X(PLAIN, prefix##tenant, base + 7, at->tenant)

#define INTERFACE_INFO_FIELDS(X, prefix, base, at)                 \
	X(PLAIN, prefix##id, base + 0, at->id)                     \
	X(PLAIN, prefix##ref, base + 1, at->ref)                   \
	X(PLAIN, prefix##name, base + 2, at->name)                 \
	X(PLAIN, prefix##description, base + 3, at->description)   \
	X(UINT, prefix##speed, base + 4, at->speed)                \
	X(BOOL, prefix##edge, base + 5, at->edge)                  \
	X(TEXTS, prefix##circuit_id, base + 6, at->circuit_id)     \
	X(TEXTS, prefix##circuit_ref, base + 7, at->circuit_ref)   \
	X(PLAIN, prefix##connectivity, base + 8, at->connectivity) \
	X(PLAIN, prefix##provider, base + 9, at->provider)         \
	X(PLAIN, prefix##boundary, base + 10, at->boundary)

#define APPLICATION_INFO_FIELDS(X, prefix, base, at) X(PLAIN, prefix##service, base + 1, at->id)

/* Constant for all flows of an agent, given to the encoder once. */
#define FLOW_COLLECTOR_ID_NUMBER 2000

#endif
