#!/bin/bash
# The cluster's form of the schema: every statement parsed, and all of it on a cluster of one node.
# SPDX-License-Identifier: Apache-2.0
#
# The engine in this process has no Keeper: Replicated tables and ON CLUSTER are parsed and no more.
# Distributed tables over the local ones, GLOBAL and all else run.
set -u
cd "$(dirname "$0")/../.."
venv_sets=(clickhouse s3)
. tests/integration/lib_clickhouse.sh

export CLICKHOUSE_CLUSTER_NAME=main EXPORT_GRACE=1
start_store || { echo "FAIL store: it does not start"; exit 1; }
start_front --cluster main

# Each statement of --dry-run in a file of its own.
statements() { # DIRECTORY
	mkdir "$1" && CLICKHOUSE_HOST='' CLICKHOUSE_KAFKA_BROKERS=kafka:9092 CLICKHOUSE_KAFKA_JSON_TOPIC=json \
		CLICKHOUSE_KAFKA_NATIVE_TOPIC=native CLICKHOUSE_KAFKA_COUNTER_TOPIC=counters \
		"$weir" load schema --dry-run >"$1.sql" 2>"$work/schema.log" || { cat "$work/schema.log"; return 1; }
	python3 - "$1" <<-'END'
	import re, sys
	with open(sys.argv[1] + ".sql") as f:
	    # The text of flow.proto has its own ends of statements.
	    parts = re.split(r";\n\n(?=-- (?:migrations|repeatable)/|CREATE (?:DATABASE|TABLE)|\Z)", f.read())
	for number, part in enumerate(p for p in parts if p):
	    with open(f"{sys.argv[1]}/{number:03}.sql", "w") as out:
	        out.write(re.sub(r"\A-- \S+\n", "", part))
	END
}
parsed() { # DIRECTORY
	local file n=0
	for file in "$1"/*.sql; do
		sql "SELECT formatQuery(\$weir\$$(cat "$file")\$weir\$) FORMAT Null" >"$work/answer" ||
			{ head -n 2 "$file"; head -c 300 "$work/answer"; return 1; }
		n=$((n + 1))
	done
	[ $n -gt 100 ] || { echo "only $n statements"; return 1; }
}
cluster_parses() { statements "$work/cluster" && parsed "$work/cluster"; }
check "every statement of the cluster's form is one to the engine's parser" cluster_parses

on_cluster() {
	local file
	for file in "$work"/cluster/*.sql; do
		grep -q "ON CLUSTER 'main'" "$file" || { echo "not on the cluster: $(head -n 1 "$file")"; return 1; }
		! grep -q '^ENGINE = [A-Za-z]*MergeTree' "$file" || grep -q '^ENGINE = Replicated' "$file" ||
			{ echo "not replicated: $(head -n 1 "$file")"; return 1; }
	done
}
check "each runs on the cluster, and what stores is replicated" on_cluster

single_parses() {
	local CLICKHOUSE_CLUSTER_NAME=
	statements "$work/single" && parsed "$work/single" && ! grep -lE "ON CLUSTER|Replicated|Distributed" "$work"/single/*.sql
}
check "the single node's form has nothing of that" single_parses

export CLICKHOUSE_REPLICATION=false
check "it is applied to a cluster of one node" schema
once() { schema && grep -q '0 files applied' "$work/schema.log" || { cat "$work/schema.log"; return 1; }; }
check "and once" once

flows() { # NAME
	sql "INSERT INTO ingest.flow_in (type, time_received_ns, time_flow_start_ns, bytes, packets, src_addr, dst_addr,
		etype, proto, src_port, dst_port, src_as, in_interface_edge, in_interface_id, in_interface_ref,
		out_interface_id, out_interface_ref, topic, kafka_offset, kafka_time, batch_id)
		SELECT 'IPFIX', toUnixTimestamp64Nano(now64(9)), toUnixTimestamp64Nano(now64(9)) - number % 3 * 3600000000000,
		100 + number % 1000, 1, toIPv6('10.0.0.' || toString(number % 256)), toIPv6('2001:db8::1'), 2048, 6,
		number % 65536, 443, number % 5, number % 2, 'a', 'a__v1', 'b', 'b__v1', 'flows', intDiv(number, 1000),
		now64(3), concat('$1/', toString(intDiv(number, 1000))) FROM numbers(20000)"
}
ingested() {
	flows one && flows one && flows two || return 1
	is "SELECT count(), sum(bytes) = (SELECT sum(bytes) FROM data_flow_local), any(ext.bgp_as_path_id) FROM data_flow" "40000	1	[]" &&
		is "SELECT sum(row_count) FROM ingest_repeat" 20000 &&
		is "SELECT sum(flow_count), sum(bit_count) = (SELECT sum(bit_count) FROM data_flow WHERE in_interface_edge)
			FROM data_flow_by_edge_as_1h" "20000	1" &&
		is "SELECT sum(flow_count) FROM data_flow_by_interface_5m" 40000 &&
		is "SELECT sum(flows), sum(repeated_flows) FROM ingest_lag" "60000	20000"
}
check "flows through the distributed tables: each once" ingested

repaired() {
	sql "TRUNCATE TABLE data_flow_by_ip_version_1h_local" && ROLLUP_QUIET=0 "$weir" load rollups 2>"$work/why" &&
		is "SELECT sum(flow_count) FROM data_flow_by_ip_version_1h" 40000
}
check "a rollup that lacks rows is made good" repaired

exported() {
	sleep 1.5
	"$weir" load export 2>"$work/why" &&
		is "SELECT count(), sum(bytes) FROM s3('$S3/ipfix/date=*/hour=*/weir-*.parquet', '$S3_KEY', '$S3_SECRET')" \
			"$(sql 'SELECT count(), sum(bytes) FROM data_flow')"
}
check "they go to Parquet, each once" exported

[ $failures = 0 ]
