-- AS that appear somewhere in the dashboard. SPDX-License-Identifier: Apache-2.0
with members as (
    select member from {{ ref('talkers_hourly') }} where kind = 'as' and not is_other
    union
    select member from {{ ref('talkers_daily') }} where kind = 'as' and not is_other
    {% for matrix in ('matrix_hourly', 'matrix_daily') %}
    {%- for side in ('src', 'dst') %}
    union
    select {{ side }}_member from {{ ref(matrix) }} where kind = 'as' and not is_other
    {%- endfor %}
    {%- endfor %}
),
traffic as (
    select
        member,
        sum(bytes) filter (where role = 'src') as bytes_sent,
        sum(bytes) filter (where role = 'dst') as bytes_received
    from {{ ref('talkers_daily') }}
    where kind = 'as' and not is_other
    group by member
)
select
    coalesce(try_cast(m.member as bigint), 0) as as_number,
    m.member,
    coalesce(a.as_name, '') as as_name,
    coalesce(a.organization, 'unknown') as organization,
    {{ as_label('m.member', 'a') }} as label,
    coalesce(t.bytes_sent, 0)::bigint as bytes_sent,
    coalesce(t.bytes_received, 0)::bigint as bytes_received
from members as m
left join {{ ref('dim_as') }} as a on a.as_number = try_cast(m.member as bigint)
left join traffic as t using (member)
order by bytes_sent + bytes_received desc, as_number
