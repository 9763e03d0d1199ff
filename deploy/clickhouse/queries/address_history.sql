-- The flows of an address over time, to and from it, in steps of `step` seconds.
-- parameters: from, to DateTime; address String; step UInt32
-- SPDX-License-Identifier: Apache-2.0
WITH toIPv6({address:String}) AS wanted
SELECT
    toStartOfInterval(start_time, toIntervalSecond({step:UInt32})) AS moment,
    countIf(src_ip = wanted) AS flows_from,
    sumIf(bit_count, src_ip = wanted) AS bits_from,
    countIf(dst_ip = wanted) AS flows_to,
    sumIf(bit_count, dst_ip = wanted) AS bits_to,
    uniq(if(src_ip = wanted, dst_ip, src_ip)) AS peers
FROM data_flow
WHERE start_time >= {from:DateTime('UTC')} AND start_time < {to:DateTime('UTC')}
    AND (src_ip = wanted OR dst_ip = wanted)
GROUP BY moment
ORDER BY moment
