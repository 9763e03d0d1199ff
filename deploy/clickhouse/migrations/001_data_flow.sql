-- data_flow: one row for each flow, with all that the message and the enrichment say of it.
-- SPDX-License-Identifier: Apache-2.0
--
-- Each field of proto/flow.proto has a column (docs/CLICKHOUSE.md lists them). Zero, '::' and the
-- empty text are "not known" unless the column is Nullable. bit_count and packet_count are scaled
-- by the sampling rate, bytes and packets are as exported.

--@ set ext_types
    bgp_as_path_id Array(UInt32), bgp_as_path_padding Array(UInt16),
    bgp_community Array(String), bgp_ext_community Array(String),
    bgp_large_community Array(String),
    bgp_local_pref Nullable(UInt32), bgp_med Nullable(UInt32),
    ipv4_dscp Nullable(UInt8), ipv4_tos Nullable(UInt8), ipv6_flow_label Nullable(UInt32),
    mpls_bottom_label Nullable(UInt32), mpls_exp Array(UInt8), mpls_label Array(UInt32),
    mpls_pw Nullable(UInt32), mpls_top_label_ip Nullable(IPv6),
    mpls_top_label_type Nullable(UInt32), mpls_vpn_rd Nullable(String),
    vlan_id Nullable(UInt32), vlan_in_id Nullable(UInt32), vlan_out_id Nullable(UInt32),
    vlan_in_inner_id Nullable(UInt32), vlan_out_inner_id Nullable(UInt32),
    src_ip_scireg_ref Nullable(String), dst_ip_scireg_ref Nullable(String),
    src_ip_cric_ref Nullable(String), dst_ip_cric_ref Nullable(String),
    src_ip_scinet_ref Nullable(String), dst_ip_scinet_ref Nullable(String)
--@ end

