-- Interfaces by traffic, with speed and utilisation as far as the metadata knows the speed.
-- parameters: from, to DateTime; top UInt32
-- SPDX-License-Identifier: Apache-2.0
WITH dateDiff('second', {from:DateTime('UTC')}, {to:DateTime('UTC')}) AS seconds
SELECT
    device_id, interface, direction,
    sum(flows) AS flow_total,
    sum(bits) AS bit_total,
    round(bit_total / seconds) AS bits_per_second,
    max(known_speed) AS speed,
    if(speed = 0, NULL, round(100 * bit_total / seconds / speed, 2)) AS percent
FROM
(
    SELECT
        device_id,
        coalesce(in_interface_id, nullIf(in_if_name, ''), toString(in_if)) AS interface,
        'in' AS direction,
        count() AS flows,
        sum(bit_count) AS bits,
        max(if(in_interface_speed != 0, in_interface_speed,
            dictGetOrDefault('meta_interface_dict', 'speed', (device_id, in_if), 0))) AS known_speed
    FROM data_flow
    WHERE start_time >= {from:DateTime('UTC')} AND start_time < {to:DateTime('UTC')}
        AND (in_if != 0 OR in_if_name != '' OR in_interface_id IS NOT NULL)
    GROUP BY device_id, interface
    UNION ALL
    SELECT
        device_id,
        coalesce(out_interface_id, nullIf(out_if_name, ''), toString(out_if)) AS interface,
        'out' AS direction,
        count() AS flows,
        sum(bit_count) AS bits,
        max(if(out_interface_speed != 0, out_interface_speed,
            dictGetOrDefault('meta_interface_dict', 'speed', (device_id, out_if), 0))) AS known_speed
    FROM data_flow
    WHERE start_time >= {from:DateTime('UTC')} AND start_time < {to:DateTime('UTC')}
        AND (out_if != 0 OR out_if_name != '' OR out_interface_id IS NOT NULL)
    GROUP BY device_id, interface
)
GROUP BY device_id, interface, direction
ORDER BY bit_total DESC, device_id, interface, direction
LIMIT {top:UInt32}
