-- What is billed: the 95th percentile of 5-minute rates. SPDX-License-Identifier: Apache-2.0
with windows as (
    select
        time_window, window_from, window_until,
        greatest(window_from, data_from) as first_step,
        ((epoch(window_until) - epoch(greatest(window_from, data_from))) / 300)::bigint as steps
    from {{ ref('time_windows') }}
    cross join {{ ref('time_range') }}
),
rates as (
    select
        w.time_window, t.exporter, t.interface, t.direction, w.steps,
        sum(t.bytes)::bigint as bytes,
        list_sort(list({{ bits_per_second('t.bytes', '300') }})) as rates
    from {{ ref('agg_interface_5m') }} as t
    join windows as w on t.period >= w.first_step and t.period < w.window_until
    group by all
),
ranks as (
    -- Steps without flows come first in the order of rates: they are 0.
    select *, ceil(0.95 * steps)::bigint - (steps - len(rates)) as rank from rates
),
figures as (
    select
        time_window, exporter, interface, direction, steps, bytes,
        {{ bits_per_second('bytes', '(steps * 300)') }} as bits_per_second,
        case when rank > 0 then rates[rank] else 0 end::double as p95_bits_per_second,
        rates[len(rates)] as max_bits_per_second
    from ranks
)
select
    f.time_window, f.exporter, f.interface, i.interface_name, f.direction, i.speed, i.edge, f.steps, f.bytes,
    f.bits_per_second, f.p95_bits_per_second, f.max_bits_per_second,
    f.bits_per_second / i.speed as utilisation,
    f.p95_bits_per_second / i.speed as p95_utilisation
from figures as f
join {{ ref('interfaces') }} as i using (exporter, interface)
