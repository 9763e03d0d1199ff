-- Where the data begin and end. SPDX-License-Identifier: Apache-2.0
--
-- The end is by the collector's clock (time of reception): the clock of one exporter that is ahead
-- must not move the dashboard into the future.
with received as (
    select max(last_received) as last_received from {{ ref('stg_files') }}
),
until as (
    select time_bucket(interval 5 minute, last_received) + interval 5 minute as data_until from received
)
select
    (select min(period) from {{ ref('agg_traffic_5m') }}) as data_from,
    data_until,
    date_trunc('hour', data_until - interval 5 minute) as hour_now,
    date_trunc('day', data_until - interval 5 minute) as day_now
from until
