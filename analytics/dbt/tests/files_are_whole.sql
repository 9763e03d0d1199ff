-- Every row of the files that were read is in stg_flows, once. SPDX-License-Identifier: Apache-2.0
{%- set files, flows = ref('stg_files'), ref('stg_flows') -%}
{%- set new = [] -%}
{%- if execute -%}
{%- set new = run_query("select file_name from " ~ files ~ " where invocation = '" ~ invocation_id ~ "'").columns[0].values() -%}
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
{% if new %}
union all
-- The files' own counts, for those that were read now.
select l.file_name, l.flows, m.num_rows
from parquet_file_metadata([{% for f in new %}{{ dbt.string_literal(dbt.escape_single_quotes(f)) }}{{ ', ' if not loop.last }}{% endfor %}]) as m
join {{ files }} as l on l.file_name = m.file_name
where l.flows <> m.num_rows
{% endif %}
