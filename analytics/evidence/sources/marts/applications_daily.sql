select period, exporter, protocol, port, application, is_other, flows, packets, bytes
from (
    select * from applications_daily
    union all by name -- a file of its own even when empty
    select timestamp '1969-01-01' as period, '' as exporter, '' as protocol, '' as port, '' as application,
        false as is_other
    where not exists (select 1 from applications_daily)
)
order by period
