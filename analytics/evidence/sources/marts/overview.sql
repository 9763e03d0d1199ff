select *
from overview
