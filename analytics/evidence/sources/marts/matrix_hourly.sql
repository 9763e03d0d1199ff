select period, exporter, protocol, kind, src_member, src_label, dst_member, dst_label, is_other, flows, packets, bytes
from (
    select * from matrix_hourly
    union all by name -- a file of its own even when empty
    select timestamp '1969-01-01' as period, '' as exporter, '' as protocol, '' as kind, '' as src_member,
        '' as src_label, '' as dst_member, '' as dst_label, false as is_other
    where not exists (select 1 from matrix_hourly)
)
order by kind, period
