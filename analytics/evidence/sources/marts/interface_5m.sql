select *
from interface_5m
order by exporter, interface, period
