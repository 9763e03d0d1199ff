{# Talkers of every hour or day. SPDX-License-Identifier: Apache-2.0 #}
{% macro talkers(period) %}
{% set members %}
    select period, exporter, protocol, 'address' as kind, role, address as member, {{ add_measures() }}
    from {{ touched('agg_address_hour', period) }}
    group by all
    {% for kind, column in [('as', 'as'), ('organization', 'organization'), ('country', 'country')] -%}
    {% for side in ('src', 'dst') -%}
    union all
    select
        period, exporter, protocol, '{{ kind }}' as kind, '{{ side }}' as role,
        {{ 'case when ' ~ side ~ '_as = 0 then \'unknown\' else ' ~ side ~ '_as::varchar end' if kind == 'as' else side ~ '_' ~ column }}
        as member, {{ add_measures() }}
    from {{ touched('agg_pair_hour', period) }}
    group by all
    {% endfor -%}
    {% endfor -%}
{% endset %}
select
    folded.period, folded.exporter, folded.protocol, folded.kind, folded.role, folded.member,
    case
        when folded.is_other then 'other'
        when kind = 'as' then {{ as_label('folded.member', 'names') }}
        when kind = 'country' then coalesce(countries.country_name, folded.member)
        else folded.member
    end as label,
    folded.is_other, folded.flows, folded.packets, folded.bytes
from (
    {{ fold(members, period, ['kind', 'role'], ['member'], {'member': "'other'"}, "kind = 'country'") }}
) as folded
left join {{ ref('dim_as') }} as names on folded.kind = 'as' and names.as_number = try_cast(folded.member as bigint)
left join {{ ref('country_names') }} as countries on folded.kind = 'country' and countries.country = folded.member
{% endmacro %}

{% macro add_measures() -%}
sum(flows)::bigint as flows, sum(packets)::bigint as packets, sum(bytes)::bigint as bytes
{%- endmacro %}
