select period, exporter, protocol, direction, ip_version, flows, packets, bytes
from traffic_5m
order by period
