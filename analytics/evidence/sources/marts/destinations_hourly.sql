select period, exporter, protocol, address, port, application, as_number, as_name, country_name, is_other, flows, packets, bytes
from (
    select * from destinations_hourly
    union all by name -- a file of its own even when empty
    select timestamp '1969-01-01' as period, '' as exporter, '' as protocol, '' as address, '' as port,
        '' as application, '' as as_name, '' as country_name, false as is_other
    where not exists (select 1 from destinations_hourly)
)
order by period
