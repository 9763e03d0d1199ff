-- Each mart has all the traffic of its periods, whatever it folds. SPDX-License-Identifier: Apache-2.0
{%- set fine = [
    ('traffic_5m', []), ('talkers_hourly', ['kind', 'role']), ('matrix_hourly', ['kind']), ('destinations_hourly', []),
    ('applications_hourly', [])] -%}
{%- set coarse = [
    ('traffic_hourly', []), ('talkers_daily', ['kind', 'role']), ('matrix_daily', ['kind']), ('destinations_daily', []),
    ('applications_daily', [])] %}
with wanted as (
    {% for length, begin in [('hour', kept('hour')), ('day', kept('day'))] -%}
    select '{{ length }}' as length, date_trunc('{{ length }}', period) as period, exporter, protocol, {{ add_measures() }}
    from {{ ref('agg_traffic_5m') }}
    where period >= {{ begin }}
    group by all
    {{ 'union all' if not loop.last }}
    {% endfor %}
),
sums as (
    {% for length, marts in [('hour', fine), ('day', coarse)] -%}
    {%- set outer = loop -%}
    {% for mart, parts in marts -%}
    select
        '{{ mart }}' as mart, '{{ length }}' as length, concat_ws(' ', ''{% for p in parts %}, {{ p }}{% endfor %}) as part,
        date_trunc('{{ length }}', period) as period, exporter, protocol, {{ add_measures() }}
    from {{ ref(mart) }}
    group by all
    {{ 'union all' if not (loop.last and outer.last) }}
    {% endfor -%}
    {% endfor %}
),
parts as (
    select distinct mart, length, part from sums
)
select p.mart, p.part, w.period, w.exporter, w.protocol, w.flows as wanted_flows, s.flows, w.bytes as wanted_bytes, s.bytes
from wanted as w
join parts as p using (length)
left join sums as s using (mart, length, part, period, exporter, protocol)
where coalesce(s.flows, 0) <> w.flows or coalesce(s.packets, 0) <> w.packets or coalesce(s.bytes, 0) <> w.bytes
union all
-- Nor is there anything else in them.
select s.mart, s.part, s.period, s.exporter, s.protocol, null, s.flows, null, s.bytes
from sums as s
left join wanted as w using (length, period, exporter, protocol)
where w.flows is null
