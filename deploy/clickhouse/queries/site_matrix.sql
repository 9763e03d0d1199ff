-- Traffic between sites: of the operator's own networks, else of the science sites (CRIC), else of
-- organisation or AS.
-- parameters: from, to DateTime; top UInt32
-- SPDX-License-Identifier: Apache-2.0
WITH cric AS
(
    SELECT ref, any(coalesce(rcsite_name, netsite_name)) AS site
    FROM meta_ip_cric
    GROUP BY ref
)
SELECT
    coalesce(nullIf(toString(src_network_site), ''), nullIf(toString(s.site), ''), nullIf(toString(src_organization), ''),
        concat('AS', toString(src_as_id))) AS src_site,
    coalesce(nullIf(toString(dst_network_site), ''), nullIf(toString(d.site), ''), nullIf(toString(dst_organization), ''),
        concat('AS', toString(dst_as_id))) AS dst_site,
    count() AS flows,
    sum(packet_count) AS packets,
    sum(bit_count) AS bits
FROM data_flow
LEFT JOIN cric AS s ON s.ref = src_ip_cric_ref
LEFT JOIN cric AS d ON d.ref = dst_ip_cric_ref
WHERE start_time >= {from:DateTime('UTC')} AND start_time < {to:DateTime('UTC')}
GROUP BY src_site, dst_site
ORDER BY bits DESC, src_site, dst_site
LIMIT {top:UInt32}
