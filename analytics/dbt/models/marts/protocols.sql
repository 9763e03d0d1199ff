-- Protocols of each window. SPDX-License-Identifier: Apache-2.0
with traffic as (
    select w.time_window, t.exporter, t.protocol, t.ip_version,
        sum(t.flows)::bigint as flows, sum(t.packets)::bigint as packets, sum(t.bytes)::bigint as bytes
    from {{ ref('agg_traffic_5m') }} as t
    join {{ ref('time_windows') }} as w on t.period >= w.window_from and t.period < w.window_until
    group by all
)
select
    *,
    (bytes / nullif(packets, 0))::double as bytes_per_packet,
    coalesce(bytes / nullif(sum(bytes) over (partition by time_window), 0), 0)::double as share
from traffic
