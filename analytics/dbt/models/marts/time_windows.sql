-- The windows of the dashboard. SPDX-License-Identifier: Apache-2.0
with lengths as (
    select * from (values ('24h', 24), ('7d', 168), ('30d', 720)) as l (time_window, hours)
)
select
    time_window,
    hours::integer as hours,
    case
        when hours = 24 then hour_now - interval 23 hour
        else day_now - to_days((hours // 24 - 1)::integer)
    end as window_from,
    data_until as window_until
from lengths
cross join {{ ref('time_range') }}
