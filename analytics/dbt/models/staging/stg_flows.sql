-- Flows, one row each, typed and with units; sampling applied here and nowhere else.
-- SPDX-License-Identifier: Apache-2.0
{{ config(
    incremental_strategy='append',
    pre_hook="set variable weir_files = (select list(file_name) from {{ ref('stg_files') }} where {{ unread() }})",
    post_hook="{{ read_now() }}"
) }}
{%- set new = 1 -%}
{%- if execute -%}
    {%- set new = run_query('select count(*) from ' ~ ref('stg_files') ~ ' where ' ~ unread()).columns[0].values()[0] -%}
{%- endif %}

with parquet as (
    -- The columns as `weir load export` writes them. A file of before a column was added has nulls there.
    select
        null::ubigint as time_received_ns, null::ubigint as time_flow_start_ns, null::ubigint as time_flow_end_ns,
        null::varchar as type, null::varchar as sampler_address, null::varchar as src_addr, null::varchar as dst_addr,
        null::varchar as src_mac, null::varchar as dst_mac, null::uinteger as in_if, null::uinteger as out_if,
        null::uinteger as ingress_vrf_id, null::usmallint as dot1q_vlan, null::usmallint as post_dot1q_vlan,
        null::usmallint as dot1q_cvlan, null::usmallint as post_dot1q_cvlan, null::varchar as etype,
        null::varchar as proto, null::usmallint as tcp_flags, null::usmallint as src_port, null::usmallint as dst_port,
        null::ubigint as bytes, null::ubigint as packets, null::ubigint as sampling_rate,
        null::uinteger as src_as, null::uinteger as dst_as, null::varchar as src_as_name, null::varchar as dst_as_name,
        null::varchar as src_organization, null::varchar as dst_organization,
        null::varchar as src_country, null::varchar as dst_country, null::varchar as device_id,
        null::varchar as in_interface_id, null::varchar as out_interface_id, null::varchar as application_service,
        null::timestamptz as start_time, null::varchar as sampling_origin, null::varchar as device_name,
        null::usmallint as application_port,
        null::varchar as in_interface_name, null::varchar as in_interface_description,
        null::ubigint as in_interface_speed, null::boolean as in_interface_edge,
        null::varchar as out_interface_name, null::varchar as out_interface_description,
        null::ubigint as out_interface_speed, null::boolean as out_interface_edge,
        null::varchar as filename
    where false
    {% if new > 0 %}
    union all by name
    select * from read_parquet(getvariable('weir_files'), union_by_name = true, filename = true, hive_partitioning = false)
    {% endif %}
),

typed as (
    select
        files.file_id,
        coalesce(
            flow.start_time::timestamp,
            {{ from_ns('time_flow_start_ns') }},
            {{ from_ns('time_received_ns') }},
            timestamp '1970-01-01'
        ) as start_time,
        {{ from_ns('time_flow_start_ns') }} as first_packet,
        {{ from_ns('time_flow_end_ns') }} as last_packet,
        coalesce({{ from_ns('time_received_ns') }}, flow.start_time::timestamp, timestamp '1970-01-01') as received_time,
        coalesce(type, '') as flow_type,
        coalesce(nullif(device_id, ''), nullif(sampler_address, '::'), 'unknown') as exporter,
        coalesce(nullif(device_name, ''), nullif(device_id, ''), nullif(sampler_address, '::'), 'unknown') as exporter_name,
        coalesce(sampler_address, '') as exporter_address,
        -- '::' is "none" here, as in ClickHouse.
        nullif(nullif(src_addr, '::'), '') as src_addr,
        nullif(nullif(dst_addr, '::'), '') as dst_addr,
        case
            when etype = 'IPv4' then 4
            when etype = 'IPv6' then 6
            when coalesce(etype, '') <> '' then 0
            when contains(nullif(coalesce(nullif(src_addr, '::'), dst_addr), '::'), ':') then 6
            when contains(coalesce(nullif(src_addr, '::'), dst_addr), '.') then 4
            else 0
        end as ip_version,
        coalesce(nullif(proto, ''), 'unknown') as protocol,
        coalesce(src_port, 0) as src_port,
        coalesce(dst_port, 0) as dst_port,
        coalesce(application_port, 0) as application_port,
        coalesce(application_service, '') as application_service,
        coalesce(tcp_flags, 0) as tcp_flags,
        coalesce(nullif(src_mac, ''), '') as src_mac,
        coalesce(nullif(dst_mac, ''), '') as dst_mac,
        coalesce(ingress_vrf_id, 0) as ingress_vrf_id,
        coalesce(dot1q_vlan, 0) as dot1q_vlan,
        coalesce(post_dot1q_vlan, 0) as post_dot1q_vlan,
        coalesce(dot1q_cvlan, 0) as dot1q_cvlan,
        coalesce(post_dot1q_cvlan, 0) as post_dot1q_cvlan,
        {% for side in ('in', 'out') %}
        coalesce(nullif({{ side }}_interface_id, ''), nullif({{ side }}_if, 0)::varchar, '') as {{ side }}_interface,
        coalesce({{ side }}_interface_id, '') <> '' as {{ side }}_known,
        coalesce(nullif({{ side }}_interface_name, ''), nullif({{ side }}_interface_id, ''), nullif({{ side }}_if, 0)::varchar, '')
            as {{ side }}_interface_name,
        coalesce({{ side }}_interface_description, '') as {{ side }}_interface_description,
        case when {{ side }}_interface_speed between 1 and 9000000000000000000 then {{ side }}_interface_speed end::bigint as {{ side }}_interface_speed,
        coalesce({{ side }}_interface_edge, false) as {{ side }}_interface_edge,
        {% endfor %}
        {% for side in ('src', 'dst') %}
        coalesce({{ side }}_as, 0)::bigint as {{ side }}_as,
        coalesce({{ side }}_as_name, '') as {{ side }}_as_name,
        coalesce(nullif({{ side }}_organization, ''), 'unknown') as {{ side }}_organization,
        coalesce(nullif(upper({{ side }}_country), ''), 'unknown') as {{ side }}_country,
        {% endfor %}
        -- 0 is "not told": the flow stands for itself.
        greatest(coalesce(sampling_rate, 0), 1) as sampling_rate,
        coalesce(sampling_origin, '') = 'assumed' or coalesce(sampling_rate, 0) = 0 as sampling_assumed,
        coalesce(flow.bytes, 0) as bytes_exported,
        coalesce(flow.packets, 0) as packets_exported
    from parquet as flow
    join {{ ref('stg_files') }} as files on files.file_name = flow.filename
),

