-- From messages of any format to rows: what all formats share.
-- SPDX-License-Identifier: Apache-2.0
--@ creates ${ingest}.flow_in
--
--   Kafka table of a format -> flow_in (Null) -> flow (Null), where `repeat` is known -> data_flow
--
-- A batch is what the agent put in one message; its identity is the message's header weir.batch,
-- without it the message's place in the topic. A row is a repeat where data_flow has rows of its
-- batch and day (what shares both was stored in one part, wholly or not at all), or where the same
-- batch stands twice in the block. In a view's query, flow_in is the block being inserted.

--@ set ingest_start
if(time_flow_start_ns > toUnixTimestamp64Nano(received) - 7 * 86400000000000
        AND time_flow_start_ns < toUnixTimestamp64Nano(received) + 86400000000000,
        fromUnixTimestamp64Nano(toInt64(time_flow_start_ns), 'UTC'), received)
--@ end
--@ set ingest_end
if(time_flow_end_ns > toUnixTimestamp64Nano(received) - 7 * 86400000000000
        AND time_flow_end_ns < toUnixTimestamp64Nano(received) + 86400000000000,
        fromUnixTimestamp64Nano(toInt64(time_flow_end_ns), 'UTC'), start_time)
--@ end

DROP VIEW IF EXISTS ${ingest}.flow_repeat_mv ${on_cluster};
DROP VIEW IF EXISTS ${ingest}.flow_data_mv ${on_cluster};
DROP VIEW IF EXISTS ${ingest}.flow_twice_mv ${on_cluster};
DROP VIEW IF EXISTS ${ingest}.flow_progress_mv ${on_cluster};
DROP TABLE IF EXISTS ${ingest}.flow_in ${on_cluster};
DROP TABLE IF EXISTS ${ingest}.flow ${on_cluster};

-- The fields of proto/flow.proto by their names there, addresses as IPv6.
CREATE TABLE ${ingest}.flow ${on_cluster}
(
    type LowCardinality(String),
    time_received_ns UInt64,
    time_flow_start_ns UInt64,
    time_flow_end_ns UInt64,
    sequence_num UInt32,
    sampling_rate UInt64,
    sampler_address IPv6,
    bytes UInt64,
    packets UInt64,
    src_addr IPv6,
    dst_addr IPv6,
    etype UInt16,
    proto UInt8,
    src_port UInt16,
    dst_port UInt16,
    in_if UInt32,
    out_if UInt32,
    src_mac UInt64,
    dst_mac UInt64,
    src_vlan UInt16,
    dst_vlan UInt16,
    vlan_id UInt16,
    ip_tos UInt8,
    forwarding_status UInt32,
    ip_ttl UInt8,
    ip_flags UInt8,
    tcp_flags UInt16,
    icmp_type UInt8,
    icmp_code UInt8,
    ipv6_flow_label UInt32,
    fragment_id UInt32,
    fragment_offset UInt32,
    src_as UInt32,
    dst_as UInt32,
    next_hop IPv6,
    next_hop_as UInt32,
    src_net UInt8,
    dst_net UInt8,
    bgp_next_hop IPv6,
    bgp_communities Array(UInt32),
    as_path Array(UInt32),
    mpls_ttl Array(UInt8),
    mpls_label Array(UInt32),
    mpls_ip Array(IPv6),
    observation_domain_id UInt32,
    observation_point_id UInt32,
    layer_stack Array(LowCardinality(String)),
    layer_size Array(UInt32),
    ipv6_routing_header_addresses Array(IPv6),
    ipv6_routing_header_seg_left UInt8,
    collector_id LowCardinality(String),
    sampling_origin LowCardinality(String),
    flow_direction UInt8,
    biflow_direction UInt8,
    flow_end_reason UInt8,
    ingress_vrf_id UInt32,
    egress_vrf_id UInt32,
    min_ttl UInt8,
    max_ttl UInt8,
    dot1q_vlan UInt16,
    post_dot1q_vlan UInt16,
    dot1q_cvlan UInt16,
    post_dot1q_cvlan UInt16,
    post_nat_src_addr IPv6,
    post_nat_dst_addr IPv6,
    post_nat_src_port UInt16,
    post_nat_dst_port UInt16,
    nat_event UInt8,
    firewall_event UInt8,
    firewall_ext_event UInt16,
    gre_key UInt32,
    vxlan_vni UInt32,
    inner_src_addr IPv6,
    inner_dst_addr IPv6,
    inner_proto UInt8,
    inner_src_port UInt16,
    inner_dst_port UInt16,
    inner_etype UInt16,
    inner_src_mac UInt64,
    inner_dst_mac UInt64,
    inner_vlan_id UInt16,
    application_id UInt64,
    application_name LowCardinality(String),
    bgp_local_pref UInt32,
    bgp_med UInt32,
    bgp_ext_communities Array(UInt64),
    bgp_large_communities Array(UInt32),
    prev_hop_as UInt32,
    mpls_exp Array(UInt8),
    mpls_vpn_rd UInt64,
    mpls_pseudowire_id UInt32,
    mpls_top_label_type UInt8,
    in_if_name LowCardinality(String),
    out_if_name LowCardinality(String),
    ingress_vrf_name LowCardinality(String),
    egress_vrf_name LowCardinality(String),
    sampler_name LowCardinality(String),
    src_user String,
    dst_user String,
    sub_agent_id UInt32,
    source_id_type UInt8,
    source_id_index UInt32,
    sample_pool UInt32,
    sample_drops UInt32,
    drop_reason UInt32,
    in_if_format UInt8,
    out_if_format UInt8,

    -- Of the message.
    topic LowCardinality(String),
    kafka_partition UInt64,
    kafka_offset UInt64,
    kafka_time DateTime64(3, 'UTC'),
    batch_id LowCardinality(String),
    batch UInt64 DEFAULT cityHash64(topic, batch_id),

    -- When it was received; a time of the flow that is far from it is the fault of the exporter's
    -- clock, would make partitions without end, and does not become start_time or end_time.
    received DateTime64(9, 'UTC') DEFAULT if(time_received_ns = 0, toDateTime64(kafka_time, 9, 'UTC'),
        fromUnixTimestamp64Nano(toInt64(least(time_received_ns, 4102444800000000000)), 'UTC')),
    start_time DateTime64(3, 'UTC') DEFAULT ${ingest_start},
    end_time DateTime64(3, 'UTC') DEFAULT ${ingest_end},
    repeat UInt8
)
ENGINE = Null;

