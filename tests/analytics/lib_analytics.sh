# Shared by the tests of the analytics: sourced, not run. Flows come the whole way: into the ClickHouse
# engine (chdb, no server), by `weir load export` into MinIO.
# SPDX-License-Identifier: Apache-2.0
venv_sets=(clickhouse)
. tests/integration/lib_clickhouse.sh

python=analytics/.venv/bin/python
[ -x "$python" ] || { echo "SKIP all: no analytics/.venv; make analytics makes it"; exit 0; }
command -v rclone >/dev/null || { echo "SKIP all: no rclone; make analytics installs it"; exit 0; }
tests/minio.sh setup 2>"$work/minio" || { echo "SKIP all: $(tail -n 1 "$work/minio")"; exit 0; }
export MINIO_PROMETHEUS_AUTH_TYPE=public # its figures to whoever asks, see sent()
tests/minio.sh start "$work/store" ipfix ipfix-analytics || { echo "FAIL store: it does not start"; exit 1; }
. "$work/store/env"
store_pid=$S3_PID
export EXPORT_S3_ENDPOINT=$S3 AWS_ACCESS_KEY_ID=$S3_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET EXPORT_GRACE=1
export ANALYTICS_DUCKDB=$work/weir.duckdb
export RCLONE_CONFIG_SITE_TYPE=s3 RCLONE_CONFIG_SITE_PROVIDER=Minio RCLONE_CONFIG_SITE_ENDPOINT=$S3
export RCLONE_CONFIG_SITE_ACCESS_KEY_ID=$S3_KEY RCLONE_CONFIG_SITE_SECRET_ACCESS_KEY=$S3_SECRET
store() { env -u AWS_CA_BUNDLE rclone --retries 1 "$@" 2>>"$work/rclone.log"; } # its remote site: is MinIO
# Bytes that the store has sent since it started; its figures are up to 10 seconds old.
sent() {
	sleep 11
	curl -sf -m 10 "$S3/minio/v2/metrics/cluster" | awk '/^minio_s3_traffic_sent_bytes/ { printf "%.0f\n", $2; n++ } END { exit n != 1 }'
}
start_front
schema || { echo "FAIL schema: $(tail -n 1 "$work/schema.log")"; exit 1; }

# One exporter has a name with a quote. A flow in so many has 2001:db8::ffff:N as its source; every third is sampled 1 in 100; none in the hours
# before now that leave 5 when divided by 7. What flow i holds, expect() works out again by other means.
serial=0 first=0
flows() { # N HOURS-AGO-FROM HOURS-AGO-TO
	serial=$((serial + 1))
	sql "INSERT INTO ingest.flow_in (type, time_received_ns, time_flow_start_ns, time_flow_end_ns, sequence_num, bytes, packets,
		sampling_rate, sampling_origin, sampler_address, src_addr, dst_addr, etype, proto, src_port, dst_port, tcp_flags,
		src_as, dst_as, src_as_name, dst_as_name, src_organization, dst_organization, src_country, dst_country,
		device_id, device_name, in_if, out_if, in_interface_id, in_interface_name, in_interface_speed, in_interface_edge,
		out_interface_id, out_interface_name, out_interface_speed, out_interface_edge,
		topic, kafka_offset, batch_id)
		WITH $first + number AS i, $2 + intDiv(number * ($3 - $2), $1) AS ago, if(ago % 7 = 5, ago + 1, ago) AS hour,
			if(i % 2 = 0, 'router1', 'o''brien-rt1') AS device,
			toUnixTimestamp64Nano(now64(9)) AS now, now - (hour * 3600 + i % 3000) * 1000000000 AS start
		SELECT 'IPFIX', now, start, start + 2000000000, i, 100 + i % 1000, 1 + i % 10,
		if(i % 3 = 0, 100, 1), if(i % 3 = 0, 'options', 'assumed'), toIPv6('192.0.2.' || toString(1 + i % 2)),
		if(i % 4 = 0, toIPv6('2001:db8::ffff:' || hex(i % 500)), toIPv6('198.51.100.' || toString(i % 250))),
		if(i % 4 = 0, toIPv6('2001:db8:1::' || hex(i % 3000)), toIPv6('203.0.113.' || toString(i % 250))),
		if(i % 4 = 0, 0x86dd, 0x0800), [6, 17, 1][1 + i % 3], 1024 + i % 60000, [443, 53, 0, 22][1 + i % 4], 18,
		64500 + i % 15, 64600 + i % 15, 'SRC-' || toString(i % 15), 'DST-' || toString(i % 15),
		'Organisation ' || toString(i % 50), '', ['US', 'DE', 'CH', 'NL'][1 + i % 4], ['FR', ''][1 + i % 2],
		device, if(i % 2 = 0, 'Router 1', device), 1 + i % 3, 9,
		device || '::port' || toString(1 + i % 3), 'port' || toString(1 + i % 3), 10000000000, i % 3 = 0,
		device || '::core', 'core', 100000000000, i % 5 = 0,
		'flows', intDiv(number, 1000), concat('$serial/', toString(intDiv(number, 1000)))
		FROM numbers($1)" || return 1
	first=$((first + $1))
}

