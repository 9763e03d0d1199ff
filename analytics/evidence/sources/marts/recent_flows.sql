select *
from recent_flows
order by position
