#!/bin/bash
# Parquet in an object store: each row once, late rows, crashes in the middle, backfill.
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.."
venv_sets=(clickhouse s3)
. tests/integration/lib_clickhouse.sh

export EXPORT_GRACE=1
start_store || { echo "FAIL store: it does not start"; exit 1; }
start_front
schema || { echo "FAIL schema: $(tail -n 1 "$work/schema.log")"; exit 1; }

serial=0
# What ingest would bring: N flows in batches of 1000, over the last HOURS hours.
flows() { # N HOURS
	serial=$((serial + 1))
	sql "INSERT INTO ingest.flow_in (type, time_received_ns, time_flow_start_ns, sequence_num, bytes, packets,
		src_addr, dst_addr, etype, proto, src_port, dst_port, topic, kafka_offset, batch_id)
		SELECT 'IPFIX', toUnixTimestamp64Nano(now64(9)), toUnixTimestamp64Nano(now64(9)) - number % $2 * 3600000000000,
		number, 100 + number % 1000, 1, toIPv6('10.0.0.' || toString(number % 256)), toIPv6('2001:db8::1'),
		2048, 6, number % 65536, 443, 'flows', intDiv(number, 1000), concat('$serial/', toString(intDiv(number, 1000)))
		FROM numbers($1)"
}
# Older than the time of grace.
aged() { await 60 eval 'is "SELECT max(insert_time) < now64() - INTERVAL 2 SECOND FROM data_flow" 1 >/dev/null'; }
export_now() { timeout -k 1 "${1:-120}" "$weir" load export 2>"$work/export.log" || { tail -n 1 "$work/export.log"; return 1; }; }
bucket="s3('$S3/ipfix/date=*/hour=*/weir-*.parquet', '$S3_KEY', '$S3_SECRET')"
same_in_bucket() {
	is "SELECT count(), sum(bytes), sum(packets), sum(src_port), sum(cityHash64(src_addr, dst_addr, src_port, bytes)) FROM $bucket" \
		"$(sql "SELECT count(), sum(bytes), sum(packets), sum(src_port), sum(cityHash64(src_addr, dst_addr, src_port, bytes)) FROM flow_export")"
}

nothing_yet() { export_now && grep -q '0 flows in 0 runs' "$work/export.log"; }
check "with no flows nothing is written" nothing_yet

first() { flows 50000 3 && aged && export_now && grep -q 'flows in 1 run' "$work/export.log" && same_in_bucket; }
check "what is there goes out, by date and hour" first

shape() {
	is "SELECT uniq(date, hour) >= 3, any(etype), any(proto), any(dst_addr) FROM $bucket" "1	IPv4	TCP	2001:db8::1" &&
		[ "$(sql "DESCRIBE $bucket" | cut -f1 | tr '\n' ' ')" = "time_received_ns time_flow_start_ns \
time_flow_end_ns type sampler_address src_addr dst_addr src_mac dst_mac in_if out_if ingress_vrf_id \
dot1q_vlan post_dot1q_vlan dot1q_cvlan post_dot1q_cvlan etype proto tcp_flags src_port dst_port bytes packets \
sampling_rate src_as dst_as src_as_name dst_as_name src_organization dst_organization src_country \
dst_country device_id in_interface_id out_interface_id application_service start_time \
sampling_origin device_name application_port \
in_interface_name in_interface_description in_interface_speed in_interface_edge out_interface_name \
out_interface_description out_interface_speed out_interface_edge date hour " ] ||
		{ sql "DESCRIBE $bucket" | cut -f1 | tr '\n' ' '; return 1; }
}
check "columns have goflow2's names and texts" shape

