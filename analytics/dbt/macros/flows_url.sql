{# The pattern of all Parquet files that there are. SPDX-License-Identifier: Apache-2.0 #}
{% macro flows_url() -%}
    {%- set prefix = env_var('EXPORT_S3_PREFIX', '') | trim('/') -%}
    {%- set bucket = 's3://' ~ env_var('EXPORT_S3_BUCKET', 'ipfix') ~ '/' ~ (prefix ~ '/' if prefix else '') -%}
    {{- env_var('ANALYTICS_FLOWS', '') or bucket ~ '**/*.parquet' -}}
{%- endmacro %}
