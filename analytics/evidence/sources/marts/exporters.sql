-- `page`: what stands for the exporter in addresses of pages and in the filters' queries, of harmless characters;
-- where two exporters would have the same, each gets some digits of its own.
select * exclude (plain),
    plain || case when plain in ('.', '..') or count(*) over (partition by plain) > 1 then '-' || left(md5(exporter), 8) else '' end as page
from (
    select *, regexp_replace(exporter, '[^A-Za-z0-9._:-]', '-', 'g') as plain
    from (
        select * from exporters
        union all by name -- a file of its own even when empty
        select timestamp '1969-01-01' as first_seen, timestamp '1969-01-01' as last_seen, '' as exporter,
            '' as exporter_name, '' as address, '' as flow_type
        where not exists (select 1 from exporters)
    )
)
order by bytes desc, exporter
