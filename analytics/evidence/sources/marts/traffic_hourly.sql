select period, exporter, protocol, direction, ip_version, flows, packets, bytes
from (
    select * from traffic_hourly
    union all by name -- a file of its own even when empty
    select timestamp '1969-01-01' as period, '' as exporter, '' as protocol, '' as direction
    where not exists (select 1 from traffic_hourly)
)
order by period
