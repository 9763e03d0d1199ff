select period, exporter, protocol, port, application, is_other, flows, packets, bytes
from applications_hourly
order by period