CREATE TABLE ${ingest}.flow_in ${on_cluster} AS ${ingest}.flow ENGINE = Null;

CREATE MATERIALIZED VIEW ${ingest}.flow_data_mv ${on_cluster}
TO ${database}.data_flow${local} AS
WITH
    multiIf(proto = 0 AND etype NOT IN (0x0800, 0x86dd), '',
        transform(proto, ${protocol_numbers}, ${protocol_names}, toString(proto))) AS protocol_name,
    -- Repeats of an AS in a path are counted where its run ends, so that the last is not lost.
    arrayFilter((i) -> i = length(as_path) OR as_path[i] != as_path[i + 1], arrayEnumerate(as_path)) AS ends
SELECT
    start_time,
    end_time,
    now64(3) AS insert_time,
    collector_id,
    '${policy_originator}' AS policy_originator,
    '${policy_level}' AS policy_level,
    arrayConcat(${policy_scope},
        if(src_as = 0, [], [concat('as:', toString(src_as))]),
        if(dst_as IN (0, src_as), [], [concat('as:', toString(dst_as))])) AS policy_scope,
    type AS flow_type,
    replaceOne(IPv6NumToString(sampler_address), '::ffff:', '') AS device_id,
    src_as AS src_as_id,
    src_addr AS src_ip,
    src_port,
    dst_as AS dst_as_id,
    dst_addr AS dst_ip,
    dst_port,
    lower(protocol_name) AS protocol,
    nullIf(next_hop_as, 0) AS peer_as_id,
    nullIf(if(bgp_next_hop = toIPv6('::'), next_hop, bgp_next_hop), toIPv6('::')) AS peer_ip,
    multiIf(etype = 0x0800, 4, etype = 0x86dd, 6, startsWith(IPv6NumToString(src_addr), '::ffff:'), 4, src_addr != toIPv6('::'), 6, 0) AS ip_version,
    multiIf(
        least(src_port, dst_port) != 0 AND dictHas('${database}.meta_application_dict', tuple(protocol), least(src_port, dst_port)), least(src_port, dst_port),
        dictHas('${database}.meta_application_dict', tuple(protocol), greatest(src_port, dst_port)), greatest(src_port, dst_port),
        0) AS application_port,
    bytes * 8 * ${scale} AS bit_count,
    packets * ${scale} AS packet_count,
    bytes, packets, sampling_rate, sampling_origin, sampler_address, sequence_num,
    time_received_ns, time_flow_start_ns, time_flow_end_ns, etype, proto, in_if, out_if, src_mac,
    dst_mac, vlan_id, src_vlan, dst_vlan, dot1q_vlan, post_dot1q_vlan, dot1q_cvlan, post_dot1q_cvlan,
    ip_tos, ip_ttl, min_ttl, max_ttl, ip_flags, tcp_flags, icmp_type, icmp_code, ipv6_flow_label,
    fragment_id, fragment_offset, forwarding_status, flow_direction, biflow_direction,
    flow_end_reason, src_net, dst_net, next_hop, next_hop_as, prev_hop_as, observation_domain_id,
    observation_point_id, ingress_vrf_id, egress_vrf_id, ingress_vrf_name, egress_vrf_name,
    in_if_name, out_if_name, sampler_name, src_user, dst_user, application_id, application_name,
    bgp_next_hop,
    arrayMap(i -> as_path[i], ends) AS bgp_as_path_id,
    arrayMap((i, before) -> toUInt16(i - before), ends, arrayPopBack(arrayPushFront(ends, 0))) AS bgp_as_path_padding,
    arrayMap(c -> concat(toString(bitShiftRight(c, 16)), ':', toString(bitAnd(c, 0xffff))), bgp_communities) AS bgp_community,
    arrayMap(c -> concat('0x', lower(leftPad(hex(c), 16, '0'))), bgp_ext_communities) AS bgp_ext_community,
    arrayMap(i -> concat(toString(bgp_large_communities[i]), ':', toString(bgp_large_communities[i + 1]), ':', toString(bgp_large_communities[i + 2])),
        range(1, length(bgp_large_communities) + 1, 3)) AS bgp_large_community,
    bgp_local_pref, bgp_med, mpls_label, mpls_exp, mpls_ttl,
    mpls_ip[1] AS mpls_top_label_ip,
    mpls_top_label_type, mpls_vpn_rd,
    mpls_pseudowire_id AS mpls_pw,
    post_nat_src_addr AS post_nat_src_ip,
    post_nat_dst_addr AS post_nat_dst_ip,
    post_nat_src_port, post_nat_dst_port, nat_event, firewall_event, firewall_ext_event, gre_key,
    vxlan_vni,
    inner_src_addr AS inner_src_ip,
    inner_dst_addr AS inner_dst_ip,
    inner_proto, inner_src_port, inner_dst_port, inner_etype, inner_src_mac, inner_dst_mac,
    inner_vlan_id, layer_stack, layer_size, ipv6_routing_header_addresses,
    ipv6_routing_header_seg_left, sub_agent_id, source_id_type, source_id_index, sample_pool,
    sample_drops, drop_reason, in_if_format, out_if_format, batch
