-- Sampling applied once, IP versions that fit the addresses, no IPv4 in the clothes of IPv6.
-- SPDX-License-Identifier: Apache-2.0
select *
from {{ ref('stg_flows') }}
where file_id >= {{ first_checked_file() }}
and (
    plausible and (
        bytes <> bytes_exported {{ '* sampling_rate' if var('scale_by_sampling') }}
        or packets <> packets_exported {{ '* sampling_rate' if var('scale_by_sampling') }}
    )
    or not plausible and (bytes <> 0 or packets <> 0)
    or sampling_rate < 1
    or ip_version = 4 and (contains(src_addr, ':') or contains(dst_addr, ':'))
    or ip_version = 6 and (not contains(src_addr, ':') or not contains(dst_addr, ':'))
    or regexp_matches(src_addr, '^::ffff:[0-9.]+$') or regexp_matches(dst_addr, '^::ffff:[0-9.]+$')
    or end_time < start_time
)
