{# Sums that grow. SPDX-License-Identifier: Apache-2.0

   add_up(new, keys): `new` is a query of keys, flows, packets and bytes over the new flows alone. What the
   table already holds of the periods that appear in it is added; dbt then replaces these periods
   (delete+insert by period). So a run costs the new flows and the aggregates of the periods they touch. #}
{% macro add_up(new, keys) %}
{%- set columns = keys | join(', ') -%}
with fresh as (
    {{ new }}
),
known as (
    select {{ columns }}, flows, packets, bytes from fresh
    {%- if is_incremental() %}
    union all
    select {{ columns }}, flows, packets, bytes from {{ this }}
    where period in (select period from fresh)
    {%- endif %}
)
select
    {{ columns }},
    sum(flows)::bigint as flows, sum(packets)::bigint as packets, sum(bytes)::bigint as bytes
from known
group by all
{% endmacro %}

{# The measures of a query over flows. #}
{% macro measures() -%}
count(*)::bigint as flows, sum(packets)::bigint as packets, sum(bytes)::bigint as bytes
{%- endmacro %}

{% macro bucket(time, length) -%}
{%- if length == '5m' -%}
time_bucket(interval 5 minute, {{ time }})
{%- else -%}
date_trunc('{{ length }}', {{ time }})
{%- endif -%}
{%- endmacro %}

{% macro bits_per_second(bytes, seconds) -%}
({{ bytes }} * 8::double / {{ seconds }})
{%- endmacro %}
