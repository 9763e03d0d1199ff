-- `key`: what stands for the interface in the filters' queries, whatever its name is made of
select *, md5(exporter || ' ' || interface) as key
from (
    select * from interfaces
    union all by name -- a file of its own even when empty
    select timestamp '1969-01-01' as first_seen, timestamp '1969-01-01' as last_seen, '' as exporter,
        '' as interface, '' as interface_name, '' as description, false as edge
    where not exists (select 1 from interfaces)
)
