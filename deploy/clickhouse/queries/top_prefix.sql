-- Top talkers by source prefix: IPv4 by `length4` bits, IPv6 by `length6`.
-- parameters: from, to DateTime; length4, length6 UInt8; top UInt32
-- SPDX-License-Identifier: Apache-2.0
SELECT
    if(ip_version = 4,
        concat(toString(tupleElement(IPv4CIDRToRange(toIPv4(src_ip), {length4:UInt8}), 1)), '/', toString({length4:UInt8})),
        concat(toString(tupleElement(IPv6CIDRToRange(src_ip, {length6:UInt8}), 1)), '/', toString({length6:UInt8}))) AS prefix,
    uniq(src_ip) AS addresses,
    count() AS flows,
    sum(packet_count) AS packets,
    sum(bit_count) AS bits
FROM data_flow
WHERE start_time >= {from:DateTime('UTC')} AND start_time < {to:DateTime('UTC')}
    AND ip_version IN (4, 6)
GROUP BY prefix
ORDER BY bits DESC, prefix
LIMIT {top:UInt32}
