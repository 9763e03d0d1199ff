#!/bin/bash
# From a real broker into the ClickHouse engine: exact through every format, after faults as well.
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.."
. tests/integration/lib_clickhouse.sh

captures=(tests/captures/*.pcap)
corpus=../shared/corpus/pcap
[ ! -d $corpus ] || captures+=("$corpus"/*.pcap)
sums='SELECT count(), sum(bytes), sum(packets), sum(bit_count), sum(toUInt64(src_port) + 3 * dst_port),
	sum(length(as_path) + length(mpls_label)), uniqExact(src_ip, dst_ip) FROM data_flow'

# Captures are old: nothing may expire, and their times are what they are.
export CLICKHOUSE_FLOW_TTL='60 YEAR' CLICKHOUSE_FLOW_MV_TTL='60 YEAR'
export CLICKHOUSE_KAFKA_JSON_TOPIC=json CLICKHOUSE_KAFKA_COUNTER_TOPIC=counters
start_broker
start_front
for topic in flows json; do tests/kafka.sh topic "$work/broker" $topic 4; done
tests/kafka.sh topic "$work/broker" counters 1

applies() { schema && grep -q 'migrations/001_data_flow.sql: applied' "$work/schema.log"; }
check "the schema is applied" applies

applies_once() {
	schema && grep -q '0 files applied' "$work/schema.log" || { cat "$work/schema.log"; return 1; }
}
check "applied again it changes nothing" applies_once

changed_setting() {
	CLICKHOUSE_KAFKA_FLUSH_MS=600 schema && grep -q 'repeatable/21_protobuf.sql: applied' "$work/schema.log" &&
		schema
}
check "a changed setting is applied" changed_setting

as_decoded() { # FORMAT TOPIC
	"$weir" replay "${captures[@]}" -q | python3 tests/integration/clickhouse_sums.py >"$work/expected"
	replay "$1" "$2" "${captures[@]}" || return 1
	becomes 120 "$sums WHERE batch IN (SELECT batch FROM data_flow WHERE $3)" "$(cat "$work/expected")"
}
check "Protobuf: flows and sums are those that were decoded" as_decoded protobuf flows 1
is "SELECT count() FROM ingest_error" 0 || failures=$((failures + 1))
sql "CREATE TABLE first ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM data_flow" >"$work/out"
as_decoded_json() {
	as_decoded json json 'batch NOT IN (SELECT batch FROM first)' || return 1
	# All but identity and time of arrival agree, row by row; flows without a time of their own
	# have that of their message.
	is "SELECT count() FROM (SELECT * EXCEPT (batch, insert_time, start_time, end_time) FROM data_flow
		GROUP BY ALL HAVING count() % 2 = 1)" 0
}
check "JSON: the same rows as Protobuf" as_decoded_json

# The views of a block are written one after the other: those of rollups after the flows.
rollups() { # [SECONDS]
	local kind
	for kind in 5m 1h 1d; do
		becomes "${1:-120}" "SELECT sum(flow_count) = (SELECT count() FROM data_flow),
			sum(bit_count) = (SELECT sum(bit_count) FROM data_flow),
			sum(packet_count) = (SELECT sum(packet_count) FROM data_flow)
			FROM data_flow_by_ip_version_$kind" "1	1	1" || return 1
	done
}
check "rollups have the sums of the flows" rollups

field_has_column() {
	local before
	before=$(sql "SELECT count() FROM data_flow")
	python3 tests/integration/clickhouse_fields.py encode proto/flow.proto >"$work/all.bin"
	kcat -b "$KAFKA" -t flows -P -H weir.batch=fields "$work/all.bin" &&
		becomes 120 "SELECT count() FROM data_flow" $((before + 1)) &&
		sql "SELECT *, as_path FROM data_flow WHERE sequence_num = 70000004 FORMAT JSONEachRow" |
		python3 tests/integration/clickhouse_fields.py check proto/flow.proto
}
check "every field of the message has a column" field_has_column

broken() {
	local before errors
	before=$(sql "SELECT count() FROM data_flow") errors=$(sql "SELECT count() FROM ingest_error")
	python3 -c 'import random, sys; sys.stdout.buffer.write(random.Random(1).randbytes(3000))' >"$work/noise"
	head -c 100 "$work/all.bin" >"$work/cut"
	printf '{"bytes": "many"}\n' >"$work/bad.json"
	kcat -b "$KAFKA" -t flows -P -H weir.batch=noise "$work/noise" &&
		kcat -b "$KAFKA" -t flows -P -H weir.batch=cut "$work/cut" &&
		kcat -b "$KAFKA" -t json -P -H weir.batch=bad "$work/bad.json" &&
		kcat -b "$KAFKA" -t flows -P -H weir.batch=after "$work/all.bin" || return 1
	becomes 120 "SELECT count() - $errors, countIf(error != '' AND raw_message != '') - $errors,
		arraySort(groupUniqArray(batch_id)) FROM ingest_error" "3	3	['bad','cut','noise']" &&
		becomes 120 "SELECT count() FROM data_flow" $((before + 1))
}
check "broken messages become errors with a reason and block nothing" broken

twice() {
	local before
	before=$(sql "SELECT count(), sum(bytes) FROM data_flow")
	kcat -b "$KAFKA" -t flows -P -H weir.batch=after "$work/all.bin" &&
		becomes 120 "SELECT sum(row_count) FROM ingest_repeat WHERE batch_id = 'after'" 1 &&
		is "SELECT count(), sum(bytes) FROM data_flow" "$before"
}
check "a batch that comes again adds nothing and is counted" twice

twice_at_once() {
	local before
	before=$(sql "SELECT count() FROM data_flow")
	kcat -b "$KAFKA" -t flows -P -H weir.batch=both "$work/all.bin" "$work/all.bin" "$work/all.bin" &&
		becomes 120 "SELECT sum(row_count) FROM ingest_repeat WHERE batch_id = 'both'" 2 &&
		becomes 120 "SELECT count() FROM data_flow" $((before + 1)) &&
		becomes 120 "SELECT sum(flow_count) FROM data_flow_by_ip_version_1d" $((before + 1))
}
check "a batch that comes several times at once counts once" twice_at_once

lag() {
	becomes 120 "SELECT countDistinct(topic), sum(flows) - sum(repeated_flows) = (SELECT count() FROM data_flow),
		max(worst_lag) < 1800 FROM ingest_lag WHERE topic IN ('flows', 'json')" "2	1	1"
}
check "the lag of ingest can be seen" lag

counters() {
	cat >"$work/weir.yaml" <<-END
	outputs:
	  - type: kafka
	    brokers: $KAFKA
	    topic: sflow
	    counter_topic: counters
	    format: protobuf
	END
	"$weir" replay "${captures[@]}" -q -c "$work/weir.yaml" || return 1
	"$weir" replay "${captures[@]}" -q | grep -c '"counters":' >"$work/samples"
	[ "$(cat "$work/samples")" -gt 0 ] || { echo "no counter samples in the captures"; return 1; }
	becomes 120 "SELECT count() FROM counter_sample" "$(cat "$work/samples")" || return 1
	is "SELECT countIf(numbers['ifInOctets'] != 0) > 0 FROM counter_sample" 1 &&
		becomes 120 "SELECT count() > 0, countIf(in_bit_count > 0) > 0 FROM data_interface_traffic" "1	1"
}
check "counter samples, and interface traffic by them" counters

views() {
	is "SELECT count() = (SELECT count() FROM data_flow), sum(bytes) = (SELECT sum(bytes) FROM data_flow)
		FROM ipfix_raw_data" "1	1" &&
		is "SELECT count(), sum(Bytes) = (SELECT sum(bytes) FROM data_flow) FROM flows" \
			"$(sql 'SELECT count() FROM data_flow')	1" &&
		is "SELECT src_addr, etype, proto, type FROM ipfix_raw_data WHERE sequence_num = 70000004 LIMIT 1" \
			"2001:db8:77::6	IPv4	UDP	IPFIX"
}
check "the views of other collectors' names have all rows" views

killed() {
	local all=0 i
	"$weir" replay tests/captures/softflowd_ipfix.pcap -q | wc -l >"$work/one"
	all=$(($(sql "SELECT count() FROM data_flow") + 400 * $(cat "$work/one")))
	"$weir" replay tests/captures/softflowd_ipfix.pcap -n 400 -q -o "kafka:$KAFKA/flows" --format protobuf ||
		return 1
	for i in 1 2 3; do
		sleep 0.$((RANDOM % 9 + 1))
		stop_front KILL
		start_front
		schema || return 1
	done
	becomes 300 "SELECT count() FROM data_flow" "$all"
}
check "the engine killed in the middle: no flow lost, none twice" killed

# The rollups are looked at when the views of the last block have been written, too.
nothing_comes() {
	local was= now=-
	until [ "$now" = "$was" ]; do
		was=$now
		sleep 4
		now=$(sql "SELECT count(), (SELECT sum(flow_count) FROM data_flow_by_ip_version_5m),
			(SELECT sum(flow_count) FROM data_flow_by_ip_version_1h),
			(SELECT sum(flow_count) FROM data_flow_by_ip_version_1d) FROM data_flow") || return 1
	done
}
check "nothing comes any more" nothing_comes

whole_again() {
	ROLLUP_QUIET=0 "$weir" load rollups 20000 2>"$work/rollups.log" || { cat "$work/rollups.log"; return 1; }
	rollups
}
check "and what the rollups lack by that is made good" whole_again

made_good() {
	sql "TRUNCATE TABLE data_flow_by_ip_version_1h" &&
		sql "INSERT INTO data_flow_by_ip_version_1d SELECT * FROM data_flow_by_ip_version_1d LIMIT 1" || return 1
	! rollups 0 >"$work/differ" || { echo "the rollups were not damaged"; return 1; }
	whole_again && grep -q ': 2 of 9 rollups were short' "$work/rollups.log" &&
		whole_again && grep -q ': 0 of 9 rollups' "$work/rollups.log"
}
check "a rollup that lacks rows, and one that has some twice, get the sums of the flows" made_good

[ $failures = 0 ]
