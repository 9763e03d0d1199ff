-- Exporters that were ever seen, with what their last flows say of them.
-- SPDX-License-Identifier: Apache-2.0
{{ config(unique_key='exporter') }}
with known as (
    select
        exporter,
        arg_max(exporter_name, start_time) as exporter_name,
        arg_max(exporter_address, start_time) as address,
        list(distinct flow_type) filter (where flow_type <> '') as flow_types,
        min(start_time) as first_seen,
        max(start_time) as last_seen,
        min(sampling_rate) as sampling_rate_min,
        max(sampling_rate) as sampling_rate_max,
        count(*) filter (where sampling_assumed) as assumed_sampling_flows
    from {{ new_flows() }}
    group by exporter
    {% if is_incremental() -%}
    union all
    select * from {{ this }} where exporter in (select distinct exporter from {{ new_flows() }})
    {%- endif %}
)
select
    exporter,
    arg_max(exporter_name, last_seen) as exporter_name,
    arg_max(address, last_seen) as address,
    list_sort(list_distinct(flatten(list(coalesce(flow_types, []))))) as flow_types,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen,
    min(sampling_rate_min) as sampling_rate_min,
    max(sampling_rate_max) as sampling_rate_max,
    sum(assumed_sampling_flows)::bigint as assumed_sampling_flows
from known
group by exporter
