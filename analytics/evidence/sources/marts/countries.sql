select *
from (
    select * from countries
    union all by name -- a file of its own even when empty
    select '' as country, '' as country_name
    where not exists (select 1 from countries)
)
