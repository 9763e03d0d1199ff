-- Addresses of the IP version that the flow says: an exporter that mixes them is worth a look, but its flows count.
-- SPDX-License-Identifier: Apache-2.0
{{ config(severity='warn') }}
select *
from {{ ref('stg_flows') }}
where file_id >= {{ first_checked_file() }}
and (
    ip_version = 4 and (contains(src_addr, ':') or contains(dst_addr, ':'))
    or ip_version = 6 and (not contains(src_addr, ':') or not contains(dst_addr, ':'))
)
