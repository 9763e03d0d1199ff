{# Between stg_files and stg_flows. SPDX-License-Identifier: Apache-2.0 #}

{# Which files stg_flows has to read. Where it is made anew, all. #}
{% macro unread() -%}
    {{ 'loaded_at is null' if is_incremental() else 'true' }}
{%- endmacro %}

{# In the transaction of stg_flows: its rows and this, or neither. #}
{% macro read_now() %}
update {{ ref('stg_files') }} as file
set loaded_at = now()::timestamp,
    invocation = '{{ invocation_id }}',
    flows = coalesce(counted.flows, 0),
    first_start = counted.first_start,
    last_start = counted.last_start,
    last_received = counted.last_received
from (
    select
        new.file_id, count(flow.file_id) as flows, min(start_time) as first_start,
        max(start_time) as last_start, max(received_time) as last_received
    from {{ ref('stg_files') }} as new
    left join {{ this }} as flow on flow.file_id = new.file_id
        and flow.file_id >= (select min(file_id) from {{ ref('stg_files') }} where loaded_at is null)
    where new.loaded_at is null
    group by new.file_id
) as counted
where counted.file_id = file.file_id
{% endmacro %}

{# A time from ns since 1970; null for 0. #}
{% macro from_ns(column) -%}
make_timestamp_ns(nullif(least(coalesce({{ column }}, 0), 9000000000000000000), 0)::bigint)::timestamp
{%- endmacro %}

{# A file that a failed run saw and did not read may be gone by now; if it is not, it is found again. #}
{% macro forget_unread() %}
    {%- if is_incremental() -%}
delete from {{ this }} where loaded_at is null
    {%- endif -%}
{% endmacro %}