FROM ${ingest}.flow
WHERE repeat = 0;

CREATE MATERIALIZED VIEW ${ingest}.flow_twice_mv ${on_cluster}
TO ${database}.ingest_repeat${local} AS
SELECT topic, kafka_partition, kafka_offset, any(batch_id) AS batch_id, count() AS row_count
FROM ${ingest}.flow
WHERE repeat != 0
GROUP BY topic, kafka_partition, kafka_offset;

CREATE MATERIALIZED VIEW ${ingest}.flow_progress_mv ${on_cluster}
TO ${database}.ingest_progress${local} AS
SELECT
    topic,
    kafka_partition,
    max(kafka_offset) AS last_offset,
    uniqExact(batch) AS batch_count,
    count() AS row_count,
    countIf(repeat != 0) AS repeat_count,
    min(kafka_time) AS oldest,
    max(kafka_time) AS newest
FROM ${ingest}.flow
GROUP BY topic, kafka_partition;

-- The last, so that nothing passes before all of the above is there.
CREATE MATERIALIZED VIEW ${ingest}.flow_repeat_mv ${on_cluster} TO ${ingest}.flow AS
SELECT * REPLACE (
    multiIf(
        (batch, toDate(start_time)) IN
        (
            SELECT batch, toDate(start_time)
            FROM ${database}.data_flow
            WHERE batch ${global} IN (SELECT batch FROM ${ingest}.flow_in)
            GROUP BY batch, toDate(start_time)
        ), 1,
        (batch, kafka_partition, kafka_offset) NOT IN
        (
            SELECT batch, tupleElement(min((kafka_partition, kafka_offset)) AS first, 1), tupleElement(first, 2)
            FROM ${ingest}.flow_in
            GROUP BY batch
        ), 2,
        0) AS repeat)
FROM ${ingest}.flow_in;
