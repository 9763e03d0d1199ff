select *
from protocol_names
