{# From whom to whom, every hour or day. SPDX-License-Identifier: Apache-2.0 #}
{% macro matrix(period) %}
{% set members %}
    {% for kind in ('as', 'organization', 'country') -%}
    select
        period, exporter, protocol, '{{ kind }}' as kind,
        {% for side in ('src', 'dst') -%}
        {{ 'case when ' ~ side ~ '_as = 0 then \'unknown\' else ' ~ side ~ '_as::varchar end' if kind == 'as' else side ~ '_' ~ kind }}
            as {{ side }}_member,
        {% endfor -%}
        {{ add_measures() }}
    from {{ touched('agg_pair_hour', period) }}
    group by all
    {{ 'union all' if not loop.last }}
    {% endfor -%}
{% endset %}
select
    folded.period, folded.exporter, folded.protocol, folded.kind,
    {% for side in ('src', 'dst') -%}
    folded.{{ side }}_member,
    case
        when folded.is_other then 'other'
        when kind = 'as' then {{ as_label('folded.' ~ side ~ '_member', side ~ '_names') }}
        when kind = 'country' then coalesce({{ side }}_countries.country_name, folded.{{ side }}_member)
        else folded.{{ side }}_member
    end as {{ side }}_label,
    {% endfor -%}
    folded.is_other, folded.flows, folded.packets, folded.bytes
from (
    {{ fold(members, period, ['kind'], ['src_member', 'dst_member'], {'src_member': "'other'", 'dst_member': "'other'"}) }}
) as folded
{%- for side in ('src', 'dst') %}
left join {{ ref('dim_as') }} as {{ side }}_names
    on folded.kind = 'as' and {{ side }}_names.as_number = try_cast(folded.{{ side }}_member as bigint)
left join {{ ref('country_names') }} as {{ side }}_countries
    on folded.kind = 'country' and {{ side }}_countries.country = folded.{{ side }}_member
{%- endfor %}
{% endmacro %}
