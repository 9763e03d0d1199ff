select period, exporter, protocol, kind, src_member, src_label, dst_member, dst_label, is_other, flows, packets, bytes
from matrix_daily
order by kind, period
