-- What the marts by window say of a window is the same. SPDX-License-Identifier: Apache-2.0
with sums as (
    select time_window, 'protocols' as mart, sum(bytes) as bytes, sum(flows) as flows, sum(share) as share
    from {{ ref('protocols') }}
    group by time_window
    union all
    select time_window, 'top_talkers ' || kind || ' ' || role, sum(bytes), sum(flows), sum(share)
    from {{ ref('top_talkers') }}
    group by time_window, kind, role
)
select o.time_window, s.mart, o.bytes as overview_bytes, s.bytes, o.flows as overview_flows, s.flows, s.share
from {{ ref('overview') }} as o
join sums as s using (time_window)
-- Flows that begin after data_until (an exporter's clock) are in the hour but not in the window.
where not exists (
    select 1 from {{ ref('traffic_5m') }} where period >= (select data_until from {{ ref('time_range') }})
)
and (o.bytes <> s.bytes or o.flows <> s.flows or o.bytes > 0 and abs(s.share - 1) > 1e-9)
