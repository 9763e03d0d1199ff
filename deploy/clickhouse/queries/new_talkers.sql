-- Source addresses seen in the interval and not in the `days` days before it.
-- parameters: from, to DateTime; days UInt32; top UInt32
-- SPDX-License-Identifier: Apache-2.0
SELECT
    replaceRegexpOne(IPv6NumToString(src_ip), '^::ffff:', '') AS address,
    any(src_as_id) AS as_id,
    min(start_time) AS first_seen,
    uniq(dst_ip) AS peers,
    count() AS flows,
    sum(bit_count) AS bits
FROM data_flow
WHERE start_time >= {from:DateTime('UTC')} AND start_time < {to:DateTime('UTC')}
    AND src_ip NOT IN
    (
        SELECT src_ip
        FROM data_flow
        WHERE start_time >= {from:DateTime('UTC')} - toIntervalDay({days:UInt32})
            AND start_time < {from:DateTime('UTC')}
    )
GROUP BY src_ip
ORDER BY bits DESC, address
LIMIT {top:UInt32}
