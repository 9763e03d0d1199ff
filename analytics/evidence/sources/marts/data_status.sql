-- `nothing`: there are no flows yet. Dates stand in then, because a column of nulls only loses its type.
select * replace (
    coalesce(data_from, timestamp '1970-01-01') as data_from,
    coalesce(data_until, timestamp '1970-01-02') as data_until
), data_until is null as nothing
from data_status
