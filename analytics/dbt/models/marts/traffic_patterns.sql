-- The usual week. SPDX-License-Identifier: Apache-2.0
with hours as (
    -- Every hour of the data, also those in which nothing was sent.
    select unnest(generate_series(
        greatest({{ kept('day') }}, date_trunc('hour', data_from)), hour_now, interval 1 hour)) as hour
    from {{ ref('time_range') }}
),
many as (
    select isodow(hour) as weekday, hour(hour) as hour_of_day, count(*) as hours
    from hours
    group by all
),
traffic as (
    select
        isodow(period) as weekday, hour(period) as hour_of_day, exporter, protocol, direction, {{ add_measures() }}
    from {{ ref('traffic_hourly') }}
    where period <= (select hour_now from {{ ref('time_range') }})
    group by all
)
select
    weekday::integer as weekday,
    ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'][weekday] as weekday_name,
    hour_of_day::integer as hour_of_day,
    exporter, protocol, direction, hours, flows, packets, bytes,
    {{ bits_per_second('bytes', '(3600 * hours)') }} as bits_per_second
from traffic
join many using (weekday, hour_of_day)
