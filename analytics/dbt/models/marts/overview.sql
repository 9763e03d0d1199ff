-- Each window beside the one before it. SPDX-License-Identifier: Apache-2.0
with spans as (
    select *, window_until - window_from as span, epoch(window_until) - epoch(window_from) as seconds
    from {{ ref('time_windows') }}
),
now_in as (
    select
        s.time_window,
        sum(t.flows) as flows, sum(t.packets) as packets, sum(t.bytes) as bytes,
        sum(t.bytes) filter (where t.ip_version = 6) as ipv6_bytes,
        count(distinct t.exporter) as exporters
    from spans as s
    join {{ ref('agg_traffic_5m') }} as t on t.period >= s.window_from and t.period < s.window_until
    group by s.time_window
),
before as (
    select s.time_window, sum(t.flows) as flows, sum(t.bytes) as bytes
    from spans as s
    join {{ ref('agg_traffic_5m') }} as t on t.period >= s.window_from - s.span and t.period < s.window_from
    group by s.time_window
),
hours as (
    select s.time_window, date_trunc('hour', t.period) as hour, sum(t.bytes) as bytes
    from spans as s
    join {{ ref('agg_traffic_5m') }} as t on t.period >= s.window_from and t.period < s.window_until
    group by all
),
peaks as (
    select h.time_window, max({{ bits_per_second('h.bytes', '3600') }}) as rate, arg_max(h.hour, h.bytes) as hour
    from hours as h
    group by h.time_window
),
sources as (
    select s.time_window, count(distinct p.src_as) as source_as
    from spans as s
    join {{ ref('agg_pair_hour') }} as p on p.period >= s.window_from and p.period < s.window_until
    where p.src_as > 0
    group by s.time_window
)
select
    s.time_window, s.hours, s.window_from, s.window_until,
    coalesce(n.flows, 0)::bigint as flows,
    coalesce(n.packets, 0)::bigint as packets,
    coalesce(n.bytes, 0)::bigint as bytes,
    coalesce({{ bits_per_second('n.bytes', 's.seconds') }}, 0) as bits_per_second,
    coalesce(p.rate, 0) as peak_bits_per_second,
    p.hour as peak_at,
    coalesce(n.exporters, 0) as exporters,
    coalesce(a.source_as, 0) as source_as,
    coalesce(n.ipv6_bytes / nullif(n.bytes, 0), 0)::double as ipv6_share,
    coalesce(b.flows, 0)::bigint as previous_flows,
    coalesce(b.bytes, 0)::bigint as previous_bytes,
    coalesce({{ bits_per_second('b.bytes', 's.seconds') }}, 0) as previous_bits_per_second,
    case when r.data_from <= s.window_from - s.span then n.bytes / nullif(b.bytes, 0) - 1 end::double as bytes_change,
    case when r.data_from <= s.window_from - s.span then n.flows / nullif(b.flows, 0) - 1 end::double as flows_change
from spans as s
cross join {{ ref('time_range') }} as r
left join now_in as n using (time_window)
left join before as b using (time_window)
left join peaks as p using (time_window)
left join sources as a using (time_window)
