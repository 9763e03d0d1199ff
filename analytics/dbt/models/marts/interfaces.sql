-- Interfaces, the greatest first. SPDX-License-Identifier: Apache-2.0
with traffic as (
    select exporter, interface, sum(bytes)::bigint as bytes
    from {{ ref('agg_interface_5m') }}
    where period >= {{ kept('day') }}
    group by all
)
select
    exporter, interface, interface_name, description, speed, edge,
    {{ bucket('first_seen', '5m') }} as first_seen,
    {{ bucket('last_seen', '5m') }} as last_seen,
    bytes
from traffic
join {{ ref('dim_interface') }} using (exporter, interface)
order by bytes desc, exporter, interface
limit {{ var('interfaces_max') }}
