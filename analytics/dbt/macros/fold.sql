{# The greatest members of each period one by one, the rest together. SPDX-License-Identifier: Apache-2.0 #}

{# First and last period that the dashboard gets. #}
{% macro kept(period) -%}
    {%- if period == 'hour' -%}
        (select hour_now - interval {{ var('fine_hours') - 1 }} hour from {{ ref('time_range') }})
    {%- else -%}
        (select day_now - interval {{ var('dashboard_days') - 1 }} day from {{ ref('time_range') }})
    {%- endif -%}
{%- endmacro %}

{# Rows of an aggregate in those periods ('hour' or 'day') that new flows have touched. #}
{% macro touched(aggregate, period) -%}
    {%- set new = new_flows() -%}
    (
        select * replace (date_trunc('{{ period }}', period) as period)
        from {{ ref(aggregate) }}
        where period >= {{ kept(period) }}
        {%- if is_incremental() %}
        and date_trunc('{{ period }}', period) in (
            select distinct date_trunc('{{ period }}', start_time) from {{ new }}
        )
        {%- endif %}
    )
{%- endmacro %}

{# `members`: a query with period, exporter, protocol, the columns `within` (each combination of them
   is ranked by itself) and `member`, and the measures. Columns of member become `other` (a dictionary) in the
   rows that stand for the rest; where `always` holds there are none. #}
{% macro fold(members, period, within, member, other, always=none) %}
{%- set top = var('top_hourly') if period == 'hour' else var('top_daily') -%}
with members as (
    {{ members }}
),
ranked as (
    select
        period, {% for c in within %}{{ c }}, {% endfor %}{{ member | join(', ') }},
        row_number() over (
            partition by period{% for c in within %}, {{ c }}{% endfor %}
            order by sum(bytes) desc, {{ member | join(', ') }}
        ) as position
    from members
    group by period{% for c in within + member %}, {{ c }}{% endfor %}
),
shown as (
    select * from ranked where position <= {{ top }}{{ ' or ' ~ always if always }}
)
select
    m.period, m.exporter, m.protocol,
    {% for c in within %}m.{{ c }}, {% endfor %}
    {% for c in member %}case when s.position is null then {{ other[c] }} else m.{{ c }} end as {{ c }},
    {% endfor -%}
    s.position is null as is_other,
    sum(m.flows)::bigint as flows, sum(m.packets)::bigint as packets, sum(m.bytes)::bigint as bytes
from members as m
left join shown as s using (period{% for c in within + member %}, {{ c }}{% endfor %})
group by all
{% endmacro %}

{% macro forget_old() %}
delete from {{ this }} where period < {{ kept('hour' if this.name.endswith('_hourly') else 'day') }}
{% endmacro %}

{# What to show for an AS, given its number as text, and dim_as as `a`. #}
{% macro as_label(member, names) -%}
case
    when {{ member }} in ('unknown', 'other') then {{ member }}
    else rtrim('AS' || {{ member }} || ' ' || coalesce({{ names }}.as_name, ''))
end
{%- endmacro %}
