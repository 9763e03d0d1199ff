-- What the sampling rates make of what was exported, for each exporter and rate.
-- parameters: from, to DateTime
-- SPDX-License-Identifier: Apache-2.0
SELECT
    device_id, sampling_rate, sampling_origin,
    count() AS flows,
    sum(packets) AS packets_exported,
    sum(packet_count) AS packets_scaled,
    sum(bytes) * 8 AS bits_exported,
    sum(bit_count) AS bits_scaled
FROM data_flow
WHERE start_time >= {from:DateTime('UTC')} AND start_time < {to:DateTime('UTC')}
GROUP BY device_id, sampling_rate, sampling_origin
ORDER BY bits_scaled DESC, device_id, sampling_rate, sampling_origin
