select *
from (
    select * from recent_flows
    union all by name -- a file of its own even when empty
    select timestamp '1969-01-01' as start_time, '' as exporter, '' as flow_type, '' as protocol,
        '' as src_addr, '' as src_port, '' as dst_addr, '' as dst_port, '' as tcp_flags, '' as src_as_name,
        '' as dst_as_name, '' as src_country, '' as dst_country, '' as in_interface, '' as out_interface,
        '' as direction, '' as application
    where not exists (select 1 from recent_flows)
)
order by position
