select *
from interface_hourly
order by exporter, interface, period
