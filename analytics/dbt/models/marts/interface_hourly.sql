-- Rates by the hour. SPDX-License-Identifier: Apache-2.0
with hours as (
    select
        date_trunc('hour', period) as period, exporter, interface, direction, {{ add_measures() }},
        max({{ bits_per_second('bytes', '300') }}) as max_bits_per_second
    from {{ ref('agg_interface_5m') }}
    where period >= {{ kept('day') }}
    group by all
)
select
    t.period, t.exporter, t.interface, t.direction, t.flows, t.packets, t.bytes,
    {{ bits_per_second('t.bytes', '3600') }} as bits_per_second,
    t.max_bits_per_second,
    {{ bits_per_second('t.bytes', '3600') }} / i.speed as utilisation
from hours as t
join {{ ref('interfaces') }} as i using (exporter, interface)
