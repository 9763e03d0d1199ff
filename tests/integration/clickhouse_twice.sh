#!/bin/bash
# Batches that come several times: at once, beside a broken copy, to several consumers, with faults.
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.."
venv_sets=(clickhouse kafka)
. tests/integration/lib_clickhouse.sh

start_broker
start_front
tests/kafka.sh topic "$work/broker" flows 4
schema || { echo "FAIL schema: $(tail -n 1 "$work/schema.log")"; exit 1; }

sent=0 expected=0
send() { # NAME BATCHES FLOWS COPIES [broken | keyed]
	"$venv/bin/python" tests/integration/clickhouse_twice.py "$KAFKA" flows "$@" || return 1
	sent=$((sent + $2 * $4)) expected=$((expected + $2 * $3))
	[ "${5:-}" != broken ] || sent=$((sent + $2))
}
# Every message has been taken.
taken() {
	becomes 300 "SELECT sum(n) FROM (SELECT max(last_offset) + 1 AS n FROM ingest_progress
		WHERE topic = 'flows' GROUP BY kafka_partition)" $sent
}
# Rows and rollups are those of the batches, each once; a batch and day is of one part.
once() {
	taken && becomes 120 "SELECT count(), uniqExact(batch, sequence_num), sum(bytes) FROM data_flow" \
		"$expected	$expected	$((expected * 100))" &&
		becomes 120 "SELECT sum(flow_count), sum(bit_count) FROM data_flow_by_ip_version_1d" "$expected	$((expected * 800))" &&
		is "SELECT count() FROM ingest_double" 0 &&
		is "SELECT count() FROM (SELECT batch FROM data_flow GROUP BY batch, toDate(start_time) HAVING uniqExact(_part) > 1)" 0
}
sql "SYSTEM STOP MERGES data_flow"

at_once() {
	send first 300 40 3 && once && becomes 120 "SELECT uniqExact(kafka_partition, kafka_offset) FROM ingest_repeat" 600
}
check "batches that come three times at once count once" at_once

later() { send first 300 40 2 && expected=$((expected - 12000)) && once; }
check "and when they come again later they add nothing" later

broken() { send broken 100 40 2 broken && once && becomes 120 "SELECT uniqExact(batch_id) FROM ingest_error" 100; }
check "a copy that cannot be read takes nothing from the one that can" broken

small_blocks() { # a block ends after a whole message, also where that has more rows than a block
	CLICKHOUSE_KAFKA_BLOCK_ROWS=50 schema && send fifty 150 40 3 && once &&
		CLICKHOUSE_KAFKA_BLOCK_ROWS=10 schema && send ten 50 40 3 && once
}
check "where blocks are small, and smaller than a message" small_blocks

large_blocks() { schema && send large 18 20000 2 && once; }
check "where a block has hundreds of thousands of flows" large_blocks

flows_once() {
	taken && becomes 120 "SELECT count(), uniqExact(batch, sequence_num) FROM data_flow" "$expected	$expected" &&
		is "SELECT count() FROM ingest_double" 0
}
# Copies in one partition, as the agent sends them, are of one consumer at a time.
consumers() {
	export CLICKHOUSE_KAFKA_CONSUMERS=4 CLICKHOUSE_KAFKA_BLOCK_ROWS=500
	schema && send keyed 300 40 3 keyed && once
}
check "four consumers" consumers

killed() {
	local i
	for i in 1 2 3; do
		send killed$i 300 40 3 keyed || return 1
		sleep 0.$((RANDOM % 9 + 1))
		stop_front KILL
		start_front
		schema || return 1
	done
	flows_once
}
check "four consumers, killed three times in the middle" killed

# Copies in several partitions, of two consumers at once, neither of which sees the other's rows: a
# batch may be there twice, which is told; none may be missing.
told() {
	send four 300 40 3 && taken && becomes 120 "SELECT uniqExact(batch, sequence_num), count() -
		(SELECT sum(flows - intDiv(flows, copies)) FROM ingest_double) FROM data_flow" "$expected	$expected" || return 1
	echo "# of 300 batches, stored by two consumers: $(sql 'SELECT count() FROM ingest_double')" >"$work/told"
	unset CLICKHOUSE_KAFKA_CONSUMERS CLICKHOUSE_KAFKA_BLOCK_ROWS
}
check "copies for several consumers at once: none is lost, and what is there twice is told" told
cat "$work/told"

# Messages of other programs have no identity but their place, and places begin again.
topic_anew() {
	local before
	before=$(sql "SELECT count() FROM data_flow")
	tests/kafka.sh topic "$work/broker" bare 1
	"$venv/bin/python" tests/integration/clickhouse_twice.py "$KAFKA" bare - 1 3 1 &&
		CLICKHOUSE_KAFKA_PROTOBUF_TOPIC=bare schema && becomes 120 "SELECT count() FROM data_flow" $((before + 3)) &&
		CLICKHOUSE_KAFKA_PROTOBUF_TOPIC=flows schema || return 1
	"$venv/bin/python" tests/integration/clickhouse_twice.py "$KAFKA" bare - 1 7 1 anew &&
		CLICKHOUSE_KAFKA_PROTOBUF_TOPIC=bare schema && becomes 120 "SELECT count() FROM data_flow" $((before + 10))
}
check "messages without identity, at the places of others in a topic that was made anew, are taken" topic_anew

[ $failures = 0 ]
