-- Traffic of every 5 minutes by exporter, protocol, direction and IP version.
-- SPDX-License-Identifier: Apache-2.0
{{ config(unique_key='period', meta={'keep': 'aggregate_days'}) }}
{% set new %}
    select
        {{ bucket('start_time', '5m') }} as period, exporter, protocol, direction, ip_version, {{ measures() }}
    from {{ new_flows() }}
    group by all
{% endset %}
{{ add_up(new, ['period', 'exporter', 'protocol', 'direction', 'ip_version']) }}
