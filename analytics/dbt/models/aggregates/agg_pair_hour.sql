-- Traffic of every hour from whom to whom: AS, organisations, countries.
-- SPDX-License-Identifier: Apache-2.0
{{ config(unique_key='period', meta={'keep': 'aggregate_days'}) }}
{% set keys = ['exporter', 'protocol', 'src_as', 'dst_as', 'src_organization', 'dst_organization', 'src_country', 'dst_country'] %}
{% set new %}
    select {{ bucket('start_time', 'hour') }} as period, {{ keys | join(', ') }}, {{ measures() }}
    from {{ new_flows() }}
    group by all
{% endset %}
{{ add_up(new, ['period'] + keys) }}
