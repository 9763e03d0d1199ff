-- Parquet files in the bucket, each once: those that are new since the last run are added.
-- SPDX-License-Identifier: Apache-2.0
{{ config(
    incremental_strategy='append',
    pre_hook="{{ forget_unread() }}"
) }}

-- Objects never change: `weir load export` may write one again, but with the same rows.
select
    {{ last_file_id() }}
    + row_number() over (order by file) as file_id,
    file as file_name,
    now()::timestamp as seen_at,
    -- What stg_flows writes here when it has read the file.
    null::timestamp as loaded_at,
    null::varchar as invocation,
    null::bigint as flows,
    null::timestamp as first_start,
    null::timestamp as last_start,
    null::timestamp as last_received
from glob('{{ flows_url() }}')
{% if is_incremental() %}
where file not in (select file_name from {{ this }})
{% endif %}
