#!/bin/bash
# Ingest of each format into the ClickHouse engine: rows and CPU seconds, bytes a row, query times.
# SPDX-License-Identifier: Apache-2.0
# usage: tests/bench/clickhouse_ingest.sh [FLOWS [FORMAT...]]     after make test-programs
set -u
cd "$(dirname "$0")/../.."
. tests/integration/lib_clickhouse.sh
n=${1:-2000000}
shift
formats=${*:-protobuf json native}
export CLICKHOUSE_KAFKA_JSON_TOPIC=json CLICKHOUSE_KAFKA_NATIVE_TOPIC=native CLICKHOUSE_KAFKA_PROTOBUF_TOPIC=protobuf
# The flows have times of their own, long ago: nothing may expire.
export CLICKHOUSE_FLOW_TTL="60 YEAR" CLICKHOUSE_FLOW_MV_TTL="60 YEAR"
start_broker
for format in $formats; do
	tests/kafka.sh topic "$work/broker" "$format" 4
	"$build/tests/integration/kafka_flows" publish brokers=$KAFKA topic=$format format=$format flows=$n \
		exporters=200 >"$work/published" || { cat "$work/published"; exit 1; }
done
start_front
CLICKHOUSE_KAFKA_BROKERS='' schema || { cat "$work/schema.log"; exit 1; }
cpu() { awk '{ print ($14 + $15) / 100 }' "/proc/$front_pid/stat"; }
# As long as flows come: how long it takes is what is asked. After 400 s without any it says why.
all_taken() { # ROWS
	local had=-1 got=0 since=$SECONDS
	while [ "$got" -lt "$1" ]; do
		[ "$got" = "$had" ] || since=$SECONDS
		had=$got
		if [ $((SECONDS - since)) -gt 400 ] || ! kill -0 "$front_pid" 2>/dev/null; then
			echo "$got of $1 flows came, and no more:" >&2
			tail -n 3 "$work/front.log" >&2
			sql "SELECT database, table, num_messages_read, num_commits, last_poll_time, last_commit_time, exceptions.text
				FROM system.kafka_consumers FORMAT Vertical" >&2
			sql "SELECT format, error, count() FROM ingest_error GROUP BY ALL LIMIT 5" >&2
			return 1
		fi
		sleep 1
		got=$(sql "SELECT count() FROM data_flow") || got=$had
	done
	[ "$got" = "$1" ] || { echo "$got flows came, not $1" >&2; return 1; }
}
printf '%-10s %10s %8s %8s %12s %14s\n' format flows seconds 'CPU s' 'CPU us/flow' 'flows/s of CPU'
before=0
for format in $formats; do
	begun=$(cpu) from=$(date +%s.%N)
	for other in protobuf json native; do export CLICKHOUSE_KAFKA_${other^^}_TOPIC=; done
	export CLICKHOUSE_KAFKA_${format^^}_TOPIC=$format
	# An empty variable is one that is not set: Protobuf's topic has a default.
	[ "$format" = protobuf ] || export CLICKHOUSE_KAFKA_PROTOBUF_TOPIC=none
	schema --force || { cat "$work/schema.log"; exit 1; }
	all_taken $((before + n)) || exit 1
	before=$((before + n))
	awk -v f="$format" -v n="$n" -v c="$(cpu)" -v b="$begun" -v t="$(date +%s.%N)" -v s="$from" \
		'BEGIN { printf "%-10s %10d %8.1f %8.1f %12.2f %14.0f\n", f, n, t - s, c - b, (c - b) / n * 1e6, n / (c - b) }'
done
sql "OPTIMIZE TABLE data_flow FINAL"
sql "SELECT 'bytes a row in data_flow:', round(sum(bytes_on_disk) / sum(rows), 1) FROM system.parts
	WHERE active AND table = 'data_flow' AND database = 'default'"
echo
sql "SELECT name, round(data_compressed_bytes / $before, 2) AS b FROM system.columns
	WHERE table = 'data_flow' AND database = 'default' ORDER BY b DESC LIMIT 12"
