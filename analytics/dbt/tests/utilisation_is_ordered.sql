-- Mean and percentile do not pass the greatest step; a window's bytes are those of its steps.
-- SPDX-License-Identifier: Apache-2.0
select *
from {{ ref('interface_utilisation') }}
where bits_per_second > max_bits_per_second * (1 + 1e-9)
or p95_bits_per_second > max_bits_per_second
or steps < 1
or abs(bits_per_second * steps * 300 / 8 - bytes) > 1e-6 * bytes + 1