scaled as (
    select
        *,
        {% set rate = 'sampling_rate' if var('scale_by_sampling') else '1' -%}
        bytes_exported::uhugeint * {{ rate }} as bytes_scaled,
        packets_exported::uhugeint * {{ rate }} as packets_scaled
    from typed
),

judged as (
    select
        *,
        bytes_scaled <= {{ var('flow_bytes_max') }} and packets_scaled <= {{ var('flow_bytes_max') }} as plausible
    from scaled
),

-- The port of the service: what the metadata say; else the smaller of the two that is well known;
-- else the smaller if no client would choose it; else 0.
served as (
    select
        judged.*,
        case
            when application_port > 0 then application_port
            when low.application is not null then low.port
            when high.application is not null then high.port
            when judged.protocol in ('TCP', 'UDP', 'SCTP', 'DCCP', 'UDPLite')
                and least(src_port, dst_port) < 32768 then least(src_port, dst_port)
            else 0
        end::integer as service_port,
        low.application as low_application,
        high.application as high_application
    from judged
    left join {{ ref('services') }} as low
        on low.protocol = judged.protocol and low.port = least(judged.src_port, judged.dst_port)
    left join {{ ref('services') }} as high
        on high.protocol = judged.protocol and high.port = greatest(judged.src_port, judged.dst_port)
)

select
    file_id,
    start_time,
    -- As the exporter tells it, where its clock tells anything.
    start_time + case
        when last_packet > first_packet and last_packet - first_packet < interval 7 day then last_packet - first_packet
        else interval 0 second
    end as end_time,
    received_time,
    flow_type,
    exporter, exporter_name, exporter_address,
    src_addr, dst_addr, ip_version::integer as ip_version, protocol,
    src_port::integer as src_port, dst_port::integer as dst_port, service_port,
    coalesce(
        nullif(application_service, ''),
        case when service_port = least(src_port, dst_port) then low_application end,
        case when service_port = greatest(src_port, dst_port) then high_application end,
        'unknown'
    ) as application,
    tcp_flags, src_mac, dst_mac, ingress_vrf_id, dot1q_vlan, post_dot1q_vlan, dot1q_cvlan, post_dot1q_cvlan,
    in_interface, in_interface_name, in_interface_description, in_interface_speed, in_interface_edge,
    out_interface, out_interface_name, out_interface_description, out_interface_speed, out_interface_edge,
    case
        when in_interface_edge and out_interface_edge then 'transit'
        when in_interface_edge then 'inbound'
        when out_interface_edge then 'outbound'
        when in_known and out_known then 'internal'
        else 'unknown'
    end as direction,
    src_as, src_as_name, src_organization, src_country,
    dst_as, dst_as_name, dst_organization, dst_country,
    least(sampling_rate, 9000000000000000000)::bigint as sampling_rate, sampling_assumed,
    bytes_exported, packets_exported, plausible,
    case when plausible then bytes_scaled else 0 end::bigint as bytes,
    case when plausible then packets_scaled else 0 end::bigint as packets
from served
