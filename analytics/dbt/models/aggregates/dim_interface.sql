-- Interfaces that were ever seen in flows, with what the last of these say of them.
-- SPDX-License-Identifier: Apache-2.0
{{ config(unique_key=['exporter', 'interface']) }}
with sides as (
    {% for side in ('in', 'out') -%}
    select
        exporter, {{ side }}_interface as interface,
        arg_max({{ side }}_interface_name, start_time) as interface_name,
        arg_max({{ side }}_interface_description, start_time) as description,
        arg_max({{ side }}_interface_speed, start_time) as speed,
        arg_max({{ side }}_interface_edge, start_time) as edge,
        min(start_time) as first_seen, max(start_time) as last_seen
    from {{ new_flows() }}
    where {{ side }}_interface <> ''
    group by all
    {{ 'union all' if not loop.last }}
    {% endfor %}
),
known as (
    select * from sides
    {%- if is_incremental() %}
    union all
    select * from {{ this }} where (exporter, interface) in (select (exporter, interface) from sides)
    {%- endif %}
)
select
    exporter, interface,
    arg_max(interface_name, last_seen) as interface_name,
    arg_max(description, last_seen) as description,
    -- Null where the metadata did not know it; such rows do not count (arg_max passes over nulls).
    arg_max(speed, last_seen) as speed,
    arg_max(edge, last_seen) as edge,
    min(first_seen) as first_seen, max(last_seen) as last_seen
from known
group by all
