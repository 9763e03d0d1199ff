select *
from (
    select * from interface_utilisation
    union all by name -- a file of its own even when empty
    select '' as time_window, '' as exporter, '' as interface, '' as interface_name, '' as direction,
        false as edge
    where not exists (select 1 from interface_utilisation)
)
