select period, exporter, protocol, kind, role, member, label, is_other, flows, packets, bytes
from (
    select * from talkers_daily
    union all by name -- a file of its own even when empty
    select timestamp '1969-01-01' as period, '' as exporter, '' as protocol, '' as kind, '' as role,
        '' as member, '' as label, false as is_other
    where not exists (select 1 from talkers_daily)
)
order by kind, role, period
