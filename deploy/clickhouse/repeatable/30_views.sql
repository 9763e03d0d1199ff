-- What is asked often, and flows under the column names of other collectors.
-- SPDX-License-Identifier: Apache-2.0

-- How far behind ingest is, for each partition that sent something in the last day.
CREATE OR REPLACE VIEW ${database}.ingest_lag ${on_cluster} AS
SELECT
    topic,
    kafka_partition,
    max(last_offset) AS last_offset,
    sum(batch_count) AS batches,
    sum(row_count) AS flows,
    sum(repeat_count) AS repeated_flows,
    max(newest) AS newest_message,
    max(insert_time) AS last_insert,
    -- From the sending of the oldest message in a block to when it was stored, in seconds.
    round(argMax(toFloat64(dateDiff('millisecond', oldest, insert_time)), insert_time) / 1000, 3) AS last_lag,
    round(max(toFloat64(dateDiff('millisecond', oldest, insert_time))) / 1000, 3) AS worst_lag,
    dateDiff('second', last_insert, now()) AS silent_for
FROM ${database}.ingest_progress
WHERE insert_time > now() - INTERVAL 1 DAY
GROUP BY topic, kafka_partition;

-- Batches that were stored twice: by two consumers at once, neither of which saw the other's rows. A
-- block of Kafka is stored at one time, so that a batch of two times came with two blocks.
CREATE OR REPLACE VIEW ${database}.ingest_double ${on_cluster} AS
SELECT
    batch,
    toDate(start_time) AS day,
    uniqExact(insert_time) AS copies,
    count() AS flows,
    min(insert_time) AS first_insert,
    max(insert_time) AS last_insert
FROM ${database}.data_flow
GROUP BY batch, toDate(start_time)
HAVING copies > 1;

-- With goflow2's column names, in the types of its JSON form.
CREATE OR REPLACE VIEW ${database}.ipfix_raw_data ${on_cluster} AS
SELECT
    flow_type AS type,
    time_received_ns, time_flow_start_ns, time_flow_end_ns,
    sequence_num, sampling_rate,
    replaceRegexpOne(IPv6NumToString(sampler_address), '^::ffff:', '') AS sampler_address,
    bytes, packets,
    replaceRegexpOne(IPv6NumToString(src_ip), '^::ffff:', '') AS src_addr,
    replaceRegexpOne(IPv6NumToString(dst_ip), '^::ffff:', '') AS dst_addr,
    if(etype = 0, '', transform(etype, ${etype_numbers}, ${etype_names}, concat('0x', lower(leftPad(hex(etype), 4, '0'))))) AS etype,
    if(proto = 0 AND ip_version = 0, '', transform(proto, ${protocol_numbers}, ${protocol_names}, toString(proto))) AS proto,
    src_port, dst_port, in_if, out_if,
    if(src_mac = 0, '', lower(MACNumToString(src_mac))) AS src_mac,
    if(dst_mac = 0, '', lower(MACNumToString(dst_mac))) AS dst_mac,
    src_vlan, dst_vlan, vlan_id, ip_tos, forwarding_status, ip_ttl, ip_flags, tcp_flags, icmp_type,
    icmp_code, ipv6_flow_label, fragment_id, fragment_offset,
    src_as_id AS src_as,
    dst_as_id AS dst_as,
    if(next_hop = toIPv6('::'), '', replaceRegexpOne(IPv6NumToString(next_hop), '^::ffff:', '')) AS next_hop,
    next_hop_as, src_net, dst_net,
    if(bgp_next_hop = toIPv6('::'), '', replaceRegexpOne(IPv6NumToString(bgp_next_hop), '^::ffff:', '')) AS bgp_next_hop,
    bgp_community AS bgp_communities,
    as_path, mpls_ttl, mpls_label,
    if(mpls_top_label_ip = toIPv6('::'), [], [replaceRegexpOne(IPv6NumToString(mpls_top_label_ip), '^::ffff:', '')]) AS mpls_ip,
    observation_domain_id, observation_point_id, layer_stack, layer_size,
    arrayMap(a -> IPv6NumToString(a), ipv6_routing_header_addresses) AS ipv6_routing_header_addresses,
    ipv6_routing_header_seg_left, ingress_vrf_id, egress_vrf_id, dot1q_vlan, post_dot1q_vlan,
    dot1q_cvlan, post_dot1q_cvlan, flow_direction, device_id, start_time, end_time, insert_time
FROM ${database}.data_flow;

-- With Akvorado's column names and types where ours say the same thing.
CREATE OR REPLACE VIEW ${database}.flows ${on_cluster} AS
WITH
    (id, edge, said) -> multiIf(said IN ('external', 'internal'), said, id IS NULL, 'undefined', edge, 'external', 'internal') AS boundary,
    (parts) -> toUInt32(bitOr(bitShiftLeft(toUInt32(parts[1]), 16), toUInt32(parts[2]))) AS community,
    (parts) -> bitOr(bitOr(bitShiftLeft(toUInt128(parts[1]), 64), bitShiftLeft(toUInt128(parts[2]), 32)), toUInt128(parts[3])) AS large
