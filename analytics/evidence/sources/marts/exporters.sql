-- `page`: what stands for the exporter in addresses of pages
select *, regexp_replace(exporter, '[^A-Za-z0-9._:-]', '-', 'g') as page
from (
    select * from exporters
    union all by name -- a file of its own even when empty
    select timestamp '1969-01-01' as first_seen, timestamp '1969-01-01' as last_seen, '' as exporter,
        '' as exporter_name, '' as address, '' as flow_type
    where not exists (select 1 from exporters)
)
