-- The greatest of them get a page each.
select *
from autonomous_systems
order by bytes_sent + bytes_received desc, as_number
limit 100
