select period, exporter, protocol, kind, role, member, label, is_other, flows, packets, bytes
from talkers_hourly
order by kind, role, period
