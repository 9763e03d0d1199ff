-- From messages of any format to rows: what all formats share.
-- SPDX-License-Identifier: Apache-2.0
--@ creates ${ingest}.flow_in
--
--   Kafka table of a format -> flow_in (Null) -> flow (Null), where `repeat` is known -> data_flow
--
-- A batch is what the agent put in one message; its identity is the message's header weir.batch,
-- without it the message's place in the topic and its time. A row is a repeat where data_flow has
-- rows of its batch and day (what shares both was stored in one part, wholly or not at all: the
-- engine ends a block only after a whole message), or where a readable message of the same batch
-- stands before its own in the block. Both must be seen to be there: a question that finds nothing
-- takes the row, for one too many can be told (ingest_double) and one too few cannot. In a view's
-- query, flow_in is the block being inserted.

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

-- The scopes of flows to which the agent added none.
--@ set ingest_scope
--@ if auto_scopes
arrayConcat(${policy_scope},
        if(f.src_as = 0, [], [concat('as:', toString(f.src_as))]),
        if(f.dst_as IN (0, f.src_as), [], [concat('as:', toString(f.dst_as))]),
        arrayMap(c -> concat('comm:', c), arrayFilter(c -> c != '', [transform(
            if(bitShiftRight(f.mpls_vpn_rd, 48) = 0, bitAnd(f.mpls_vpn_rd, 0xffffffff),
                bitAnd(f.mpls_vpn_rd, 0xffff)), ${community_numbers}, ${community_names}, '')])))
--@ else
${policy_scope}
--@ end
--@ end

-- Nothing may be read from Kafka while parts of the way are missing: its rows would be lost. The
-- files after this one make the readers again.
DROP VIEW IF EXISTS ${ingest}.flow_protobuf_mv ${on_cluster};
DROP VIEW IF EXISTS ${ingest}.flow_json_mv ${on_cluster};
DROP VIEW IF EXISTS ${ingest}.flow_native_mv ${on_cluster};
DROP TABLE IF EXISTS ${ingest}.flow_protobuf ${on_cluster};
DROP TABLE IF EXISTS ${ingest}.flow_json ${on_cluster};
DROP TABLE IF EXISTS ${ingest}.flow_native ${on_cluster};
DROP VIEW IF EXISTS ${ingest}.flow_repeat_mv ${on_cluster};
DROP VIEW IF EXISTS ${ingest}.flow_error_mv ${on_cluster};
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
    src_as_name LowCardinality(String),
    src_as_ref String,
    src_organization LowCardinality(String),
    src_organization_ref String,
    src_ip_ref String,
    src_continent LowCardinality(String),
    src_country LowCardinality(String),
    src_subdivision LowCardinality(String),
    src_city LowCardinality(String),
    src_latitude Float64,
    src_longitude Float64,
    src_network_name LowCardinality(String),
    src_network_role LowCardinality(String),
    src_network_site LowCardinality(String),
    src_network_region LowCardinality(String),
    src_network_tenant LowCardinality(String),
    src_ip_scireg_ref String,
    src_ip_cric_ref String,
    src_ip_scinet_ref String,
    src_ip_refs Map(LowCardinality(String), String),
    dst_as_name LowCardinality(String),
    dst_as_ref String,
    dst_organization LowCardinality(String),
    dst_organization_ref String,
    dst_ip_ref String,
    dst_continent LowCardinality(String),
    dst_country LowCardinality(String),
    dst_subdivision LowCardinality(String),
    dst_city LowCardinality(String),
    dst_latitude Float64,
    dst_longitude Float64,
    dst_network_name LowCardinality(String),
    dst_network_role LowCardinality(String),
    dst_network_site LowCardinality(String),
    dst_network_region LowCardinality(String),
    dst_network_tenant LowCardinality(String),
    dst_ip_scireg_ref String,
    dst_ip_cric_ref String,
    dst_ip_scinet_ref String,
    dst_ip_refs Map(LowCardinality(String), String),
    device_id LowCardinality(String),
    device_ref String,
    device_name LowCardinality(String),
    device_group LowCardinality(String),
    device_role LowCardinality(String),
    device_site LowCardinality(String),
    device_region LowCardinality(String),
    device_tenant LowCardinality(String),
    in_interface_id LowCardinality(String),
    in_interface_ref String,
    in_interface_name LowCardinality(String),
    in_interface_description LowCardinality(String),
    in_interface_speed UInt64,
    in_interface_edge Bool,
    in_interface_circuit_id Array(LowCardinality(String)),
    in_interface_circuit_ref Array(String),
    in_interface_connectivity LowCardinality(String),
    in_interface_provider LowCardinality(String),
    in_interface_boundary LowCardinality(String),
    out_interface_id LowCardinality(String),
    out_interface_ref String,
    out_interface_name LowCardinality(String),
    out_interface_description LowCardinality(String),
    out_interface_speed UInt64,
    out_interface_edge Bool,
    out_interface_circuit_id Array(LowCardinality(String)),
    out_interface_circuit_ref Array(String),
    out_interface_connectivity LowCardinality(String),
    out_interface_provider LowCardinality(String),
    out_interface_boundary LowCardinality(String),
    application_port UInt16,
    application_service LowCardinality(String),
    policy_originator LowCardinality(String),
    policy_level LowCardinality(String),
    policy_scope Array(LowCardinality(String)),
    bgp_as_path_padding Array(UInt16),
    bgp_as_path_id Array(UInt32),
    peer_as UInt32,
    peer_as_ref String,
    peer_ip IPv6,
    peer_ip_ref String,
    peer_as_name LowCardinality(String),
    peer_organization LowCardinality(String),

    -- Of the message.
    topic LowCardinality(String),
    kafka_partition UInt64,
    kafka_offset UInt64,
    kafka_time DateTime64(3, 'UTC'),
    batch_id LowCardinality(String),
    batch UInt64 DEFAULT cityHash64(topic, batch_id),
    format LowCardinality(String),
    error String,        -- why the message could not be read; then the row stands for all of it
    raw_message String,

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
    if(f.proto = 0 AND f.etype NOT IN (0x0800, 0x86dd), '',
        lower(transform(f.proto, ${protocol_numbers}, ${protocol_names}, toString(f.proto)))) AS name,
    least(f.src_port, f.dst_port) AS low,
    greatest(f.src_port, f.dst_port) AS high,
    -- Where the run of an AS ends in the path, for messages without enrichment.
    arrayFilter(i -> i = length(f.as_path) OR f.as_path[i] != f.as_path[i + 1],
        arrayEnumerate(f.as_path)) AS ends
