-- `key`: what stands for the protocol in the filters' queries, whatever its name is made of
select *, md5(protocol) as key
from (
    select * from protocol_names
    union all by name -- a file of its own even when empty
    select '' as protocol
    where not exists (select 1 from protocol_names)
)
