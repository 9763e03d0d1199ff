#!/bin/bash
# What flows take in ClickHouse and in Parquet, by codec and order key, and how long questions take.
# SPDX-License-Identifier: Apache-2.0
# usage: tests/bench/clickhouse_storage.sh [FLOWS [codecs]]     after make; docs/CLICKHOUSE.md has results
#
# The flows are made by the engine, in the manner of a research network's edge: 20 routers, 5,000 AS
# of which few have most flows, /20 for each, enriched, a day long, 1 in 1000 sampled. They go the way
# that those from Kafka go. The engine is chdb: no server.
set -u
cd "$(dirname "$0")/../.."
n=${1:-3000000}
venv_sets=(clickhouse s3)
. tests/integration/lib_clickhouse.sh
export EXPORT_GRACE=1 FORMAT=TSV ADDRESS
start_store || exit 1
start_front
schema || { tail -n 1 "$work/schema.log"; exit 1; }
cpu() { awk '{ print ($14 + $15) / 100 }' "/proc/$front_pid/stat"; }
timed() { # COMMAND...: sets wall and used (CPU of the engine)
	local c w
	c=$(cpu) w=$(date +%s.%N)
	"$@" || exit 1
	read -r wall used < <(awk -v a="$w" -v b="$(date +%s.%N)" -v c="$c" -v d="$(cpu)" 'BEGIN { print b - a, d - c }')
}

day=$(date -u -d yesterday +%F)
flows() { # FIRST N
	sql "INSERT INTO ingest.flow_in (type, time_received_ns, time_flow_start_ns, time_flow_end_ns, sequence_num, sampling_rate,
		sampling_origin, sampler_address, bytes, packets, src_addr, dst_addr, etype, proto, src_port, dst_port, in_if, out_if,
		tcp_flags, ip_tos, src_as, dst_as, src_net, dst_net, next_hop, bgp_next_hop, as_path, collector_id, device_id, device_ref,
		device_name, src_as_name, src_as_ref, src_organization, src_country, src_city, src_ip_ref, dst_as_name, dst_as_ref,
		dst_organization, dst_country, dst_city, dst_ip_ref, in_interface_id, in_interface_ref, in_interface_name,
		in_interface_edge, in_interface_speed, out_interface_id, out_interface_ref, out_interface_name, out_interface_edge,
		out_interface_speed, src_latitude, src_longitude, dst_latitude, dst_longitude, topic, kafka_offset, kafka_time, batch_id)
	WITH
		(salt) -> cityHash64(number, salt) % 1000000 / 1000000. AS random,
		toUInt32(64500 + pow(random(1), 4) * 5000) AS sa, toUInt32(64500 + pow(random(2), 4) * 5000) AS da,
		(a, r) -> toIPv6(concat('10.', toString(a % 256), '.', toString(intDiv(a, 256) % 16 * 16 + intDiv(r % 4096, 256)), '.', toString(r % 256))) AS address,
		toUInt32(pow(random(3), 3) * 4096) AS sr, toUInt32(pow(random(4), 2) * 4096) AS dr,
		cityHash64(sa, da) % 20 AS router, 1 + cityHash64(sa, router) % 24 AS i, 1 + cityHash64(da, router, 1) % 24 AS o,
		toUInt64(toUnixTimestamp('$day 00:00:00', 'UTC')) * 1000 + intDiv(number * 86400000, $n) AS received, -- ms
		toUInt64(pow(10, random(5) * 4)) AS length, [443, 443, 443, 80, 53, 22, 2811, 8443][1 + toUInt8(random(6) * 8)] AS service,
		if(service = 53, 17, 6) AS protocol, 1 + toUInt64(pow(10, random(7) * 3)) AS count, concat('r', toString(router)) AS device,
		random(8) < 0.5 AS outward
	SELECT 'IPFIX', received * 1000000 + 123456, (received - 1000 - length) * 1000000, (received - 1000) * 1000000, number, 1000,
		'options', toIPv6(concat('192.0.2.', toString(1 + router))), count * (40 + toUInt64(random(9) * 1460)), count, address(sa, sr),
		address(da, dr), 2048, protocol, if(outward, service, 1024 + toUInt32(random(10) * 64000)), if(outward, 1024 + toUInt32(random(11) * 64000), service),
		i, o, if(protocol = 6, [24, 27, 16, 2][1 + toUInt8(random(12) * 4)], 0), if(random(13) < 0.9, 0, 32), sa, da, 20, 20,
		toIPv6(concat('203.0.113.', toString(o))), toIPv6(concat('203.0.113.', toString(o))), [toUInt32(64999), 65000 + da % 30, da], 'collector-1',
		device, concat(device, '__v3'), concat(device, '.example.net'), concat('AS-NAME-', toString(sa)), concat(toString(sa), '__v2'),
		concat('Organization ', toString(sa)), ['US', 'DE', 'GB', 'JP', 'BR'][1 + sa % 5], concat('City ', toString(sa % 400)),
		concat('10.', toString(sa % 256), '.', toString(intDiv(sa, 256) % 16 * 16), '.0/20__v4'), concat('AS-NAME-', toString(da)),
		concat(toString(da), '__v2'), concat('Organization ', toString(da)), ['US', 'DE', 'GB', 'JP', 'BR'][1 + da % 5],
		concat('City ', toString(da % 400)), concat('10.', toString(da % 256), '.', toString(intDiv(da, 256) % 16 * 16), '.0/20__v4'),
		concat(device, '::et-', toString(i)), concat(device, '::et-', toString(i), '__v2'), concat('et-', toString(i)), i < 12, 100000000000,
		concat(device, '::et-', toString(o)), concat(device, '::et-', toString(o), '__v2'), concat('et-', toString(o)), o < 12, 100000000000,
		(sa % 1800) / 10. - 90, (sa % 3600) / 10. - 180, (da % 1800) / 10. - 90, (da % 3600) / 10. - 180,
		'flows', intDiv(number, 4000), now64(3), concat('b', toString(intDiv(number, 4000))) FROM numbers($1, $2)
	SETTINGS max_block_size = 524288, min_insert_block_size_rows = 524288" >"$work/answer" || { cat "$work/answer"; exit 1; }
}
fill() {
	local at
	for ((at = 0; at < n; at += 500000)); do flows $at $((n - at < 500000 ? n - at : 500000)); done
}
timed fill
printf '%d flows from messages that are read to tables and rollups: %.0f s, %.1f us of CPU a flow\n' $n "$wall" \
	"$(awk -v u="$used" -v n=$n 'BEGIN { print u / n * 1e6 }')"
