-- Traffic of the last hours in steps of 5 minutes. SPDX-License-Identifier: Apache-2.0
select *, {{ bits_per_second('bytes', '300') }} as bits_per_second
from {{ ref('agg_traffic_5m') }}
where period >= {{ kept('hour') }}
