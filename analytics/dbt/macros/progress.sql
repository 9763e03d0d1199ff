{# What each table has taken in, in a table of its own that changes in the same transaction as the
   table itself: a run that was cut short is continued by the next, nothing is counted twice.
   SPDX-License-Identifier: Apache-2.0

   Files have numbers in the order in which they were seen (stg_files), which never begin again: not
   even when all is read anew (--full-refresh). A table that has taken in less than the first number
   that there is comes from before that, and begins again from nothing. #}

{% macro make_progress() %}
create table if not exists weir_progress (model varchar, file_id bigint)
{% endmacro %}

{# The last file that this model has taken in. #}
{% macro taken_in() %}
    {%- set first = '(select coalesce(min(file_id), 0) from ' ~ ref('stg_files') ~ ')' -%}
    {%- if execute and is_incremental() -%}
        {{- run_query('select coalesce(max(file_id), 0) from weir_progress where model = \'' ~ this.name
            ~ '\' and file_id >= ' ~ first).columns[0].values()[0] -}}
    {%- else -%}
        0
    {%- endif -%}
{% endmacro %}

{# Rows of stg_flows that are new to this model and count. #}
{% macro new_flows() -%}
    (select * from {{ ref('stg_flows') }} where file_id > {{ taken_in() }} and plausible)
{%- endmacro %}

{% macro begin_again() %}
    {%- set files = ref('stg_files') -%}
    {%- if is_incremental() -%}
delete from {{ this }} where not exists (
    select 1 from weir_progress where model = '{{ this.name }}'
    and file_id >= (select coalesce(min(file_id), 0) from {{ files }}))
    {%- endif -%}
{% endmacro %}

{% macro remember_progress() %}
delete from weir_progress where model = '{{ this.name }}';
insert into weir_progress
select '{{ this.name }}', coalesce(max(file_id), 0) from {{ ref('stg_files') }} where loaded_at is not null
{% endmacro %}

{# After a run: what is older than it is to be kept. Flows go only when all aggregates have them. #}
{% macro prune() %}
    {%- set files, flows = ref('stg_files'), ref('stg_flows') -%}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set aggregates = [] -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and 'grows' in node.tags -%}
            {%- do aggregates.append(node) -%}
        {%- endfor -%}
        {%- if load_relation(files) and load_relation(flows) %}
delete from {{ flows }}
where start_time < (select date_trunc('day', max(last_received)) from {{ files }}) - interval {{ var('flow_days') }} day
and file_id <= (
    select case when count(distinct model) = {{ aggregates | length }} then min(file_id) else 0 end from weir_progress
    where model in ({% for node in aggregates %}'{{ node.name }}'{{ ', ' if not loop.last }}{% endfor %}));
        {%- endif -%}
        {%- for node in aggregates if node.config.meta.get('keep') -%}
            {%- set table = api.Relation.create(database=node.database, schema=node.schema, identifier=node.name) -%}
            {%- if load_relation(table) and load_relation(files) %}
delete from {{ table }}
where period < (select date_trunc('day', max(last_received)) from {{ files }}) - interval {{ var(node.config.meta.keep) }} day;
            {%- endif -%}
        {%- endfor %}
    {%- endif -%}
{% endmacro %}

{# The greatest number that a file ever had. #}
{% macro last_file_id() -%}
    greatest((select coalesce(max(file_id), 0) from weir_progress)
        {%- if execute and load_relation(this) -%}
        , (select coalesce(max(file_id), 0) from {{ this }})
        {%- endif -%}
    )
{%- endmacro %}
