{# What the tests look at: what this run has touched, so that they cost as little as it does.
   --vars 'check_all: true' looks at everything. SPDX-License-Identifier: Apache-2.0 #}

{% macro first_checked_file() -%}
    {%- if var('check_all', false) -%}
    0
    {%- else -%}
    (select coalesce(min(file_id), 9223372036854775807) from {{ ref('stg_files') }} where invocation = '{{ invocation_id }}')
    {%- endif -%}
{%- endmacro %}

{# Hours of which all flows are there; those of older ones may have been pruned. #}
{% macro checked_hours() -%}
    (
        select distinct date_trunc('hour', start_time) as hour
        from {{ ref('stg_flows') }}
        where file_id >= {{ first_checked_file() }}
        and start_time >= (select day_now from {{ ref('time_range') }}) - interval {{ var('flow_days') }} day
    )
{%- endmacro %}
