select *
from data_status
