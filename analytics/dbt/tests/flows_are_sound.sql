-- Sampling applied once; no IPv4 in the clothes of IPv6. SPDX-License-Identifier: Apache-2.0
{%- set rate = 'sampling_rate' if var('scale_by_sampling') else '1' %}
select *
from {{ ref('stg_flows') }}
where file_id >= {{ first_checked_file() }}
and (
    plausible and (
        bytes <> bytes_exported::uhugeint * {{ rate }}
        or packets <> packets_exported::uhugeint * {{ rate }}
    )
    or not plausible and (bytes <> 0 or packets <> 0)
    or sampling_rate < 1
    or regexp_matches(src_addr, '^::ffff:[0-9.]+$') or regexp_matches(dst_addr, '^::ffff:[0-9.]+$')
    or end_time < start_time
)
