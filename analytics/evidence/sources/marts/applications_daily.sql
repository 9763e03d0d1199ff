select period, exporter, protocol, port, application, is_other, flows, packets, bytes
from applications_daily
order by period
