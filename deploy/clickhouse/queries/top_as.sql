-- Top talkers by AS pair: who sends most to whom.
-- parameters: from, to DateTime; top UInt32
-- SPDX-License-Identifier: Apache-2.0
SELECT
    src_as_id, any(src_as_name) AS src_as_name, dst_as_id, any(dst_as_name) AS dst_as_name,
    count() AS flows,
    sum(packet_count) AS packets,
    sum(bit_count) AS bits,
    round(bits / dateDiff('second', {from:DateTime('UTC')}, {to:DateTime('UTC')})) AS bits_per_second
FROM data_flow
WHERE start_time >= {from:DateTime('UTC')} AND start_time < {to:DateTime('UTC')}
GROUP BY src_as_id, dst_as_id
ORDER BY bits DESC, src_as_id, dst_as_id
LIMIT {top:UInt32}
