-- Traffic of every hour by address, as source and as destination.
-- SPDX-License-Identifier: Apache-2.0
{{ config(unique_key='period', meta={'keep': 'address_days'}) }}
{% set new %}
    {% for side in ('src', 'dst') -%}
    select
        {{ bucket('start_time', 'hour') }} as period, exporter, protocol, '{{ side }}' as role,
        coalesce({{ side }}_addr, 'unknown') as address, {{ measures() }}
    from {{ new_flows() }}
    group by all
    {{ 'union all' if not loop.last }}
    {% endfor %}
{% endset %}
{{ add_up(new, ['period', 'exporter', 'protocol', 'role', 'address']) }}
