select period, exporter, protocol, address, port, application, as_number, as_name, country_name, is_other, flows, packets, bytes
from destinations_daily
order by period
