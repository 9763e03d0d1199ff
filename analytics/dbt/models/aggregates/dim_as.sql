-- AS that were ever seen, with the name and organisation that were seen last.
-- SPDX-License-Identifier: Apache-2.0
{{ config(unique_key='as_number') }}
with sides as (
    {% for side in ('src', 'dst') -%}
    select
        {{ side }}_as as as_number,
        arg_max(nullif({{ side }}_as_name, ''), start_time) as as_name,
        arg_max(nullif({{ side }}_organization, 'unknown'), start_time) as organization,
        max(start_time) as last_seen
    from {{ new_flows() }}
    where {{ side }}_as > 0
    group by all
    {{ 'union all' if not loop.last }}
    {% endfor %}
),
known as (
    select * from sides
    {%- if is_incremental() %}
    union all
    select * from {{ this }} where as_number in (select as_number from sides)
    {%- endif %}
)
select
    as_number,
    arg_max(as_name, last_seen) as as_name,
    arg_max(organization, last_seen) as organization,
    max(last_seen) as last_seen
from known
group by as_number