CREATE TABLE IF NOT EXISTS ${database}.data_flow${local} ${on_cluster}
(
    start_time DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    end_time DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    insert_time DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    collector_id LowCardinality(String),
    policy_originator LowCardinality(String),
    policy_level LowCardinality(String) DEFAULT '${policy_level}',
    policy_scope Array(LowCardinality(String)) CODEC(ZSTD(1)),

    flow_type LowCardinality(String),
    device_id LowCardinality(String),
    device_ref Nullable(String) CODEC(ZSTD(1)),
    src_as_id UInt32 CODEC(ZSTD(1)),
    src_as_ref Nullable(String) CODEC(ZSTD(1)),
    src_ip IPv6 CODEC(ZSTD(1)),
    src_ip_ref Nullable(String) CODEC(ZSTD(1)),
    src_port UInt16 CODEC(ZSTD(1)),
    dst_as_id UInt32 CODEC(ZSTD(1)),
    dst_as_ref Nullable(String) CODEC(ZSTD(1)),
    dst_ip IPv6 CODEC(ZSTD(1)),
    dst_ip_ref Nullable(String) CODEC(ZSTD(1)),
    dst_port UInt16 CODEC(ZSTD(1)),
    protocol LowCardinality(String),
    in_interface_id LowCardinality(Nullable(String)),
    in_interface_ref Nullable(String) CODEC(ZSTD(1)),
    in_interface_edge Bool CODEC(ZSTD(1)),
    out_interface_id LowCardinality(Nullable(String)),
    out_interface_ref Nullable(String) CODEC(ZSTD(1)),
    out_interface_edge Bool CODEC(ZSTD(1)),
    peer_as_id Nullable(UInt32) CODEC(ZSTD(1)),
    peer_as_ref Nullable(String) CODEC(ZSTD(1)),
    peer_ip Nullable(IPv6) CODEC(ZSTD(1)),
    peer_ip_ref Nullable(String) CODEC(ZSTD(1)),
    ip_version UInt8 CODEC(ZSTD(1)),
    application_port UInt16 CODEC(ZSTD(1)),
    bit_count UInt64 CODEC(T64, ZSTD(1)),
    packet_count UInt64 CODEC(T64, ZSTD(1)),

    -- What the agent's enrichment found.
    src_as_name LowCardinality(String),
    src_organization LowCardinality(String),
    src_organization_ref Nullable(String) CODEC(ZSTD(1)),
    src_continent LowCardinality(String),
    src_country LowCardinality(String),
    src_subdivision LowCardinality(String),
    src_city LowCardinality(String),
    src_latitude Float64 CODEC(ZSTD(1)),
    src_longitude Float64 CODEC(ZSTD(1)),
    src_network_name LowCardinality(String),
    src_network_role LowCardinality(String),
    src_network_site LowCardinality(String),
    src_network_region LowCardinality(String),
    src_network_tenant LowCardinality(String),
    src_ip_scireg_ref Nullable(String) CODEC(ZSTD(1)),
    src_ip_cric_ref Nullable(String) CODEC(ZSTD(1)),
    src_ip_scinet_ref Nullable(String) CODEC(ZSTD(1)),
    src_ip_refs Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    dst_as_name LowCardinality(String),
    dst_organization LowCardinality(String),
    dst_organization_ref Nullable(String) CODEC(ZSTD(1)),
    dst_continent LowCardinality(String),
    dst_country LowCardinality(String),
    dst_subdivision LowCardinality(String),
    dst_city LowCardinality(String),
    dst_latitude Float64 CODEC(ZSTD(1)),
    dst_longitude Float64 CODEC(ZSTD(1)),
    dst_network_name LowCardinality(String),
    dst_network_role LowCardinality(String),
    dst_network_site LowCardinality(String),
    dst_network_region LowCardinality(String),
    dst_network_tenant LowCardinality(String),
    dst_ip_scireg_ref Nullable(String) CODEC(ZSTD(1)),
    dst_ip_cric_ref Nullable(String) CODEC(ZSTD(1)),
    dst_ip_scinet_ref Nullable(String) CODEC(ZSTD(1)),
    dst_ip_refs Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    device_name LowCardinality(String),
    device_group LowCardinality(String),
    device_role LowCardinality(String),
    device_site LowCardinality(String),
    device_region LowCardinality(String),
    device_tenant LowCardinality(String),
    in_interface_name LowCardinality(String),
    in_interface_description LowCardinality(String),
    in_interface_speed UInt64 CODEC(ZSTD(1)),  -- bit/s
    in_interface_circuit_id Array(LowCardinality(String)) CODEC(ZSTD(1)),
    in_interface_circuit_ref Array(String) CODEC(ZSTD(1)),
    in_interface_connectivity LowCardinality(String),
    in_interface_provider LowCardinality(String),
    in_interface_boundary LowCardinality(String),
    out_interface_name LowCardinality(String),
    out_interface_description LowCardinality(String),
    out_interface_speed UInt64 CODEC(ZSTD(1)),  -- bit/s
    out_interface_circuit_id Array(LowCardinality(String)) CODEC(ZSTD(1)),
    out_interface_circuit_ref Array(String) CODEC(ZSTD(1)),
    out_interface_connectivity LowCardinality(String),
    out_interface_provider LowCardinality(String),
    out_interface_boundary LowCardinality(String),
    application_service LowCardinality(String),
    peer_as_name LowCardinality(String),
    peer_organization LowCardinality(String),

    -- As exported.
    bytes UInt64 CODEC(T64, ZSTD(1)),
    packets UInt64 CODEC(T64, ZSTD(1)),
    sampling_rate UInt64 CODEC(ZSTD(1)),
    sampling_origin LowCardinality(String),
    sampler_address IPv6 CODEC(ZSTD(1)),
    sequence_num UInt32 CODEC(ZSTD(1)),
    time_received_ns UInt64 CODEC(GCD, ZSTD(1)),
    time_flow_start_ns UInt64 CODEC(GCD, ZSTD(1)),
    time_flow_end_ns UInt64 CODEC(GCD, ZSTD(1)),
    etype UInt16 CODEC(ZSTD(1)),
    proto UInt8 CODEC(ZSTD(1)),
    in_if UInt32 CODEC(ZSTD(1)),
    out_if UInt32 CODEC(ZSTD(1)),
    src_mac UInt64 CODEC(ZSTD(1)),
    dst_mac UInt64 CODEC(ZSTD(1)),
    vlan_id UInt16 CODEC(ZSTD(1)),
    src_vlan UInt16 CODEC(ZSTD(1)),
    dst_vlan UInt16 CODEC(ZSTD(1)),
    dot1q_vlan UInt16 CODEC(ZSTD(1)),
    post_dot1q_vlan UInt16 CODEC(ZSTD(1)),
    dot1q_cvlan UInt16 CODEC(ZSTD(1)),
    post_dot1q_cvlan UInt16 CODEC(ZSTD(1)),
    ip_tos UInt8 CODEC(ZSTD(1)),
    ip_ttl UInt8 CODEC(ZSTD(1)),
    min_ttl UInt8 CODEC(ZSTD(1)),
    max_ttl UInt8 CODEC(ZSTD(1)),
    ip_flags UInt8 CODEC(ZSTD(1)),
    tcp_flags UInt16 CODEC(ZSTD(1)),
    icmp_type UInt8 CODEC(ZSTD(1)),
    icmp_code UInt8 CODEC(ZSTD(1)),
    ipv6_flow_label UInt32 CODEC(ZSTD(1)),
    fragment_id UInt32 CODEC(ZSTD(1)),
    fragment_offset UInt32 CODEC(ZSTD(1)),
    forwarding_status UInt32 CODEC(ZSTD(1)),
    flow_direction UInt8 CODEC(ZSTD(1)),
    biflow_direction UInt8 CODEC(ZSTD(1)),
    flow_end_reason UInt8 CODEC(ZSTD(1)),
    src_net UInt8 CODEC(ZSTD(1)),
    dst_net UInt8 CODEC(ZSTD(1)),
    next_hop IPv6 CODEC(ZSTD(1)),
    next_hop_as UInt32 CODEC(ZSTD(1)),
    prev_hop_as UInt32 CODEC(ZSTD(1)),
    observation_domain_id UInt32 CODEC(ZSTD(1)),
    observation_point_id UInt32 CODEC(ZSTD(1)),
    ingress_vrf_id UInt32 CODEC(ZSTD(1)),
    egress_vrf_id UInt32 CODEC(ZSTD(1)),
    ingress_vrf_name LowCardinality(String),
    egress_vrf_name LowCardinality(String),
    in_if_name LowCardinality(String),
    out_if_name LowCardinality(String),
    sampler_name LowCardinality(String),
    src_user String CODEC(ZSTD(1)),
    dst_user String CODEC(ZSTD(1)),
    application_id UInt64 CODEC(ZSTD(1)),
    application_name LowCardinality(String),

    -- BGP: the path without repeats, how often each AS in it is repeated beyond once, and with them.
    bgp_next_hop IPv6 CODEC(ZSTD(1)),
    bgp_as_path_id Array(UInt32) CODEC(ZSTD(1)),
    bgp_as_path_padding Array(UInt16) CODEC(ZSTD(1)),
    bgp_community Array(LowCardinality(String)) CODEC(ZSTD(1)),
    bgp_ext_community Array(LowCardinality(String)) CODEC(ZSTD(1)),
    bgp_large_community Array(LowCardinality(String)) CODEC(ZSTD(1)),
    bgp_local_pref UInt32 CODEC(ZSTD(1)),
    bgp_med UInt32 CODEC(ZSTD(1)),
    as_path Array(UInt32) ALIAS arrayFlatten(
        arrayMap((a, n) -> arrayWithConstant(n + 1, a), bgp_as_path_id, bgp_as_path_padding)),

    -- MPLS, top of stack first.
    mpls_label Array(UInt32) CODEC(ZSTD(1)),
    mpls_exp Array(UInt8) CODEC(ZSTD(1)),
    mpls_ttl Array(UInt8) CODEC(ZSTD(1)),
    mpls_top_label_ip IPv6 CODEC(ZSTD(1)),
    mpls_top_label_type UInt8 CODEC(ZSTD(1)),
    mpls_vpn_rd UInt64 CODEC(ZSTD(1)),
    mpls_pw UInt32 CODEC(ZSTD(1)),

    post_nat_src_ip IPv6 CODEC(ZSTD(1)),
    post_nat_dst_ip IPv6 CODEC(ZSTD(1)),
    post_nat_src_port UInt16 CODEC(ZSTD(1)),
    post_nat_dst_port UInt16 CODEC(ZSTD(1)),
    nat_event UInt8 CODEC(ZSTD(1)),
    firewall_event UInt8 CODEC(ZSTD(1)),
    firewall_ext_event UInt16 CODEC(ZSTD(1)),

    -- The first packet inside a tunnel.
    gre_key UInt32 CODEC(ZSTD(1)),
    vxlan_vni UInt32 CODEC(ZSTD(1)),
    inner_src_ip IPv6 CODEC(ZSTD(1)),
    inner_dst_ip IPv6 CODEC(ZSTD(1)),
    inner_proto UInt8 CODEC(ZSTD(1)),
    inner_src_port UInt16 CODEC(ZSTD(1)),
    inner_dst_port UInt16 CODEC(ZSTD(1)),
    inner_etype UInt16 CODEC(ZSTD(1)),
    inner_src_mac UInt64 CODEC(ZSTD(1)),
    inner_dst_mac UInt64 CODEC(ZSTD(1)),
    inner_vlan_id UInt16 CODEC(ZSTD(1)),

    -- Of the sampled packet and of the sFlow sample.
    layer_stack Array(LowCardinality(String)) CODEC(ZSTD(1)),
    layer_size Array(UInt32) CODEC(ZSTD(1)),
    ipv6_routing_header_addresses Array(IPv6) CODEC(ZSTD(1)),
    ipv6_routing_header_seg_left UInt8 CODEC(ZSTD(1)),
    sub_agent_id UInt32 CODEC(ZSTD(1)),
    source_id_type UInt8 CODEC(ZSTD(1)),
    source_id_index UInt32 CODEC(ZSTD(1)),
    sample_pool UInt32 CODEC(ZSTD(1)),
    sample_drops UInt32 CODEC(ZSTD(1)),
    drop_reason UInt32 CODEC(ZSTD(1)),
    in_if_format UInt8 CODEC(ZSTD(1)),
    out_if_format UInt8 CODEC(ZSTD(1)),

    -- Identity of the message that brought the row; rows put in by hand share that of their query.
    batch UInt64 DEFAULT cityHash64(queryID()) CODEC(ZSTD(1)),

    -- The batches that are in, part by part as atomic as the rows themselves: what ingest asks
    -- before it takes a batch, and what the export has to do.
    PROJECTION batches
    (
        SELECT batch, toDate(start_time), insert_time, count()
        GROUP BY batch, toDate(start_time), insert_time
    ),

    -- MetrANOVA's ext, put together when it is read: kept as a column it made inserting a hundred
    -- times slower and saved no byte.
    ext JSON(${ext_types}) ALIAS CAST(CAST(tuple(
        bgp_as_path_id, bgp_as_path_padding, bgp_community, bgp_ext_community, bgp_large_community,
        nullIf(bgp_local_pref, 0), nullIf(bgp_med, 0),
        if(ip_version = 4, bitShiftRight(ip_tos, 2), NULL), if(ip_version = 4, ip_tos, NULL),
        if(ip_version = 6, ipv6_flow_label, NULL),
        nullIf(mpls_label[-1], 0), mpls_exp, mpls_label, nullIf(mpls_pw, 0),
        nullIf(mpls_top_label_ip, toIPv6('::')), nullIf(mpls_top_label_type, 0),
        if(mpls_vpn_rd = 0, NULL, mpls_vpn_rd_text),
        nullIf(vlan_id, 0), nullIf(src_vlan, 0), nullIf(dst_vlan, 0), nullIf(dot1q_cvlan, 0),
        nullIf(post_dot1q_cvlan, 0), src_ip_scireg_ref, dst_ip_scireg_ref, src_ip_cric_ref,
        dst_ip_cric_ref, src_ip_scinet_ref, dst_ip_scinet_ref) AS Tuple(
        ${ext_types})) AS JSON(${ext_types})),
    -- RFC 4364, section 4.2: the type tells how the other six bytes are divided.
    mpls_vpn_rd_text String ALIAS multiIf(
        mpls_vpn_rd = 0, '',
        bitShiftRight(mpls_vpn_rd, 48) = 0,
        concat(toString(bitAnd(bitShiftRight(mpls_vpn_rd, 32), 0xffff)), ':',
            toString(bitAnd(mpls_vpn_rd, 0xffffffff))),
        bitShiftRight(mpls_vpn_rd, 48) = 1,
        concat(IPv4NumToString(toUInt32(bitAnd(bitShiftRight(mpls_vpn_rd, 16), 0xffffffff))), ':',
            toString(bitAnd(mpls_vpn_rd, 0xffff))),
        concat(toString(bitAnd(bitShiftRight(mpls_vpn_rd, 16), 0xffffffff)), ':',
            toString(bitAnd(mpls_vpn_rd, 0xffff))))
)
ENGINE = ${replicated}MergeTree
PARTITION BY toYYYYMMDD(start_time)
ORDER BY (src_as_id, dst_as_id, src_ip, dst_ip, start_time)
TTL toDateTime(start_time) + INTERVAL ${flow_ttl}
SETTINGS ttl_only_drop_parts = 1;

--@ if cluster
CREATE TABLE IF NOT EXISTS ${database}.data_flow ${on_cluster} AS ${database}.data_flow_local
ENGINE = Distributed('${cluster}', '${database}', 'data_flow_local', cityHash64(src_ip, dst_ip));
--@ end
