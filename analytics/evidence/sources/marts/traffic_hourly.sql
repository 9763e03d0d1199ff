select period, exporter, protocol, direction, ip_version, flows, packets, bytes
from traffic_hourly
order by period