SELECT
    toDateTime(start_time, 'UTC') AS TimeReceived,
    sampling_rate AS SamplingRate,
    sampler_address AS ExporterAddress,
    if(device_name != '', device_name, device_id) AS ExporterName,
    device_group AS ExporterGroup,
    device_role AS ExporterRole,
    device_site AS ExporterSite,
    device_region AS ExporterRegion,
    device_tenant AS ExporterTenant,
    src_ip AS SrcAddr,
    dst_ip AS DstAddr,
    src_net AS SrcNetMask,
    dst_net AS DstNetMask,
    src_as_id AS SrcAS,
    dst_as_id AS DstAS,
    src_network_name AS SrcNetName,
    dst_network_name AS DstNetName,
    src_network_role AS SrcNetRole,
    dst_network_role AS DstNetRole,
    src_network_site AS SrcNetSite,
    dst_network_site AS DstNetSite,
    src_network_region AS SrcNetRegion,
    dst_network_region AS DstNetRegion,
    src_network_tenant AS SrcNetTenant,
    dst_network_tenant AS DstNetTenant,
    src_country AS SrcCountry,
    dst_country AS DstCountry,
    src_subdivision AS SrcGeoState,
    dst_subdivision AS DstGeoState,
    src_city AS SrcGeoCity,
    dst_city AS DstGeoCity,
    as_path AS DstASPath,
    bgp_as_path_id[1] AS Dst1stAS,
    bgp_as_path_id[2] AS Dst2ndAS,
    bgp_as_path_id[3] AS Dst3rdAS,
    arrayMap(c -> community(splitByChar(':', toString(c))), bgp_community) AS DstCommunities,
    arrayMap(c -> large(splitByChar(':', toString(c))), bgp_large_community) AS DstLargeCommunities,
    coalesce(nullIf(in_interface_name, ''), in_interface_id, nullIf(in_if_name, ''), toString(in_if)) AS InIfName,
    coalesce(nullIf(out_interface_name, ''), out_interface_id, nullIf(out_if_name, ''), toString(out_if)) AS OutIfName,
    if(in_interface_description != '', in_interface_description,
        dictGetOrDefault('${database}.meta_interface_dict', 'description', (device_id, in_if), '')) AS InIfDescription,
    if(out_interface_description != '', out_interface_description,
        dictGetOrDefault('${database}.meta_interface_dict', 'description', (device_id, out_if), '')) AS OutIfDescription,
    toUInt32(intDiv(if(in_interface_speed != 0, in_interface_speed,
        dictGetOrDefault('${database}.meta_interface_dict', 'speed', (device_id, in_if), 0)), 1000000)) AS InIfSpeed,
    toUInt32(intDiv(if(out_interface_speed != 0, out_interface_speed,
        dictGetOrDefault('${database}.meta_interface_dict', 'speed', (device_id, out_if), 0)), 1000000)) AS OutIfSpeed,
    in_interface_connectivity AS InIfConnectivity,
    out_interface_connectivity AS OutIfConnectivity,
    in_interface_provider AS InIfProvider,
    out_interface_provider AS OutIfProvider,
    boundary(in_interface_id, in_interface_edge, in_interface_boundary) AS InIfBoundary,
    boundary(out_interface_id, out_interface_edge, out_interface_boundary) AS OutIfBoundary,
    toUInt32(etype) AS EType,
    toUInt32(proto) AS Proto,
    src_port AS SrcPort,
    dst_port AS DstPort,
    bytes AS Bytes,
    packets AS Packets,
    if(packets = 0, 0, intDiv(bytes, packets)) AS PacketSize,
    forwarding_status AS ForwardingStatus,
    src_vlan AS SrcVlan,
    dst_vlan AS DstVlan,
    src_mac AS SrcMAC,
    dst_mac AS DstMAC,
    post_nat_src_ip AS SrcAddrNAT,
    post_nat_dst_ip AS DstAddrNAT,
    post_nat_src_port AS SrcPortNAT,
    post_nat_dst_port AS DstPortNAT,
    ip_tos AS IPTos,
    ip_ttl AS IPTTL,
    fragment_id AS IPFragmentID,
    fragment_offset AS IPFragmentOffset,
    ipv6_flow_label AS IPv6FlowLabel,
    tcp_flags AS TCPFlags,
    if(proto = 1, icmp_type, 0) AS ICMPv4Type,
    if(proto = 1, icmp_code, 0) AS ICMPv4Code,
    if(proto = 58, icmp_type, 0) AS ICMPv6Type,
    if(proto = 58, icmp_code, 0) AS ICMPv6Code,
    next_hop AS NextHop,
    mpls_label AS MPLSLabels,
    mpls_label[1] AS MPLS1stLabel,
    mpls_label[2] AS MPLS2ndLabel,
    mpls_label[3] AS MPLS3rdLabel,
    mpls_label[4] AS MPLS4thLabel
FROM ${database}.data_flow;
