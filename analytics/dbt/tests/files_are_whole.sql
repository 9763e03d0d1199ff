-- Every row of the files that were read is in stg_flows, once. SPDX-License-Identifier: Apache-2.0
{%- set files, flows = ref('stg_files'), ref('stg_flows') -%}
{%- set new = 0 -%}
{%- if execute -%}
{%- set new = run_query("select count(*) from " ~ files ~ " where invocation = '" ~ invocation_id ~ "'").columns[0].values()[0] -%}
{%- endif %}
with loaded as (
    select * from {{ files }} where file_id >= {{ first_checked_file() }} and loaded_at is not null
),
present as (
    select file_id, count(*) as flows from {{ flows }} where file_id >= {{ first_checked_file() }} group by file_id
)
select l.file_name, l.flows as counted, p.flows as present
from loaded as l
left join present as p using (file_id)
-- Of older files flows may have been pruned.
where l.first_start >= (select day_now from {{ ref('time_range') }}) - interval {{ var('flow_days') }} day
and l.flows <> coalesce(p.flows, 0)
{% if new > 0 %}
union all
-- The files' own counts, for those that were read now.
select l.file_name, l.flows, m.num_rows
from parquet_file_metadata({{ run_query("select coalesce(list(file_name), [])::varchar from " ~ files
    ~ " where invocation = '" ~ invocation_id ~ "'").columns[0].values()[0] | replace("[", "['") | replace("]", "']") | replace(", ", "', '") }}) as m
join {{ files }} as l on l.file_name = m.file_name
where l.flows <> m.num_rows
{% endif %}
