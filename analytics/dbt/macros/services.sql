{# Destinations and applications of every hour or day. SPDX-License-Identifier: Apache-2.0 #}
{% macro destinations(period) %}
{% set members %}
    select
        period, exporter, protocol, address, service_port::varchar as port, application, as_number, organization, country,
        {{ add_measures() }}
    from {{ touched('agg_destination_hour', period) }}
    group by all
{% endset %}
select
    folded.period, folded.exporter, folded.protocol, folded.address, folded.port, folded.application,
    folded.as_number, coalesce(names.as_name, '') as as_name, folded.organization,
    folded.country, coalesce(countries.country_name, folded.country) as country_name,
    folded.is_other, folded.flows, folded.packets, folded.bytes
from (
    {{ fold(members, period, [], ['address', 'port', 'application', 'as_number', 'organization', 'country'], {
        'address': "'other'", 'port': "'other'", 'application': "'other'", 'as_number': '0',
        'organization': "'other'", 'country': "'other'"}) }}
) as folded
left join {{ ref('dim_as') }} as names on names.as_number = folded.as_number
left join {{ ref('country_names') }} as countries on countries.country = folded.country
{% endmacro %}

{% macro applications(period) %}
{% set members %}
    select
        period, exporter, protocol, service_port::varchar as port, application, {{ add_measures() }}
    from {{ touched('agg_service_hour', period) }}
    group by all
{% endset %}
{{ fold(members, period, [], ['port', 'application'], {'port': "'other'", 'application': "'other'"}) }}
{% endmacro %}
