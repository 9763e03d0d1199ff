select *
from countries
