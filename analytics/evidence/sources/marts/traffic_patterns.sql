select *
from traffic_patterns
