-- No two rows have the same values in these columns. SPDX-License-Identifier: Apache-2.0
{% test unique_rows(model, columns, touched=false) %}
select {{ columns | join(', ') }}, count(*) as times
from {{ model }}
{%- if touched %}
where date_trunc('hour', period) in (select hour from {{ checked_hours() }})
{%- endif %}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
