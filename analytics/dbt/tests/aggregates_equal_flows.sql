-- Each aggregate has what the flows have, hour by hour. SPDX-License-Identifier: Apache-2.0
with hours as (
    select hour from {{ checked_hours() }}
),
flows as (
    select
        date_trunc('hour', start_time) as hour, {{ measures() }},
        count(*) filter (where in_interface <> '') + count(*) filter (where out_interface <> '') as interface_flows,
        coalesce(sum(packets) filter (where in_interface <> ''), 0)
            + coalesce(sum(packets) filter (where out_interface <> ''), 0) as interface_packets,
        coalesce(sum(bytes) filter (where in_interface <> ''), 0)
            + coalesce(sum(bytes) filter (where out_interface <> ''), 0) as interface_bytes
    from {{ ref('stg_flows') }}
    where plausible and date_trunc('hour', start_time) in (select hour from hours)
    and start_time >= (select min(hour) from hours)
    group by all
),
sums as (
    {% for name, filter in [
        ('agg_traffic_5m', 'true'), ('agg_pair_hour', 'true'), ('agg_destination_hour', 'true'),
        ('agg_service_hour', 'true'), ('agg_address_hour', "role = 'src'"), ('agg_address_hour', "role = 'dst'"),
        ('agg_interface_5m', 'true')] -%}
    select
        '{{ name }}' as name, {{ dbt.string_literal(dbt.escape_single_quotes(filter)) }} as part,
        date_trunc('hour', period) as hour, {{ add_measures() }}
    from {{ ref(name) }}
    where {{ filter }} and date_trunc('hour', period) in (select hour from hours)
    group by all
    {{ 'union all' if not loop.last }}
    {% endfor %}
),
wanted as (
    select hour, 'interface' as what, interface_flows as flows, interface_packets as packets, interface_bytes as bytes
    from flows
    union all
    select hour, 'all', flows, packets, bytes from flows
),
parts as (
    select distinct name, part from sums
)
select w.hour, p.name, p.part, w.flows as wanted_flows, s.flows, w.bytes as wanted_bytes, s.bytes
from wanted as w
join parts as p on (p.name = 'agg_interface_5m') = (w.what = 'interface')
left join sums as s on s.hour = w.hour and s.name = p.name and s.part = p.part
where coalesce(s.flows, 0) <> w.flows or coalesce(s.packets, 0) <> w.packets or coalesce(s.bytes, 0) <> w.bytes