sql "OPTIMIZE TABLE data_flow FINAL"
printf '\nbytes on disk, merged\n'
sql "SELECT table, sum(rows), round(sum(bytes_on_disk) / 1e6, 1) AS MB, round(sum(bytes_on_disk) / sum(rows), 1) AS bytes_a_row FROM system.parts
	WHERE active AND database = 'default' AND table LIKE 'data_flow%' AND rows > 0 GROUP BY table ORDER BY MB DESC FORMAT PrettyCompactMonoBlock"
printf '\nthe columns that take most, bytes a row\n'
sql "SELECT name, round(data_compressed_bytes / $n, 2) AS bytes, compression_codec FROM system.columns
	WHERE table = 'data_flow' AND database = 'default' ORDER BY bytes DESC LIMIT 14 FORMAT PrettyCompactMonoBlock"
printf '\nexport to Parquet\n'
sleep 2
timed "$weir" load export
sql "SELECT round(sum(_size) / $n, 1) FROM (SELECT DISTINCT _path, _size FROM s3('$S3/ipfix/date=*/hour=*/weir-*.parquet', '$S3_KEY', '$S3_SECRET', 'One'))" >"$work/parquet"
printf '%.1f bytes a row; %.0f s, %.1f us of CPU a row\n' "$(cat "$work/parquet")" "$wall" "$(awk -v u="$used" -v n=$n 'BEGIN { print u / n * 1e6 }')"
printf '\nquestions about the whole day, seconds (the first answer of two)\n'
for query in top_as_rollup top_as top_prefix top_interface top_application site_matrix interface_p95 scaling new_talkers address_history; do
	# shellcheck disable=SC2046
	timed tests/query.sh $query from="$day 00:00:00" to="$day 23:59:59" $([ $query != address_history ] || echo address=10.0.0.1) >"$work/answer" 2>&1
	printf '%-18s %6.2f s, %6.2f s of CPU\n' $query "$wall" "$used"
done
for window in 5m 1h 1d; do
	timed sql "SELECT start_time, sum(bit_count) FROM data_flow_by_edge_as_$window GROUP BY start_time ORDER BY start_time FORMAT Null"
	printf '%-18s %6.2f s, %6.2f s of CPU\n' "edge_as_$window by time" "$wall" "$used"
