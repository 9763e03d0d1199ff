-- No column but these is null anywhere. SPDX-License-Identifier: Apache-2.0
{% test complete(model, but=[], touched=none) %}
{%- set columns = [] -%}
{%- if execute -%}
{%- for c in adapter.get_columns_in_relation(model) if c.name not in but -%}{%- do columns.append(c.name) -%}{%- endfor -%}
{%- endif %}
select * from {{ model }}
where ({% for c in columns %}{{ c }} is null{{ ' or ' if not loop.last }}{% else %}false{% endfor %})
{%- if touched == 'period' %}
and date_trunc('hour', period) in (select hour from {{ checked_hours() }})
{%- elif touched == 'file_id' %}
and file_id >= {{ first_checked_file() }}
{%- endif %}
{% endtest %}
