-- Traffic of every 5 minutes into and out of each interface. A flow counts at both its interfaces.
-- SPDX-License-Identifier: Apache-2.0
{{ config(unique_key='period', meta={'keep': 'aggregate_days'}) }}
{% set new %}
    {% for side in ('in', 'out') -%}
    select
        {{ bucket('start_time', '5m') }} as period, exporter, {{ side }}_interface as interface,
        '{{ side }}' as direction, {{ measures() }}
    from {{ new_flows() }}
    where {{ side }}_interface <> ''
    group by all
    {{ 'union all' if not loop.last }}
    {% endfor %}
{% endset %}
{{ add_up(new, ['period', 'exporter', 'interface', 'direction']) }}
