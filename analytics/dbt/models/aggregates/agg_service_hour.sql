-- Traffic of every hour by port and application.
-- SPDX-License-Identifier: Apache-2.0
{{ config(unique_key='period', meta={'keep': 'aggregate_days'}) }}
{% set new %}
    select
        {{ bucket('start_time', 'hour') }} as period, exporter, protocol, service_port, application, {{ measures() }}
    from {{ new_flows() }}
    group by all
{% endset %}
{{ add_up(new, ['period', 'exporter', 'protocol', 'service_port', 'application']) }}
