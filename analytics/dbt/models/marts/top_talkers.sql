-- The ranking of each window. SPDX-License-Identifier: Apache-2.0
with traffic as (
    select w.time_window, t.kind, t.role, t.member, t.label, t.is_other, t.flows, t.packets, t.bytes
    from {{ ref('talkers_hourly') }} as t
    join {{ ref('time_windows') }} as w
        on w.time_window = '24h' and t.period >= w.window_from and t.period < w.window_until
    union all
    select w.time_window, t.kind, t.role, t.member, t.label, t.is_other, t.flows, t.packets, t.bytes
    from {{ ref('talkers_daily') }} as t
    join {{ ref('time_windows') }} as w
        on w.time_window <> '24h' and t.period >= w.window_from and t.period < w.window_until
),
summed as (
    select time_window, kind, role, member, max(label) as label, is_other, {{ add_measures() }}
    from traffic
    group by all
),
placed as (
    select
        *,
        row_number() over (
            partition by time_window, kind, role order by is_other, bytes desc, member
        ) as place,
        sum(bytes) over (partition by time_window, kind, role) as all_bytes
    from summed
),
-- Places beyond the last that is shown go to "other" as well.
cut as (
    select
        time_window, kind, role,
        case when shown then member else 'other' end as member,
        case when shown then label else 'other' end as label,
        not shown as is_other,
        {{ add_measures() }}, max(all_bytes) as all_bytes
    from (select *, not is_other and place <= {{ var('top_daily') }} as shown from placed)
    group by all
)
select
    time_window, kind, role,
    row_number() over (partition by time_window, kind, role order by is_other, bytes desc, member)::integer as position,
    member, label, is_other, flows, packets, bytes,
    coalesce(bytes / nullif(all_bytes, 0), 0)::double as share
from cut
