select *
from interfaces