aged() { await 60 eval 'is "SELECT max(insert_time) < now64() - INTERVAL 2 SECOND FROM data_flow" 1 >/dev/null'; }
export_now() { timeout -k 1 300 "$weir" load export 2>"$work/export.log" || { tail -n 1 "$work/export.log"; return 1; }; }

# Flows, packets and bytes of all flows that were made, from their numbers alone.
expected() {
	"$python" -c "
n = $first
rate = lambda i: 100 if i % 3 == 0 else 1
print(n, sum((1 + i % 10) * rate(i) for i in range(n)), sum((100 + i % 1000) * rate(i) for i in range(n)), sep='\t')"
}

duck() { # SQL: over the DuckDB file, in columns with tabs
	"$python" - "$ANALYTICS_DUCKDB" "$1" <<-'PY'
		import sys, duckdb
		with duckdb.connect(sys.argv[1], read_only=True) as c:
		    for row in c.execute(sys.argv[2]).fetchall():
		        print(*("" if v is None else v for v in row), sep="\t")
	PY
}

duck_is() { # SQL VALUE
	local got
	got=$(duck "$1") || return 1
	[ "$got" = "$2" ] || { echo "$1 gives '$got', not '$2'"; return 1; }
}

# ClickHouse, the bucket, staging, aggregates and marts: the same three sums.
equal_everywhere() {
	local want
	want=$(expected)
	is "SELECT count(), sum(packet_count), intDiv(sum(bit_count), 8) FROM data_flow" "$want" &&
		is "SELECT count(), sum(packets * sampling_rate), sum(bytes * sampling_rate)
			FROM s3('$S3/ipfix/date=*/hour=*/weir-*.parquet', '$S3_KEY', '$S3_SECRET')" "$want" &&
		duck_is "SELECT count(*), sum(packets), sum(bytes) FROM stg_flows WHERE plausible" "$want" || return 1
	local table
	for table in agg_traffic_5m agg_pair_hour agg_destination_hour agg_service_hour traffic_hourly destinations_daily \
		applications_daily traffic_patterns exporters; do
		duck_is "SELECT sum(flows), sum(packets), sum(bytes) FROM $table" "$want" || return 1
	done
	duck_is "SELECT count(*) FROM (SELECT kind, role, sum(flows), sum(packets), sum(bytes) FROM talkers_daily GROUP BY ALL
		EXCEPT SELECT kind, role, n.* FROM (VALUES ('address'), ('as'), ('organization'), ('country')) k (kind),
		(VALUES ('src'), ('dst')) r (role), (VALUES (${want//$'\t'/, })) n)" 0 &&
		duck_is "SELECT string_agg(DISTINCT concat_ws(' ', f, p, b), ', ') FROM (SELECT kind, sum(flows) f, sum(packets) p, sum(bytes) b
			FROM matrix_daily GROUP BY kind)" "${want//$'\t'/ }" &&
		duck_is "SELECT flows, packets, bytes FROM data_status" "$want" &&
		duck_is "SELECT flows, packets, bytes FROM overview WHERE time_window = '30d'" "$want"
}
