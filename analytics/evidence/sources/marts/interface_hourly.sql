select *
from (
    select * from interface_hourly
    union all by name -- a file of its own even when empty
    select timestamp '1969-01-01' as period, '' as exporter, '' as interface, '' as direction
    where not exists (select 1 from interface_hourly)
)
order by exporter, interface, period
