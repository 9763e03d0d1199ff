select *
from (
    select * from traffic_patterns
    union all by name -- a file of its own even when empty
    select '' as exporter, '' as protocol, '' as direction, '' as weekday_name
    where not exists (select 1 from traffic_patterns)
)
