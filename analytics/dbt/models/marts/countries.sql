-- Countries for the map. SPDX-License-Identifier: Apache-2.0
select
    t.member as country,
    coalesce(n.country_name, t.member) as country_name,
    n.latitude, n.longitude,
    coalesce(sum(t.bytes) filter (where t.role = 'src'), 0)::bigint as bytes_sent,
    coalesce(sum(t.bytes) filter (where t.role = 'dst'), 0)::bigint as bytes_received
from {{ ref('talkers_daily') }} as t
left join {{ ref('country_names') }} as n on n.country = t.member
where t.kind = 'country' and not t.is_other
group by all
order by bytes_sent + bytes_received desc, country
