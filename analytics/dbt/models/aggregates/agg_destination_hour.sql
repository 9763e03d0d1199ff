-- Traffic of every hour by destination address and service.
-- SPDX-License-Identifier: Apache-2.0
{{ config(unique_key='period', meta={'keep': 'address_days'}) }}
{% set keys = ['exporter', 'protocol', 'address', 'service_port', 'application', 'as_number', 'organization', 'country'] %}
{% set new %}
    select
        {{ bucket('start_time', 'hour') }} as period, exporter, protocol, coalesce(dst_addr, 'unknown') as address,
        service_port, application, dst_as as as_number, dst_organization as organization, dst_country as country,
        {{ measures() }}
    from {{ new_flows() }}
    group by all
{% endset %}
{{ add_up(new, ['period'] + keys) }}