done
[ "${2:-}" = codecs ] || exit 0

printf '\ncodecs, bytes a row of a column (in the order of the table)\n'
columns='start_time DateTime64(3, $q$UTC$q$), end_time DateTime64(3, $q$UTC$q$), src_ip IPv6, dst_ip IPv6, src_port UInt16, dst_port UInt16,
	src_as_id UInt32, dst_as_id UInt32, bytes UInt64, packets UInt64, bit_count UInt64, packet_count UInt64, time_received_ns UInt64,
	time_flow_start_ns UInt64, sequence_num UInt32, tcp_flags UInt16, in_if UInt32, src_latitude Float64, src_ip_ref Nullable(String),
	src_as_ref Nullable(String), in_interface_ref Nullable(String), batch UInt64'
columns=${columns//\$q\$/\'}
list=$(sed 's/([^)]*)//g; s/ [A-Z][A-Za-z0-9]*//g' <<<"${columns//$'\n'/ }")
compare() { # TABLE COLUMNS ORDER
	sql "DROP TABLE IF EXISTS $1" && sql "CREATE TABLE $1 ($2) ENGINE = MergeTree ORDER BY ($3)" || exit 1
	sql "INSERT INTO $1 SELECT $list FROM data_flow SETTINGS max_insert_threads = 1" && sql "OPTIMIZE TABLE $1 FINAL"
}
key='src_as_id, dst_as_id, src_ip, dst_ip, start_time'
names=()
while read -r name codec which; do
	names+=("$name")
	# A codec for numbers stands before ZSTD where the column is one; others keep ZSTD(1).
	with=$(sed -E "s/(([a-z_0-9]+) ([A-Z][A-Za-z0-9]*(\([^()]*\))?))/\1 CODEC(ZSTD(1))/g" <<<"$columns")
	case $which in
	all) with=${with//CODEC(ZSTD(1))/CODEC($codec)} ;;
	*) with=$(sed -E "s/((DateTime64\(3, 'UTC'\)|UInt[0-9]+) )CODEC\(ZSTD\(1\)\)/\1CODEC($codec)/g" <<<"$with") ;;
	esac
	timed compare "codec_$name" "$with" "$key"
	printf '# %-12s %5.1f s of CPU to insert and merge\n' "$name" "$used"
done <<-'END'
	lz4 LZ4 all
	zstd1 ZSTD(1) all
	zstd3 ZSTD(3) all
	delta Delta,ZSTD(1) numbers
	double DoubleDelta,ZSTD(1) numbers
	t64 T64,ZSTD(1) numbers
	gcd GCD,ZSTD(1) numbers
	gcd_t64 GCD,T64,ZSTD(1) numbers
END
sql "SELECT name, $(for name in "${names[@]}"; do echo "round(sumIf(data_compressed_bytes, table = 'codec_$name') / $n, 2) AS $name,"; done) 1 AS of
	FROM system.columns WHERE database = 'default' AND table LIKE 'codec\\_%' GROUP BY name ORDER BY zstd1 DESC FORMAT PrettyCompactMonoBlock"

printf '\norder keys: bytes a row of these columns; seconds of CPU for one AS, one address, one hour\n'
number=0
while read -r order; do
	number=$((number + 1))
	compare order_$number "$(sed -E "s/(([a-z_0-9]+) ([A-Z][A-Za-z0-9]*(\([^()]*\))?))/\1 CODEC(ZSTD(1))/g" <<<"$columns")" "$order"
	printf '%-52s %6s' "$order" "$(sql "SELECT round(sum(bytes_on_disk) / $n, 1) FROM system.parts WHERE active AND table = 'order_$number'")"
	for where in 'src_as_id = 64600' "src_ip = toIPv6('10.252.240.7')" "start_time BETWEEN '$day 10:00:00' AND '$day 11:00:00'"; do
		timed sql "SELECT dst_as_id, sum(bit_count), count() FROM order_$number WHERE $where GROUP BY dst_as_id FORMAT Null"
		printf ' %6.2f' "$used"
	done
	echo
done <<-'END'
	src_as_id, dst_as_id, src_ip, dst_ip, start_time
	start_time, src_as_id, dst_as_id, src_ip, dst_ip
	toStartOfHour(start_time), src_as_id, dst_as_id, src_ip, dst_ip, start_time
	src_ip, dst_ip, start_time
END
