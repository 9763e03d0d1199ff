select *
from (
    select * from interface_5m
    union all by name -- a file of its own even when empty
    select timestamp '1969-01-01' as period, '' as exporter, '' as interface, '' as direction
    where not exists (select 1 from interface_5m)
)
order by exporter, interface, period
