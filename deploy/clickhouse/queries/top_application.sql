-- Applications by traffic: by name where one is known, else protocol and port.
-- parameters: from, to DateTime; top UInt32
-- SPDX-License-Identifier: Apache-2.0
SELECT
    coalesce(
        nullIf(toString(application_service), ''),
        nullIf(toString(application_name), ''),
        dictGetOrNull('meta_application_dict', 'id', tuple(protocol), application_port),
        if(least(src_port, dst_port) = 0, toString(protocol), concat(protocol, '/', toString(least(src_port, dst_port))))) AS application,
    count() AS flows,
    sum(packet_count) AS packets,
    sum(bit_count) AS bits
FROM data_flow
WHERE start_time >= {from:DateTime('UTC')} AND start_time < {to:DateTime('UTC')}
GROUP BY application
ORDER BY bits DESC, application
LIMIT {top:UInt32}
