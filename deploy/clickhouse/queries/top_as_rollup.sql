-- The same from the hourly rollup: edge traffic only, over years.
-- parameters: from, to DateTime; top UInt32
-- SPDX-License-Identifier: Apache-2.0
SELECT
    src_as_id,
    dictGetOrDefault('meta_as_dict', 'name', toUInt64(src_as_id), '') AS src_as_name,
    dst_as_id,
    dictGetOrDefault('meta_as_dict', 'name', toUInt64(dst_as_id), '') AS dst_as_name,
    sum(flow_count) AS flows,
    sum(packet_count) AS packets,
    sum(bit_count) AS bits
FROM data_flow_by_edge_as_1h
WHERE start_time >= {from:DateTime('UTC')} AND start_time < {to:DateTime('UTC')}
GROUP BY src_as_id, dst_as_id
ORDER BY bits DESC, src_as_id, dst_as_id
LIMIT {top:UInt32}
