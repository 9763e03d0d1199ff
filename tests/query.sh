#!/bin/bash
# Asks ClickHouse one of deploy/clickhouse/queries over HTTP.
# SPDX-License-Identifier: Apache-2.0
# usage: tests/query.sh NAME [PARAMETER=VALUE...]      e.g. top_as from=2026-11-22 to=2026-11-23 top=10
#        FORMAT=PrettyCompact; ADDRESS=http://127.0.0.1:8123
# Parameters that are not given: the last hour, top 10, steps of 300 s, 7 days, /24 and /48.
set -eu
file=$(dirname "$0")/../deploy/clickhouse/queries/$1.sql
shift
declare -A value=([from]=$(date -u -d '-1 hour' '+%F %T') [to]=$(date -u '+%F %T') [top]=10 [step]=300
	[days]=7 [length4]=24 [length6]=48)
for argument in "$@"; do value[${argument%%=*}]=${argument#*=}; done
arguments=()
for name in $(grep -o '{[a-z0-9_]*:' "$file" | tr -d '{:' | sort -u); do
	arguments+=(--url-query "param_$name=${value[$name]}")
done
answer=$(curl -sS --url-query "default_format=${FORMAT:-PrettyCompactMonoBlock}" "${arguments[@]}" -w '\n%{http_code}' \
	--data-binary @"$file" "${ADDRESS:-http://127.0.0.1:8123}/")
printf '%s\n' "${answer%$'\n'*}"
[ "${answer##*$'\n'}" = 200 ]