# Only IPv4 that was written as IPv6 loses ::ffff:.
addresses() {
	sql "INSERT INTO ingest.flow_in (type, time_received_ns, time_flow_start_ns, src_addr, dst_addr, etype, src_port,
		topic, batch_id) SELECT 'IPFIX', toUnixTimestamp64Nano(now64(9)), toUnixTimestamp64Nano(now64(9)),
		toIPv6('2001:db8::ffff:1'), toIPv6('::ffff:192.0.2.1'), 34525, 7, 'flows', 'addresses'" && aged && export_now &&
		is "SELECT src_addr, dst_addr FROM $bucket WHERE src_addr LIKE '2001%'" "2001:db8::ffff:1	192.0.2.1"
}
check "addresses are written as they are" addresses

late() { flows 7000 40 && aged && export_now && same_in_bucket && export_now && same_in_bucket; }
check "late rows go out once, to their own hours" late

denied() {
	flows 5000 2 && aged || return 1
	! AWS_SECRET_ACCESS_KEY=wrong export_now >/dev/null && grep -q 'load export: write' "$work/export.log" &&
		! grep -q "$S3_SECRET" "$work/export.log" && export_now && same_in_bucket
}
if tests/minio.sh there; then
	check "a refused login is told, and the next run makes it good" denied
else
	echo "SKIP a refused login is told, and the next run makes it good: moto takes any"
fi

killed() {
	local i
	for i in 1 2 3 4 5 6; do
		flows 20000 30 && aged || return 1
		"$weir" load export 2>"$work/export.log" &
		sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
		kill -KILL $! 2>/dev/null
		wait $! 2>/dev/null
	done
	export_now && same_in_bucket
}
check "an export killed in the middle is completed, no row twice" killed

engine_killed() {
	local i
	for i in 1 2 3; do
		flows 20000 30 && aged || return 1
		"$weir" load export 2>"$work/export.log" &
		sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
		stop_front KILL
		wait $! 2>/dev/null
		start_front && schema || return 1
	done
	export_now && same_in_bucket
}
check "the engine killed in the middle of an export: the same" engine_killed

# A run that was planned and had written half of its objects.
half_written() {
	local run
	flows 3000 3 && aged && export_now || return 1
	run=$(sql "SELECT max(run) FROM export_run WHERE state = 'done'")
	sql "DELETE FROM export_run WHERE run = $run AND state = 'done' SETTINGS lightweight_deletes_sync = 2" &&
		export_now && grep -q "run $run is written again" "$work/export.log" && same_in_bucket
}
check "a run that was written but not closed is written again, to the same objects" half_written

backfilled() {
	local run
	run=$(sql "SELECT max(run) FROM export_run WHERE state = 'done'")
	sql "INSERT INTO FUNCTION s3('$S3/ipfix/date={_partition_id}/weir-$run.parquet', '$S3_KEY', '$S3_SECRET', 'Parquet')
		PARTITION BY formatDateTime(start_time, '%Y-%m-%d/hour=%H') SELECT *  EXCEPT (insert_time, batch) FROM flow_export
		WHERE start_time > now() - INTERVAL 30 MINUTE LIMIT 1 SETTINGS s3_truncate_on_insert = 1" || return 1
	! same_in_bucket >/dev/null || { echo "the object was not damaged"; return 1; }
	"$weir" load export "$(date -u -d '-1 day' +%FT%T)" "$(date -u -d '+1 hour' +%FT%T)" 2>"$work/export.log" &&
		same_in_bucket
}
check "an interval is written again where objects were lost" backfilled

# Claims are kept while there may be flows of theirs, and some time longer.
forgotten() {
	local kept
	kept=$(sql "SELECT count() FROM export_batch")
	sql "INSERT INTO export_batch (run, batch, day, row_count) SELECT 1, number, today() - 100 - 40 * number, 1 FROM numbers(4)" &&
		sql "INSERT INTO export_batch (run, batch, day, row_count) SELECT 1, 100 + number, today() - 15 * number, 1 FROM numbers(1, 3)" || return 1
	export_now && is "SELECT count() FROM export_batch WHERE run != 1" "$kept" &&
		is "SELECT groupArray(batch) FROM (SELECT batch FROM export_batch WHERE run = 1 ORDER BY batch)" "[101,102,103]" && same_in_bucket &&
		sql "DELETE FROM export_batch WHERE run = 1 SETTINGS lightweight_deletes_sync = 2"
}
check "claims on flows that have long expired are forgotten, others are not" forgotten

