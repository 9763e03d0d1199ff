-- 95th percentile of each interface's rate over intervals of `step` seconds, as it is billed;
-- intervals without traffic count as 0.
-- parameters: from, to DateTime; step UInt32; top UInt32
-- SPDX-License-Identifier: Apache-2.0
WITH intDiv(dateDiff('second', {from:DateTime('UTC')}, {to:DateTime('UTC')}), {step:UInt32}) AS steps
SELECT
    device_id, interface, direction,
    round(arrayElement(arraySort(arrayConcat(groupArray(rate), arrayWithConstant(greatest(steps, count()) - count(), 0.))),
        greatest(1, toUInt32(ceil(0.95 * greatest(steps, count())))))) AS p95_bits_per_second,
    round(max(rate)) AS max_bits_per_second,
    round(sum(rate) / greatest(steps, count())) AS mean_bits_per_second
FROM
(
    SELECT
        device_id,
        tupleElement(arrayJoin([
            (coalesce(in_interface_id, nullIf(in_if_name, ''), toString(in_if)), 'in'),
            (coalesce(out_interface_id, nullIf(out_if_name, ''), toString(out_if)), 'out')]) AS side, 1) AS interface,
        tupleElement(side, 2) AS direction,
        toStartOfInterval(start_time, toIntervalSecond({step:UInt32}), toDateTime64({from:DateTime('UTC')}, 3, 'UTC')) AS moment,
        sum(bit_count) / {step:UInt32} AS rate
    FROM data_flow
    WHERE start_time >= {from:DateTime('UTC')} AND start_time < {to:DateTime('UTC')}
    GROUP BY device_id, side, moment
)
WHERE interface != '0'
GROUP BY device_id, interface, direction
ORDER BY p95_bits_per_second DESC, max_bits_per_second DESC, device_id, interface, direction
LIMIT {top:UInt32}
