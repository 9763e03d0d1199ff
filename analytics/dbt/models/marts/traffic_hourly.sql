-- Traffic of the last days by the hour. SPDX-License-Identifier: Apache-2.0
with hours as (
    select
        date_trunc('hour', period) as period, exporter, protocol, direction, ip_version, {{ add_measures() }}
    from {{ ref('agg_traffic_5m') }}
    where period >= {{ kept('day') }}
    group by all
)
select *, {{ bits_per_second('bytes', '3600') }} as bits_per_second from hours
