-- The columns of the Parquet files, with goflow2's names, texts as in its JSON form.
-- SPDX-License-Identifier: Apache-2.0
--
-- insert_time and batch are for the export itself and do not go out.

CREATE OR REPLACE VIEW ${database}.flow_export ${on_cluster} AS
SELECT
    time_received_ns, time_flow_start_ns, time_flow_end_ns,
    toString(flow_type) AS type,
    replaceRegexpOne(IPv6NumToString(sampler_address), '^::ffff:([0-9.]+)$', '\\1') AS sampler_address,
    replaceRegexpOne(IPv6NumToString(src_ip), '^::ffff:([0-9.]+)$', '\\1') AS src_addr,
    replaceRegexpOne(IPv6NumToString(dst_ip), '^::ffff:([0-9.]+)$', '\\1') AS dst_addr,
    if(src_mac = 0, '', lower(MACNumToString(src_mac))) AS src_mac,
    if(dst_mac = 0, '', lower(MACNumToString(dst_mac))) AS dst_mac,
    in_if, out_if, ingress_vrf_id,
    dot1q_vlan, post_dot1q_vlan, dot1q_cvlan, post_dot1q_cvlan,
    if(etype = 0, '', transform(etype, ${etype_numbers}, ${etype_names},
        concat('0x', lower(leftPad(hex(etype), 4, '0'))))) AS etype,
    if(proto = 0 AND ip_version = 0, '',
        transform(proto, ${protocol_numbers}, ${protocol_names}, toString(proto))) AS proto,
    tcp_flags, src_port, dst_port, bytes, packets, sampling_rate,
    src_as_id AS src_as,
    dst_as_id AS dst_as,
    toString(src_as_name) AS src_as_name,
    toString(dst_as_name) AS dst_as_name,
    toString(src_organization) AS src_organization,
    toString(dst_organization) AS dst_organization,
    toString(src_country) AS src_country,
    toString(dst_country) AS dst_country,
    toString(device_id) AS device_id,
    ifNull(toString(in_interface_id), '') AS in_interface_id,
    ifNull(toString(out_interface_id), '') AS out_interface_id,
    toString(application_service) AS application_service,
    start_time,
    toString(sampling_origin) AS sampling_origin,
    toString(device_name) AS device_name,
    application_port,
    toString(in_interface_name) AS in_interface_name,
    toString(in_interface_description) AS in_interface_description,
    in_interface_speed, in_interface_edge,
    toString(out_interface_name) AS out_interface_name,
    toString(out_interface_description) AS out_interface_description,
    out_interface_speed, out_interface_edge,
    insert_time, batch
FROM ${database}.data_flow;
