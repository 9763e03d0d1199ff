-- The greatest of them get a page each.
select *
from (
    select * from autonomous_systems
    union all by name -- a file of its own even when empty
    select '' as member, '' as as_name, '' as organization, '' as label
    where not exists (select 1 from autonomous_systems)
)
order by bytes_sent + bytes_received desc, as_number
limit 100