SELECT
    f.start_time AS start_time,
    f.end_time AS end_time,
    now64(3) AS insert_time,
    f.collector_id AS collector_id,
    if(f.policy_originator = '', '${policy_originator}', f.policy_originator) AS policy_originator,
    if(f.policy_level = '', '${policy_level}', f.policy_level) AS policy_level,
    if(notEmpty(f.policy_scope), f.policy_scope, ${ingest_scope}) AS policy_scope,
    f.type AS flow_type,
    if(f.device_id != '', f.device_id,
        replaceRegexpOne(IPv6NumToString(f.sampler_address), '^::ffff:', '')) AS device_id,
    nullIf(f.device_ref, '') AS device_ref,
    f.src_as AS src_as_id,
    nullIf(f.src_as_ref, '') AS src_as_ref,
    f.src_addr AS src_ip,
    nullIf(f.src_ip_ref, '') AS src_ip_ref,
    f.dst_as AS dst_as_id,
    nullIf(f.dst_as_ref, '') AS dst_as_ref,
    f.dst_addr AS dst_ip,
    nullIf(f.dst_ip_ref, '') AS dst_ip_ref,
    name AS protocol,
    nullIf(f.in_interface_id, '') AS in_interface_id,
    nullIf(f.in_interface_ref, '') AS in_interface_ref,
    nullIf(f.out_interface_id, '') AS out_interface_id,
    nullIf(f.out_interface_ref, '') AS out_interface_ref,
    nullIf(if(f.peer_as != 0, f.peer_as, f.next_hop_as), 0) AS peer_as_id,
    nullIf(f.peer_as_ref, '') AS peer_as_ref,
    nullIf(multiIf(f.peer_ip != toIPv6('::'), f.peer_ip, f.bgp_next_hop != toIPv6('::'), f.bgp_next_hop,
        f.next_hop), toIPv6('::')) AS peer_ip,
    nullIf(f.peer_ip_ref, '') AS peer_ip_ref,
    multiIf(f.etype = 0x0800, 4, f.etype = 0x86dd, 6, f.src_addr = toIPv6('::'), 0,
        f.src_addr BETWEEN toIPv6('::ffff:0.0.0.0') AND toIPv6('::ffff:255.255.255.255'), 4, 6) AS ip_version,
    multiIf(f.application_port != 0, f.application_port,
        low != 0 AND dictHas('${database}.meta_application_dict', tuple(name), low), low,
        high != 0 AND dictHas('${database}.meta_application_dict', tuple(name), high), high,
        0) AS application_port,
    f.bytes * 8 * ${scale} AS bit_count,
    f.packets * ${scale} AS packet_count,
    nullIf(f.src_organization_ref, '') AS src_organization_ref,
    nullIf(f.src_ip_scireg_ref, '') AS src_ip_scireg_ref,
    nullIf(f.src_ip_cric_ref, '') AS src_ip_cric_ref,
    nullIf(f.src_ip_scinet_ref, '') AS src_ip_scinet_ref,
    nullIf(f.dst_organization_ref, '') AS dst_organization_ref,
    nullIf(f.dst_ip_scireg_ref, '') AS dst_ip_scireg_ref,
    nullIf(f.dst_ip_cric_ref, '') AS dst_ip_cric_ref,
    nullIf(f.dst_ip_scinet_ref, '') AS dst_ip_scinet_ref,
    if(notEmpty(f.bgp_as_path_id), f.bgp_as_path_id, arrayMap(i -> f.as_path[i], ends)) AS bgp_as_path_id,
    if(notEmpty(f.bgp_as_path_id), f.bgp_as_path_padding, arrayMap((i, before) -> toUInt16(i - before - 1),
        ends, arrayPopBack(arrayPushFront(ends, 0)))) AS bgp_as_path_padding,
    arrayMap(c -> concat(toString(bitShiftRight(c, 16)), ':', toString(bitAnd(c, 0xffff))),
        f.bgp_communities) AS bgp_community,
    arrayMap(c -> concat('0x', lower(leftPad(hex(c), 16, '0'))), f.bgp_ext_communities) AS bgp_ext_community,
    arrayMap(i -> concat(toString(f.bgp_large_communities[i]), ':',
            toString(f.bgp_large_communities[i + 1]), ':', toString(f.bgp_large_communities[i + 2])),
        range(1, length(f.bgp_large_communities) + 1, 3)) AS bgp_large_community,
    f.mpls_ip[1] AS mpls_top_label_ip,
    f.mpls_pseudowire_id AS mpls_pw,
    f.post_nat_src_addr AS post_nat_src_ip,
    f.post_nat_dst_addr AS post_nat_dst_ip,
    f.inner_src_addr AS inner_src_ip,
    f.inner_dst_addr AS inner_dst_ip,
    -- As they are.
    src_port, dst_port, in_interface_edge, out_interface_edge, src_as_name, src_organization,
    src_continent, src_country, src_subdivision, src_city, src_latitude, src_longitude,
    src_network_name, src_network_role, src_network_site, src_network_region, src_network_tenant,
    src_ip_refs, dst_as_name, dst_organization, dst_continent, dst_country, dst_subdivision,
    dst_city, dst_latitude, dst_longitude, dst_network_name, dst_network_role, dst_network_site,
    dst_network_region, dst_network_tenant, dst_ip_refs, device_name, device_group, device_role,
    device_site, device_region, device_tenant, in_interface_name, in_interface_description,
    in_interface_speed, in_interface_circuit_id, in_interface_circuit_ref,
    in_interface_connectivity, in_interface_provider, in_interface_boundary, out_interface_name,
    out_interface_description, out_interface_speed, out_interface_circuit_id,
    out_interface_circuit_ref, out_interface_connectivity, out_interface_provider,
    out_interface_boundary, application_service, peer_as_name, peer_organization, bytes, packets,
    sampling_rate, sampling_origin, sampler_address, sequence_num, time_received_ns,
    time_flow_start_ns, time_flow_end_ns, etype, proto, in_if, out_if, src_mac, dst_mac, vlan_id,
    src_vlan, dst_vlan, dot1q_vlan, post_dot1q_vlan, dot1q_cvlan, post_dot1q_cvlan, ip_tos,
    ip_ttl, min_ttl, max_ttl, ip_flags, tcp_flags, icmp_type, icmp_code, ipv6_flow_label,
    fragment_id, fragment_offset, forwarding_status, flow_direction, biflow_direction,
    flow_end_reason, src_net, dst_net, next_hop, next_hop_as, prev_hop_as, observation_domain_id,
    observation_point_id, ingress_vrf_id, egress_vrf_id, ingress_vrf_name, egress_vrf_name,
    in_if_name, out_if_name, sampler_name, src_user, dst_user, application_id, application_name,
    bgp_next_hop, bgp_local_pref, bgp_med, mpls_label, mpls_exp, mpls_ttl, mpls_top_label_type,
    mpls_vpn_rd, post_nat_src_port, post_nat_dst_port, nat_event, firewall_event,
    firewall_ext_event, gre_key, vxlan_vni, inner_proto, inner_src_port, inner_dst_port,
    inner_etype, inner_src_mac, inner_dst_mac, inner_vlan_id, layer_stack, layer_size,
    ipv6_routing_header_addresses, ipv6_routing_header_seg_left, sub_agent_id, source_id_type,
    source_id_index, sample_pool, sample_drops, drop_reason, in_if_format, out_if_format, batch
FROM ${ingest}.flow AS f
WHERE f.repeat = 0;

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

CREATE MATERIALIZED VIEW ${ingest}.flow_error_mv ${on_cluster}
TO ${database}.ingest_error${local} AS
SELECT topic, kafka_partition, kafka_offset, batch_id, format, error, raw_message
FROM ${ingest}.flow_in
WHERE error != '';

--@ set block
${ingest}.flow_in
--@ end
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
        (batch, kafka_partition, kafka_offset) IN
        (
            ${later_in_block}
        ), 2,
        0) AS repeat)
FROM ${ingest}.flow_in
WHERE error = '';
