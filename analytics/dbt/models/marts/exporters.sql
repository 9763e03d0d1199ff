-- Exporters. SPDX-License-Identifier: Apache-2.0
with traffic as (
    select exporter, {{ add_measures() }}
    from {{ ref('agg_traffic_5m') }}
    where period >= {{ kept('day') }}
    group by exporter
),
ports as (
    select exporter, count(*) as interfaces from {{ ref('dim_interface') }} group by exporter
)
select
    e.exporter, e.exporter_name, e.address, array_to_string(e.flow_types, ', ') as flow_type,
    e.first_seen, e.last_seen, e.sampling_rate_min, e.sampling_rate_max,
    coalesce(p.interfaces, 0) as interfaces,
    coalesce(t.flows, 0) as flows, coalesce(t.packets, 0) as packets, coalesce(t.bytes, 0) as bytes
from {{ ref('dim_exporter') }} as e
left join traffic as t using (exporter)
left join ports as p using (exporter)
order by bytes desc, e.exporter
