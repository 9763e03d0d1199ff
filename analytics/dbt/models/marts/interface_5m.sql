-- Rates of the last hours. SPDX-License-Identifier: Apache-2.0
select
    t.*,
    {{ bits_per_second('t.bytes', '300') }} as bits_per_second,
    {{ bits_per_second('t.bytes', '300') }} / i.speed as utilisation
from {{ ref('agg_interface_5m') }} as t
join {{ ref('interfaces') }} as i using (exporter, interface)
where t.period >= {{ kept('hour') }}
