-- Protobuf from Kafka: proto/flow.proto, each flow after its length, many in one message.
-- SPDX-License-Identifier: Apache-2.0
--@ creates ${ingest}.flow_protobuf
--@ if protobuf_topic

DROP VIEW IF EXISTS ${ingest}.flow_protobuf_mv ${on_cluster};
DROP VIEW IF EXISTS ${ingest}.flow_protobuf_error_mv ${on_cluster};
DROP TABLE IF EXISTS ${ingest}.flow_protobuf ${on_cluster};

CREATE TABLE ${ingest}.flow_protobuf ${on_cluster}
(
    type LowCardinality(String),
    time_received_ns UInt64,
    time_flow_start_ns UInt64,
    time_flow_end_ns UInt64,
    sequence_num UInt32,
    sampling_rate UInt64,
    sampler_address String,
    bytes UInt64,
    packets UInt64,
    src_addr String,
    dst_addr String,
    etype UInt32,
    proto UInt32,
    src_port UInt32,
    dst_port UInt32,
    in_if UInt32,
    out_if UInt32,
    src_mac UInt64,
    dst_mac UInt64,
    src_vlan UInt32,
    dst_vlan UInt32,
    vlan_id UInt32,
    ip_tos UInt32,
    forwarding_status UInt32,
    ip_ttl UInt32,
    ip_flags UInt32,
    tcp_flags UInt32,
    icmp_type UInt32,
    icmp_code UInt32,
    ipv6_flow_label UInt32,
    fragment_id UInt32,
    fragment_offset UInt32,
    src_as UInt32,
    dst_as UInt32,
    next_hop String,
    next_hop_as UInt32,
    src_net UInt32,
    dst_net UInt32,
    bgp_next_hop String,
    bgp_communities Array(UInt32),
    as_path Array(UInt32),
    mpls_ttl Array(UInt32),
    mpls_label Array(UInt32),
    mpls_ip Array(String),
    observation_domain_id UInt32,
    observation_point_id UInt32,
    layer_stack Array(LowCardinality(String)),
    layer_size Array(UInt32),
    ipv6_routing_header_addresses Array(String),
    ipv6_routing_header_seg_left UInt32,
    collector_id LowCardinality(String),
    sampling_origin LowCardinality(String),
    flow_direction UInt32,
    biflow_direction UInt32,
    flow_end_reason UInt32,
    ingress_vrf_id UInt32,
    egress_vrf_id UInt32,
    min_ttl UInt32,
    max_ttl UInt32,
    dot1q_vlan UInt32,
    post_dot1q_vlan UInt32,
    dot1q_cvlan UInt32,
    post_dot1q_cvlan UInt32,
    post_nat_src_addr String,
    post_nat_dst_addr String,
    post_nat_src_port UInt32,
    post_nat_dst_port UInt32,
    nat_event UInt32,
    firewall_event UInt32,
    firewall_ext_event UInt32,
    gre_key UInt32,
    vxlan_vni UInt32,
    inner_src_addr String,
    inner_dst_addr String,
    inner_proto UInt32,
    inner_src_port UInt32,
    inner_dst_port UInt32,
    inner_etype UInt32,
    inner_src_mac UInt64,
    inner_dst_mac UInt64,
    inner_vlan_id UInt32,
    application_id UInt64,
    application_name LowCardinality(String),
    bgp_local_pref UInt32,
    bgp_med UInt32,
    bgp_ext_communities Array(UInt64),
    bgp_large_communities Array(UInt32),
    prev_hop_as UInt32,
    mpls_exp Array(UInt32),
    mpls_vpn_rd UInt64,
    mpls_pseudowire_id UInt32,
    mpls_top_label_type UInt32,
    in_if_name LowCardinality(String),
    out_if_name LowCardinality(String),
    ingress_vrf_name LowCardinality(String),
    egress_vrf_name LowCardinality(String),
    sampler_name LowCardinality(String),
    src_user String,
    dst_user String,
    sub_agent_id UInt32,
    source_id_type UInt32,
    source_id_index UInt32,
    sample_pool UInt32,
    sample_drops UInt32,
    drop_reason UInt32,
    in_if_format UInt32,
    out_if_format UInt32
)
ENGINE = Kafka
SETTINGS
    ${kafka_settings},
    kafka_topic_list = '${protobuf_topic}',
    kafka_group_name = '${kafka_group}',
    kafka_format = 'Protobuf',
    ${protobuf_schema};

CREATE MATERIALIZED VIEW ${ingest}.flow_protobuf_error_mv ${on_cluster}
TO ${database}.ingest_error${local} AS
SELECT
    _topic AS topic,
    _partition AS kafka_partition,
    _offset AS kafka_offset,
    ${kafka_batch_id} AS batch_id,
    'protobuf' AS format,
    _error AS error,
    _raw_message AS raw_message
FROM ${ingest}.flow_protobuf
WHERE _error != '';

-- Addresses are of 4 or 16 bytes, or empty.
CREATE MATERIALIZED VIEW ${ingest}.flow_protobuf_mv ${on_cluster} TO ${ingest}.flow_in AS
WITH
    '\0\0\0\0\0\0\0\0\0\0\xff\xff' AS mapped,
    (a) -> CAST(toFixedString(if(length(a) = 4, concat(mapped, a), if(length(a) = 16, a, '')), 16) AS IPv6) AS address
SELECT * REPLACE (
    address(sampler_address) AS sampler_address,
    address(src_addr) AS src_addr,
    address(dst_addr) AS dst_addr,
    address(next_hop) AS next_hop,
    address(bgp_next_hop) AS bgp_next_hop,
    address(post_nat_src_addr) AS post_nat_src_addr,
    address(post_nat_dst_addr) AS post_nat_dst_addr,
    address(inner_src_addr) AS inner_src_addr,
    address(inner_dst_addr) AS inner_dst_addr,
    arrayMap(a -> address(a), mpls_ip) AS mpls_ip,
    arrayMap(a -> address(a), ipv6_routing_header_addresses) AS ipv6_routing_header_addresses),
    _topic AS topic,
    _partition AS kafka_partition,
    _offset AS kafka_offset,
    ${kafka_time} AS kafka_time,
    ${kafka_batch_id} AS batch_id
FROM ${ingest}.flow_protobuf
WHERE _error = '';
--@ end
