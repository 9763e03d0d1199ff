-- Protocols to choose from. SPDX-License-Identifier: Apache-2.0
select protocol, sum(bytes)::bigint as bytes
from {{ ref('traffic_hourly') }}
group by protocol
order by bytes desc, protocol
