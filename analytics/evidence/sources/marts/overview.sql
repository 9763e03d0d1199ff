-- A column of nulls only loses its type on the way: without data a date stands in.
select * replace (
    coalesce(window_from, timestamp '1970-01-01') as window_from,
    coalesce(window_until, timestamp '1970-01-02') as window_until,
    coalesce(peak_at, timestamp '1970-01-01') as peak_at
)
from overview
