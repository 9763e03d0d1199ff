-- The data themselves. SPDX-License-Identifier: Apache-2.0
select
    data_from, data_until,
    now()::timestamp as built_at,
    (select count(*) from {{ ref('stg_files') }} where loaded_at is not null) as files,
    (select coalesce(sum(flows), 0)::bigint from {{ ref('agg_traffic_5m') }}) as flows,
    (select coalesce(sum(packets), 0)::bigint from {{ ref('agg_traffic_5m') }}) as packets,
    (select coalesce(sum(bytes), 0)::bigint from {{ ref('agg_traffic_5m') }}) as bytes,
    (select count(*) from {{ ref('stg_flows') }} where not plausible) as rejected_flows,
    (select coalesce(sum(assumed_sampling_flows), 0)::bigint from {{ ref('dim_exporter') }}) as assumed_sampling_flows
from {{ ref('time_range') }}