# The view of repeatable/32_refresh.sql, in a place of its own.
refreshed() {
	local path="s3('$S3/ipfix/view/date=*/hour=*/weir-*.parquet', '$S3_KEY', '$S3_SECRET')"
	EXPORT_S3_PREFIX=view CLICKHOUSE_EXPORT_REFRESH='5 MINUTE' schema || return 1
	! grep -q "$S3_SECRET" "$work/schema.log" || { echo "the secret is told"; return 1; }
	# Half of an interval that has been closed, half of one that stays open for as long as this takes.
	sql "SYSTEM STOP VIEW flow_parquet_mv" && sql "TRUNCATE TABLE data_flow" && flows 20000 30 &&
		sql "CREATE TABLE both ENGINE = Memory AS SELECT * FROM data_flow" && sql "TRUNCATE TABLE data_flow" &&
		sql "INSERT INTO data_flow SELECT * REPLACE (insert_time - INTERVAL 12 MINUTE AS insert_time, batch + 1 AS batch) FROM both" &&
		sql "INSERT INTO data_flow SELECT * REPLACE (insert_time + INTERVAL 30 MINUTE AS insert_time) FROM both" && sql "DROP TABLE both" &&
		sql "SYSTEM START VIEW flow_parquet_mv" && sql "SYSTEM REFRESH VIEW flow_parquet_mv" && sql "SYSTEM WAIT VIEW flow_parquet_mv" || return 1
	# What is of an interval that is open waits.
	becomes 120 "SELECT count(), sum(bytes) FROM $path" \
		"$(sql 'SELECT count(), sum(bytes) FROM data_flow WHERE insert_time < now() - INTERVAL 10 MINUTE')" || return 1
	is "SELECT uniq(_path) > 10, uniq(date, hour) > 10 FROM $path" "1	1" || return 1
	sql "SYSTEM REFRESH VIEW flow_parquet_mv" && sql "SYSTEM WAIT VIEW flow_parquet_mv" && is "SELECT count() FROM $path" 20000 || return 1
	sql "DROP VIEW flow_parquet_mv"
}
check "a refreshable view writes each row once, too" refreshed

# A part that has expired is gone from data_flow; here one is dropped.
expired() {
	local before run
	before=$(sql "SELECT count(), sum(bytes) FROM $bucket")
	sql "ALTER TABLE data_flow DROP PARTITION '$(date -u -d '-1 day' +%Y%m%d)'" || return 1
	"$weir" load export "$(date -u -d '-3 days' +%FT%T)" "$(date -u -d '+1 hour' +%FT%T)" 2>"$work/export.log" ||
		{ tail -n 1 "$work/export.log"; return 1; }
	grep -q 'flows have expired in ClickHouse; its objects stay' "$work/export.log" || { cat "$work/export.log"; return 1; }
	is "SELECT count(), sum(bytes) FROM $bucket" "$before" || return 1
	run=$(sql "SELECT max(run) FROM export_run WHERE state = 'done'")
	sql "DELETE FROM export_run WHERE run = $run AND state = 'done' SETTINGS lightweight_deletes_sync = 2" &&
		sql "TRUNCATE TABLE data_flow" && flows 100 1 && aged && export_now &&
		grep -q "run $run: .* have expired in ClickHouse; the others are written" "$work/export.log" || return 1
	is "SELECT count() - 100 FROM $bucket" "${before%%$'\t'*}"
}
check "flows that have expired since take nothing from the bucket, and block nothing" expired

[ $failures = 0 ]
