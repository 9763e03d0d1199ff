-- The last flows. SPDX-License-Identifier: Apache-2.0
with latest as (
    select *
    from {{ ref('stg_flows') }}
    where plausible and start_time < (select data_until from {{ ref('time_range') }})
    order by start_time desc, file_id desc, src_addr, dst_addr, src_port, dst_port, bytes
    limit {{ var('recent_flows') }}
)
select
    row_number() over (
        order by start_time desc, file_id desc, src_addr, dst_addr, src_port, dst_port, bytes)::integer as position,
    start_time,
    (epoch_us(end_time) - epoch_us(start_time)) / 1000000::double as duration_seconds,
    exporter, flow_type, protocol, ip_version,
    coalesce(src_addr, 'unknown') as src_addr, src_port::varchar as src_port,
    coalesce(dst_addr, 'unknown') as dst_addr, dst_port::varchar as dst_port,
    {% for bit, letter in [(1, 'F'), (2, 'S'), (4, 'R'), (8, 'P'), (16, 'A'), (32, 'U'), (64, 'E'), (128, 'C')] -%}
    case when tcp_flags & {{ bit }} > 0 then '{{ letter }}' else '' end {{ '||' if not loop.last else 'as tcp_flags,' }}
    {% endfor -%}
    src_as, src_as_name, dst_as, dst_as_name, src_country, dst_country,
    in_interface, out_interface, direction, application, sampling_rate, packets, bytes
from latest
order by position
