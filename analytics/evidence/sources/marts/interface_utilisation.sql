select *
from interface_utilisation
